import {
  describeValue,
  PickleDict,
  PickleGlobal,
  type PickleValue,
  StorageReference,
  TensorReference,
  type UnreadDtype,
} from '../pickle/pickle-values.js';
import type { StoredDtype } from '../source/checkpoint.js';
import { type CheckpointPlace, refuseCheckpoint } from '../source/checkpoint-fault.js';
import { dtypeBytes } from './stored-tensor.js';
import { extentOf } from './strides.js';

/** PyTorch's own bound is 64. */
const mostDims = 64;

/**
 * A tensor from the arguments of `torch._utils._rebuild_tensor` (storage, offset, size, stride), `…_v2` (which adds
 * requires_grad, hooks and metadata) or `…_v3` (with the dtype after the hooks).
 * @throws VentralError `checkpoint-invalid` where it does not are within its storage
 */
export function rebuildTensor(
  args: readonly PickleValue[],
  place: CheckpointPlace,
): TensorReference {
  const [storage, offset, size, stride] = args;
  if (!(storage instanceof StorageReference)) {
    refuseCheckpoint(place, 'a storage', describeValue(storage ?? null));
  }
  const dims = wholeNumbers(size, 'sizes', place);
  const strides = wholeNumbers(stride, 'strides', place);
  const [start] = wholeNumbers([offset], 'an offset', place);
  if (dims.length !== strides.length || dims.length > mostDims) {
    refuseCheckpoint(place, 'a stride for each size', `${dims.length} and ${strides.length}`);
  }
  const dtype = dtypeOf(storage, args[6], place);
  if (isNegated(args)) refuseCheckpoint(place, 'values as they are', 'a negated or conjugate view');
  const extent = extentOf(dims, strides);
  const needed = extent === 0 ? 0 : (start + extent) * dtypeBytes(dtype);
  if (needed > storage.byteLength) {
    const found = `a storage of ${storage.byteLength}`;
    refuseCheckpoint(place, `${needed} bytes for a tensor of [${dims.join(', ')}]`, found);
  }
  return new TensorReference(storage, dtype, start, dims, strides);
}

/** Whether the metadata of a tensor say that its values are to be negated or conjugated. */
function isNegated(args: readonly PickleValue[]): boolean {
  const metadata = args.slice(6).find((value) => value instanceof PickleDict);
  return ['neg', 'conj'].some((bit) => metadata?.get(bit) === true);
}

function dtypeOf(
  storage: StorageReference,
  given: PickleValue | undefined,
  place: CheckpointPlace,
): StoredDtype | UnreadDtype {
  const dtype = given instanceof PickleGlobal ? given.meaning.dtype : storage.dtype;
  if (dtype === undefined || dtype === 'bytes') {
    refuseCheckpoint(place, 'an element type', 'a storage of bytes');
  }
  return dtype;
}

function wholeNumbers(
  value: PickleValue | undefined,
  what: string,
  place: CheckpointPlace,
): number[] {
  const isWhole = (number: unknown): number is number =>
    typeof number === 'number' && Number.isSafeInteger(number) && number >= 0;
  if (!Array.isArray(value) || !value.every(isWhole)) {
    refuseCheckpoint(place, what, describeValue(value ?? null));
  }
  return value;
}
