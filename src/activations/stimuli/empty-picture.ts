import type { SessionValue, Tensor } from '../../runtime/session.js';
import type { ModelCard } from '../card/card.js';
import type { StimulusSize } from './stimulus-size.js';

/** Default image side. */
const SIDE = 224;

/** An image of zeros of the size that card or graph say (else of `size`), one a batch. */
export function emptyPicture(
  input: SessionValue,
  { card }: { readonly card?: Pick<ModelCard, 'input'> | undefined },
  size?: StimulusSize,
): Tensor {
  const spec = card?.input;
  const side = spec?.crop ?? (spec && spec.resize !== 'none' ? spec.resize.to : SIDE);
  const { width, height } = size ?? { width: side, height: side };
  const channelsLast = spec ? spec.layout === 'NHWC' : input.dims[1] !== 3 && input.dims[3] === 3;
  const free = channelsLast ? [1, height, width, 3] : [1, 3, height, width];
  const dims = input.dims.map((dim, axis) => dim ?? free[axis] ?? 1);
  const length = dims.reduce((product, size) => product * size, 1);
  if (input.dtype === 'float16') return { dtype: 'float16', dims, data: new Uint16Array(length) };
  if (input.dtype === 'uint8') return { dtype: 'uint8', dims, data: new Uint8Array(length) };
  return { dtype: 'float32', dims, data: new Float32Array(length) };
}
