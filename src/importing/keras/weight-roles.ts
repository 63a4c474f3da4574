import type { LayerConfig } from './layer-config.js';

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
