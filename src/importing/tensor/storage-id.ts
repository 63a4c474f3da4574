import {
  describeValue,
  PickleGlobal,
  type PickleValue,
  StorageReference,
} from '../pickle/pickle-values.js';
import { type CheckpointPlace, refuseCheckpoint } from '../source/checkpoint-fault.js';
import { dtypeBytes } from './stored-tensor.js';

/**
 * The storage that a persistent id names: `('storage', class, key, location, count)`, in files from before 1.6 with
 * `(view key, offset, count)` or None at the end.
 * @throws VentralError `checkpoint-invalid`
 */
export function storageOf(id: PickleValue, place: CheckpointPlace): StorageReference {
  if (!Array.isArray(id) || id[0] !== 'storage' || id.length < 5 || id.length > 6) {
    refuseCheckpoint(
      place,
      'the id of a storage',
      describeValue(Array.isArray(id) ? (id[0] ?? null) : id),
    );
  }
  const [, type, key, , count, view] = id;
  if (
    !(type instanceof PickleGlobal) ||
    !type.meaning.isStorage ||
    type.meaning.dtype === undefined
  ) {
    refuseCheckpoint(place, 'a class of storages', describeValue(type));
  }
  if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint') {
    refuseCheckpoint(place, 'the key of a storage', describeValue(key));
  }
  const { dtype } = type.meaning;
  const width = dtype === 'bytes' ? 1 : dtypeBytes(dtype);
  const byteLength = wholeNumber(count, place) * width;
  if (!Array.isArray(view)) return new StorageReference(String(key), dtype, 0, byteLength);
  const [from, length] = view.slice(1).map((value) => wholeNumber(value, place) * width);
  if (!(from + length <= byteLength)) {
    refuseCheckpoint(place, `a view within ${byteLength} bytes`, `${from} + ${length}`);
  }
  return new StorageReference(String(key), dtype, from, length);
}

function wholeNumber(value: PickleValue, place: CheckpointPlace): number {
  const isWhole = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  return isWhole ? value : refuseCheckpoint(place, 'a count of elements', describeValue(value));
}
