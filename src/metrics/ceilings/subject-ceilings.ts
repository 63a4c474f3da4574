import { type Matrix, matrix } from '../../numerics/algebra/matrix.js';
import { stdDdof1 } from '../../numerics/statistics/bootstrap-error.js';
import { mean } from '../../numerics/statistics/statistics.js';
import type { Compare, MetricResult } from '../metric.js';

/**
 * Ceilings of metrics that compare stimulus × stimulus matrices subject by subject (spec §1.10): what a subject has in common
 * with the others. Rows of all matrices are the same stimuli in the same order.
 */

/** A ceiling that subjects give each other. */
export type SubjectCeiling = 'nili-upper' | 'leave-one-out' | 'between-subjects';

const ceilings: Readonly<
  Record<SubjectCeiling, (subjects: readonly Matrix[], compare: Compare) => MetricResult>
> = {
  'nili-upper': (subjects, compare) => {
    const all = meanMatrix(subjects);
    return meanOver(subjects.map((own) => compare(own, all)));
  },
  'leave-one-out': (subjects, compare) =>
    meanOver(
      subjects.map((own) =>
        subjects.length < 2
          ? Number.NaN
          : compare(own, meanMatrix(subjects.filter((other) => other !== own))),
      ),
    ),
  'between-subjects': (subjects, compare) => {
    const pairs = subjects.flatMap((a, i) => subjects.slice(i + 1).map((b) => compare(a, b)));
    const error = stdDdof1(pairs) / Math.sqrt(pairs.length);
    return { ...meanOver(pairs), error, errorKind: 'sem over pairs of subjects' };
  },
};

/**
 * `nili-upper`: mean over subjects of the likeness to the mean of all, own included (Nili et al. 2014), which no model
 * exceeds but by sampling. `leave-one-out`: to the mean of the others. `between-subjects`: mean over pairs.
 */
export const subjectCeiling = (
  name: SubjectCeiling,
  subjects: readonly Matrix[],
  compare: Compare,
): MetricResult => ceilings[name](subjects, compare);

function meanOver(values: readonly number[]): MetricResult {
  const value = values.length > 0 ? mean(values) : Number.NaN;
  return { value, error: Number.NaN, errorKind: 'none', splits: values, warnings: [] };
}

function meanMatrix(matrices: readonly Matrix[]): Matrix {
  const { rows, cols } = matrices[0];
  const sum = matrix(rows, cols);
  for (let row = 0; row < rows; row++) addRow(sum, matrices, row);
  return sum;
}

/** Row by row, since the sums of one stay in the fastest cache. */
function addRow({ cols, data: sum }: Matrix, matrices: readonly Matrix[], row: number): void {
  const [from, to] = [row * cols, (row + 1) * cols];
  for (const { data } of matrices) for (let i = from; i < to; i++) sum[i] += data[i];
  for (let i = from; i < to; i++) sum[i] /= matrices.length;
}
