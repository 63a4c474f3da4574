import { nanMean } from '../numerics/statistics/statistics.js';
import { type Study, THRESHOLD } from './study.js';
import { firstLargest, meansOfRuns } from './sweep.js';

/** Spikes in the 100 ms of a recording, per spike/s. */
const PER_WINDOW = 10;

/** Responses to noise and to textures, family × sample, families slowest. */
export interface TextureResponses {
  readonly noise: Float64Array;
  readonly texture: Float64Array;
  readonly samples: number;
}

/** Columns of {@link textureProperties}, in its order. */
export const textureColumns: readonly string[] = [
  'texture_modulation_index',
  'absolute_texture_modulation_index',
  'texture_selectivity',
  'noise_selectivity',
  'texture_sparseness',
  'noise_sparseness',
  'variance_ratio',
  'sample_variance',
  'family_variance',
  'max_texture',
  'max_noise',
];

/**
 * The texture properties of one unit or neuron.
 * @param driven responses less the baseline
 * @param stabilised square-root transformed spike counts of the textures, family × sample
 */
export function textureProperties(
  { noise, texture, samples }: TextureResponses,
  stabilised: Float64Array,
): number[] {
  const families = meansOfRuns(texture, samples);
  const noiseFamilies = meansOfRuns(noise, samples);
  const modulation = textureModulation(families, noiseFamilies);
  const variance = varianceRatio(stabilised, samples);
  return [
    modulation,
    Math.abs(modulation),
    sparseness(families),
    sparseness(noiseFamilies),
    sparseness(texture),
    sparseness(noise),
    variance.ratio,
    variance.sample,
    variance.family,
    texture[firstLargest(texture)],
    noise[firstLargest(noise)],
  ];
}

/** Mean over families of (texture − noise) / (texture + noise); families without a value are left out. */
export function textureModulation(texture: Float64Array, noise: Float64Array): number {
  return nanMean(familyModulation(texture, noise));
}

/** Modulation of each family. */
export const familyModulation = (texture: Float64Array, noise: Float64Array): Float64Array =>
  texture.map((value, family) => (value - noise[family]) / (value + noise[family]));

/** 0 where all responses are equal, 1 where there is one (Vinje and Gallant 2000). */
export function sparseness(values: Float64Array): number {
  const n = values.length;
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  return (1 - (sum / n) ** 2 / (squares / n)) / (1 - 1 / n);
}

/**
 * Variance across families over that across samples of a family, and both as shares of all variance.
 * @param values family × sample × repetition
 */
export function varianceRatio(values: Float64Array, samples: number, repetitions = 1) {
  const cells = meansOfRuns(values, repetitions);
  const means = meansOfRuns(cells, samples);
  const [a, b, n] = [means.length, samples, repetitions];
  const grand = means.reduce((sum, value) => sum + value, 0) / a;
  const residual = n > 1 ? squares(values, (i) => cells[Math.floor(i / n)]) / (a * b * (n - 1)) : 0;
  const sampleSquare = (n * squares(cells, (i) => means[Math.floor(i / b)])) / (a * (b - 1));
  const familySquare = (b * n * squares(means, () => grand)) / (a - 1);
  const samplePart = (sampleSquare - residual) / n;
  const familyPart = (familySquare - sampleSquare) / (b * n);
  const total = residual + samplePart + familyPart;
  const [family, sample] = [familyPart / total, samplePart / total];
  const ratio = (family + 0.02) / (sample + 0.02);
  return { ratio, sample, family, meanSquares: [residual, sampleSquare, familySquare] };
}

/** Sum of squared distances from a centre. */
const squares = (values: Float64Array, centre: (i: number) => number): number =>
  values.reduce((sum, value, i) => sum + (value - centre(i)) ** 2, 0);

/** Freeman, Ziemba, Heeger, Simoncelli, Movshon 2013, Nature Neuroscience 16:974–981; type × family × sample. */
export const freemanZiemba2013: Study = {
  set: 'texture',
  columns: textureColumns,
  read({ rates, baseline }, { levels }) {
    const samples = levels[2].length;
    const half = rates.length / 2;
    const driven = rates.map((rate) => rate - baseline);
    const best = firstLargest(driven);
    if (best < 0 || !(driven[best] > THRESHOLD)) return undefined;
    const stabilised = rates
      .subarray(half)
      .map((rate) => Math.sqrt(rate / PER_WINDOW) + Math.sqrt(rate / PER_WINDOW + 1));
    const responses = { noise: driven.subarray(0, half), texture: driven.subarray(half), samples };
    return textureProperties(responses, stabilised);
  },
};
