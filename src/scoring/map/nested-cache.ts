import { digestOf } from '../../formats/digest.js';
import { NESTED_VERSION, type NestedLayer, type SplitPart } from '../measure/nested.js';
import type { CellCache } from '../model/cell-cache.js';

/** Lengths of the numbers behind them. */
interface Head {
  readonly inner: number;
  readonly splits: readonly { readonly values: number; readonly draws: readonly number[] }[];
}

const BYTES = 8;

/** @param cell the key of the cell that it belongs to */
const keyOf = (cell: string) => `nested-${digestOf({ version: NESTED_VERSION, cell })}`;

/** Keeps what a layer is within and without the training parts: a head as JSON, then float64, little-endian. */
export async function keepNested(
  cache: CellCache | undefined,
  cell: string,
  layer: NestedLayer,
): Promise<void> {
  await cache?.put(keyOf(cell), [encoded(layer)]);
}

/** What {@link keepNested} kept; undefined if there is none. */
export async function readNested(
  cache: CellCache | undefined,
  cell: string,
): Promise<NestedLayer | undefined> {
  const bytes = await cache?.get(keyOf(cell));
  return bytes && decoded(bytes);
}

function encoded(layer: NestedLayer): Uint8Array {
  const parts =
    'reason' in layer
      ? []
      : [layer.inner, ...layer.splits.flatMap(({ values, draws }) => [values, ...draws])];
  const head: Head | NestedLayer =
    'reason' in layer
      ? layer
      : {
          inner: layer.inner.length,
          splits: layer.splits.map(({ values, draws }) => ({
            values: values.length,
            draws: draws.map(({ length }) => length),
          })),
        };
  const text = new TextEncoder().encode(JSON.stringify(head));
  const count = parts.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(4 + text.byteLength + BYTES * count);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, text.byteLength, true);
  bytes.set(text, 4);
  let at = 4 + text.byteLength;
  for (const part of parts)
    for (const value of part) {
      view.setFloat64(at, value, true);
      at += BYTES;
    }
  return bytes;
}

function decoded(bytes: Uint8Array): NestedLayer | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = 4 + view.getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, start))) as
    | Head
    | { readonly reason: string };
  if ('reason' in head) return head;
  let at = start;
  const read = (length: number) =>
    Float64Array.from({ length }, () => {
      const value = view.getFloat64(at, true);
      at += BYTES;
      return value;
    });
  const inner = [...read(head.inner)];
  const splits = head.splits.map(
    ({ values, draws }): SplitPart => ({ values: [...read(values)], draws: draws.map(read) }),
  );
  return at === bytes.byteLength ? { inner, splits } : undefined;
}
