import type { StoredTensor } from '../../src/importing/source/checkpoint.js';
import type { Elements } from '../../src/onnx/graph-builder.js';

/** A tensor as readers of checkpoints give it. */
export function tensorOf(dims: readonly number[], values: Elements): StoredTensor {
  const dtype =
    values instanceof Float64Array
      ? 'float64'
      : values instanceof BigInt64Array
        ? 'int64'
        : 'float32';
  return { dtype, dims, read: async () => values };
}

/** A state dict with one value changed. */
export async function withElement(
  state: ReadonlyMap<string, StoredTensor>,
  key: string,
  index: number,
  value: number,
): Promise<Map<string, StoredTensor>> {
  const tensor = state.get(key)!;
  const values = Float32Array.from((await tensor.read()) as Float32Array);
  values[index] = value;
  return new Map([...state, [key, tensorOf(tensor.dims, values)]]);
}
