/**
 * From the share of trials with a wrong choice to the sensitivity d′, per image or per object:
 * the matrices that the I1, I2, O1, O2 family correlates (Rajalingham et al. 2018; spec §4.4 C–E,
 * parity 1e-9). Every function takes how often each image counts, so that a bootstrap over images
 * recomputes exactly what the score is.
 */
import { normalQuantile } from '../numerics/statistics/normal.js';

/** A member of the family: images (`i`) or objects (`o`); over choices (1) or by choice (2); normalised. */
export type BehaviourMetric = 'i1' | 'i1n' | 'i2' | 'i2n' | 'o1' | 'o2';

/** d′ beyond this many standard deviations is cut there. */
const CAP = 5;

/** Share of choices, image × object, both in one fixed order. */
export interface ChoiceShares {
  /** Object that each image shows. */
  readonly truth: ArrayLike<number>;
  readonly objects: number;
  /** p(choice | image, choice or truth offered): image × object, NaN at the truth and where not offered. */
  readonly shares: Float64Array;
  /** z(1 − share), of the same shape. */
  readonly hits: Float64Array;
}

/** Adds z(1 − share), which does not depend on how often an image counts. */
export function choiceShares(
  truth: ArrayLike<number>,
  objects: number,
  shares: Float64Array,
): ChoiceShares {
  return { truth, objects, shares, hits: shares.map((share) => normalQuantile(1 - share)) };
}

/**
 * The matrix that `metric` correlates, flat: image (or object) × object, or one value an image
 * (object) for `i1`, `i1n`, `o1`. NaN if undefined.
 * @param times how often each image counts
 */
export function responseMatrix(
  metric: BehaviourMetric,
  responses: ChoiceShares,
  times: ArrayLike<number>,
): Float64Array {
  const full = dprime(metric, responses, times);
  for (let i = 0; i < full.length; i++) full[i] = Math.max(-CAP, Math.min(CAP, full[i]));
  const values = metric[1] === '1' ? meanOverChoices(full, responses.objects) : full;
  if (metric.endsWith('n')) subtractGroupMeans(values, responses, times);
  return values;
}

/** Unclipped d′, image × object or object × object; false alarms are pooled over the images of an object. */
export function dprime(
  metric: BehaviourMetric,
  responses: ChoiceShares,
  times: ArrayLike<number>,
): Float64Array {
  const { truth, objects, shares, hits } = responses;
  const pooled = groupMeans(shares, responses, times);
  const byObject = metric[0] === 'o';
  const rows = byObject ? objects : truth.length;
  const values = byObject ? pooled.map((share) => normalQuantile(1 - share)) : hits.slice();
  const falseAlarms = pooled.map(normalQuantile);
  for (let row = 0, cell = 0; row < rows; row++) {
    const object = byObject ? row : truth[row];
    for (let choice = 0; choice < objects; choice++)
      values[cell++] -= falseAlarms[choice * objects + object];
  }
  return values;
}

/** Mean over the images of each object, NaN skipped: object × column. */
function groupMeans(
  values: Float64Array,
  { truth, objects }: ChoiceShares,
  times: ArrayLike<number>,
): Float64Array {
  const cols = values.length / truth.length;
  const sums = new Float64Array(objects * cols);
  const counts = new Float64Array(objects * cols);
  for (let image = 0; image < truth.length; image++) {
    const count = times[image];
    if (count === 0) continue;
    const group = truth[image] * cols;
    const row = image * cols;
    for (let col = 0; col < cols; col++) {
      const value = values[row + col];
      if (Number.isNaN(value)) continue;
      sums[group + col] += count * value;
      counts[group + col] += count;
    }
  }
  for (let i = 0; i < sums.length; i++) sums[i] /= counts[i];
  return sums;
}

function subtractGroupMeans(
  values: Float64Array,
  responses: ChoiceShares,
  times: ArrayLike<number>,
): void {
  const means = groupMeans(values, responses, times);
  const { truth } = responses;
  const cols = values.length / truth.length;
  for (let image = 0, cell = 0; image < truth.length; image++) {
    for (let col = 0; col < cols; col++) values[cell++] -= means[truth[image] * cols + col];
  }
}

/** Mean over the choices of each row, NaN skipped. */
function meanOverChoices(values: Float64Array, cols: number): Float64Array {
  const means = new Float64Array(values.length / cols);
  for (let row = 0; row < means.length; row++) {
    let sum = 0;
    let count = 0;
    for (let col = 0; col < cols; col++) {
      const value = values[row * cols + col];
      if (Number.isNaN(value)) continue;
      sum += value;
      count++;
    }
    means[row] = sum / count;
  }
  return means;
}

/**
 * Pearson's r of two response matrices over the cells where neither is NaN.
 * @param times how often each row counts
 */
export function correlation(
  source: Float64Array,
  target: Float64Array,
  times: ArrayLike<number>,
): number {
  const cols = source.length / times.length;
  const weights = new Float64Array(source.length);
  let count = 0;
  let sumX = 0;
  let sumY = 0;
  for (let cell = 0; cell < source.length; cell++) {
    const weight = times[Math.floor(cell / cols)];
    if (weight === 0 || Number.isNaN(source[cell]) || Number.isNaN(target[cell])) continue;
    weights[cell] = weight;
    count += weight;
    sumX += weight * source[cell];
    sumY += weight * target[cell];
  }
  const [meanX, meanY] = [sumX / count, sumY / count];
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let cell = 0; cell < source.length; cell++) {
    const weight = weights[cell];
    if (weight === 0) continue;
    const dx = source[cell] - meanX;
    const dy = target[cell] - meanY;
    xx += weight * dx * dx;
    yy += weight * dy * dy;
    xy += weight * dx * dy;
  }
  if (count < 2 || xx === 0 || yy === 0) return Number.NaN;
  return Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
}
