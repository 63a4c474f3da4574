import type { Id } from '../../data/ids.js';
import type { Recordings } from '../../data/recordings.js';
import { digestOf } from '../../formats/digest.js';
import { ceilingRatio, explainedVariance } from '../../metrics/ceiling-normalisation.js';
import { averagedHalves, toFullLength } from '../../metrics/internal-consistency.js';
import type { MetricResult, NeuralMetric, SplitPredictions, Target } from '../../metrics/metric.js';
import {
  meanOfDraws,
  medianDraws,
  neuroidDraws,
  type TestPredictions,
} from '../../metrics/resampling/correlation-draws.js';
import { pooledMedianDraws } from '../../metrics/resampling/pooled-draws.js';
import type { TwoFactorDraws } from '../../metrics/resampling/two-factor-draws.js';
import { nanMean } from '../../numerics/statistics/statistics.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { type DrawnUnits, drawnUnits, IMAGE_STEP } from '../draws/drawn-units.js';
import { type ScoreDraws, singleDraws, twoFactorDraws } from '../draws/score-draws.js';
import type { StoredRecordings } from '../recorded/stored-recordings.js';
import type { SplitPart } from './nested.js';
import { boundOf, type Ceiling, type MeasuredCeiling, measuredKey } from './neural-ceiling.js';

/** What is drawn of recordings: neuroids within their animals, images within the classes that splits go by. */
export interface RecordedUnits {
  readonly neuroids: DrawnUnits;
  readonly images: DrawnUnits;
  /** How many animals the neuroids are of, where that is known. */
  readonly animals: number | undefined;
}

/** Values of a matrix of stimuli × neuroids above which its images are not drawn: products of them take 40 bytes each. */
export const MOST_VALUES = 4e6;

/** The splits of a regression, kept until all are predicted and can be drawn; images of very large recordings are not drawn. */
export class DrawnSplits {
  readonly #units: RecordedUnits;
  readonly #splits: TestPredictions[] = [];
  #drawn: Promise<readonly TwoFactorDraws[]> | undefined;

  constructor(units: RecordedUnits) {
    this.#units = units;
  }

  /** Keeps what a split predicted. */
  add({ stimulusIds, neuroidIds, observed, predicted }: SplitPredictions): void {
    const { neuroids, images } = this.#units;
    if (images.count * neuroids.count > MOST_VALUES) return;
    this.#splits.push({
      stimuli: stimulusIds.map(images.position),
      neuroids: neuroidIds.map(neuroids.position),
      observed,
      predicted,
    });
  }

  /** The draws of each split; none where nothing is drawn. */
  each(): Promise<readonly TwoFactorDraws[]> {
    const { neuroids, images } = this.#units;
    const factors = { first: neuroids.draws, second: images.draws };
    this.#drawn ??=
      this.#splits.length > 0
        ? pooledMedianDraws(this.#splits.splice(0), factors, images.places)
        : Promise.resolve([]);
    return this.#drawn;
  }

  /** Their mean; undefined where nothing was drawn. */
  async mean(): Promise<TwoFactorDraws | undefined> {
    const splits = await this.each();
    return splits.length > 0 ? meanOfDraws(splits) : undefined;
  }
}

/** The units of averaged recordings. */
export function recordedUnits({ animals, neuroidIds }: Recordings, target: Target): RecordedUnits {
  const animalOf = animals && new Map(neuroidIds.map((id, k) => [id, animals[k]]));
  return {
    neuroids: drawnUnits(
      'neuroids',
      target.neuroidIds,
      animalOf && target.neuroidIds.map((id) => animalOf.get(id)),
    ),
    images: drawnUnits('images', target.stimulusIds, target.strata ?? target.groups),
    animals: animals && new Set(animals).size,
  };
}

/** How raw and ceiling of a metric become its score. */
export const normaliserOf = ({ normalisation }: NeuralMetric) =>
  normalisation === 'ratio' ? ceilingRatio : explainedVariance;

/** What a score is drawn from. */
interface Drawable {
  readonly units: RecordedUnits;
  readonly splits: DrawnSplits;
  /** The ceiling over the same draws. */
  readonly ceilingOver: () => ReturnType<typeof ceilingDraws>;
}

/**
 * The value over draws of neuroids and images, where the metric has a value for each neuroid; raw and ceiling see the same
 * draw (design §3). Without predictions neuroids alone are drawn, of a metric whose values are of the layer's units these.
 */
export async function scoreDraws(
  metric: NeuralMetric,
  raw: MetricResult,
  ceiling: Ceiling,
  { units: { neuroids, images }, splits, ceilingOver }: Drawable,
): Promise<ScoreDraws | undefined> {
  if (!raw.neuroids) return undefined;
  const measured = typeof ceiling === 'object' ? ceiling?.neuroids : undefined;
  if (measured && !sameIds(measured.ids, raw.neuroids.ids)) return undefined;
  const mean = await splits.mean();
  if (!mean) {
    const units = metric.perNeuroid ? neuroids : drawnUnits('units', raw.neuroids.ids);
    return aloneDraws(metric, meanOf(valueDraws(raw.neuroids, units)), ceiling, units);
  }
  const draws = twoFactorScore(metric, mean, { neuroids, images }, await ceilingOver());
  const { rows, data } = raw.neuroids.values;
  return draws && { ...draws, observed: { splits: rows, values: Float32Array.from(data) } };
}

/** The value over draws of neuroids and images; raw and ceiling see the same draw. */
function twoFactorScore(
  metric: NeuralMetric,
  { both, first, second }: TwoFactorDraws,
  { neuroids, images }: Pick<RecordedUnits, 'neuroids' | 'images'>,
  bounds: Awaited<ReturnType<typeof ceilingDraws>>,
): ScoreDraws | undefined {
  const normalise = normaliserOf(metric);
  const values = (of: keyof TwoFactorDraws) => (r: number, draw: number) =>
    bounds === null ? r : normalise(r, typeof bounds === 'number' ? bounds : bounds[of][draw]);
  return twoFactorDraws([neuroids, images], {
    both: both.map(values('both')),
    first: first.map(values('first')),
    second: second.map(values('second')),
  });
}

/** The value over draws of one factor, from raw values over them. */
function aloneDraws(
  metric: NeuralMetric,
  raws: Float64Array,
  ceiling: Ceiling,
  units: DrawnUnits,
): ScoreDraws | undefined {
  const normalise = normaliserOf(metric);
  const measured = typeof ceiling === 'object' ? ceiling?.neuroids : undefined;
  const limits = metric.perNeuroid && measured ? meanOf(valueDraws(measured, units)) : undefined;
  const bound = boundOf(ceiling);
  const value = (r: number, draw: number) =>
    bound === null ? r : normalise(r, limits?.[draw] ?? bound);
  return singleDraws(units, raws.map(value));
}

/** What a layer gives in each split; without draws where those of several layers cannot be put together. */
export async function splitParts(
  metric: NeuralMetric,
  { splits: medians, neuroids: own }: MetricResult,
  splits: DrawnSplits,
  { neuroids }: RecordedUnits,
): Promise<SplitPart[]> {
  const drawn = await splits.each();
  // Units of a layer are drawn for that layer alone.
  const alone = metric.perNeuroid && own ? valueDraws(own, neuroids) : [];
  return medians.map((value, s) => {
    const both = drawn[s];
    const draws = both ? [both.both, both.first, both.second] : alone.slice(s, s + 1);
    return { values: [value], draws: metric.perNeuroid ? draws : [] };
  });
}

/** The value over draws, from what the layer of each split gives. */
export async function nestedDraws(
  metric: NeuralMetric,
  parts: readonly SplitPart[],
  ceiling: Ceiling,
  { units, ceilingOver }: Omit<Drawable, 'splits'>,
): Promise<ScoreDraws | undefined> {
  const splits = parts.map(({ draws }) => draws);
  if (splits.some(({ length }) => length === 0)) return undefined;
  if (splits.some(({ length }) => length < 3))
    return aloneDraws(metric, meanOf(splits.map(([draws]) => draws)), ceiling, units.neuroids);
  const mean = meanOfDraws(splits.map(([both, first, second]) => ({ both, first, second })));
  return twoFactorScore(metric, mean, units, await ceilingOver());
}

/** Median of values that are there, over draws of what they are of, by split. */
function valueDraws(
  { ids, values }: NonNullable<MetricResult['neuroids']>,
  { draws, position }: DrawnUnits,
): Float64Array[] {
  const places = ids.map(position);
  return Array.from({ length: values.rows }, (_, s) =>
    neuroidDraws(values.data.subarray(s * values.cols, (s + 1) * values.cols), places, draws),
  );
}

const meanOf = (splits: readonly Float64Array[]): Float64Array =>
  splits[0].map((_, r) => nanMean(splits.map((split) => split[r])));

const sameIds = (a: readonly Id[], b: readonly Id[]) =>
  a.length === b.length && a.every((id, i) => id === b[i]);

/** Ceilings over draws that a process holds, of 24 kB each. */
const MOST_DRAWN = 64;
const drawnCeilings = new Map<string, Promise<TwoFactorDraws>>();

/**
 * A ceiling over draws of neuroids and images. Halves of the repetitions are correlated anew over the images of each draw; what
 * is published of a neuroid follows the neuroids alone.
 */
export async function ceilingDraws(
  { ceiling: choice }: Pick<Benchmark, 'ceiling'>,
  recordings: Recordings | StoredRecordings,
  ceiling: Pick<MetricResult, 'value' | 'neuroids'> | number | null,
  [neuroids, images]: readonly [DrawnUnits, DrawnUnits],
): Promise<TwoFactorDraws | number | null> {
  if (ceiling === null || typeof ceiling === 'number') return ceiling;
  const large = images.count * recordings.neuroidIds.length > MOST_VALUES;
  if (choice.name !== 'internal-consistency' || large)
    return ceiling.neuroids ? publishedDraws(ceiling, ceiling.neuroids, neuroids) : ceiling.value;
  const key = digestOf([measuredKey(choice, recordings), neuroids.digest, images.digest]);
  const known = drawnCeilings.get(key) ?? drawnHalves(choice, recordings, [neuroids, images]);
  drawnCeilings.delete(key);
  drawnCeilings.set(key, known);
  if (drawnCeilings.size > MOST_DRAWN)
    drawnCeilings.delete(drawnCeilings.keys().next().value as string);
  return known;
}

async function drawnHalves(
  { splits, seed }: MeasuredCeiling,
  recordings: Recordings | StoredRecordings,
  [neuroids, images]: readonly [DrawnUnits, DrawnUnits],
): Promise<TwoFactorDraws> {
  const factors = { first: neuroids.draws, second: images.draws };
  const places = recordings.neuroidIds.map(neuroids.position);
  const drawn: TwoFactorDraws[] = [];
  for (const { stimulusIds, first, second } of averagedHalves(recordings, { splits, seed })) {
    const halves = { observed: second, predicted: first };
    const stimuli = stimulusIds.map(images.position);
    const how = { corrected: toFullLength, step: IMAGE_STEP };
    drawn.push(await medianDraws({ ...halves, stimuli, neuroids: places }, factors, how));
  }
  return meanOfDraws(drawn);
}

/** @param neuroids of the ceiling: split × neuroid */
function publishedDraws(
  { value }: Pick<MetricResult, 'value'>,
  { ids, values }: NonNullable<MetricResult['neuroids']>,
  { draws, position }: DrawnUnits,
): TwoFactorDraws {
  const places = ids.map(position);
  const second = new Float64Array(draws.draws).fill(value);
  const splits = Array.from({ length: values.rows }, (_, s) => {
    const row = values.data.subarray(s * values.cols, (s + 1) * values.cols);
    const first = neuroidDraws(row, places, draws);
    return { both: first, first, second };
  });
  return meanOfDraws(splits);
}
