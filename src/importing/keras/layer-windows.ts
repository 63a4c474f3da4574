import type { CallContext, LayerTranslation } from './layer-call.js';
import type { LayerConfig } from './layer-config.js';
import type { Weight } from './operations.js';
import {
  convolved,
  convolvedByChannel,
  convolvedTransposed,
  type KernelWindow,
  pooled,
  pooledGlobally,
  repeated,
} from './windows.js';

/** Layers that slide a window over images. */

function windowOf(config: LayerConfig, strides: number | readonly number[] = 1): KernelWindow {
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
function kernelOf({ config, weight }: CallContext, role: string): Weight {
  const kernel = weight(role);
  const [height, width] = config.pair('kernel_size', 1);
  if (kernel.dims.length !== 4 || kernel.dims[0] !== height || kernel.dims[1] !== width) {
    throw config.refuse(role, `a kernel of ${height} × ${width}`, kernel.dims);
  }
  return kernel;
}

/** The bias, one number a channel, of a layer that has one. */
export function biasOf({ config, optional }: CallContext, channels: number): { bias?: Weight } {
  const bias = config.flag('use_bias', true) ? optional('bias') : undefined;
  if (bias && bias.data.length !== channels)
    throw config.refuse('bias', `${channels} values`, bias.dims);
  return bias ? { bias } : {};
}

/** What the configuration says of a weight must be so: other runtimes build by it. */
export function agree(config: LayerConfig, field: string, found: number, otherwise = found): void {
  const said = config.count(field, otherwise);
  if (said !== found) throw config.refuse(field, `${found}, as the weights have`, said);
}

const convolution: LayerTranslation = (call) => {
  const kernel = kernelOf(call, 'kernel');
  agree(call.config, 'filters', kernel.dims[3]);
  const groups = call.config.count('groups', 1);
  const window = { ...windowOf(call.config), groups, ...biasOf(call, kernel.dims[3]) };
  return convolved(call.graph, call.input, kernel, window);
};

const depthwise: LayerTranslation = (call) => {
  const kernel = kernelOf(call, 'depthwise_kernel');
  agree(call.config, 'depth_multiplier', kernel.dims[3], 1);
  const window = { ...windowOf(call.config), ...biasOf(call, kernel.dims[2] * kernel.dims[3]) };
  return convolvedByChannel(call.graph, call.input, kernel, window);
};

const separable: LayerTranslation = (call) => {
  const { graph, config, weight } = call;
  const window = windowOf(config);
  const depth = kernelOf(call, 'depthwise_kernel');
  agree(config, 'depth_multiplier', depth.dims[3], 1);
  const inner = convolvedByChannel(graph, call.input, depth, window);
  const kernel = weight('pointwise_kernel');
  const { dims } = kernel;
  if (dims.length !== 4 || dims[0] !== 1 || dims[1] !== 1) {
    throw config.refuse('pointwise_kernel', 'a kernel of 1 × 1', dims);
  }
  agree(config, 'filters', dims[3]);
  const one = {
    ...window,
    strides: [1, 1],
    dilations: [1, 1],
    padding: 'valid',
    groups: 1,
  } as const;
  return convolved(graph, inner, kernel, { ...one, ...biasOf(call, dims[3]) });
};

const transposedConvolution: LayerTranslation = (call) => {
  const { config } = call;
  if (config.raw('output_padding') !== undefined)
    throw config.unsupported('with output_padding, which the import does not know');
  const kernel = kernelOf(call, 'kernel');
  agree(config, 'filters', kernel.dims[2]);
  const window = { ...windowOf(config), ...biasOf(call, kernel.dims[2]) };
  return convolvedTransposed(call.graph, call.input, kernel, window);
};

const pooling =
  (operator: 'MaxPool' | 'AveragePool'): LayerTranslation =>
  ({ graph, config, input }) => {
    const size = config.pair('pool_size', 2);
    return pooled(graph, input, operator, { ...windowOf(config, size), size });
  };

const globalPooling =
  (operator: 'GlobalMaxPool' | 'GlobalAveragePool'): LayerTranslation =>
  ({ graph, config, input }) =>
    pooledGlobally(graph, input, operator, {
      channelsFirst: !config.channelsLast(),
      keep: config.flag('keepdims', false),
    });

const upSampling: LayerTranslation = ({ graph, config, input }) => {
  const way = config.text('interpolation', 'nearest');
  if (way !== 'nearest')
    throw config.unsupported(
      `with interpolation ${way.slice(0, 20)}, which the import does not know`,
    );
  return repeated(graph, input, config.pair('size', 2), !config.channelsLast());
};

export const windowLayers: readonly (readonly [className: string, LayerTranslation])[] = [
  ['Conv2D', convolution],
  ['Conv2DTranspose', transposedConvolution],
  ['DepthwiseConv2D', depthwise],
  ['SeparableConv2D', separable],
  ['MaxPooling2D', pooling('MaxPool')],
  ['AveragePooling2D', pooling('AveragePool')],
  ['GlobalMaxPooling2D', globalPooling('GlobalMaxPool')],
  ['GlobalAveragePooling2D', globalPooling('GlobalAveragePool')],
  ['UpSampling2D', upSampling],
];
