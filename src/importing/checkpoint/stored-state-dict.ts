import { VentralError } from '../../errors/ventral-error.js';
import type { StorageReference, TensorReference, UnreadDtype } from '../pickle/pickle-values.js';
import type { StoredDtype, StoredTensor } from '../source/checkpoint.js';
import { shortened } from '../source/checkpoint-fault.js';
import { dtypeBytes, type StorageBytes, storedTensor } from '../tensor/stored-tensor.js';

const read: readonly (StoredDtype | UnreadDtype)[] = [
  ...(['float64', 'float32', 'float16', 'bfloat16'] as const),
  ...(['int64', 'int32', 'int16', 'int8', 'uint8', 'bool'] as const),
];

const isRead = (dtype: StoredDtype | UnreadDtype): dtype is StoredDtype => read.includes(dtype);

/**
 * The tensors of a state dict over the storages of their file.
 * @throws VentralError `import-unsupported` for element types that are not read, and `checkpoint-invalid` for
 *   tensors that their storage does not hold
 */
export function storedTensors(
  references: ReadonlyMap<string, TensorReference>,
  file: string,
  bytesOf: (storage: StorageReference) => StorageBytes,
): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { storage, dtype, offset, dims, strides }] of references) {
    const place = { file, field: shortened(name) };
    if (!isRead(dtype)) {
      const message = `${file}: the tensor ${shortened(name)} is ${dtype}, which is not supported`;
      throw new VentralError('import-unsupported', message, { ...place, found: dtype });
    }
    const start = storage.byteOffset + offset * dtypeBytes(dtype);
    const bytes = storage.held ? heldBytes(storage.held) : bytesOf(storage);
    tensors.set(name, storedTensor({ dtype, dims, strides, start }, bytes, place));
  }
  return tensors;
}

/** Bytes of an array that stand in the pickle itself; copied, since their order may be changed. */
const heldBytes = ({ bytes, bigEndian }: NonNullable<StorageReference['held']>): StorageBytes => ({
  length: bytes.length,
  bigEndian,
  read: async (from, to) => Buffer.from(bytes.subarray(from, to)),
});
