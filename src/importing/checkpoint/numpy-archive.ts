import { VentralError } from '../../errors/ventral-error.js';
import type { NpyArray } from '../../formats/npy.js';
import { halfToNumber } from '../../formats/npy.js';
import { openNpz } from '../../formats/npz.js';
import type { Elements } from '../../onnx/graph-builder.js';
import type { Checkpoint, StoredDtype, StoredTensor } from '../source/checkpoint.js';
import { shortened } from '../source/checkpoint-fault.js';

/** A state dict as `np.savez(path, **state)` writes it: one array a tensor. Texts beside them are no tensors. */
export async function openNumpyArchive(file: string): Promise<Checkpoint> {
  const archive = await openNpz(file);
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const name of archive.names) {
      // The sizes stand in front of the numbers, of which none are kept.
      const { dtype, shape } = await archive.read(name);
      if (dtype === 'string') continue;
      const read = async () => elementsOf(await archive.read(name));
      tensors.set(name, { dtype: storedDtype(dtype, file, name), dims: shape, read });
    }
    return { file, format: 'npz', path: '', tensors, close: () => archive.close() };
  } catch (error) {
    await archive.close();
    throw error;
  }
}

/** @throws VentralError `import-unsupported` */
function storedDtype(dtype: NpyArray['dtype'], file: string, name: string): StoredDtype {
  if (dtype !== 'string' && !/^uint(16|32|64)$/.test(dtype)) return dtype as StoredDtype;
  const field = shortened(name);
  const message = `${file}: the array ${field} is ${dtype}, which is not supported`;
  throw new VentralError('import-unsupported', message, { file, field, found: dtype });
}

function elementsOf({ dtype, data }: NpyArray): Elements {
  if (dtype === 'float16') return Float32Array.from(data as Uint16Array, halfToNumber);
  if (data instanceof Int16Array) return Int32Array.from(data);
  return data as Elements;
}
