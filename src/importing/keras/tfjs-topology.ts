import { hasActivation, hasLayer, KERAS_LAYER, type KerasLayer } from '../tfjs/keras-layers.js';
import { isFields, type LayerConfig } from './layer-config.js';
import { passingLayers } from './layers.js';
import type { LayerCall, Network } from './network.js';
import type { Size } from './network-graph.js';
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

/** The first layer for which there is no runtime; undefined where all can be run. */
export const foreignLayer = (network: Network): string | undefined =>
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

/** Name of the activation as TensorFlow.js has it; undefined where it has none that is the same. */
function activationOf(config: LayerConfig): string | undefined {
  if (config.raw('activation') === undefined) return 'linear';
  const name = config.activation();
  if (name === 'hard_sigmoid' && config.keras === 2) return 'hardSigmoid';
  return Object.hasOwn(activations, name) ? activations[name] : undefined;
}

/** What a translation found: weights of layers by role, and shapes of values. */
interface Found {
  readonly weights: ReadonlyMap<string, ReadonlyMap<string, Weight>>;
  readonly shapes: ReadonlyMap<string, readonly Size[]>;
}

/**
 * The network as one flat model of TensorFlow.js. Its layers are called by number, since TensorFlow.js
 * takes fewer names than Keras; a layer that is called twice stands there twice.
 */
export function tfjsTopology(
  { input, calls, outputs }: Network,
  found: Found,
): ModelArtifacts & { readonly names: ReadonlyMap<string, string> } {
  const numbers = new Map([[input.name, 'input']]);
  const batch_input_shape = [null, ...input.shape];
  const entry = { batch_input_shape, dtype: 'float32', sparse: false, name: 'input' };
  const layers: Layer[] = [
    { name: 'input', class_name: 'InputLayer', config: entry, inbound_nodes: [] },
  ];
  const tensors: { name: string; weight: Weight }[] = [];
  for (const [number, call] of calls.entries()) {
    const inputs = call.inputs.map((one) => numbers.get(one) ?? '');
    const made = layersOf(call, `layer${number}`, inputs, found);
    layers.push(...made);
    numbers.set(call.value, made[made.length - 1].name);
    for (const [role, weight] of found.weights.get(call.layer) ?? []) {
      if (role !== 'count') tensors.push({ name: `layer${number}/${role}`, weight });
    }
  }
  const end = (value: string) => [numbers.get(value), 0, 0];
  const ends = { input_layers: [end(input.name)], output_layers: outputs.map(end) };
  const config = { name: 'model', layers, ...ends };
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

interface Layer {
  readonly name: string;
  readonly class_name: string;
  readonly config: object;
  readonly inbound_nodes: unknown;
}

/** The layer, and its activation by itself where TensorFlow.js has it otherwise. */
function layersOf(call: LayerCall, name: string, inputs: readonly string[], found: Found): Layer[] {
  const { config, value } = call;
  const taking = (from: readonly string[]) => ({
    inbound_nodes: [from.map((one) => [one, 0, 0, {}])],
  });
  const own = (layer: string, className: string): Omit<Layer, 'inbound_nodes'> => {
    const weights = [...(className === 'Activation' ? [] : (found.weights.get(call.layer) ?? []))]
      .filter(([role]) => role !== 'count')
      .map(([role, { dims }]) => ({ role, dims }));
    const fields = {
      ...config.fields,
      ...(className === 'Activation' ? { activation: config.activation() } : {}),
    };
    const told: KerasLayer = { className, fields, shape: found.shapes.get(value) ?? [], weights };
    return {
      name: layer,
      class_name: KERAS_LAYER,
      config: { name: layer, text: Buffer.from(JSON.stringify(told)).toString('base64') },
    };
  };
  const activation = activationOf(config);
  if (config.className === 'Activation' && activation === undefined) {
    return [{ ...own(name, 'Activation'), ...taking(inputs) }];
  }
  const isOwn = !passing.has(config.className) && differs(config);
  const main = isOwn
    ? own(name, config.className)
    : plainLayer(config, name, found.shapes.get(value) ?? []);
  const first = { ...main, ...taking(inputs) };
  if (activation !== undefined && !(isOwn && activation !== 'linear')) return [first];
  const last = `${name}a`;
  const following =
    activation === undefined
      ? own(last, 'Activation')
      : { name: last, class_name: 'Activation', config: { name: last, activation } };
  return [first, { ...following, ...taking([name]) }];
}

function plainLayer(
  config: LayerConfig,
  name: string,
  shape: readonly Size[],
): Omit<Layer, 'inbound_nodes'> {
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

/** How to train is left out, and what Keras 3 writes otherwise is written as Keras 2 did. */
function plainFields(config: LayerConfig): Record<string, unknown> {
  const fields = Object.fromEntries(
    Object.keys(config.fields)
      .filter(
        (name) =>
          !/_(initializer|regularizer|constraint)$|^(dtype|trainable|autocast|groups|quantization_config)$/.test(
            name,
          ),
      )
      .map((name) => [name, config.raw(name)])
      .filter(([, value]) => value !== undefined && !isFields(value)),
  );
  if (config.raw('activation') !== undefined) fields.activation = activationOf(config) ?? 'linear';
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
