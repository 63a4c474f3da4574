import type { Tensor } from '../runtime/session.js';
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
