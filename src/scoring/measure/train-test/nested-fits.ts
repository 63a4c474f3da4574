import { matrixOf } from '../../../data/stored/recorded-values.js';
import { explainedVariance } from '../../../metrics/ceiling-normalisation.js';
import { correlate, pickRows } from '../../../metrics/cross-regressed-correlation.js';
import { benchmarkSplits } from '../../../metrics/cross-validation.js';
import type { Regress } from '../../../metrics/metric.js';
import { nanMean, nanMedian } from '../../../numerics/statistics/statistics.js';
import type { Benchmark } from '../../benchmark/benchmark.js';
import { INNER_SPLITS, innerCrossValidation, type SplitPart } from '../nested.js';
import { averageParts } from '../parts.js';
import type { FitCeiling } from './train-test-draws.js';
import type { Fit, Fitted } from './train-test-fit.js';

/** The columns of the split table, each a split with a layer of its own; one where there is no table. */
const columnsOf = (fits: readonly Fit[]) => [...new Set(fits.map(({ column }) => column))];

/** Median r over neuroids within the training stimuli of fits of one column: by fit, by inner split. */
async function innerMedians(
  { crossValidation }: Benchmark,
  fits: readonly Fit[],
  split: number,
  regress: Regress,
): Promise<number[][]> {
  const sides = fits.map(({ train }) => {
    const of = train.stimulusIds.length;
    return benchmarkSplits(
      of,
      undefined,
      innerCrossValidation({}, crossValidation, { split, of }),
    ).map(({ train: fitted, test }) => ({ fitted: ascended(fitted), tested: ascended(test) }));
  });
  const medians = fits.map((): number[] => []);
  // Subjects that saw the same stimuli share what is computed of features.
  for (let s = 0; s < INNER_SPLITS; s++)
    for (const [i, { fold, train }] of fits.entries()) {
      const { fitted, tested } = sides[i][s];
      const [own, other] = [fitted, tested].map((rows) => rows.map((row) => fold.train[row]));
      const targets = matrixOf(train.values);
      const { values } = await regress({ train: own, test: other }, pickRows(targets, fitted));
      medians[i].push(nanMedian(correlate(pickRows(targets, tested), values)));
    }
  return medians;
}

const ascended = (rows: readonly number[]) => rows.toSorted((a, b) => a - b);

/**
 * The value of a layer within the training stimuli of each column: raw of a fit is the mean over inner splits of the median r over
 * neuroids, and the rest is as in the score itself.
 */
export async function innerFits(
  benchmark: Benchmark,
  fits: readonly Fit[],
  ceilings: readonly FitCeiling[] | null,
  regress: Regress,
): Promise<number[]> {
  const values: number[] = [];
  for (const [split, column] of columnsOf(fits).entries()) {
    const own = fits.flatMap((fit, i) => (fit.column === column ? [i] : []));
    const ofColumn = own.map((i) => fits[i]);
    const medians = await innerMedians(benchmark, ofColumn, split, regress);
    const parts = own.map((i, at) => {
      const [raw, ceiling] = [nanMean(medians[at]), ceilings?.[i].value ?? null];
      return { raw, ceiling, value: ceiling === null ? raw : explainedVariance(raw, ceiling) };
    });
    values.push(averageParts(parts, undefined).value);
  }
  return values;
}

/** What a layer gives in each column: of every fit its median r, and that over draws. */
export const fittedParts = (fitted: readonly Fitted[]): SplitPart[] =>
  columnsOf(fitted.map(({ fit }) => fit)).map((column) => {
    const own = fitted.filter(({ fit }) => fit.column === column);
    return {
      values: own.map(({ r }) => nanMedian(r)),
      draws: own.flatMap(({ draws: { both, first, second } }) => [both, first, second]),
    };
  });

/** The fits of columns that each have a layer of their own, as far as a score needs them. */
export function fittedOf(fits: readonly Fit[], parts: readonly SplitPart[]): Fitted[] {
  const columns = columnsOf(fits);
  const next = columns.map(() => 0);
  return fits.map((fit) => {
    const at = columns.indexOf(fit.column);
    const { values, draws } = parts[at];
    const i = next[at]++;
    const [both, first, second] = draws.slice(3 * i, 3 * i + 3);
    return {
      fit,
      r: Float64Array.of(values[i]),
      draws: { both, first, second },
      alpha: undefined,
      remarks: [],
    };
  });
}
