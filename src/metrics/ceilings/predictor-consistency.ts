import { ascending, type Id } from '../../data/ids.js';
import type { Recordings } from '../../data/recordings.js';
import { Pcg64 } from '../../numerics/random/pcg64.js';
import { stdDdof0 } from '../../numerics/statistics/statistics.js';
import { aggregateSplits } from '../aggregate.js';
import type { RepeatedRecordings } from '../internal-consistency.js';
import type { MetricResult } from '../metric.js';

/**
 * The ceiling of `reverse-pls` (spec §1.10): how alike the predictors are in two halves of their repetitions, drawn for each
 * image apart (SplitHalfPredictorConsistency of the reference, numpy's PCG64).
 */

/** Images below which a split has no value. */
const LEAST_IMAGES = 10;

export interface PredictorOptions {
  readonly splits?: number;
  readonly seed?: number;
}

/** The repetition numbers of both halves of an image. */
interface ImageHalves {
  readonly image: Id;
  readonly first: ReadonlySet<number>;
  readonly second: ReadonlySet<number>;
}

/**
 * The halves of each split. One generator draws for all splits, image by image in ascending order; an image with
 * one presentation or one repetition number is left out and draws nothing.
 */
export function predictorHalves(
  images: readonly Id[],
  repetition: readonly Id[],
  { splits = 10, seed = 0 }: PredictorOptions = {},
): ImageHalves[][] {
  const numbers = new Map<Id, number[]>();
  images.forEach((image, row) => {
    const number = Math.trunc(Number(repetition[row]));
    numbers.set(image, [...(numbers.get(image) ?? []), number]);
  });
  const names = [...numbers.keys()];
  const sorted = ascending(names).map((i) => names[i]);
  const random = new Pcg64(seed);
  return Array.from({ length: splits }, () =>
    sorted.flatMap((image) => {
      const distinct = [...new Set(numbers.get(image))].sort((a, b) => a - b);
      if (distinct.length < 2) return [];
      random.shuffle(distinct);
      const half = Math.floor(distinct.length / 2);
      const [first, second] = [distinct.slice(0, half), distinct.slice(half)];
      return [{ image, first: new Set(first), second: new Set(second) }];
    }),
  );
}

/**
 * Per split and neuroid Pearson's r over images between the means of both halves, corrected to 2r / (1 + r); median over
 * neuroids and mean over splits skip NaN.
 * @param images what the halves are drawn by: `image_id` of each presentation
 */
export function predictorConsistency(
  recordings: RepeatedRecordings & Pick<Recordings, 'values'>,
  images: readonly Id[],
  options: PredictorOptions = {},
): MetricResult {
  const { repetition = [], neuroidIds, values } = recordings;
  const width = neuroidIds.length;
  const rowsOf = new Map<Id, number[]>();
  images.forEach((image, row) => {
    const rows = rowsOf.get(image);
    if (rows) rows.push(row);
    else rowsOf.set(image, [row]);
  });
  const round = values instanceof Float32Array ? Math.fround : (value: number) => value;
  const numberOf = repetition.map((id) => Math.trunc(Number(id)));
  const perSplit = predictorHalves(images, repetition, options).map((halves) => {
    if (halves.length < LEAST_IMAGES) return new Float64Array(width).fill(Number.NaN);
    const side = (half: 'first' | 'second') => {
      const means = new Float64Array(halves.length * width);
      halves.forEach((each, i) => {
        const rows = (rowsOf.get(each.image) ?? []).filter((row) => each[half].has(numberOf[row]));
        meanOfRows(values, rows, width, means.subarray(i * width, (i + 1) * width));
      });
      return means;
    };
    return corrected(side('first'), side('second'), width, round);
  });
  const result = aggregateSplits(perSplit, neuroidIds, []);
  const splits = result.splits.map(round);
  const finite = splits.filter((split) => !Number.isNaN(split));
  return {
    ...result,
    splits,
    value: round(round(sumAsNumpy(finite, round)) / finite.length),
    error: stdDdof0(finite) / Math.sqrt(finite.length),
  };
}

/**
 * The sum of values in a row, added in numpy's order: up to 128 in eight running sums, more by halves. In float32 another
 * order moves a mean of ten medians by a unit in the last place, 1e-7.
 */
function sumAsNumpy(values: readonly number[], round: (value: number) => number): number {
  const n = values.length;
  const add = (a: number, b: number) => round(a + b);
  if (n < 8) return values.reduce(add, 0);
  if (n > 128) {
    const half = Math.floor(n / 16) * 8;
    return add(sumAsNumpy(values.slice(0, half), round), sumAsNumpy(values.slice(half), round));
  }
  const even = n - (n % 8);
  const r = values.slice(0, 8);
  for (let i = 8; i < even; i++) r[i % 8] = add(r[i % 8], values[i]);
  const eight = add(add(add(r[0], r[1]), add(r[2], r[3])), add(add(r[4], r[5]), add(r[6], r[7])));
  return values.slice(even).reduce(add, eight);
}

/** Writes the means of some rows; NaN is skipped, float32 is summed in float32 as numpy does. */
function meanOfRows(
  values: Float32Array | Float64Array,
  rows: readonly number[],
  width: number,
  into: Float64Array,
): void {
  const round = values instanceof Float32Array ? Math.fround : (value: number) => value;
  for (let k = 0; k < width; k++) {
    let [sum, count] = [0, 0];
    for (const row of rows) {
      const value = values[row * width + k];
      if (Number.isNaN(value)) continue;
      sum = round(sum + value);
      count++;
    }
    into[k] = round(sum / count);
  }
}

/** numpy's arithmetic on the values: float32 is rounded at every step, and sums run over images in their order. */
function corrected(
  a: Float64Array,
  b: Float64Array,
  width: number,
  round: (value: number) => number,
): Float64Array {
  const images = a.length / width;
  return Float64Array.from({ length: width }, (_, k) => {
    let [sumA, sumB] = [0, 0];
    for (let i = k; i < a.length; i += width) {
      sumA = round(sumA + a[i]);
      sumB = round(sumB + b[i]);
    }
    const [meanA, meanB] = [round(sumA / images), round(sumB / images)];
    let [cross, ofA, ofB] = [0, 0, 0];
    for (let i = k; i < a.length; i += width) {
      const [x, y] = [round(a[i] - meanA), round(b[i] - meanB)];
      cross = round(cross + round(x * y));
      ofA = round(ofA + round(x * x));
      ofB = round(ofB + round(y * y));
    }
    const length = round(round(Math.sqrt(ofA)) * round(Math.sqrt(ofB)));
    const r = length > 0 ? round(cross / length) : Number.NaN;
    return round(round(2 * r) / round(1 + r));
  });
}
