import type { Value } from '../graph/static-graph.js';
import type { Windows } from './windows.js';

/** Convolution with stride, padding, dilation and groups, depthwise among them. */

export interface Convolution {
  readonly windows: Windows;
  readonly groups: number;
}

/** What the gradient of a convolution's weights is made of. */
export interface WeightGradient {
  readonly input: Value;
  readonly weights: Value;
  readonly gradient: Value;
  /** The gradient of the output in blocks, written where it is first asked for. */
  readonly blocks: () => Value;
}
