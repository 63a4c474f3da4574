import { VentralError } from '../../errors/ventral-error.js';
import type { SessionValue } from '../../runtime/session.js';
import type { InputSpec } from '../../screen/preprocess.js';

/** How pictures go into a network: what its graph says, joined with what its card says. */
export interface InputPlan {
  /** Name of the graph's input. */
  readonly name: string;
  /** Pictures a call: the graph's own batch size where it is fixed. */
  readonly batch: number;
  readonly dtype: 'float32' | 'float16' | 'uint8';
  /** The card's input with the layout filled in. */
  readonly spec: InputSpec;
  /** Height and width that the graph insists on. */
  readonly height: number | null;
  readonly width: number | null;
}

/**
 * Fits the card to the graph's input; only layout and dtype are ever inferred.
 * @throws VentralError `input-mismatch` for a graph without one picture input, and for a crop or resize of
 *   another size
 */
export function inputPlan(
  inputs: readonly SessionValue[],
  card: Omit<InputSpec, 'layout'> & { readonly layout?: InputSpec['layout'] },
  model: { readonly name: string; readonly batch: number },
): InputPlan {
  const refuse = (expected: string, found: string) =>
    new VentralError('input-mismatch', `${model.name}: expected ${expected}, found ${found}`, {
      file: model.name,
      field: 'input',
      expected,
      found,
    });
  const described = inputs
    .map(({ name, dims }) => `${name} (${dims.map((dim) => dim ?? '?').join(' × ')})`)
    .join(', ');
  if (inputs.length !== 1)
    throw refuse('one image input', inputs.length === 0 ? 'none' : described);
  const { name, dtype, dims } = inputs[0];
  if (dims.length !== 4)
    throw refuse('an input of four axes, N × C × H × W or N × H × W × C', described);
  if (dtype !== 'float32' && dtype !== 'float16' && dtype !== 'uint8')
    throw refuse('an input of float32, float16 or uint8', `${name} of ${dtype}`);
  const layout = card.layout ?? (dims[1] !== 3 && dims[3] === 3 ? 'NHWC' : 'NCHW');
  const [channels, height, width] =
    layout === 'NCHW' ? [dims[1], dims[2], dims[3]] : [dims[3], dims[1], dims[2]];
  if (channels !== null && channels !== 3)
    throw refuse(`3 channels in layout ${layout}`, described);
  const size =
    card.crop ??
    (card.resize !== 'none' && card.resize.mode === 'square' ? card.resize.to : undefined);
  if (
    size !== undefined &&
    ((height !== null && height !== size) || (width !== null && width !== size))
  ) {
    throw refuse(
      `pictures of ${height ?? '?'} × ${width ?? '?'} pixels, as the graph says`,
      `${size} × ${size} from the card's ${card.crop === undefined ? 'resize' : 'crop'}`,
    );
  }
  return { name, batch: dims[0] ?? model.batch, dtype, spec: { ...card, layout }, height, width };
}
