/**
 * The outlines of a TrueType font that some characters need, as a font of its own (ISO/IEC 14496-22), without hinting and
 * without features: its copyright and licence stay in it.
 * @param font with `glyf` outlines and a `cmap` of format 4, as Arimo has
 * @param characters those that the font lacks are left out
 */
export function subsetFont(font: Uint8Array, characters: Iterable<string>): Uint8Array {
  const tables = tablesOf(font);
  const table = (tag: string): DataView => {
    const found = tables.get(tag);
    if (!found) throw new RangeError(`The font has no table ${tag}`);
    return found;
  };
  const codes = [...new Set([...characters].map((character) => character.codePointAt(0) ?? 0))]
    .filter((code) => code > 0 && code < 0xffff)
    .sort((a, b) => a - b);
  const glyphOf = glyphsByCode(table('cmap'));
  const mapped = codes.flatMap((code) => {
    const glyph = glyphOf(code);
    return glyph === 0 ? [] : [{ code, glyph }];
  });
  const outline = outlines(table('loca'), table('glyf'), table('head').getInt16(50) === 1);
  const glyphs = withParts([0, ...mapped.map(({ glyph }) => glyph)], outline);
  const place = new Map(glyphs.map((glyph, i) => [glyph, i]));
  const placed = glyphs.map((glyph) => renumbered(outline(glyph), place));
  return fontFile({
    'OS/2': bytesOf(table('OS/2')),
    cmap: cmapOf(mapped.map(({ code, glyph }) => ({ code, glyph: place.get(glyph) ?? 0 }))),
    ...glyphTables(placed),
    head: changed(table('head'), (view) => {
      view.setUint32(8, 0);
      view.setInt16(50, 1);
    }),
    hhea: changed(table('hhea'), (view) => view.setUint16(34, glyphs.length)),
    hmtx: metricsOf(table('hmtx'), table('hhea').getUint16(34), glyphs),
    maxp: changed(table('maxp'), (view) => view.setUint16(4, glyphs.length)),
    name: bytesOf(table('name')),
    post: changed(new DataView(bytesOf(table('post')).slice(0, 32).buffer), (view) =>
      view.setUint32(0, 0x00030000),
    ),
  });
}

const bytesOf = ({ buffer, byteOffset, byteLength }: DataView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function changed(table: DataView, change: (view: DataView) => void): Uint8Array {
  const copy = bytesOf(table).slice();
  change(new DataView(copy.buffer));
  return copy;
}

function tablesOf(font: Uint8Array): ReadonlyMap<string, DataView> {
  const view = new DataView(font.buffer, font.byteOffset, font.byteLength);
  return new Map(
    Array.from({ length: view.getUint16(4) }, (_, i) => {
      const at = 12 + 16 * i;
      const tag = String.fromCharCode(...font.subarray(at, at + 4));
      const [start, length] = [view.getUint32(at + 8), view.getUint32(at + 12)];
      return [tag, new DataView(font.buffer, font.byteOffset + start, length)];
    }),
  );
}

/** The glyph of a character by the segments of a `cmap` of format 4; 0 where it has none. */
function glyphsByCode(cmap: DataView): (code: number) => number {
  const start = Array.from({ length: cmap.getUint16(2) }, (_, i) => cmap.getUint32(8 + 8 * i)).find(
    (at) => cmap.getUint16(at) === 4,
  );
  if (start === undefined) throw new RangeError('The font has no cmap of format 4');
  const segments = cmap.getUint16(start + 6) / 2;
  const ends = start + 14;
  const starts = ends + 2 * segments + 2;
  return (code) => {
    for (let i = 0; i < segments; i++) {
      if (cmap.getUint16(ends + 2 * i) < code) continue;
      const first = cmap.getUint16(starts + 2 * i);
      if (first > code) return 0;
      const delta = cmap.getUint16(starts + 2 * (segments + i));
      const at = starts + 2 * (2 * segments + i);
      const offset = cmap.getUint16(at);
      const glyph = offset === 0 ? code : cmap.getUint16(at + offset + 2 * (code - first));
      return glyph === 0 ? 0 : (glyph + delta) & 0xffff;
    }
    return 0;
  };
}

const outlines =
  (loca: DataView, glyf: DataView, long: boolean) =>
  (glyph: number): Uint8Array => {
    const at = (i: number) => (long ? loca.getUint32(4 * i) : 2 * loca.getUint16(2 * i));
    return bytesOf(glyf).subarray(at(glyph), at(glyph + 1));
  };

// Flags of a component of a composite outline.
const WORDS = 1;
const SCALE = 8;
const MORE = 32;
const TWO_SCALES = 64;
const MATRIX = 128;
const INSTRUCTIONS = 256;

/** Where the components of a composite outline start, and where the last one ends; none of a simple one. */
function componentsOf(outline: Uint8Array): { readonly starts: number[]; readonly end: number } {
  const starts: number[] = [];
  const view = new DataView(outline.buffer, outline.byteOffset, outline.byteLength);
  if (outline.length === 0 || view.getInt16(0) >= 0) return { starts, end: 0 };
  let at = 10;
  for (let flags = MORE; flags & MORE; ) {
    starts.push(at);
    flags = view.getUint16(at);
    const scale = flags & SCALE ? 2 : flags & TWO_SCALES ? 4 : flags & MATRIX ? 8 : 0;
    at += 4 + (flags & WORDS ? 4 : 2) + scale;
  }
  return { starts, end: at };
}

/** The glyphs and those that they are composed of, each once. */
function withParts(wanted: readonly number[], outline: (glyph: number) => Uint8Array): number[] {
  const found = new Set<number>();
  const visit = (glyph: number) => {
    if (found.has(glyph)) return;
    found.add(glyph);
    const bytes = outline(glyph);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const at of componentsOf(bytes).starts) visit(view.getUint16(at + 2));
  };
  for (const glyph of wanted) visit(glyph);
  return [...found];
}

/** An outline without its instructions, its components by their new numbers. */
function renumbered(outline: Uint8Array, place: ReadonlyMap<number, number>): Uint8Array {
  if (outline.length === 0) return outline;
  const { starts, end } = componentsOf(outline);
  if (starts.length > 0) {
    const copy = outline.slice(0, end);
    const view = new DataView(copy.buffer);
    for (const at of starts) {
      view.setUint16(at, view.getUint16(at) & ~INSTRUCTIONS);
      view.setUint16(at + 2, place.get(view.getUint16(at + 2)) ?? 0);
    }
    return copy;
  }
  const view = new DataView(outline.buffer, outline.byteOffset, outline.byteLength);
  const at = 10 + 2 * view.getInt16(0);
  const rest = outline.subarray(at + 2 + view.getUint16(at));
  return joined([outline.subarray(0, at), new Uint8Array(2), rest]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes up to a multiple of four. */
const padded = (bytes: Uint8Array): Uint8Array =>
  joined([bytes, new Uint8Array((4 - (bytes.length % 4)) % 4)]);

function glyphTables(glyphs: readonly Uint8Array[]): Record<'glyf' | 'loca', Uint8Array> {
  const parts = glyphs.map(padded);
  const loca = new DataView(new ArrayBuffer(4 * (parts.length + 1)));
  let end = 0;
  for (const [i, { length }] of parts.entries()) {
    end += length;
    loca.setUint32(4 * (i + 1), end);
  }
  return { glyf: joined(parts), loca: bytesOf(loca) };
}

function metricsOf(hmtx: DataView, long: number, glyphs: readonly number[]): Uint8Array {
  const metrics = new DataView(new ArrayBuffer(4 * glyphs.length));
  for (const [i, glyph] of glyphs.entries()) {
    metrics.setUint16(4 * i, hmtx.getUint16(4 * Math.min(glyph, long - 1)));
    const bearing = glyph < long ? 4 * glyph + 2 : 4 * long + 2 * (glyph - long);
    metrics.setInt16(4 * i + 2, hmtx.getInt16(bearing));
  }
  return bytesOf(metrics);
}

/** A `cmap` of format 4 with a segment for each character, and the one that ends it. */
function cmapOf(mapped: readonly { readonly code: number; readonly glyph: number }[]): Uint8Array {
  const segments = [...mapped, { code: 0xffff, glyph: 0 }];
  const count = segments.length;
  const length = 16 + 8 * count;
  const view = new DataView(new ArrayBuffer(12 + length));
  const log = Math.floor(Math.log2(count));
  [0, 1, 3, 1, 0, 12].forEach((value, i) => {
    view.setUint16(2 * i, value);
  });
  const search = [2 * count, 2 ** (log + 1), log, 2 * count - 2 ** (log + 1)];
  [4, length, 0, ...search].forEach((value, i) => {
    view.setUint16(12 + 2 * i, value);
  });
  for (const [i, { code, glyph }] of segments.entries()) {
    view.setUint16(26 + 2 * i, code);
    view.setUint16(28 + 2 * (count + i), code);
    view.setUint16(28 + 2 * (2 * count + i), (glyph - code) & 0xffff);
  }
  return bytesOf(view);
}

function checksum(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 4) sum = (sum + view.getUint32(i)) >>> 0;
  return sum;
}

/** Tables in the order of their tags, behind their directory, with the sums that readers check. */
function fontFile(tables: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const tags = Object.keys(tables).sort();
  const log = Math.floor(Math.log2(tags.length));
  const directory = new DataView(new ArrayBuffer(12 + 16 * tags.length));
  directory.setUint32(0, 0x00010000);
  [tags.length, 2 ** (log + 4), log, 16 * tags.length - 2 ** (log + 4)].forEach((value, i) => {
    directory.setUint16(4 + 2 * i, value);
  });
  const parts = tags.map((tag) => padded(tables[tag]));
  let start = directory.byteLength;
  for (const [i, tag] of tags.entries()) {
    const at = 12 + 16 * i;
    for (let k = 0; k < 4; k++) directory.setUint8(at + k, tag.charCodeAt(k));
    directory.setUint32(at + 4, checksum(parts[i]));
    directory.setUint32(at + 8, start);
    directory.setUint32(at + 12, tables[tag].length);
    start += parts[i].length;
  }
  const file = joined([bytesOf(directory), ...parts]);
  const head = 12 + 16 * tags.indexOf('head');
  const view = new DataView(file.buffer);
  view.setUint32(view.getUint32(head + 8) + 8, (0xb1b0afba - checksum(file)) >>> 0);
  return file;
}
