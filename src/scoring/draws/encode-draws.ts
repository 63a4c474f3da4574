import type { CountedUnits } from './drawn-units.js';
import type { ScoreDraws } from './score-draws.js';

/** Raised whenever bytes are read in another way. */
const FORMAT = 1;
/** Bytes before the text: format, length of the text. */
const HEAD = 8;
const VALUE = 4;
/** Numbers of r that are kept beside the draws: ten splits of ten thousand neuroids. */
const MOST_VALUES = 100_000;
/** Draws, and answers, that bytes may say they hold. */
const MOST = 1e7;

/** What the text of stored draws says of the numbers behind it. */
interface Head {
  readonly units: readonly CountedUnits[];
  readonly draws: number;
  readonly splits: number;
  readonly values: number;
  /** −1: none are kept. */
  readonly right: number;
}

/**
 * Draws as bytes: text as JSON, float32 values (of both factors, of each alone, r by split and neuroid), a bit an answer. All
 * little-endian.
 */
export function encodeDraws({
  units,
  both,
  first,
  second,
  observed,
  right,
}: ScoreDraws): Uint8Array {
  const kept = observed && observed.values.length <= MOST_VALUES ? observed : undefined;
  const values = [both, first, second, kept?.values].filter((each) => each !== undefined);
  const head: Head = {
    units,
    draws: both.length,
    splits: kept?.splits ?? 0,
    values: kept?.values.length ?? 0,
    right: right?.length ?? -1,
  };
  const text = new TextEncoder().encode(JSON.stringify(head));
  const numbers = values.reduce((sum, { length }) => sum + length, 0);
  const start = HEAD + text.byteLength;
  const bytes = new Uint8Array(start + VALUE * numbers + Math.ceil((right?.length ?? 0) / 8));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, FORMAT, true);
  view.setUint32(4, text.byteLength, true);
  bytes.set(text, HEAD);
  let at = start;
  for (const each of values)
    for (const value of each) {
      view.setFloat32(at, value, true);
      at += VALUE;
    }
  right?.forEach((answer, i) => {
    if (answer === 1) bytes[at + (i >> 3)] |= 1 << (i & 7);
  });
  return bytes;
}

/** What {@link encodeDraws} wrote; undefined for anything else, which another version or a hijacked process may have kept. */
export function decodeDraws(bytes: Uint8Array): ScoreDraws | undefined {
  try {
    return decoded(bytes);
  } catch {
    return undefined;
  }
}

function decoded(bytes: Uint8Array): ScoreDraws | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== FORMAT) return undefined;
  const start = HEAD + view.getUint32(4, true);
  const head: unknown = JSON.parse(
    new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(HEAD, start)),
  );
  if (!isHead(head)) return undefined;
  const { units, draws, splits, values, right } = head;
  const vectors = units.length === 2 ? 3 : 1;
  const answers = Math.max(0, right);
  const size = start + VALUE * (vectors * draws + values) + Math.ceil(answers / 8);
  if (bytes.byteLength !== size) return undefined;
  let at = start;
  const read = (count: number) => {
    const found = new Float32Array(count);
    for (let i = 0; i < count; i++, at += VALUE) found[i] = view.getFloat32(at, true);
    return found;
  };
  const [both, first, second] = Array.from({ length: vectors }, () => read(draws));
  return {
    units: units as ScoreDraws['units'],
    both,
    ...(vectors === 3 ? { first, second } : {}),
    ...(splits > 0 ? { observed: { splits, values: read(values) } } : {}),
    ...(right >= 0
      ? {
          right: Uint8Array.from(
            { length: right },
            (_, i) => (bytes[at + (i >> 3)] >> (i & 7)) & 1,
          ),
        }
      : {}),
  };
}

const factors: ReadonlySet<unknown> = new Set(['images', 'neuroids', 'subjects', 'units']);

function isHead(head: unknown): head is Head {
  const { units, draws, splits, values, right } = head as Head;
  return (
    Array.isArray(units) &&
    (units.length === 1 || units.length === 2) &&
    units.every(isCounted) &&
    [draws, splits, values].every(isNumber) &&
    (right === -1 || isNumber(right)) &&
    (splits === 0 ? values === 0 : values % splits === 0)
  );
}

function isCounted(units: unknown): boolean {
  const { of, count, strata, digest } = units as CountedUnits;
  return (
    factors.has(of) &&
    isNumber(count) &&
    isNumber(strata) &&
    strata >= 1 &&
    strata < count &&
    /^sha256:[0-9a-f]{64}$/.test(digest)
  );
}

const isNumber = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST;
