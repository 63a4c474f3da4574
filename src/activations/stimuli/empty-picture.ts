import {
  frameReadings,
  type InputLayout,
  inLayout,
  isFrameLayout,
} from '../../onnx/input-layout.js';
import type { SessionValue, Tensor } from '../../runtime/session.js';
import type { ModelCard } from '../card/card.js';
import { requireClipSize } from './clip.js';
import type { StimulusSize } from './stimulus-size.js';

/** Default image side. */
const SIDE = 224;
/** Frames where neither card nor graph say how many. */
const FRAMES = 16;

/**
 * An image of zeros of the size that card or graph say (else of `size`), one a batch; for a network of videos a clip of them.
 * @throws VentralError `memory-exceeded` for a clip that is too large
 */
export function emptyPicture(
  input: SessionValue,
  { card }: { readonly card?: Pick<ModelCard, 'input'> | undefined },
  size?: StimulusSize,
): Tensor {
  const spec = card?.input;
  const side = spec?.crop ?? (spec && spec.resize !== 'none' ? spec.resize.to : SIDE);
  const { width, height } = size ?? { width: side, height: side };
  const layout = layoutOf(input, spec?.layout);
  const free = inLayout(layout, { N: 1, C: 3, T: spec?.frames ?? FRAMES, H: height, W: width });
  const dims = input.dims.map((dim, axis) => dim ?? free[axis] ?? 1);
  const length = dims.reduce((product, size) => product * size, 1);
  if (isFrameLayout(layout)) requireClip(layout, dims, input.name);
  if (input.dtype === 'float16') return { dtype: 'float16', dims, data: new Uint16Array(length) };
  if (input.dtype === 'uint8') return { dtype: 'uint8', dims, data: new Uint8Array(length) };
  return { dtype: 'float32', dims, data: new Float32Array(length) };
}

function layoutOf({ dims }: SessionValue, layout: InputLayout | undefined): InputLayout {
  if (dims.length === 5)
    return layout && isFrameLayout(layout) ? layout : (frameReadings(dims)[0] ?? 'NCTHW');
  if (layout && !isFrameLayout(layout)) return layout;
  return dims[1] !== 3 && dims[3] === 3 ? 'NHWC' : 'NCHW';
}

function requireClip(layout: InputLayout, dims: readonly number[], name: string): void {
  const [clips, ...own] = ['N', 'T', 'H', 'W'].map((axis) => dims[layout.indexOf(axis)]);
  const [frames, height, width] = own;
  requireClipSize(clips, frames, { width, height }, name);
}
