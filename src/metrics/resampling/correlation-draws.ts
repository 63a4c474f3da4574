import { matmul } from '../../numerics/algebra/gemm.js';
import { type Matrix, matrix } from '../../numerics/algebra/matrix.js';
import { FLAT } from '../../numerics/algebra/simd-module.js';
import { standardised } from '../../numerics/statistics/pearson.js';
import { nanMean } from '../../numerics/statistics/statistics.js';
import { copiedMedian } from './copied-median.js';
import { medianOf, medianOfKnown } from './select.js';
import type { DrawnFactors, Draws, Times, TwoFactorDraws } from './two-factor-draws.js';

/** Predictions for the test stimuli of a split; they stay as they are in every draw. */
export interface TestPredictions {
  /** Position of each row among the stimuli that are drawn. */
  readonly stimuli: ArrayLike<number>;
  /** Position of each column among the neuroids that are drawn. */
  readonly neuroids: ArrayLike<number>;
  /** Test stimulus × neuroid. */
  readonly observed: Matrix;
  readonly predicted: Matrix;
}

/** What becomes of each r before the median. */
export type Correction = (r: number) => number;

const asItIs: Correction = (r) => r;

/** Values of the products of one block of draws. */
const BLOCK = 2 ** 21;

/**
 * Median over neuroids of Pearson's r over draws of neuroids (first factor) and stimuli (second). A drawn stimulus counts as
 * often as it was drawn, where it is among the rows. r is NaN, and not in the median, where fewer than two of them are drawn
 * or none that vary.
 * @param step how far a draw of stimuli goes from the sample: each counts 1 + step · (times − 1), and what that changes is divided
 *   by the step. 1 is the bootstrap. A test set of a few stimuli has too few distinct ones in a bootstrap, whose r vary more than
 *   those of new stimuli
 */
export async function medianDraws(
  tested: TestPredictions,
  { first, second }: DrawnFactors,
  {
    corrected = asItIs,
    step = 1,
  }: { readonly corrected?: Correction; readonly step?: number } = {},
): Promise<TwoFactorDraws> {
  const { stimuli, observed } = tested;
  const { rows, cols } = observed;
  const products = productsOf(tested);
  const median = medianUnder(tested.neuroids);
  const whole = wholeCorrelations(products).map((each) => corrected(each));
  const alone = neuroidDraws(whole, tested.neuroids, first);
  const undrawn = medianOfKnown(whole);
  const away = (drawn: number, from: number) => (step === 1 ? drawn : from + (drawn - from) / step);
  const draws = { both: new Float64Array(second.draws), second: new Float64Array(second.draws) };
  const neuroids = first[Symbol.iterator]();
  const most = Math.floor(BLOCK / Math.max(1, products.cols));
  const block = Math.max(1, Math.min(second.draws, most));
  const weights = matrix(block, rows);
  const r = new Float64Array(cols);
  let [done, filled] = [0, 0];
  const finish = async () => {
    const drawn = matrix(filled, rows, weights.data.slice(0, filled * rows));
    const sums = await matmul(drawn, products);
    for (let k = 0; k < filled; k++, done++) {
      correlations(drawn, sums, k, r);
      for (let c = 0; c < cols; c++) r[c] = corrected(r[c]);
      draws.second[done] = away(medianOfKnown(r), undrawn);
      draws.both[done] = away(median(r, neuroids.next().value), alone[done]);
    }
    filled = 0;
  };
  for (const times of second) {
    for (let i = 0; i < rows; i++)
      weights.data[filled * rows + i] = 1 + step * (times[stimuli[i]] - 1);
    if (++filled === block) await finish();
  }
  if (filled > 0) await finish();
  return { ...draws, first: alone };
}

/**
 * Median of values of neuroids over draws of them; NaN is left out.
 * @param interpolated as `copiedMedian` does it
 */
export function neuroidDraws(
  values: Float64Array,
  neuroids: ArrayLike<number>,
  draws: Draws,
  interpolated = false,
): Float64Array {
  const median = copiedMedian(values, neuroids, interpolated);
  const medians = new Float64Array(draws.draws);
  let draw = 0;
  for (const times of draws) medians[draw++] = median(times);
  return medians;
}

/** Mean over splits of each draw; NaN is skipped. */
export function meanOfDraws(splits: readonly TwoFactorDraws[]): TwoFactorDraws {
  const mean = (of: (split: TwoFactorDraws) => Float64Array) =>
    of(splits[0]).map((_, r) => nanMean(splits.map((split) => of(split)[r])));
  return {
    both: mean(({ both }) => both),
    first: mean(({ first }) => first),
    second: mean(({ second }) => second),
  };
}

/** The median over neuroids, each as often as it was drawn; NaN is left out. */
function medianUnder(neuroids: ArrayLike<number>): (r: Float64Array, times: Times) => number {
  let taken = new Float64Array(neuroids.length);
  return (r, times) => {
    let n = 0;
    for (let c = 0; c < r.length; c++) {
      if (Number.isNaN(r[c])) continue;
      const count = times[neuroids[c]];
      if (n + count > taken.length) {
        const longer = new Float64Array(2 * (n + count));
        longer.set(taken);
        taken = longer;
      }
      for (let k = 0; k < count; k++) taken[n++] = r[c];
    }
    return medianOf(taken, n);
  };
}

/** Test stimulus × [y, p, y², p², yp], each column of y and p of mean 0 and length 1; NaN where one is constant. */
function productsOf({ observed, predicted }: TestPredictions): Matrix {
  const { rows, cols } = observed;
  const products = matrix(rows, 5 * cols);
  for (let c = 0; c < cols; c++) {
    const [y, p] = [observed, predicted].map((of) => standardised(column(of, c)));
    for (let i = 0; i < rows; i++) {
      const [a, b] = [y?.[i] ?? Number.NaN, p?.[i] ?? Number.NaN];
      const at = i * 5 * cols + c;
      products.data[at] = a;
      products.data[at + cols] = b;
      products.data[at + 2 * cols] = a * a;
      products.data[at + 3 * cols] = b * b;
      products.data[at + 4 * cols] = a * b;
    }
  }
  return products;
}

const column = ({ rows, cols, data }: Matrix, c: number) =>
  Float64Array.from({ length: rows }, (_, i) => data[i * cols + c]);

/** r of every stimulus once: the sum of yp. */
function wholeCorrelations({ rows, cols, data }: Matrix): Float64Array {
  const width = cols / 5;
  return Float64Array.from({ length: width }, (_, c) => {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += data[i * cols + 4 * width + c];
    return Math.max(-1, Math.min(1, sum));
  });
}

/** Writes r of one draw of a block, from its weighted sums. */
function correlations(weights: Matrix, sums: Matrix, draw: number, r: Float64Array): void {
  let [total, distinct] = [0, 0];
  for (let i = 0; i < weights.cols; i++) {
    const weight = weights.data[draw * weights.cols + i];
    total += weight;
    if (weight > 0) distinct++;
  }
  if (distinct < 2) {
    r.fill(Number.NaN);
    return;
  }
  const at = draw * sums.cols;
  correlationsOf(sums.data.subarray(at, at + sums.cols), total, r);
}

/** Writes r from weighted sums of products; NaN where either side does not vary. */
export function correlationsOf(sums: Float64Array, total: number, r: Float64Array): void {
  const { length } = r;
  for (let c = 0; c < length; c++) {
    const [y, p] = [sums[c], sums[length + c]];
    const [squaresY, squaresP] = [sums[2 * length + c], sums[3 * length + c]];
    const [varY, varP] = [squaresY - (y * y) / total, squaresP - (p * p) / total];
    const cross = sums[4 * length + c] - (y * p) / total;
    const flat = varY <= FLAT * squaresY || varP <= FLAT * squaresP;
    r[c] = flat ? Number.NaN : Math.max(-1, Math.min(1, cross / Math.sqrt(varY * varP)));
  }
}
