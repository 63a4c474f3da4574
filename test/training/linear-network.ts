import { RandomState } from '../../src/numerics/random/random-state.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { type Model, readModel } from '../../src/onnx/model.js';

/** Two linear classes over small images: what the worst image is can be written down. */

export const SIDE = 4;
export const SIZE = 3 * SIDE * SIDE;
export const normalisation = { range: 1, mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.5] };
const weights = Float32Array.from(new RandomState(1).standardNormal(2 * SIZE));

/** @param scale of the logits: large ones saturate the softmax, so that its gradients are 0 */
export function linearNetwork(scale = 1): Model {
  const graph = new GraphBuilder('linear');
  graph.input('x', 'float32', ['batch', 3, SIDE, SIDE]);
  graph.initializer(
    'w',
    [2, SIZE],
    weights.map((value) => scale * value),
  );
  graph.initializer('b', [2], Float32Array.from([0, 0]));
  const gemm = { attributes: { transB: { int: 1 } } };
  graph.output(graph.node('Gemm', [graph.node('Flatten', ['x']), 'w', 'b'], gemm));
  return readModel(graph.build(), 'linear');
}

/** How each pixel in [0, 1] moves the margin of class 1 over class 0. */
export const slope = Array.from({ length: SIZE }, (_, i) => {
  const channel = Math.floor(i / (SIDE * SIDE));
  return (weights[SIZE + i] - weights[i]) / normalisation.std[channel];
});

/** How far the margin can move for a radius of 1. */
export const reach = {
  Linf: slope.reduce((sum, value) => sum + Math.abs(value), 0),
  L2: Math.hypot(...slope),
};

/** The margin of class 1 over class 0. */
export const marginOf = (picture: ArrayLike<number>): number =>
  slope.reduce((sum, value, i) => {
    const channel = Math.floor(i / (SIDE * SIDE));
    return sum + value * (picture[i] - normalisation.mean[channel]);
  }, 0);

/** Images away from 0 and 1, so that no bound but the ball's is met below a radius of .3. */
export const greyPictures = (count: number): Float32Array[] => {
  const random = new RandomState(2);
  return Array.from({ length: count }, () =>
    Float32Array.from(random.randomSample(SIZE).map((value) => 0.3 + 0.4 * value)),
  );
};
