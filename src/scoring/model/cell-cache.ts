import type { ContentCache } from '../../activations/cache/content-cache.js';
import { digestOf } from '../../formats/digest.js';
import { packageVersion } from '../../formats/package-root.js';
import { runtimeIdentity } from '../../runtime/session.js';
import { decodeDraws, encodeDraws } from '../draws/encode-draws.js';
import type { Measured } from '../measure/loaded-benchmark.js';

/** A cell of a layer map that was computed: a measurement, or why the metric refused the layer. */
export type Cell = {
  /** Units of the layer; null if unknown. */
  readonly units: number | null;
} & (
  | {
      readonly measured: Measured;
      /** Cost of the measurement. */
      readonly seconds: number;
    }
  | { readonly reason: string }
);

/** Where cells are kept, as bytes under their keys. */
export type CellCache = Pick<ContentCache, 'get' | 'put'>;

/** Raised whenever a kept cell is read in another way. */
const VERSION = 2;
/** Bytes before the text: its length, and that of the draws behind it. */
const HEAD = 8;

/**
 * The key of a cell: everything that its number depends on.
 * @param inputs the digest of a score's inputs
 */
export const cellKey = (inputs: string, threads: number): string =>
  `cell-${digestOf({ version: VERSION, inputs, ventral: packageVersion, runtime: runtimeIdentity(threads) })}`;

/** A cached cell, bit for bit; undefined if there is none. */
export async function readCell(
  cache: CellCache | undefined,
  key: string,
): Promise<Cell | undefined> {
  const bytes = await cache?.get(key);
  if (!bytes || bytes.byteLength < HEAD) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [length, count] = [view.getUint32(0, true), view.getUint32(4, true)];
  if (bytes.byteLength !== HEAD + length + count) return undefined;
  const cell = JSON.parse(new TextDecoder().decode(bytes.subarray(HEAD, HEAD + length))) as Cell;
  if (!('measured' in cell) || count === 0) return cell;
  const draws = decodeDraws(bytes.subarray(HEAD + length));
  return draws && { ...cell, measured: { ...cell.measured, draws } };
}

const none = new Uint8Array(0);

/** Keeps a cell. */
export async function keepCell(
  cache: CellCache | undefined,
  key: string,
  cell: Cell,
): Promise<void> {
  const draws = 'measured' in cell && cell.measured.draws ? encodeDraws(cell.measured.draws) : none;
  const told =
    'measured' in cell ? { ...cell, measured: { ...cell.measured, draws: undefined } } : cell;
  const text = new TextEncoder().encode(JSON.stringify(told));
  const bytes = new Uint8Array(HEAD + text.byteLength + draws.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, text.byteLength, true);
  view.setUint32(4, draws.byteLength, true);
  bytes.set(text, HEAD);
  bytes.set(draws, HEAD + text.byteLength);
  await cache?.put(key, [bytes]);
}
