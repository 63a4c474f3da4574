import { pickRows } from '../src/metrics/cross-regressed-correlation.js';
import { shuffleSplit } from '../src/metrics/cross-validation.js';
import { meanOfDraws, medianDraws } from '../src/metrics/resampling/correlation-draws.js';
import { narrowRidgeRegression } from '../src/metrics/ridge.js';
import { type Matrix, matrix } from '../src/numerics/algebra/matrix.js';
import { RandomState } from '../src/numerics/random/random-state.js';
import { pearson } from '../src/numerics/statistics/pearson.js';
import { mean, nanMedian } from '../src/numerics/statistics/statistics.js';
import { type DrawnUnits, drawnUnits, IMAGE_STEP } from '../src/scoring/draws/drawn-units.js';
import { type ScoreDraws, twoFactorDraws } from '../src/scoring/draws/score-draws.js';
import type { Drawn, Streams } from './coverage-counts.js';

/** Images × neuroids. */
export interface RecordingSize {
  readonly images: number;
  readonly neuroids: number;
  /** The first so many of the product's. */
  readonly draws: number;
}

const LATENTS = 40;
/** What each model sees of them. */
const SEEN = [
  [0, 30],
  [10, 40],
] as const;
const NOISE = 0.3;

const ids = (count: number) => Array.from({ length: count }, (_, i) => i);

const normal = (random: RandomState, rows: number, cols: number): Matrix =>
  matrix(rows, cols, Float64Array.from(random.standardNormal(rows * cols)));

/** Units are named by their place: every experiment of a size gets the same draws, as every model of a benchmark does. */
const known = new Map<string, readonly [DrawnUnits, DrawnUnits]>();

function unitsOf({ images, neuroids, draws }: RecordingSize): readonly [DrawnUnits, DrawnUnits] {
  const key = `${images} ${neuroids}`;
  const units = known.get(key) ?? [
    firstDraws(drawnUnits('neuroids', ids(neuroids)), draws),
    firstDraws(drawnUnits('images', ids(images)), draws),
  ];
  known.set(key, units);
  return units;
}

function firstDraws(units: DrawnUnits, draws: number): DrawnUnits {
  const times = Array.from(units.draws, (each) => each.slice()).slice(0, draws);
  const first = {
    draws: times.length,
    units: units.count,
    [Symbol.iterator]: () => times.values(),
  };
  return { ...units, draws: first };
}

/**
 * Scores of two models in one experiment. Images share latent causes, neuroids read them out, each with a reliability of its own
 * from 0.2 to 0.8; each model sees other causes. Ridge regression stands for PLS; the draws are those of the product.
 */
export async function recordingExperiment(
  size: RecordingSize,
  { first: ofNeuroids, second: ofImages, own }: Streams,
): Promise<readonly [Drawn, Drawn]> {
  const images = normal(ofImages, size.images, LATENTS);
  const neuroids = normal(ofNeuroids, size.neuroids, LATENTS);
  const reliability = ofNeuroids.randomSample(size.neuroids).map((u) => 0.2 + 0.6 * u);
  // What a model sees belongs to the image: where images stay, so does it.
  const noise = normal(ofImages, size.images, LATENTS);
  const y = responses(images, neuroids, reliability, own);
  const units = unitsOf(size);
  return [
    await score(features(images, 0, noise), y, units),
    await score(features(images, 1, noise), y, units),
  ];
}

function responses(
  images: Matrix,
  neuroids: Matrix,
  reliability: Float64Array,
  random: RandomState,
): Matrix {
  const made = normal(random, images.rows, neuroids.rows);
  for (let i = 0; i < images.rows; i++) {
    for (let k = 0; k < neuroids.rows; k++) {
      let drive = 0;
      for (let l = 0; l < LATENTS; l++)
        drive += images.data[i * LATENTS + l] * neuroids.data[k * LATENTS + l];
      const at = i * neuroids.rows + k;
      const share = reliability[k];
      made.data[at] =
        (Math.sqrt(share) * drive) / Math.sqrt(LATENTS) + Math.sqrt(1 - share) * made.data[at];
    }
  }
  return made;
}

function features(images: Matrix, model: number, noise: Matrix): Matrix {
  const [from, to] = SEEN[model];
  const made = matrix(images.rows, to - from);
  for (let i = 0; i < images.rows; i++)
    for (let l = from; l < to; l++)
      made.data[i * (to - from) + l - from] =
        images.data[i * LATENTS + l] + NOISE * noise.data[i * LATENTS + l];
  return made;
}

/** Mean over ten splits of the median r, and its draws. */
async function score(
  x: Matrix,
  y: Matrix,
  [neuroids, images]: readonly [DrawnUnits, DrawnUnits],
): Promise<Drawn> {
  const regress = narrowRidgeRegression(x, 1);
  const drawn = [];
  const medians: number[] = [];
  const columns = ids(y.cols);
  const places = columns.map(neuroids.position);
  for (const { train, test } of splitsOf(y.rows)) {
    const { values: predicted } = await regress({ train, test }, pickRows(y, train));
    const observed = pickRows(y, test);
    medians.push(nanMedian(columns.map((k) => pearson(column(observed, k), column(predicted, k)))));
    drawn.push(
      await medianDraws(
        { stimuli: test.map(images.position), neuroids: places, observed, predicted },
        { first: neuroids.draws, second: images.draws },
        { step: IMAGE_STEP },
      ),
    );
  }
  const draws = twoFactorDraws([neuroids, images], meanOfDraws(drawn)) as ScoreDraws;
  return { value: mean(medians), draws };
}

const splitsOf = (rows: number) => shuffleSplit(rows, 10, { trainSize: 0.9 }, new RandomState(1));

const column = (of: Matrix, k: number) =>
  Float64Array.from({ length: of.rows }, (_, i) => of.data[i * of.cols + k]);
