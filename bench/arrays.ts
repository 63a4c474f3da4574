import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RandomState } from '../src/numerics/random/random-state.js';
import type { RegressionKind } from './regression-arrays.js';

/** Made-up data of the real experiments' sizes, and their way to another process: raw files and a manifest. */

type Values = Float32Array | Float64Array;

/** What both sides compute from. */
export interface Arrays {
  readonly kind: 'pls' | 'i2n' | RegressionKind;
  readonly arrays: Readonly<Record<string, { shape: readonly number[]; values: Values }>>;
  /** Everything that is no array, as JSON. */
  readonly rest: Readonly<Record<string, unknown>>;
}

const STIMULI = 315;
const NEUROIDS = 102;
const LATENT = 40;

/** 315 textures, a rectified layer of `units` float32 features and 102 neuroids that share 40 dimensions. */
export function plsArrays(units: number): Arrays {
  const random = new RandomState(1);
  const latent = random.standardNormal(STIMULI * LATENT);
  const features = new Float32Array(STIMULI * units);
  const targets = new Float64Array(STIMULI * NEUROIDS);
  mixture(features, units, { latent, random, noise: 0.4, rectified: true });
  mixture(targets, NEUROIDS, { latent, random, noise: 1, rectified: false });
  const stimulusIds = Array.from({ length: STIMULI }, (_, i) => `im${String(i).padStart(4, '0')}`);
  return {
    kind: 'pls',
    arrays: {
      features: { shape: [STIMULI, units], values: features },
      targets: { shape: [STIMULI, NEUROIDS], values: targets },
    },
    rest: {
      stimulusIds,
      strata: stimulusIds.map((_, i) => (i % 2 === 0 ? 'noise' : 'texture')),
      options: { splits: 10, trainSize: 0.9, seed: 1, components: 25 },
    },
  };
}

interface Mixture {
  readonly latent: Float64Array;
  readonly random: RandomState;
  readonly noise: number;
  readonly rectified: boolean;
}

/** Columns that weigh the latent dimensions at random, later ones less, plus uniform noise. */
function mixture(into: Values, cols: number, { latent, random, noise, rectified }: Mixture): void {
  const weights = new Float64Array(LATENT);
  for (let j = 0; j < cols; j++) {
    for (let l = 0; l < LATENT; l++) weights[l] = (random.double() - 0.5) / (1 + l / 5);
    for (let i = 0; i < STIMULI; i++) {
      let sum = noise * (2 * random.double() - 1);
      for (let l = 0; l < LATENT; l++) sum += latent[i * LATENT + l] * weights[l];
      into[i * cols + j] = rectified ? Math.max(0, sum) : sum;
    }
  }
}

const OBJECTS = 24;
const IMAGES_OF_AN_OBJECT = 10;

/** 240 images of 24 objects, trials of observers who confuse neighbours, a model that does so otherwise. */
export function i2nArrays(trialCount: number): Arrays {
  const random = new RandomState(2);
  const objects = Array.from({ length: OBJECTS }, (_, k) => `object${String(k).padStart(2, '0')}`);
  const images = Array.from({ length: OBJECTS * IMAGES_OF_AN_OBJECT }, (_, i) => `im${1000 + i}`);
  const truth = images.map((_, i) => Math.floor(i / IMAGES_OF_AN_OBJECT));
  const confusion = random.randomSample(images.length * OBJECTS);
  const trials = {
    stimulus: [] as string[],
    sample: [] as string[],
    dist: [] as string[],
    choice: [] as string[],
  };
  for (let t = 0; t < trialCount; t++) {
    // Every image with every distractor equally often, so that no half lacks a cell.
    const image = t % images.length;
    const dist = (truth[image] + 1 + (Math.floor(t / images.length) % (OBJECTS - 1))) % OBJECTS;
    const wrong = random.double() < 0.5 * confusion[image * OBJECTS + dist];
    trials.stimulus.push(images[image]);
    trials.sample.push(objects[truth[image]]);
    trials.dist.push(objects[dist]);
    trials.choice.push(objects[wrong ? dist : truth[image]]);
  }
  const probabilities = new Float64Array(images.length * OBJECTS);
  images.forEach((_, i) => {
    const row = objects.map((_, c) =>
      c === truth[i] ? 4 : 0.1 + confusion[i * OBJECTS + c] + random.double(),
    );
    const sum = row.reduce((a, b) => a + b);
    for (let c = 0; c < OBJECTS; c++) probabilities[i * OBJECTS + c] = row[c] / sum;
  });
  return {
    kind: 'i2n',
    arrays: { probabilities: { shape: [images.length, OBJECTS], values: probabilities } },
    rest: { trials, images, choices: objects },
  };
}

/** Writes the arrays into a folder: one raw file each, and manifest.json. */
export function writeArrays(folder: string, { arrays, rest }: Arrays): void {
  const entries = Object.entries(arrays).map(([name, { shape, values }]) => {
    writeFileSync(join(folder, name), values);
    return [name, { shape, dtype: values instanceof Float32Array ? 'float32' : 'float64' }];
  });
  const manifest = { ...rest, arrays: Object.fromEntries(entries) };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
}

/** Reads them back. */
export function readArrays(kind: Arrays['kind'], folder: string): Arrays {
  const { arrays, ...rest } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const read = Object.entries(arrays as Record<string, { shape: number[]; dtype: string }>).map(
    ([name, { shape, dtype }]) => {
      const { buffer, byteOffset, byteLength } = readFileSync(join(folder, name));
      const values =
        dtype === 'float32'
          ? new Float32Array(buffer, byteOffset, byteLength / 4)
          : new Float64Array(buffer, byteOffset, byteLength / 8);
      return [name, { shape, values }];
    },
  );
  return { kind, arrays: Object.fromEntries(read), rest };
}
