import { activated, rectified, softmax } from './activations.js';
import { axisOf, type Call } from './layer-call.js';
import type { LayerConfig } from './layer-config.js';
import type { Value } from './network-graph.js';
import { batchNorm, layerNorm, normalized, prelu } from './normalizations.js';
import {
  concatenated,
  cropped,
  dense,
  elementwise,
  flattened,
  type Margins,
  type Merge,
  merge,
  padded,
  reshaped,
  scaled,
  transposed,
  type Weight,
} from './operations.js';
import {
  convolved,
  convolvedByChannel,
  convolvedTransposed,
  pooled,
  pooledGlobally,
  repeated,
  type Window,
} from './windows.js';

type Translation = (call: Call) => Value;

/** Roles of a layer's weights in Keras's order, the order in which Keras 3 numbers them. */
export function weightRoles(className: string, config: LayerConfig): readonly string[] {
  const bias = config.flag('use_bias', true) ? ['bias'] : [];
  switch (className) {
    case 'Conv2D':
    case 'Conv2DTranspose':
    case 'Dense':
      return ['kernel', ...bias];
    case 'DepthwiseConv2D':
      return ['depthwise_kernel', ...bias];
    case 'SeparableConv2D':
      return ['depthwise_kernel', 'pointwise_kernel', ...bias];
    case 'BatchNormalization':
      return [...affineRoles(config), 'moving_mean', 'moving_variance'];
    case 'LayerNormalization':
      return affineRoles(config);
    case 'PReLU':
      return ['alpha'];
    case 'Normalization':
      return config.raw('mean') === undefined ? ['mean', 'variance', 'count'] : [];
    default:
      return [];
  }
}

const affineRoles = (config: LayerConfig) => [
  ...(config.flag('scale', true) ? ['gamma'] : []),
  ...(config.flag('center', true) ? ['beta'] : []),
];

/** Whether the import has a translation of the class. */
export const isKnownLayer = (className: string) => translations.has(className);

/** Translates one call of a layer. Throws `import-unsupported`, `checkpoint-invalid`. */
export function translateLayer(call: Call): Value {
  const translation = translations.get(call.config.className);
  if (translation === undefined) throw call.config.unsupported();
  const result = translation(call);
  const name = activatedClasses.has(call.config.className) ? call.config.activation() : 'linear';
  return activated(call.graph, result, name, call.config.keras);
}

/** Classes whose configuration has an activation that follows. */
const activatedClasses = new Set([
  'Activation',
  'Conv2D',
  'Conv2DTranspose',
  'Dense',
  'DepthwiseConv2D',
  'SeparableConv2D',
]);

const same: Translation = ({ input }) => input;

const merging =
  (operator: Merge, least = 1): Translation =>
  ({ graph, inputs, config }) => {
    if (inputs.length < least) throw config.refuse('inputs', `at least ${least}`, inputs.length);
    return merge(graph, operator, inputs);
  };

function windowOf(config: LayerConfig, strides: number | readonly number[] = 1): Window {
  const padding = config.text('padding', 'valid').toLowerCase();
  if (padding !== 'same' && padding !== 'valid')
    throw config.refuse('padding', 'same or valid', padding);
  return {
    strides: config.pair('strides', strides),
    dilations: config.pair('dilation_rate', 1),
    padding,
    channelsFirst: !config.channelsLast(),
  };
}

/** A kernel whose first sizes are as configured; the others must agree with the input. */
function kernelOf({ config, weight }: Call, role: string): Weight {
  const kernel = weight(role);
  const [height, width] = config.pair('kernel_size', 1);
  if (kernel.dims.length !== 4 || kernel.dims[0] !== height || kernel.dims[1] !== width) {
    throw config.refuse(role, `a kernel of ${height} × ${width}`, kernel.dims);
  }
  return kernel;
}

function biasOf({ config, optional }: Call, channels: number): { bias?: Weight } {
  const bias = config.flag('use_bias', true) ? optional('bias') : undefined;
  if (bias && bias.data.length !== channels)
    throw config.refuse('bias', `${channels} values`, bias.dims);
  return bias ? { bias } : {};
}

const convolution: Translation = (call) => {
  const kernel = kernelOf(call, 'kernel');
  const groups = call.config.count('groups', 1);
  const window = { ...windowOf(call.config), groups, ...biasOf(call, kernel.dims[3]) };
  return convolved(call.graph, call.input, kernel, window);
};

const depthwise: Translation = (call) => {
  const kernel = kernelOf(call, 'depthwise_kernel');
  const window = { ...windowOf(call.config), ...biasOf(call, kernel.dims[2] * kernel.dims[3]) };
  return convolvedByChannel(call.graph, call.input, kernel, window);
};

const separable: Translation = (call) => {
  const { graph, config, weight } = call;
  const window = windowOf(config);
  const inner = convolvedByChannel(graph, call.input, kernelOf(call, 'depthwise_kernel'), window);
  const kernel = weight('pointwise_kernel');
  const { dims } = kernel;
  if (dims.length !== 4 || dims[0] !== 1 || dims[1] !== 1) {
    throw config.refuse('pointwise_kernel', 'a kernel of 1 × 1', dims);
  }
  const one = {
    ...window,
    strides: [1, 1],
    dilations: [1, 1],
    padding: 'valid',
    groups: 1,
  } as const;
  return convolved(graph, inner, kernel, { ...one, ...biasOf(call, dims[3]) });
};

const transposedConvolution: Translation = (call) => {
  const { config } = call;
  if (config.raw('output_padding') !== undefined)
    throw config.unsupported('with output_padding, which the import does not know');
  const kernel = kernelOf(call, 'kernel');
  const window = { ...windowOf(config), ...biasOf(call, kernel.dims[2]) };
  return convolvedTransposed(call.graph, call.input, kernel, window);
};

const pooling =
  (operator: 'MaxPool' | 'AveragePool'): Translation =>
  ({ graph, config, input }) => {
    const size = config.pair('pool_size', 2);
    return pooled(graph, input, operator, { ...windowOf(config, size), size });
  };

const globalPooling =
  (operator: 'GlobalMaxPool' | 'GlobalAveragePool'): Translation =>
  ({ graph, config, input }) =>
    pooledGlobally(graph, input, operator, {
      channelsFirst: !config.channelsLast(),
      keep: config.flag('keepdims', false),
    });

const rectifier: Translation = ({ graph, config, input }) => {
  const most = config.raw('max_value') === undefined ? undefined : config.number('max_value', 0);
  const slope = config.number('negative_slope', 0);
  return rectified(graph, input, { most, slope, threshold: config.number('threshold', 0) });
};

/** Keras 3 calls the slope `negative_slope`, Keras 2 `alpha`. */
const leaky: Translation = ({ graph, config, input }) => {
  const field = config.raw('negative_slope') === undefined ? 'alpha' : 'negative_slope';
  return elementwise(graph, 'LeakyRelu', input, { alpha: { float: config.number(field, 0.3) } });
};

const elu: Translation = ({ graph, config, input }) =>
  elementwise(graph, 'Elu', input, { alpha: { float: config.number('alpha', 1) } });

const thresholded: Translation = ({ graph, config, input }) =>
  elementwise(graph, 'ThresholdedRelu', input, { alpha: { float: config.number('theta', 1) } });

const softmaxLayer: Translation = ({ graph, config, input }) =>
  softmax(graph, input, axisOf(config, input, 'axis'));

/** Margins of height and width as Keras writes them: one number, two, or two pairs. */
function marginsOf({ config, input }: Call, field: string): Margins {
  const given = config.raw(field) ?? (field === 'padding' ? 1 : 0);
  const pairs = Array.isArray(given) ? given : [given, given];
  const both = pairs.map((pair) => (Array.isArray(pair) ? pair : [pair, pair]));
  const bad = both.some(
    (pair) =>
      pair.length !== 2 ||
      pair.some((size) => !Number.isInteger(size) || size < 0 || size > 65_536),
  );
  if (both.length !== 2 || bad || input.shape.length !== 3) {
    throw config.refuse(field, 'margins of height and width', given);
  }
  const [height, width] = both.map(([first, last]): [number, number] => [first, last]);
  return config.channelsLast() ? [height, width, [0, 0]] : [[0, 0], height, width];
}

const flatten: Translation = ({ graph, config, input }) => {
  const turned = !config.channelsLast() && input.shape.length === 3;
  return flattened(graph, turned ? transposed(graph, input, [0, 2, 3, 1]) : input);
};

const upSampling: Translation = ({ graph, config, input }) => {
  const way = config.text('interpolation', 'nearest');
  if (way !== 'nearest')
    throw config.unsupported(
      `with interpolation ${way.slice(0, 20)}, which the import does not know`,
    );
  return repeated(graph, input, config.pair('size', 2), !config.channelsLast());
};

const rescaling: Translation = ({ graph, config, input }) => {
  const numbers = (field: string): Weight | undefined => {
    const given = config.raw(field);
    if (given === undefined) return undefined;
    const list = (Array.isArray(given) ? given : [given]) as unknown[];
    const last = input.shape[input.shape.length - 1];
    if (list.some((one) => typeof one !== 'number') || (list.length > 1 && list.length !== last)) {
      throw config.refuse(field, 'a number, or one for each channel', given);
    }
    const dims = [...input.shape.slice(1).map(() => 1), list.length];
    return { dims, data: Float32Array.from(list as number[]) };
  };
  return scaled(graph, input, numbers('scale'), numbers('offset'));
};

const denseLayer: Translation = (call) => {
  const kernel = call.weight('kernel');
  return dense(call.graph, call.input, kernel, biasOf(call, kernel.dims[1]).bias);
};

const translations = new Map<string, Translation>([
  ['Identity', same],
  ['Activation', same],
  ['Conv2D', convolution],
  ['Conv2DTranspose', transposedConvolution],
  ['DepthwiseConv2D', depthwise],
  ['SeparableConv2D', separable],
  ['Dense', denseLayer],
  ['BatchNormalization', batchNorm],
  ['LayerNormalization', layerNorm],
  ['Normalization', normalized],
  ['Rescaling', rescaling],
  ['ReLU', rectifier],
  ['LeakyReLU', leaky],
  ['PReLU', prelu],
  ['ELU', elu],
  ['ThresholdedReLU', thresholded],
  ['Softmax', softmaxLayer],
  ['ZeroPadding2D', (call) => padded(call.graph, call.input, marginsOf(call, 'padding'))],
  ['Cropping2D', (call) => cropped(call.graph, call.input, marginsOf(call, 'cropping'))],
  ['MaxPooling2D', pooling('MaxPool')],
  ['AveragePooling2D', pooling('AveragePool')],
  ['GlobalMaxPooling2D', globalPooling('GlobalMaxPool')],
  ['GlobalAveragePooling2D', globalPooling('GlobalAveragePool')],
  ['UpSampling2D', upSampling],
  ['Flatten', flatten],
  [
    'Reshape',
    ({ graph, config, input }) => reshaped(graph, input, config.wholes('target_shape', -1)),
  ],
  [
    'Permute',
    ({ graph, config, input }) => transposed(graph, input, [0, ...config.wholes('dims', 1)]),
  ],
  [
    'Concatenate',
    ({ graph, config, inputs, input }) =>
      concatenated(graph, inputs, axisOf(config, input, 'axis')),
  ],
  ['Add', merging('Add', 2)],
  ['Multiply', merging('Mul', 2)],
  ['Subtract', merging('Sub', 2)],
  ['Average', merging('Mean', 2)],
  ['Maximum', merging('Max', 2)],
  ['Minimum', merging('Min', 2)],
  ['Dropout', same],
  ['SpatialDropout2D', same],
  ['GaussianNoise', same],
  ['GaussianDropout', same],
  ['AlphaDropout', same],
  ['ActivityRegularization', same],
]);
