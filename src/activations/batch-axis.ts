import { VentralError } from '../errors/ventral-error.js';
import type { Model } from '../onnx/model.js';
import { allNodes } from '../onnx/operators.js';
import type { Session, Tensor } from '../runtime/session.js';
import { numbersOf } from './numbers.js';

/**
 * Images in one call of the runtime. Always full (the last batch repeats its last image, as the
 * reference does, spec §5.4), so that the bits of a row do not depend on how many rows there are.
 */
export const BATCH = 8;

const known = new WeakMap<Model, number>();

/**
 * Images in one call where the graph leaves it free: one where it takes its scales of quantisation from the values of a whole batch,
 * which would make an image depend on those beside it.
 */
export function batchOf(model: Model): number {
  const found = known.get(model) ?? (quantisesBatches(model) ? 1 : BATCH);
  known.set(model, found);
  return found;
}

function quantisesBatches(model: Model): boolean {
  for (const { operator } of allNodes(model))
    if (operator.startsWith('DynamicQuantize')) return true;
  return false;
}

/**
 * What the first image of a batch gives by itself, before the batch is run: it tells a first axis of images from another of as many
 * places, and values of an image from those of a batch. Undefined where the graph fixes the batch, or does not run on one image.
 * @param input the batch
 */
export async function firstAlone(
  session: Session,
  name: string,
  input: Tensor,
  values: readonly string[],
): Promise<Readonly<Record<string, Tensor>> | undefined> {
  const [batch, ...own] = input.dims;
  const isFree = session.inputs.find((each) => each.name === name)?.dims[0] === null;
  if (!isFree || batch === 1) return undefined;
  const data = input.data.slice(0, input.data.length / batch) as Tensor['data'];
  try {
    return await session.run({ [name]: { dtype: input.dtype, dims: [1, ...own], data } }, values);
  } catch {
    return undefined;
  }
}

/**
 * Units of a layer, from a batch of it.
 * @throws VentralError `input-mismatch` where it has no batch axis or no units, `layer-unsteady` where other images of the batch change it
 * @param alone what the first image gives by itself
 * @param isRandom whether two runs differ anyway
 */
export function unitsOf(
  tensor: Tensor,
  batch: number,
  layer: string,
  alone?: Tensor,
  isRandom = false,
): number {
  const { dims, data } = tensor;
  if (dims[0] !== batch) throw noBatchAxis(layer, batch, dims);
  if (alone && alone.dims[0] !== 1) throw noBatchAxis(layer, 1, alone.dims);
  const units = data.length / batch;
  if (units === 0)
    throw new VentralError(
      'input-mismatch',
      `The layer ${layer} has no units: its shape is ${dims.join(' × ')}`,
      { field: layer, expected: 'a layer with units', found: dims.join(' × ') },
    );
  if (alone && alone.data.length !== units)
    throw new VentralError(
      'input-mismatch',
      `The layer ${layer} has ${alone.data.length} units for the first stimulus alone and ${units} in a batch: a layer must have one width`,
      { field: layer, expected: `${units} units`, found: String(alone.data.length) },
    );
  if (alone && !isRandom && isApart(tensor, alone))
    throw new VentralError(
      'layer-unsteady',
      `The layer ${layer} depends on the other images of a batch: the first image gives other values by itself`,
      {
        field: layer,
        reason: 'depends on the other images of a batch',
        expected: 'a layer that depends on the image alone',
        found: 'one that depends on the batch',
      },
    );
  return units;
}

/**
 * Root mean square of the difference, in parts of the values', beyond which two runs show more than rounding: sums of another order
 * differ by 1e-6, in half precision by 1e-2.
 */
const APART = 0.1;

function isApart(tensor: Tensor, alone: Tensor): boolean {
  if (tensor.dtype === 'string' || alone.data.length === 0) return false;
  const [own, all] = [numbersOf(alone), numbersOf(tensor)];
  let apart = 0;
  let power = 0;
  for (let i = 0; i < own.length; i++) {
    apart += (own[i] - all[i]) ** 2;
    power += own[i] ** 2;
  }
  // What is not finite is told of as such.
  return apart > APART ** 2 * power;
}

const noBatchAxis = (layer: string, batch: number, dims: readonly number[]) =>
  new VentralError(
    'input-mismatch',
    `The layer ${layer} has no batch axis: expected ${batch} × …, found ${dims.join(' × ') || 'a scalar'}`,
    { field: layer, expected: `${batch} rows`, found: String(dims[0] ?? 1) },
  );
