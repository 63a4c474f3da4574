import { isFields } from '../source/fields.js';
import type { Size } from '../source/imported.js';
import {
  hasActivation,
  hasLayer,
  KERAS_LAYER,
  type KerasLayer,
} from '../tensorflow/keras-layers.js';
import type { LayerConfig } from './layer-config.js';
import { passingLayers } from './layers.js';
import type { KerasNetwork, LayerCall } from './network.js';
import type { Weight } from './operations.js';

/** Layers of Keras as TensorFlow.js takes them: its own where it has the same, else those of ours. */

/** Classes that TensorFlow.js computes as Keras does. */
const known = new Set(
  `Activation Conv2D Conv2DTranspose DepthwiseConv2D SeparableConv2D Dense BatchNormalization
  LayerNormalization Rescaling ReLU LeakyReLU PReLU ELU ThresholdedReLU Softmax ZeroPadding2D Cropping2D
  MaxPooling2D AveragePooling2D GlobalMaxPooling2D GlobalAveragePooling2D UpSampling2D Flatten Reshape Permute
  Concatenate Add Multiply Average Maximum Minimum`.split(/\s+/),
);
/** Layers that are the identity at inference. */
const passing = new Set(['Identity', ...passingLayers]);
const activations: Readonly<Record<string, string>> = {
  linear: 'linear',
  relu: 'relu',
  relu6: 'relu6',
  sigmoid: 'sigmoid',
  tanh: 'tanh',
  softmax: 'softmax',
  swish: 'swish',
  silu: 'swish',
  gelu: 'gelu',
  mish: 'mish',
  elu: 'elu',
  selu: 'selu',
  softplus: 'softplus',
  softsign: 'softsign',
};

/** The first layer without a runtime; undefined if all can be run. */
export const foreignLayer = (network: KerasNetwork): string | undefined =>
  network.calls.find(({ config }) => !canRun(config))?.layer;

function canRun(config: LayerConfig): boolean {
  const { className } = config;
  if (passing.has(className)) return true;
  if (!config.channelsLast() || !(known.has(className) || hasLayer(className))) return false;
  return activationOf(config) !== undefined || hasActivation(config.activation());
}

/** Whether TensorFlow.js's own layer of the class does not do what this one says. */
function differs(config: LayerConfig): boolean {
  switch (config.className) {
    case 'ReLU':
      return config.number('negative_slope', 0) !== 0 || config.number('threshold', 0) !== 0;
    case 'DepthwiseConv2D':
      return ignoresDilation(config);
    case 'ELU':
      return config.number('alpha', 1) !== 1;
    case 'Softmax':
      return (config.raw('axis') ?? -1) !== -1;
    case 'Conv2D':
      return config.count('groups', 1) > 1;
    case 'GlobalAveragePooling2D':
    case 'GlobalMaxPooling2D':
      return config.flag('keepdims', false);
    case 'Rescaling':
      return [config.raw('scale'), config.raw('offset')].some(Array.isArray);
    default:
      return !known.has(config.className);
  }
}

/** TensorFlow.js's depthwise convolution leaves the dilation out (tfjs-layers, layers/convolutional_depthwise.ts). */
export const ignoresDilation = (config: LayerConfig): boolean =>
  config.className === 'DepthwiseConv2D' && config.pair('dilation_rate', 1).some((one) => one > 1);

/** Name of the activation as TensorFlow.js has it; undefined if it has none that is the same. */
function activationOf(config: LayerConfig): string | undefined {
  if (config.raw('activation') === undefined) return 'linear';
  const name = config.activation();
  if (name === 'hard_sigmoid' && config.keras === 2) return 'hardSigmoid';
  return Object.hasOwn(activations, name) ? activations[name] : undefined;
}

/** What a translation found: weights of layers by role, and shapes of values. */
export interface Found {
  readonly weights: ReadonlyMap<string, ReadonlyMap<string, Weight>>;
  readonly shapes: ReadonlyMap<string, readonly Size[]>;
}

/** A layer in a topology. */
export interface TfjsLayer {
  readonly name: string;
  readonly class_name: string;
  readonly config: object;
  /** `[[input, 0, 0, {}], …]` of its only call. */
  readonly inbound_nodes: unknown;
}

type Uncalled = Omit<TfjsLayer, 'inbound_nodes'>;

const called = (layer: Uncalled, inputs: readonly string[]): TfjsLayer => ({
  ...layer,
  inbound_nodes: [inputs.map((input) => [input, 0, 0, {}])],
});

/** One call: its layer, and the activation by itself where TensorFlow.js has it otherwise. */
export function tfjsLayers(
  call: LayerCall,
  name: string,
  inputs: readonly string[],
  found: Found,
): TfjsLayer[] {
  const { config, value } = call;
  const shape = found.shapes.get(value) ?? [];
  const activation = activationOf(config);
  const alone = config.className === 'Activation';
  if (alone && activation === undefined)
    return [called(ownActivation(config, name, shape), inputs)];
  const isOwn = !passing.has(config.className) && differs(config);
  const weights = found.weights.get(call.layer) ?? new Map();
  const layer = isOwn ? ownLayer(config, name, shape, weights) : plainLayer(config, name, shape);
  const first = called(layer, inputs);
  if (activation !== undefined && (!isOwn || activation === 'linear')) return [first];
  const last = `${name}a`;
  const following =
    activation === undefined
      ? ownActivation(config, last, shape)
      : { name: last, class_name: 'Activation', config: { name: last, activation } };
  return [first, called(following, [name])];
}

function ownLayer(
  config: LayerConfig,
  name: string,
  shape: readonly Size[],
  found: ReadonlyMap<string, Weight>,
): Uncalled {
  const weights = [...found]
    .filter(([role]) => role !== 'count')
    .map(([role, { dims }]) => ({ role, dims }));
  return told(name, { className: config.className, fields: config.rawFields(), shape, weights });
}

const ownActivation = (config: LayerConfig, name: string, shape: readonly Size[]): Uncalled =>
  told(name, {
    className: 'Activation',
    fields: { activation: config.activation() },
    shape,
    weights: [],
  });

const told = (name: string, layer: KerasLayer): Uncalled => ({
  name,
  class_name: KERAS_LAYER,
  config: { name, text: Buffer.from(JSON.stringify(layer)).toString('base64') },
});

function plainLayer(config: LayerConfig, name: string, shape: readonly Size[]): Uncalled {
  const pass = passing.has(config.className);
  const fields = pass ? { activation: 'linear' } : plainFields(config);
  // Of a size that is left open TensorFlow.js knows nothing any more.
  if ('target_shape' in fields && !shape.includes(null)) fields.target_shape = shape;
  return {
    name,
    class_name: pass ? 'Activation' : config.className,
    config: { ...fields, name, dtype: 'float32' },
  };
}

/** Fields that say how to train, or that TensorFlow.js does not know. */
const training =
  /_(initializer|regularizer|constraint)$|^(dtype|trainable|autocast|groups|quantization_config)$/;

/** How to train is left out, and what Keras 3 writes otherwise is written as Keras 2 did. */
function plainFields(config: LayerConfig): Record<string, unknown> {
  const fields = Object.fromEntries(
    Object.entries(config.rawFields()).filter(
      ([name, value]) => !training.test(name) && value !== undefined && !isFields(value),
    ),
  );
  if (config.raw('activation') !== undefined) fields.activation = activationOf(config) ?? 'linear';
  if (fields.negative_slope !== undefined && config.className === 'LeakyReLU')
    fields.alpha = fields.negative_slope;
  if (Array.isArray(fields.axis) && fields.axis.length === 1)
    [fields.axis] = fields.axis as unknown[];
  return fields;
}
