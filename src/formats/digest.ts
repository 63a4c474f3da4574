import { createHash, type Hash } from 'node:crypto';

/** The bytes of a typed array of which a piece at a time is in memory: its digest is that of the array. */
export class ArrayInPieces {
  constructor(
    readonly type: 'Float32Array' | 'Float64Array',
    readonly byteLength: number,
    /** In their order; each may be written over when the next is asked for. */
    readonly pieces: () => Iterable<Uint8Array>,
  ) {}
}

/** A value that a digest can be taken of; typed arrays count by dtype, length and bytes. */
export type Digestible =
  | null
  | undefined
  | boolean
  | number
  | string
  | ArrayBufferView
  | ArrayInPieces
  | readonly Digestible[]
  | { readonly [key: string]: Digestible };

/**
 * SHA-256 of a value, as `sha256:…`. Keys are taken in code-unit order and undefined ones left out,
 * so that equal contents give equal digests whatever the order they were built in; every part is
 * written with its kind and length, so that no two different values share a stream of bytes.
 */
export function digestOf(value: Digestible): string {
  const hash = createHash('sha256');
  feed(hash, value);
  return `sha256:${hash.digest('hex')}`;
}

function feed(hash: Hash, value: Digestible): void {
  if (value === null || value === undefined) hash.update('n;');
  else if (typeof value === 'boolean') hash.update(value ? 't;' : 'f;');
  else if (typeof value === 'number')
    hash.update(`d${Object.is(value, -0) ? '-0' : String(value)};`);
  else if (typeof value === 'string') hash.update(`s${Buffer.byteLength(value)}:${value};`);
  else if (ArrayBuffer.isView(value)) {
    hash.update(`b${value.constructor.name}${value.byteLength}:`);
    hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  } else if (value instanceof ArrayInPieces) {
    hash.update(`b${value.type}${value.byteLength}:`);
    for (const piece of value.pieces()) hash.update(piece);
  } else if (Array.isArray(value)) {
    hash.update(`a${value.length}:`);
    for (const entry of value as readonly Digestible[]) feed(hash, entry);
  } else {
    const entries = Object.entries(value as { readonly [key: string]: Digestible })
      .filter(([, entry]) => entry !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    hash.update(`o${entries.length}:`);
    for (const [key, entry] of entries) {
      feed(hash, key);
      feed(hash, entry);
    }
  }
}
