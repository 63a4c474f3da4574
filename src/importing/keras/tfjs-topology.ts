import { isFields } from './layer-config.js';
import type { LayerCall, Network } from './network.js';
import type { Weight } from './operations.js';

/** A network of Keras's as TensorFlow.js loads it, so that a runtime of its own can run it. */

/** What TensorFlow.js's loaders take. */
export interface ModelArtifacts {
  readonly modelTopology: object;
  readonly weightSpecs: readonly WeightSpec[];
  readonly weightData: ArrayBuffer;
}

/** One tensor of the weight data. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32';
}

/** Classes that TensorFlow.js computes as Keras does. */
const known = new Set(
  `Activation Conv2D Conv2DTranspose DepthwiseConv2D SeparableConv2D Dense BatchNormalization
  LayerNormalization Rescaling ReLU LeakyReLU PReLU ELU ThresholdedReLU Softmax ZeroPadding2D Cropping2D
  MaxPooling2D AveragePooling2D GlobalMaxPooling2D GlobalAveragePooling2D UpSampling2D Flatten Reshape Permute
  Concatenate Add Multiply Average Maximum Minimum`.split(/\s+/),
);
/** Layers that give what they take when a network runs. */
const passing = new Set(
  'Identity Dropout SpatialDropout2D GaussianNoise GaussianDropout AlphaDropout ActivityRegularization'.split(
    ' ',
  ),
);
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

/** The first layer that TensorFlow.js does not have, or has otherwise than Keras; undefined where it can run all. */
export const foreignLayer = (network: Network): string | undefined =>
  network.calls.find((call) => !isKnown(call))?.layer;

function isKnown({ config }: LayerCall): boolean {
  const { className } = config;
  if (passing.has(className)) return true;
  if (!known.has(className) || !config.channelsLast()) return false;
  if (className === 'ReLU') {
    return config.number('negative_slope', 0) === 0 && config.number('threshold', 0) === 0;
  }
  if (ignoresDilation(config)) return false;
  if (className === 'ELU' && config.number('alpha', 1) !== 1) return false;
  if (className === 'Softmax' && config.raw('axis') !== undefined && config.raw('axis') !== -1) {
    return false;
  }
  if (className === 'Conv2D' && config.count('groups', 1) > 1) return false;
  if (/^Global/.test(className) && config.flag('keepdims', false)) return false;
  if (className === 'Rescaling' && [config.raw('scale'), config.raw('offset')].some(Array.isArray))
    return false;
  return activationOf(config) !== undefined;
}

/** TensorFlow.js's depthwise convolution leaves the dilation out (tfjs-layers, layers/convolutional_depthwise.ts). */
export const ignoresDilation = (config: LayerCall['config']): boolean =>
  config.className === 'DepthwiseConv2D' && config.pair('dilation_rate', 1).some((one) => one > 1);

/** Name of the activation as TensorFlow.js has it; undefined where it has none that is the same. */
function activationOf(config: LayerCall['config']): string | undefined {
  if (config.raw('activation') === undefined) return 'linear';
  const name = config.activation();
  if (name === 'hard_sigmoid' && config.keras === 2) return 'hardSigmoid';
  return Object.hasOwn(activations, name) ? activations[name] : undefined;
}

/**
 * The network as one flat model of TensorFlow.js. Its layers are called by number, since TensorFlow.js
 * takes fewer names than Keras; a layer that is called twice stands there twice.
 */
export function tfjsTopology(
  { input, calls, outputs }: Network,
  weights: ReadonlyMap<string, ReadonlyMap<string, Weight>>,
): ModelArtifacts & { readonly names: ReadonlyMap<string, string> } {
  const numbers = new Map([
    [input.name, 'input'],
    ...calls.map(({ value }, n): [string, string] => [value, `layer${n}`]),
  ]);
  const end = (value: string) => [numbers.get(value), 0, 0];
  const entry = {
    batch_input_shape: [null, ...input.shape],
    dtype: 'float32',
    sparse: false,
    name: 'input',
  };
  const layers = [
    { name: 'input', class_name: 'InputLayer', config: entry, inbound_nodes: [] },
    ...calls.map((call) => layerOf(call, numbers)),
  ];
  const config = {
    name: 'model',
    layers,
    input_layers: [end(input.name)],
    output_layers: outputs.map(end),
  };
  const tensors = calls.flatMap(({ layer, value }) =>
    [...(weights.get(layer) ?? [])].map(([role, weight]) => ({
      name: `${numbers.get(value)}/${role}`,
      weight,
    })),
  );
  return {
    modelTopology: { class_name: 'Model', config, keras_version: '2.0.0', backend: 'tensorflow' },
    weightSpecs: tensors.map(({ name, weight }) => ({
      name,
      shape: weight.dims,
      dtype: 'float32',
    })),
    weightData: joined(tensors.map(({ weight }) => weight.data)),
    names: new Map(calls.map(({ value }) => [`${numbers.get(value)}:0`, value])),
  };
}

function layerOf({ config, value, inputs }: LayerCall, numbers: ReadonlyMap<string, string>) {
  const name = numbers.get(value);
  const pass = passing.has(config.className);
  return {
    name,
    class_name: pass ? 'Activation' : config.className,
    config: { ...(pass ? { activation: 'linear' } : plainFields(config)), name, dtype: 'float32' },
    inbound_nodes: [inputs.map((input) => [numbers.get(input), 0, 0, {}])],
  };
}

/** How to train is left out, and what Keras 3 writes otherwise is written as Keras 2 did. */
function plainFields(config: LayerCall['config']): Record<string, unknown> {
  const fields = Object.fromEntries(
    config
      .fieldNames()
      .filter(
        (name) =>
          !/_(initializer|regularizer|constraint)$|^(dtype|trainable|autocast|groups|quantization_config)$/.test(
            name,
          ),
      )
      .map((name) => [name, config.raw(name)])
      .filter(([, value]) => value !== undefined && !isFields(value)),
  );
  if (config.raw('activation') !== undefined) fields.activation = activationOf(config);
  if (fields.negative_slope !== undefined && config.className === 'LeakyReLU')
    fields.alpha = fields.negative_slope;
  if (Array.isArray(fields.axis) && fields.axis.length === 1)
    [fields.axis] = fields.axis as unknown[];
  return fields;
}

function joined(parts: readonly Float32Array[]): ArrayBuffer {
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of parts) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes.buffer;
}
