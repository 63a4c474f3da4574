import { RandomState } from '../src/numerics/random/random-state.js';
import type { Arrays } from './arrays.js';

/** Made-up data for the kinds of benchmark of 2026, as large as asked for. */

/**
 * What is compared, and how large: one matrix product alone, the measure of the rest; regressions of fixed sets, subjects,
 * ceilings, reverse PLS, dissimilarities of one layer, and of sixteen layers with a share of the units each.
 */
export const regressionKinds = [
  'gemm',
  'ridge',
  'ridgecv',
  'subjects',
  'dual-ridge',
  'reverse-pls',
  'rsa',
  'rsa-layers',
] as const;
export type RegressionKind = (typeof regressionKinds)[number];

export interface Size {
  /** Training images. */
  readonly images: number;
  readonly units: number;
  /** Neuroids of all subjects. */
  readonly targets: number;
  readonly subjects: number;
}

const TEST = 100;
/** Of `rsa-layers`. */
const LAYERS = 16;
/** Of the test images of `dual-ridge`, whose ceiling is measured. */
const REPETITIONS = 3;
const LATENT = 40;

/** The arrays of a kind and size; features are float32, as a network gives them. */
export function regressionArrays(kind: RegressionKind, size: Size): Arrays {
  const { images, units, targets, subjects } = size;
  const fixed = !['gemm', 'reverse-pls', 'rsa', 'rsa-layers'].includes(kind);
  const rows = images + (fixed ? TEST : 0);
  const random = new RandomState(3);
  const latent = random.standardNormal(rows * LATENT);
  const features = new Float32Array(rows * units);
  const values = new Float64Array(rows * targets);
  mixture(features, units, { latent, random, noise: 0.6 });
  mixture(values, targets, { latent, random, noise: 1.5 });
  const arrays: Record<string, Arrays['arrays'][string]> = {
    features: { shape: [rows, units], values: features },
    targets: { shape: [rows, targets], values },
  };
  if (kind === 'dual-ridge') {
    const repeated = new Float64Array(REPETITIONS * TEST * targets);
    const shown = values.subarray(images * targets);
    for (let i = 0; i < repeated.length; i++)
      repeated[i] = shown[i % shown.length] + 2 * random.double() - 1;
    arrays.repeated = { shape: [REPETITIONS, TEST, targets], values: repeated };
  }
  return { kind, arrays, rest: { train: images, subjects, layers: LAYERS, splits: 10, seed: 1 } };
}

interface Mixture {
  readonly latent: Float64Array;
  readonly random: RandomState;
  readonly noise: number;
}

/** Columns that weigh the latent dimensions at random, plus uniform noise. */
function mixture(
  into: Float32Array | Float64Array,
  cols: number,
  { latent, random, noise }: Mixture,
): void {
  const rows = into.length / cols;
  const weights = random.randomSample(LATENT * cols);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) {
      let sum = noise * (2 * random.double() - 1);
      for (let l = 0; l < LATENT; l++)
        sum += (latent[i * LATENT + l] * (weights[l * cols + j] - 0.5)) / (1 + l / 5);
      into[i * cols + j] = sum;
    }
}
