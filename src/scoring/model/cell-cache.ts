import type { ContentCache } from '../../activations/cache/content-cache.js';
import type { LayerTrials } from '../../activations/trials.js';
import { digestOf } from '../../formats/digest.js';
import { packageVersion } from '../../formats/package-root.js';
import { runtimeIdentity } from '../../runtime/session.js';
import type { Measured } from '../measure/loaded-benchmark.js';

/** A cell of a layer map that was computed: a measurement, or why the metric refused the layer. */
export type Cell = {
  /** Units of the layer; null if unknown. */
  readonly units: number | null;
  /** Of a layer that depends on random numbers. */
  readonly trials?: LayerTrials;
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
const VERSION = 1;
/** Bytes before the text: its length, and the number of draws. */
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
  if (bytes.byteLength !== HEAD + length + 8 * count) return undefined;
  const cell = JSON.parse(new TextDecoder().decode(bytes.subarray(HEAD, HEAD + length))) as Cell;
  if (!('measured' in cell) || count === 0) return cell;
  const draws = Float64Array.from({ length: count }, (_, r) =>
    view.getFloat64(HEAD + length + 8 * r, true),
  );
  return { ...cell, measured: { ...cell.measured, draws } };
}

/** Keeps a cell. */
export async function keepCell(
  cache: CellCache | undefined,
  key: string,
  cell: Cell,
): Promise<void> {
  const draws = 'measured' in cell ? cell.measured.draws : undefined;
  const told =
    'measured' in cell ? { ...cell, measured: { ...cell.measured, draws: undefined } } : cell;
  const text = new TextEncoder().encode(JSON.stringify(told));
  const bytes = new Uint8Array(HEAD + text.byteLength + 8 * (draws?.length ?? 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, text.byteLength, true);
  view.setUint32(4, draws?.length ?? 0, true);
  bytes.set(text, HEAD);
  draws?.forEach((drawn, r) => {
    view.setFloat64(HEAD + text.byteLength + 8 * r, drawn, true);
  });
  await cache?.put(key, [bytes]);
}
