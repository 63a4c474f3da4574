import type { RandomState } from '../../numerics/random/random-state.js';

/** How far an image may be moved: pixels are in [0, 1], after resize and crop. */
export interface Threat {
  readonly norm: 'Linf' | 'L2';
  readonly epsilon: number;
}

/** Keeps a way of no length finite. */
const TINY = 1e-10;

/** The part of a batch that is one image. */
export const imageOf = (batch: Float32Array, row: number, size: number): Float32Array =>
  batch.subarray(row * size, (row + 1) * size);

function length(values: Float32Array, from?: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] - (from ? from[i] : 0)) ** 2;
  return Math.sqrt(sum);
}

/**
 * Moves an image uphill: by the sign of each gradient, or along the whole gradient (MadryLab, attack_steps.py).
 * There 1e-10 is added to the gradient's length, which leaves no step where a network is sure; here nothing is.
 */
export function stepUphill(
  picture: Float32Array,
  gradient: Float32Array,
  { norm }: Threat,
  size: number,
): void {
  const slope = norm === 'Linf' ? 1 : length(gradient);
  if (slope === 0) return;
  const scale = size / slope;
  for (let i = 0; i < picture.length; i++)
    picture[i] += scale * (norm === 'Linf' ? Math.sign(gradient[i]) : gradient[i]);
}

/** Puts an image back to where the threat allows it to be: in the ball about its original, then in [0, 1]. */
export function project(
  picture: Float32Array,
  original: Float32Array,
  { norm, epsilon }: Threat,
): void {
  if (norm === 'L2') {
    const factor = Math.min(1, epsilon / (length(picture, original) + TINY));
    for (let i = 0; i < picture.length; i++)
      picture[i] = original[i] + factor * (picture[i] - original[i]);
  }
  for (let i = 0; i < picture.length; i++) {
    const moved = picture[i] - original[i];
    const within =
      norm === 'Linf' ? original[i] + Math.min(epsilon, Math.max(-epsilon, moved)) : picture[i];
    picture[i] = Math.min(1, Math.max(0, within));
  }
}

/** One step of projected gradient descent: uphill by a size, then back to where the threat allows it to be. */
export function ascend(
  picture: Float32Array,
  original: Float32Array,
  gradient: Float32Array,
  threat: Threat,
  size: number,
): void {
  stepUphill(picture, gradient, threat, size);
  project(picture, original, threat);
}

/** Moves an image to a random place of its ball: anywhere in the box, or on the sphere. */
export function startAnywhere(
  picture: Float32Array,
  original: Float32Array,
  threat: Threat,
  random: RandomState,
): void {
  const { norm, epsilon } = threat;
  if (norm === 'Linf') {
    const drawn = random.randomSample(picture.length);
    for (let i = 0; i < picture.length; i++)
      picture[i] = original[i] + epsilon * (2 * drawn[i] - 1);
  } else {
    const drawn = random.standardNormal(picture.length);
    const size = Math.sqrt(drawn.reduce((sum, value) => sum + value * value, 0));
    for (let i = 0; i < picture.length; i++)
      picture[i] = original[i] + (epsilon * drawn[i]) / (size + TINY);
  }
  project(picture, original, threat);
}

/** What every reader of such figures must know. */
export const BOUND =
  'PGD and every other attack here give an upper bound on robustness: a stronger attack may turn more examples.';
