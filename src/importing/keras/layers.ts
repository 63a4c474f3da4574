import { activated, rectified, softmax } from './activations.js';
import { axisOf, type CallContext, type LayerTranslation } from './layer-call.js';
import { agree, biasOf, windowLayers } from './layer-windows.js';
import type { Value } from './network-graph.js';
import { batchNorm, layerNorm, normalized, prelu } from './normalizations.js';
import {
  axesInOrder,
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
  scalar,
  scaled,
  type Weight,
} from './operations.js';
/**
 * Translates one call of a layer.
 * @throws VentralError `import-unsupported`, `checkpoint-invalid`
 */
export function translateLayer(call: CallContext): Value {
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

/** Two values, or a value and a number, in either order. */
const arithmetic: LayerTranslation = ({ graph, config, inputs, input }) => {
  const operator = config.text('operator', '') as Merge;
  if (!['Add', 'Sub', 'Mul', 'Div'].includes(operator)) throw config.unsupported();
  if (config.raw('constant') === undefined) {
    if (new Set(inputs.map(({ shape }) => shape.length)).size > 1) {
      throw config.unsupported('of values of two ranks, which the import does not know');
    }
    return merge(graph, operator, inputs);
  }
  const names = [input.name, scalar(graph, 'constant', config.number('constant', 0))];
  if (config.flag('first', false)) names.reverse();
  return { ...input, name: graph.node(operator, names) };
};

/** Layers that change images only in training. */
export const passingLayers: readonly string[] =
  `Dropout SpatialDropout2D GaussianNoise GaussianDropout AlphaDropout ActivityRegularization RandomFlip
  RandomRotation RandomZoom RandomTranslation RandomContrast RandomBrightness`.split(/\s+/);

const same: LayerTranslation = ({ input }) => input;

const merging =
  (operator: Merge, least = 1): LayerTranslation =>
  ({ graph, inputs, config }) => {
    if (inputs.length < least) throw config.refuse('inputs', `at least ${least}`, inputs.length);
    return merge(graph, operator, inputs);
  };

const rectifier: LayerTranslation = ({ graph, config, input }) => {
  const most = config.raw('max_value') === undefined ? undefined : config.number('max_value', 0);
  const slope = config.number('negative_slope', 0);
  return rectified(graph, input, { most, slope, threshold: config.number('threshold', 0) });
};

/** Keras 3 calls the slope `negative_slope`, Keras 2 `alpha`. */
const leaky: LayerTranslation = ({ graph, config, input }) => {
  const field = config.raw('negative_slope') === undefined ? 'alpha' : 'negative_slope';
  return elementwise(graph, 'LeakyRelu', input, { alpha: { float: config.number(field, 0.3) } });
};

const elu: LayerTranslation = ({ graph, config, input }) =>
  elementwise(graph, 'Elu', input, { alpha: { float: config.number('alpha', 1) } });

const thresholded: LayerTranslation = ({ graph, config, input }) =>
  elementwise(graph, 'ThresholdedRelu', input, { alpha: { float: config.number('theta', 1) } });

const softmaxLayer: LayerTranslation = ({ graph, config, input }) =>
  softmax(graph, input, axisOf(config, input, 'axis'));

/** Margins of height and width as Keras writes them: one number, two, or two pairs. */
function marginsOf({ config, input }: CallContext, field: string): Margins {
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

const flatten: LayerTranslation = ({ graph, config, input }) => {
  const turned = !config.channelsLast() && input.shape.length === 3;
  return flattened(graph, turned ? axesInOrder(graph, input, [0, 2, 3, 1]) : input);
};

const rescaling: LayerTranslation = ({ graph, config, input }) => {
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

const denseLayer: LayerTranslation = (call) => {
  const kernel = call.weight('kernel');
  agree(call.config, 'units', kernel.dims[1]);
  return dense(call.graph, call.input, kernel, biasOf(call, kernel.dims[1]).bias);
};

const translations = new Map<string, LayerTranslation>([
  ['Identity', same],
  ['Activation', same],
  ['Arithmetic', arithmetic],
  ...windowLayers,
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
  ['Flatten', flatten],
  [
    'Reshape',
    ({ graph, config, input }) => reshaped(graph, input, config.wholes('target_shape', -1)),
  ],
  [
    'Permute',
    ({ graph, config, input }) => axesInOrder(graph, input, [0, ...config.wholes('dims', 1)]),
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
  ...passingLayers.map((className) => [className, same] as const),
]);
