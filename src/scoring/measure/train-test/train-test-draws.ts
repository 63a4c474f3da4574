import type { Id } from '../../../data/ids.js';
import { matrixOf } from '../../../data/stored/recorded-values.js';
import { explainedVariance } from '../../../metrics/ceiling-normalisation.js';
import { correlate } from '../../../metrics/cross-regressed-correlation.js';
import { medianDraws, neuroidDraws } from '../../../metrics/resampling/correlation-draws.js';
import type { TwoFactorDraws } from '../../../metrics/resampling/two-factor-draws.js';
import type { Matrix } from '../../../numerics/algebra/matrix.js';
import { nanMedian } from '../../../numerics/statistics/statistics.js';
import type { Benchmark } from '../../benchmark/benchmark.js';
import {
  type DrawnUnits,
  drawnUnits,
  IMAGE_STEP,
  LEAST_SUBJECTS,
} from '../../draws/drawn-units.js';
import { type ScoreDraws, singleDraws, twoFactorDraws } from '../../draws/score-draws.js';
import {
  inMemory,
  type StoredRecordings,
  storedNeuroids,
  storedPresentations,
} from '../../recorded/stored-recordings.js';
import { ceilingDraws, MOST_VALUES } from '../neural-draws.js';
import type { Fit } from './train-test-fit.js';

/** What is drawn of fits: the test images, and neuroids within each subject, or the subjects where there are enough. */
export interface TrainTestUnits {
  readonly images: DrawnUnits;
  /** Whether images are drawn; not those of very large recordings. */
  readonly imagesToo: boolean;
  readonly neuroids: DrawnUnits;
  readonly subjects: DrawnUnits | undefined;
  /** How many subjects or animals the neuroids are of, where that is known and they are not drawn. */
  readonly animals: number | undefined;
}

/** The units of fits. */
export function trainTestUnits(
  { fitPer, subjectRecordings }: Benchmark,
  fits: readonly Fit[],
): TrainTestUnits {
  const names = [...new Set(fits.map(({ name }) => name))];
  const ofNeuroids = fits.flatMap((fit) =>
    fit.test.neuroidIds.map((id, k) => ({
      id: neuroidName(fit, id),
      group: JSON.stringify([fit.name, fit.recorded.animals?.[fit.columns[k]]]),
    })),
  );
  const apart = fitPer !== undefined || subjectRecordings !== undefined;
  const many = apart && names.length >= LEAST_SUBJECTS;
  const known = apart || fits.every(({ recorded }) => recorded.animals !== undefined);
  return {
    imagesToo: fits.every(({ test }) => test.values.rows * test.values.cols <= MOST_VALUES),
    images: drawnUnits(
      'images',
      fits.flatMap(({ test }) => test.stimulusIds),
    ),
    neuroids: drawnUnits(
      'neuroids',
      ofNeuroids.map(({ id }) => id),
      ofNeuroids.map(({ group }) => group),
    ),
    subjects: many ? drawnUnits('subjects', names) : undefined,
    animals: known && !many ? new Set(ofNeuroids.map(({ group }) => group)).size : undefined,
  };
}

/** Neuroids of different subjects may have one id. */
const neuroidName = ({ name }: Pick<Fit, 'name'>, id: Id) => `${name} ${id}`;

/** The neuroids as a fit calls them. */
const neuroidsOf = (fit: Pick<Fit, 'name'>, { neuroids }: TrainTestUnits): DrawnUnits => ({
  ...neuroids,
  position: (id) => neuroids.position(neuroidName(fit, id)),
});

/** Median r of a fit over draws of its neuroids and images. */
export async function fitDraws(
  fit: Fit,
  predicted: Matrix,
  units: TrainTestUnits,
): Promise<TwoFactorDraws> {
  const { stimulusIds, neuroidIds, values } = fit.test;
  const observed = matrixOf(values);
  const { images } = units;
  const neuroids = neuroidsOf(fit, units);
  if (!units.imagesToo) {
    const r = correlate(observed, predicted);
    const first = neuroidDraws(r, neuroidIds.map(neuroids.position), neuroids.draws);
    return { both: first, first, second: first.map(() => nanMedian(r)) };
  }
  return medianDraws(
    {
      stimuli: stimulusIds.map(images.position),
      neuroids: neuroidIds.map(neuroids.position),
      observed,
      predicted,
    },
    { first: neuroids.draws, second: images.draws },
    { step: IMAGE_STEP },
  );
}

/** The ceiling of a fit, with the neuroids behind it where they were measured. */
export interface FitCeiling {
  readonly value: number;
  /** Split × neuroid. */
  readonly neuroids?: Matrix | undefined;
}

/** The ceilings of fits over the same draws; null without ceilings. */
export async function fitCeilingDraws(
  benchmark: Benchmark,
  fits: readonly Fit[],
  ceilings: readonly FitCeiling[] | null,
  units: TrainTestUnits,
  { fitted, told = async () => {} }: CeilingRoom = {},
): Promise<readonly (TwoFactorDraws | number)[] | null> {
  if (!ceilings) return null;
  const drawn: (TwoFactorDraws | number)[] = [];
  for (const [i, fit] of fits.entries()) {
    const { value, neuroids } = ceilings[i];
    const tested = new Set(fit.test.stimulusIds.map(String));
    const recorded = near(
      storedNeuroids(
        storedPresentations(fit.recorded, (id) => tested.has(String(id))),
        fit.columns,
      ),
      fitted,
    );
    const own = neuroids && { value, neuroids: { ids: fit.test.neuroidIds, values: neuroids } };
    const factors = [neuroidsOf(fit, units), units.images] as const;
    drawn.push((await ceilingDraws(benchmark, recorded, own ?? value, factors)) ?? value);
    await told((i + 1) / fits.length);
  }
  return drawn;
}

/** What ceilings over draws may take. */
export interface CeilingRoom {
  /** Bytes that the repetitions of one fit may take in memory; they are read there once in place of many times. */
  readonly fitted?: number;
  /** Told the share of the fits that are done. */
  readonly told?: (share: number) => Promise<void>;
}

function near(recordings: StoredRecordings, bytes = Number.POSITIVE_INFINITY) {
  const { rows, cols } = recordings.values;
  return 8 * rows * cols <= bytes ? inMemory(recordings) : recordings;
}

/** Fits over draws: their median r, and their ceilings. */
export interface DrawnFits {
  readonly fits: readonly Fit[];
  /** Of each what it scores, undrawn. */
  readonly values: readonly number[];
  readonly raws: readonly TwoFactorDraws[];
  readonly ceilings: readonly (TwoFactorDraws | number)[] | null;
}

/** The score of fits over draws: the mean over subjects, then over folds, of raw² / ceiling. */
export function trainTestDraws(
  { fits, values, raws, ceilings }: DrawnFits,
  { images, imagesToo, neuroids, subjects }: TrainTestUnits,
): ScoreDraws | undefined {
  const folds = [...new Set(fits.map(({ column }) => column))].map((column) =>
    fits.flatMap((fit, i) => (fit.column === column ? [i] : [])),
  );
  const scoreOf = (i: number, of: keyof TwoFactorDraws, draw: number) => {
    const raw = raws[i][of][draw];
    const bound = ceilings?.[i];
    if (bound === undefined) return raw;
    return explainedVariance(raw, typeof bound === 'number' ? bound : bound[of][draw]);
  };
  const mean = (value: (i: number) => number, weight: (i: number) => number) => {
    let sum = 0;
    for (const members of folds) {
      let [total, weights] = [0, 0];
      for (const i of members) {
        const times = weight(i);
        if (times === 0) continue;
        total += times * value(i);
        weights += times;
      }
      sum += total / weights;
    }
    return sum / folds.length;
  };
  const each = (of: keyof TwoFactorDraws) =>
    Float64Array.from({ length: images.draws.draws }, (_, draw) =>
      mean(
        (i) => scoreOf(i, of, draw),
        () => 1,
      ),
    );
  const second = each('second');
  if (!subjects && !imagesToo) return singleDraws(neuroids, each('first'));
  if (!subjects)
    return twoFactorDraws([neuroids, images], { both: each('both'), first: each('first'), second });
  const places = fits.map(({ name }) => subjects.position(name));
  const [both, first] = [second, second].map(({ length }) => new Float64Array(length));
  let draw = 0;
  for (const times of subjects.draws) {
    const weight = (i: number) => times[places[i]];
    both[draw] = mean((i) => scoreOf(i, 'second', draw), weight);
    first[draw] = mean((i) => values[i], weight);
    draw++;
  }
  return imagesToo
    ? twoFactorDraws([subjects, images], { both, first, second })
    : singleDraws(subjects, first);
}
