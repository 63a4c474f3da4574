import { VentralError } from '../../errors/ventral-error.js';
import type { SessionValue } from '../../runtime/session.js';
import type { InputSpec } from '../../screen/preprocess.js';

/** How images are fed to a network, from its graph and its card. */
export interface InputPlan {
  /** Name of the graph's input. */
  readonly name: string;
  /** Images per call: the graph's batch size if it is fixed. */
  readonly batch: number;
  readonly dtype: 'float32' | 'float16' | 'uint8';
  /** The card's input with the layout filled in. */
  readonly spec: InputSpec;
  /** Height and width that the graph insists on. */
  readonly height: number | null;
  readonly width: number | null;
}

type Refuse = (expected: string, found: string) => VentralError;

const refusalOf =
  (model: string): Refuse =>
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
 * The one input of a graph, which images can go into whatever the card.
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
  if (dims.length === 5)
    throw refuse(
      'an input of four axes: the responses of a network of videos can be scored as --features',
      described(inputs),
    );
  if (dims.length !== 4)
    throw refuse('an input of four axes, N × C × H × W or N × H × W × C', described(inputs));
  if (dtype !== 'float32' && dtype !== 'float16' && dtype !== 'uint8')
    throw refuse('an input of float32, float16 or uint8', `${name} of ${dtype}`);
  if ([dims[1], dims[3]].every((channels) => channels !== null && channels !== 3))
    throw refuse('an input of 3 channels', described(inputs));
  return input;
}

/**
 * Fits the card to the graph's input; only layout and dtype are ever inferred.
 * @throws VentralError `input-mismatch` for a graph without one image input, and for a crop or resize of another
 *   size
 */
export function inputPlan(
  inputs: readonly SessionValue[],
  card: Omit<InputSpec, 'layout'> & { readonly layout?: InputSpec['layout'] },
  model: { readonly name: string; readonly batch: number },
): InputPlan {
  const refuse = refusalOf(model.name);
  const { name, dtype, dims } = imageInput(inputs, model.name);
  const layout = card.layout ?? (dims[1] !== 3 && dims[3] === 3 ? 'NHWC' : 'NCHW');
  const [channels, height, width] =
    layout === 'NCHW' ? [dims[1], dims[2], dims[3]] : [dims[3], dims[1], dims[2]];
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
  return {
    name,
    batch: dims[0] ?? model.batch,
    dtype: dtype as InputPlan['dtype'],
    spec: { ...card, layout },
    height,
    width,
  };
}
