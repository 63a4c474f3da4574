import { activated, softmax } from '../keras/activations.js';
import type { NetworkGraph, Value } from '../keras/network-graph.js';
import {
  clipped,
  concatenated,
  constantLike,
  dense,
  elementwise,
  flattened,
  type Merge,
  merge,
  padded,
  permuted,
  reduced,
  reshaped,
  type Weight,
} from '../keras/operations.js';
import { convolved, convolvedByChannel, pooled } from '../keras/windows.js';
import type { Constants } from './constants.js';
import type { Step } from './operator-options.js';

/** One operator, and what is there for it. */
export interface Translation {
  readonly graph: NetworkGraph;
  readonly step: Step;
  readonly values: ReadonlyMap<number, Value>;
  readonly constants: Constants;
}

type Translate = (translation: Translation) => Value;

function valueAt({ step, values }: Translation, at: number): Value {
  const index = step.inputs[at];
  const value = index === undefined ? undefined : values.get(index);
  if (value !== undefined) return value;
  throw step.unsupported(`whose input ${at} is no computed value`);
}

function weightAt({ step, constants }: Translation, at: number): Weight | undefined {
  const index = step.inputs[at];
  const found = index === undefined ? undefined : constants.get(index);
  return found && { dims: found.dims, data: Float32Array.from(found.data) };
}

function requiredAt(translation: Translation, at: number): Weight {
  const weight = weightAt(translation, at);
  if (weight !== undefined) return weight;
  throw translation.step.unsupported(`whose input ${at} is computed: the import needs a constant`);
}

function kernelAt(translation: Translation, at: number, axes: number): Weight {
  const kernel = requiredAt(translation, at);
  if (kernel.dims.length === axes && kernel.data.length > 0) return kernel;
  throw translation.step.refuse(`input ${at}`, `a kernel of ${axes} axes`, kernel.dims);
}

/** The bias, one number a channel; none where it is absent or computed. */
function biasAt(translation: Translation, at: number, channels: number): { bias?: Weight } {
  if (translation.step.inputs[at] === undefined) return {};
  const bias = requiredAt(translation, at);
  if (bias.data.length === channels) return { bias };
  throw translation.step.refuse('the bias', `${channels} numbers`, bias.dims);
}

function wholesAt(translation: Translation, at: number, most: number): number[] {
  const { data, dims } = requiredAt(translation, at);
  const fits = data.length <= most && data.every((one) => Number.isInteger(one));
  if (fits) return [...data];
  throw translation.step.refuse(`input ${at}`, 'a few whole numbers', dims);
}

const convolution: Translate = (translation) => {
  const { graph, step } = translation;
  const value = valueAt(translation, 0);
  // [out, height, width, in]
  const kernel = permuted(kernelAt(translation, 1, 4), [1, 2, 3, 0]);
  const [, , from, to] = kernel.dims;
  const groups = (value.shape[2] ?? 0) / from;
  if (!Number.isInteger(groups))
    throw step.refuse('input 1', `a kernel for ${value.shape[2]} channels`, kernel.dims);
  const window = { ...step.convolution(), channelsFirst: false, groups };
  return convolved(graph, value, kernel, { ...window, ...biasAt(translation, 2, to) });
};

const depthwise: Translate = (translation) => {
  const { graph, step } = translation;
  const value = valueAt(translation, 0);
  const kernel = kernelAt(translation, 1, 4);
  const [one, height, width, to] = kernel.dims;
  const multiplier = to / (value.shape[2] ?? 0);
  if (one !== 1 || !Number.isInteger(multiplier))
    throw step.refuse('input 1', `a kernel for ${value.shape[2]} channels`, kernel.dims);
  const split = { dims: [height, width, to / multiplier, multiplier], data: kernel.data };
  const window = { ...step.convolution(), channelsFirst: false };
  return convolvedByChannel(graph, value, split, { ...window, ...biasAt(translation, 2, to) });
};

const pooling =
  (operator: 'MaxPool' | 'AveragePool'): Translate =>
  (translation) =>
    pooled(translation.graph, valueAt(translation, 0), operator, {
      ...translation.step.pooling(),
      channelsFirst: false,
    });

const fullyConnected: Translate = (translation) => {
  const { graph, step } = translation;
  const value = valueAt(translation, 0);
  const kernel = permuted(kernelAt(translation, 1, 2), [1, 0]);
  const flat = step.keepsAxes() || value.shape.length === 1 ? value : flattened(graph, value);
  return dense(graph, flat, kernel, biasAt(translation, 2, kernel.dims[1]).bias);
};

/** A constant as it meets a value: its axes are the value's last ones, the batch never among them. */
function constantOn({ graph, step }: Translation, value: Value, weight: Weight): string {
  const rank = value.shape.length;
  const dims =
    weight.dims.length === rank + 1 && weight.dims[0] === 1 ? weight.dims.slice(1) : weight.dims;
  const full = [...Array.from({ length: Math.max(rank - dims.length, 0) }, () => 1), ...dims];
  const fits =
    full.length === rank && full.every((size, at) => size === 1 || size === value.shape[at]);
  if (fits) return constantLike(graph, 'constant', { dims: full, data: weight.data }, value);
  throw step.unsupported('of a constant of another shape, which the import does not know');
}

const binary =
  (operator: Merge): Translate =>
  (translation) => {
    const { graph, step } = translation;
    const weights = [0, 1].map((at) => weightAt(translation, at));
    const at = weights[0] === undefined ? 0 : 1;
    const value = valueAt(translation, at);
    const weight = weights[1 - at];
    if (weight === undefined) {
      const other = valueAt(translation, 1);
      if (other.shape.length === value.shape.length) return merge(graph, operator, [value, other]);
      throw step.unsupported('of values of two ranks, which the import does not know');
    }
    const constant = constantOn(translation, value, weight);
    const inputs = at === 0 ? [value.name, constant] : [constant, value.name];
    return { ...value, name: graph.node(operator, inputs) };
  };

const activation =
  (name: string): Translate =>
  (translation) =>
    activated(translation.graph, valueAt(translation, 0), name, 3);

const leaky: Translate = (translation) => {
  const alpha = { float: translation.step.slope() };
  return elementwise(translation.graph, 'LeakyRelu', valueAt(translation, 0), { alpha });
};

const softmaxed: Translate = (translation) => {
  const { graph, step } = translation;
  if (step.beta() !== 1) throw step.unsupported('with a beta that is not 1');
  return softmax(graph, valueAt(translation, 0), -1);
};

const mean: Translate = (translation) => {
  const { graph, step } = translation;
  const value = valueAt(translation, 0);
  const rank = value.shape.length + 1;
  const axes = wholesAt(translation, 1, rank).map((axis) => (axis < 0 ? axis + rank : axis));
  if (axes.some((axis) => axis < 1 || axis >= rank) || new Set(axes).size !== axes.length)
    throw step.refuse('input 1', `axes from 1 to ${rank - 1}`, axes);
  return reduced(graph, 'ReduceMean', value, axes, step.keepsReduced());
};

const pad: Translate = (translation) => {
  const { graph, step } = translation;
  const value = valueAt(translation, 0);
  const flat = wholesAt(translation, 1, 2 * value.shape.length + 2);
  const fits =
    flat.length === 2 * value.shape.length + 2 && flat.every((size) => size >= 0 && size <= 65_536);
  if (!fits || flat[0] + flat[1] > 0)
    throw step.refuse('input 1', 'margins behind the batch', flat);
  const margins = value.shape.map((_, at) => [flat[2 * at + 2], flat[2 * at + 3]] as const);
  const filling = step.inputs[2] === undefined ? 0 : requiredAt(translation, 2).data[0];
  return padded(graph, value, margins, filling);
};

/** The shape is the one that the file gives the result: a computed one only repeats it for the batch. */
const reshape: Translate = (translation) => {
  const { graph, step } = translation;
  const [, ...target] = step.result.shape;
  return reshaped(graph, valueAt(translation, 0), target);
};

const joined: Translate = (translation) => {
  const { graph, step } = translation;
  const values = step.inputs.map((_, at) => valueAt(translation, at));
  return concatenated(graph, values, step.joinedAxis());
};

const same: Translate = (translation) => valueAt(translation, 0);

const held =
  (least: number, most: number): Translate =>
  (translation) =>
    clipped(translation.graph, valueAt(translation, 0), least, most);

const translations: ReadonlyMap<string, Translate> = new Map([
  ['CONV_2D', convolution],
  ['DEPTHWISE_CONV_2D', depthwise],
  ['FULLY_CONNECTED', fullyConnected],
  ['AVERAGE_POOL_2D', pooling('AveragePool')],
  ['MAX_POOL_2D', pooling('MaxPool')],
  ['MEAN', mean],
  ['ADD', binary('Add')],
  ['SUB', binary('Sub')],
  ['MUL', binary('Mul')],
  ['DIV', binary('Div')],
  ['MAXIMUM', binary('Max')],
  ['MINIMUM', binary('Min')],
  ['RELU', activation('relu')],
  ['RELU6', activation('relu6')],
  ['RELU_N1_TO_1', held(-1, 1)],
  ['LOGISTIC', activation('sigmoid')],
  ['TANH', activation('tanh')],
  ['HARD_SWISH', activation('hard_swish')],
  ['LEAKY_RELU', leaky],
  ['SOFTMAX', softmaxed],
  ['PAD', pad],
  ['PADV2', pad],
  ['RESHAPE', reshape],
  ['SQUEEZE', reshape],
  ['EXPAND_DIMS', reshape],
  ['CONCATENATION', joined],
  ['QUANTIZE', same],
  ['DEQUANTIZE', same],
]);

/**
 * Translates an operator, its fused activation aside.
 * @throws VentralError `import-unsupported`, `checkpoint-invalid`
 */
export function translateStep(translation: Translation): Value {
  const translate = translations.get(translation.step.operator);
  if (translate === undefined) throw translation.step.unsupported();
  return translate(translation);
}
