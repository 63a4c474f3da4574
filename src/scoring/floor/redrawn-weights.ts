import { randomStream } from '../../numerics/random/random-stream.js';
import type { Model } from '../../onnx/model.js';
import { replaceInitializers } from '../../onnx/prepare/replace-initializers.js';
import { tensorElements } from '../../onnx/tensor-elements.js';

/** Weights of more than one axis have a scale of their own; gains, biases and statistics start as they are. */
const FLOAT = 1;

/** Whether a network has weights that {@link redrawWeights} draws again. */
export const hasWeights = ({ graph }: Model): boolean =>
  graph.initializers.some(({ elementType, dims }) => elementType === FLOAT && dims.length > 1);

/**
 * The network with weights drawn again: each float32 tensor of more than one axis normal, with mean 0 and the
 * standard deviation that it has, from a stream of its own. So one network file gives as many beginnings as there are seeds.
 * @returns ONNX bytes
 */
export function redrawWeights(model: Model, seed: number): Uint8Array {
  const drawn = model.graph.initializers
    .filter(({ elementType, dims }) => elementType === FLOAT && dims.length > 1)
    .map((tensor) => {
      const given = tensorElements(tensor) as Float32Array;
      const mean = given.reduce((sum, value) => sum + value, 0) / given.length;
      const variance =
        given.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, given.length);
      const scale = Math.sqrt(variance);
      const values = randomStream(seed, `weights ${tensor.name}`).standardNormal(given.length);
      return [tensor.name, Float32Array.from(values, (value) => value * scale)] as const;
    });
  return replaceInitializers(model, new Map(drawn));
}
