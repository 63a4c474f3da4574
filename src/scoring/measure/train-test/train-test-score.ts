import { ascending } from '../../../data/ids.js';
import { explainedVariance } from '../../../metrics/ceiling-normalisation.js';
import { mean, median, nanMedian } from '../../../numerics/statistics/statistics.js';
import type { Benchmark } from '../../benchmark/benchmark.js';
import type { DataSources } from '../../benchmark/data-sources.js';
import { estimated, type ScoreDraws } from '../../draws/score-draws.js';
import type { TestedSets } from '../../recorded/fixed-sets.js';
import {
  type StoredRecordings,
  storedNeuroids,
  storedPresentations,
} from '../../recorded/stored-recordings.js';
import type { Measured } from '../loaded-benchmark.js';
import {
  boundOf,
  type Ceiling,
  ceilingOf,
  neuroidsAt,
  prepareCeiling,
  prepareStoredCeiling,
} from '../neural-ceiling.js';
import { neuralRemarks } from '../neural-remarks.js';
import { averageParts, type Part, scoreParts, standardError } from '../parts.js';
import { ceilingPart, finite, type ScorePart } from '../score.js';
import {
  type DrawnFits,
  type FitCeiling,
  type TrainTestUnits,
  trainTestDraws,
} from './train-test-draws.js';
import type { Fit, Fitted } from './train-test-fit.js';

/** The ceiling of a benchmark, and of each of its fits. */
export interface TrainTestCeiling {
  /** Of all neuroids together, or the mean over files. */
  readonly total: Parameters<typeof ceilingPart>[0];
  /** A value for each fit, with the neuroids behind it where they were measured; null without a ceiling. */
  readonly fits: readonly FitCeiling[] | null;
}

/**
 * The ceilings of fits. Of fits of one file: from the ceiling of all its neuroids, where the reference takes the plain median, so
 * that a neuroid without a number leaves its subject none. Of files: each has its own, and the total is their mean.
 */
export function overallCeiling(
  benchmark: Benchmark,
  { recorded }: TestedSets,
  fits: readonly Fit[],
): TrainTestCeiling {
  const { ceiling, subjectRecordings } = benchmark;
  if (ceiling.name === 'fixed' || ceiling.name === 'none') {
    const total = ceilingOf(benchmark, recorded[0].test);
    return { total, fits: typeof total === 'number' ? fits.map(() => ({ value: total })) : null };
  }
  const whole = new Map<string, Ceiling>();
  const ofFile = (fit: Fit): Ceiling => {
    const key = fileOf(benchmark, fit);
    const found = whole.get(key) ?? ceilingOf(benchmark, testedPresentations(fit));
    whole.set(key, found);
    return found;
  };
  const each = fits.map((fit) => ofFit(benchmark, fit, ofFile(fit)));
  if (each.some((one) => one === null)) return { total: null, fits: null };
  const values = each.flatMap((one) => one ?? []);
  if (!subjectRecordings && !benchmark.split?.folds)
    return { total: ofFile(fits[0]), fits: values };
  const numbers = values.map(({ value }) => value);
  // The folds of a subject share its neuroids: there is nothing to estimate an error from.
  const error = benchmark.split?.folds ? Number.NaN : standardError(numbers);
  return { total: { value: mean(numbers), error, splits: [] }, fits: values };
}

/** Fits with the same name here share a ceiling. */
const fileOf = ({ fitPer }: Benchmark, { column, name }: Fit) =>
  `${column ?? ''} ${fitPer === undefined ? name : ''}`;

function testedPresentations(fit: Fit): StoredRecordings {
  const tested = new Set(fit.test.stimulusIds.map(String));
  return storedPresentations(fit.recorded, (id) => tested.has(String(id)));
}

/** Looks the ceilings of fits up in the cache, or keeps them there. */
export async function prepareCeilings(
  { cache, store }: DataSources,
  benchmark: Benchmark,
  fits: readonly Fit[],
): Promise<void> {
  const files = new Map(fits.toReversed().map((fit) => [fileOf(benchmark, fit), fit]));
  let done = 0;
  for (const fit of files.values()) {
    const tested = testedPresentations(fit);
    if (fit.recorded.values.data) await prepareCeiling(cache, benchmark, tested);
    else
      await prepareStoredCeiling(cache, benchmark, tested, (share) =>
        store.turn((done + share) / (files.size + 1)),
      );
    done++;
  }
}

function ofFit({ fitPer, ceiling }: Benchmark, fit: Fit, whole: Ceiling): FitCeiling | null {
  const bound = boundOf(whole);
  if (bound === null || typeof whole === 'number' || whole === null)
    return bound === null ? null : { value: bound };
  const neuroids = neuroidsAt(whole, fit.recorded.neuroidIds, fit.columns);
  if (fitPer === undefined || !neuroids) return { value: bound, neuroids };
  if (ceiling.name === 'neuroid') {
    const own = ceilingOf({ ceiling }, storedNeuroids(fit.recorded, fit.columns));
    return { value: boundOf(own) ?? Number.NaN, neuroids };
  }
  const { rows, cols, data } = neuroids;
  const medians = Array.from({ length: rows }, (_, i) =>
    plainMedian(data.subarray(i * cols, (i + 1) * cols)),
  );
  return { value: mean(medians), neuroids };
}

/** numpy's median: NaN where any value is. */
const plainMedian = (values: Float64Array) =>
  values.some(Number.isNaN) ? Number.NaN : median(values);

/** The score of fits: of each raw² / ceiling, then the mean over subjects, then over folds. */
export function trainTestScore(
  benchmark: Benchmark,
  fitted: readonly Fitted[],
  ceiling: TrainTestCeiling,
  over: { readonly units: TrainTestUnits; readonly ceilings: DrawnFits['ceilings'] },
  withDetail: boolean,
): Measured {
  const { bootstrap, fitPer, subjectRecordings, split } = benchmark;
  const parts = fitted.map(({ fit, r, alpha }, i): Part => {
    const raw = nanMedian(r);
    const bound = ceiling.fits?.[i].value ?? null;
    const value = bound === null ? raw : explainedVariance(raw, bound);
    return { name: fit.name, raw, ceiling: bound, value, alpha };
  });
  const folds = split?.folds ? foldParts(split.columns, fitted, parts) : parts;
  const average = averageParts(folds, bootstrap);
  // One file's subjects are averaged plainly, files are averaged without those that have no number.
  const raw = fitPer === undefined ? average.raw : mean(parts.map((part) => part.raw));
  const per = split?.folds ? 'fold' : (subjectRecordings?.per ?? fitPer);
  const draws = trainTestDraws(
    {
      fits: fitted.map(({ fit }) => fit),
      values: parts.map((part) => part.value),
      raws: fitted.map((each) => each.draws),
      ceilings: over.ceilings,
    },
    over.units,
  );
  const total = ceilingPart(ceiling.total);
  const bound = total ? (total.value ?? Number.NaN) : null;
  const rawPart: ScorePart = {
    value: finite(raw),
    error: null,
    splits: parts.map((part) => finite(part.raw)),
  };
  return {
    value: finite(average.value),
    error: finite(average.error),
    ...estimated(average.value, draws && withR(draws, fitted), over.units),
    formula: bound === null ? 'raw' : per === undefined ? 'raw^2/ceiling' : 'mean(raw^2/ceiling)',
    errorOf: 'value',
    errorKind: Number.isFinite(average.error) ? `bootstrap over ${per}s` : 'none',
    raw: withDetail ? { ...rawPart, ...neuroidsOf(fitted) } : rawPart,
    ceiling: total,
    ...(per === undefined ? {} : { parts: scoreParts(per, folds) }),
    ...(withDetail ? { splits: splitsOf(fitted) } : {}),
    warnings: [
      ...remarksOf(fitted, parts),
      ...neuralRemarks({ raw, bound, value: average.value }, true, whyNone(parts)),
    ],
  };
}

/** With r of all neuroids, in the order in which they are fitted. */
const withR = (draws: ScoreDraws, fitted: readonly Fitted[]): ScoreDraws => ({
  ...draws,
  observed: { splits: 1, values: Float32Array.from(fitted.flatMap(({ r }) => [...r])) },
});

/** The mean of the subjects of each fold. */
function foldParts(
  columns: readonly string[],
  fitted: readonly Fitted[],
  parts: readonly Part[],
): Part[] {
  return columns.map((column) => {
    const own = averageParts(
      parts.filter((_, i) => fitted[i].fit.column === column),
      undefined,
    );
    return { name: column, value: own.value, raw: own.raw, ceiling: own.ceiling?.value ?? null };
  });
}

function whyNone(parts: readonly Part[]): string {
  const bare = parts.find(({ raw }) => Number.isNaN(raw));
  return bare
    ? `no neuroid of ${bare.name} has a correlation`
    : 'no neuroid has a correlation in the test stimuli';
}

/** What a reader should know of single fits: neuroids without a number, ceilings that are none. */
function remarksOf(fitted: readonly Fitted[], parts: readonly Part[]): Measured['warnings'] {
  return fitted.flatMap(({ fit, r, remarks }, i) => {
    const missing = r.filter(Number.isNaN).length;
    const { ceiling, raw } = parts[i];
    return [
      ...remarks.map(({ code, detail }) => ({ code, detail: `${detail} for ${fit.name}` })),
      ...(missing > 0
        ? [
            {
              code: 'neuroids-dropped',
              detail: `${missing} of ${r.length} of ${fit.name} without a correlation (constant or missing values)`,
            },
          ]
        : []),
      ...(Number.isNaN(ceiling) && Number.isFinite(raw)
        ? [
            {
              code: 'ceiling-undefined',
              detail: `the ceiling of ${fit.name} is undefined, since a neuroid of it has none, and so is the score, as in the reference`,
            },
          ]
        : []),
    ];
  });
}

/** r of all neuroids, in ascending order of neuroid_id. */
function neuroidsOf(fitted: readonly Fitted[]): Pick<ScorePart, 'neuroids' | 'neuroid_ids'> {
  const ids = fitted.flatMap(({ fit }) => fit.test.neuroidIds);
  const r = fitted.flatMap((each) => [...each.r]);
  const order = ascending(ids);
  return { neuroids: [order.map((k) => finite(r[k]))], neuroid_ids: order.map((k) => ids[k]) };
}

/** The stimuli of every fit that has others than the one before. */
function splitsOf(fitted: readonly Fitted[]): NonNullable<Measured['splits']> {
  const distinct = new Map(
    fitted.map(({ fit: { train, test } }) => [
      JSON.stringify([train.stimulusIds, test.stimulusIds]),
      { train: train.stimulusIds, test: test.stimulusIds },
    ]),
  );
  return [...distinct.values()];
}
