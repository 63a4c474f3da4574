import { pickRows } from '../src/metrics/cross-regressed-correlation.js';
import { shuffleSplit } from '../src/metrics/cross-validation.js';
import { meanOfDraws, type TestPredictions } from '../src/metrics/resampling/correlation-draws.js';
import { pooledMedianDraws } from '../src/metrics/resampling/pooled-draws.js';
import { narrowRidgeRegression } from '../src/metrics/ridge.js';
import { type Matrix, matrix } from '../src/numerics/algebra/matrix.js';
import { RandomState } from '../src/numerics/random/random-state.js';
import { pearson } from '../src/numerics/statistics/pearson.js';
import { mean, nanMedian } from '../src/numerics/statistics/statistics.js';
import { type DrawnUnits, drawnUnits } from '../src/scoring/draws/drawn-units.js';
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

/** The same units with the first so many of their draws. */
export function firstDraws(units: DrawnUnits, draws: number): DrawnUnits {
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
  { first: ofNeuroids, second: ofImages, own, fits }: Streams,
): Promise<readonly [Drawn, Drawn]> {
  const neuroids = normal(ofNeuroids, size.neuroids, LATENTS);
  const reliability = ofNeuroids.randomSample(size.neuroids).map((u) => 0.2 + 0.6 * u);
  const shown = (images: RandomState, noise: RandomState): Shown => {
    const latents = normal(images, size.images, LATENTS);
    // What a model sees belongs to the image: where images stay, so does it.
    const seen = normal(images, size.images, LATENTS);
    const y = responses(latents, neuroids, reliability, noise);
    return { x: SEEN.map((_, model) => features(latents, model, seen)), y };
  };
  const tested = shown(ofImages, own);
  const fitted = fits ? shown(fits.second, fits.own) : tested;
  const units = unitsOf(size);
  return [await score(0, fitted, tested, units), await score(1, fitted, tested, units)];
}

/** What each model sees of images, and what neuroids respond. */
interface Shown {
  readonly x: readonly Matrix[];
  readonly y: Matrix;
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

/** Mean over ten splits of the median r, and its draws: fitted to some images, tested on the same or on others in their places. */
async function score(
  model: number,
  fitted: Shown,
  tested: Shown,
  [neuroids, images]: readonly [DrawnUnits, DrawnUnits],
): Promise<Drawn> {
  const { y } = tested;
  const regress = narrowRidgeRegression(stacked(fitted.x[model], tested.x[model]), 1);
  const splits: TestPredictions[] = [];
  const medians: number[] = [];
  const columns = ids(y.cols);
  const columnPlaces = columns.map(neuroids.position);
  for (const { train, test } of splitsOf(y.rows)) {
    const places = { train, test: test.map((row) => y.rows + row) };
    const { values: predicted } = await regress(places, pickRows(fitted.y, train));
    const observed = pickRows(y, test);
    medians.push(nanMedian(columns.map((k) => pearson(column(observed, k), column(predicted, k)))));
    splits.push({
      stimuli: test.map(images.position),
      neuroids: columnPlaces,
      observed,
      predicted,
    });
  }
  const factors = { first: neuroids.draws, second: images.draws };
  const drawn = await pooledMedianDraws(splits, factors, images.places);
  const draws = twoFactorDraws([neuroids, images], meanOfDraws(drawn)) as ScoreDraws;
  return { value: mean(medians), draws };
}

const stacked = ({ rows, cols, data }: Matrix, below: Matrix): Matrix =>
  matrix(rows + below.rows, cols, Float64Array.from([...data, ...below.data]));

const splitsOf = (rows: number) => shuffleSplit(rows, 10, { trainSize: 0.9 }, new RandomState(1));

const column = (of: Matrix, k: number) =>
  Float64Array.from({ length: of.rows }, (_, i) => of.data[i * of.cols + k]);
