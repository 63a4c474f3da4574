import { VentralError } from '../errors/ventral-error.js';
import type { Tensor } from '../runtime/session.js';
import type { KeptDtype } from './scratch/activation-store.js';
import { fromHalf } from './stimuli/half.js';

/** Values of a tensor as they are kept. */
export type Numbers = Float32Array | Float64Array | Uint8Array | Int32Array;

/** The values of a batch, as they are kept. */
export function numbersOf({ dtype, data }: Pick<Tensor, 'dtype' | 'data'>): Numbers {
  if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Int32Array)
    return data;
  if (dtype === 'float16') return fromHalf(data as Uint16Array);
  if (dtype === 'uint8') return data as Uint8Array;
  if (
    data instanceof BigInt64Array ||
    data instanceof BigUint64Array ||
    data instanceof Uint32Array
  )
    return Float64Array.from(data as ArrayLike<number | bigint>, Number);
  return Int32Array.from(data as ArrayLike<number>);
}

/**
 * The element type that the values of a tensor are kept in.
 * @throws VentralError `input-mismatch` for words
 */
export function keptDtype({ dtype }: Pick<Tensor, 'dtype'>, layer: string): KeptDtype {
  if (dtype === 'float64' || dtype === 'uint8') return dtype;
  if (dtype === 'float32' || dtype === 'float16') return 'float32';
  if (
    dtype === 'int32' ||
    dtype === 'int16' ||
    dtype === 'int8' ||
    dtype === 'uint16' ||
    dtype === 'bool'
  )
    return 'int32';
  if (dtype === 'int64' || dtype === 'uint32' || dtype === 'uint64') return 'float64';
  throw new VentralError('input-mismatch', `The layer ${layer} holds ${dtype}, not numbers`, {
    field: layer,
    expected: 'numbers',
    found: dtype,
  });
}
