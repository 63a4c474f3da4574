import { VentralError } from '../../errors/ventral-error.js';
import { type InputLayout, isFrameLayout } from '../../onnx/input-layout.js';
import type { SessionValue } from '../../runtime/session.js';
import type { InputSpec } from '../../screen/preprocess.js';
import { frameCount, frameLayout, type RefuseInput, requireClipSize } from './clip.js';

/** How images are fed to a network, from its graph and its card. */
export interface InputPlan {
  /** Name of the graph's input. */
  readonly name: string;
  /**
   * Stimuli per call: the graph's batch size if it is fixed. Else one clip: then all values of a call are that clip's, wherever
   * a network puts its axis of time.
   */
  readonly batch: number;
  readonly dtype: 'float32' | 'float16' | 'uint8';
  /** The card's input with the layout filled in, and of clips the frames and their sampling. */
  readonly spec: InputSpec;
  /** Height and width that the graph insists on. */
  readonly height: number | null;
  readonly width: number | null;
}

const refusalOf =
  (model: string): RefuseInput =>
  (expected, found) =>
    new VentralError('input-mismatch', `${model}: expected ${expected}, found ${found}`, {
      file: model,
      field: 'input',
      expected,
      found,
    });

const described = (inputs: readonly SessionValue[]) =>
  inputs
    .map(({ name, dims }) => `${name} (${dims.map((dim) => dim ?? '?').join(' × ')})`)
    .join(', ');

/**
 * The one input of a graph, which images or clips can go into whatever the card.
 * @throws VentralError `input-mismatch` for a graph with another number of inputs, other axes, another type, or
 *   no axis of 3 channels
 * @param model its name
 */
export function imageInput(inputs: readonly SessionValue[], model: string): SessionValue {
  const refuse = refusalOf(model);
  if (inputs.length !== 1) {
    const found = inputs.length === 0 ? 'none' : `${inputs.length}: ${described(inputs)}`;
    const how = inputs.length > 1 ? ', or its name as input.name in the card' : '';
    throw refuse(`one image input${how}`, found);
  }
  const [input] = inputs;
  const { name, dtype, dims } = input;
  if (dims.length !== 4 && dims.length !== 5)
    throw refuse(
      'an input of four axes, N × C × H × W or N × H × W × C, or of five with frames',
      described(inputs),
    );
  if (dtype !== 'float32' && dtype !== 'float16' && dtype !== 'uint8')
    throw refuse('an input of float32, float16 or uint8', `${name} of ${dtype}`);
  const places = dims.length === 4 ? [1, 3] : [1, 2, 4];
  if (places.every((at) => dims[at] !== null && dims[at] !== 3))
    throw refuse('an input of 3 channels', described(inputs));
  return input;
}

/** The card's, else that of the graph. */
function layoutOf(
  inputs: readonly SessionValue[],
  card: { readonly layout?: InputSpec['layout']; readonly frames?: number },
  refuse: RefuseInput,
): InputLayout {
  const [{ dims }] = inputs;
  if (dims.length === 5) return frameLayout(dims, card, described(inputs), refuse);
  const layout = card.layout ?? (dims[1] !== 3 && dims[3] === 3 ? 'NHWC' : 'NCHW');
  if (isFrameLayout(layout))
    throw refuse('layout: NCHW or layout: NHWC in the card', `${layout} for ${described(inputs)}`);
  if (card.frames !== undefined)
    throw refuse('an input of five axes, for the frames of the card', described(inputs));
  return layout;
}

/**
 * Fits the card to the graph's input; only layout, dtype and the number of frames are ever inferred.
 * @throws VentralError `input-mismatch` for a graph without one image input, for a crop or resize of another
 *   size, and for axes of clips that neither card nor graph explains; `memory-exceeded` for clips that are too large
 */
export function inputPlan(
  inputs: readonly SessionValue[],
  card: Omit<InputSpec, 'layout'> & { readonly layout?: InputSpec['layout'] },
  model: { readonly name: string; readonly batch: number },
): InputPlan {
  const refuse = refusalOf(model.name);
  const { name, dtype, dims } = imageInput(inputs, model.name);
  const layout = layoutOf(inputs, card, refuse);
  const [channels, height, width] = ['C', 'H', 'W'].map((axis) => dims[layout.indexOf(axis)]);
  if (channels !== null && channels !== 3)
    throw refuse(`3 channels in layout ${layout}`, described(inputs));
  const size =
    card.crop ??
    (card.resize !== 'none' && card.resize.mode === 'square' ? card.resize.to : undefined);
  if (
    size !== undefined &&
    ((height !== null && height !== size) || (width !== null && width !== size))
  ) {
    throw refuse(
      `images of ${height ?? '?'} × ${width ?? '?'} pixels, from the graph`,
      `${size} × ${size} from the card's ${card.crop === undefined ? 'resize' : 'crop'}`,
    );
  }
  const plan = { name, dtype: dtype as InputPlan['dtype'], height, width };
  if (!isFrameLayout(layout))
    return { ...plan, batch: dims[0] ?? model.batch, spec: { ...card, layout } };
  const frames = frameCount(dims[layout.indexOf('T')], card, described(inputs), refuse);
  const side = size ?? Math.max(height ?? 1, width ?? 1);
  const sizes = { width: width ?? side, height: height ?? side };
  requireClipSize(dims[0] ?? 1, frames, sizes, model.name);
  const spec = { ...card, layout, frames, sampling: card.sampling ?? ('even' as const) };
  return { ...plan, batch: dims[0] ?? Math.min(1, model.batch), spec };
}

/** The spec of clips: what a card says of them, and what the graph does, whichever says it. Undefined for a network of images. */
export function clipSpec(
  inputs: readonly SessionValue[],
  card: InputSpec,
  model: string,
): InputSpec | undefined {
  if (inputs.length !== 1 || inputs[0].dims.length !== 5) return undefined;
  return inputPlan(inputs, card, { name: model, batch: 1 }).spec;
}

/** Whether a graph gets one clip a call, so that whatever it computes belongs to that one. */
export const takesOneClip = (
  inputs: readonly { readonly dims: readonly (number | null)[] | undefined }[],
): boolean => {
  const dims = inputs.length === 1 ? inputs[0].dims : undefined;
  return dims?.length === 5 && (dims[0] ?? 1) === 1;
};

/** The axes of a value for one stimulus: those after the batch's; of the only clip of a call all, where time stands first. */
export const unitAxes = (dims: readonly number[], alone: boolean): readonly number[] =>
  alone && dims[0] !== 1 ? dims : dims.slice(1);
