import type { Coordinate } from '../../data/assembly.js';
import { ascending, type Id } from '../../data/ids.js';
import { matrix } from '../../numerics/algebra/matrix.js';
import { RandomState } from '../../numerics/random/random-state.js';
import { nanMean, nanMedian, stdDdof0 } from '../../numerics/statistics/statistics.js';
import type { MetricResult } from '../metric.js';

/** How a published number of each neuroid becomes a ceiling. */
export interface NeuroidCeilingOptions {
  /** `percent-variance`: √ of the share of variance, given in percent, that noise leaves to be explained. */
  readonly scale?: 'percent-variance' | undefined;
  /** Over neuroids; the median by default. */
  readonly by?: 'median' | 'mean' | undefined;
}

/** Draws of the error of a median of published reliabilities, from numpy's RandomState(0). */
const DRAWS = 1000;

/**
 * A ceiling from a number of each neuroid, such as its published reliability: median or mean, NaN left out, rounded as float32
 * where the file holds float32. The median of numbers as they stand has an error, from resamples of the neuroids.
 */
export function neuroidCeiling(
  neuroidIds: readonly Id[],
  { dtype, values }: Coordinate,
  { scale, by = 'median' }: NeuroidCeilingOptions = {},
): MetricResult {
  const round = dtype === 'float32' ? Math.fround : (value: number) => value;
  const scaled = values.map((value) => {
    const number = value === null ? Number.NaN : Number(value);
    if (scale === undefined) return number;
    return round(Math.sqrt(round(Math.min(100, Math.max(0, number)) / 100)));
  });
  const order = ascending(neuroidIds);
  const row = matrix(
    1,
    order.length,
    Float64Array.from(order, (k) => scaled[k]),
  );
  const value = round(by === 'mean' ? nanMean(scaled) : nanMedian(scaled));
  return {
    value,
    error: scale === undefined && by === 'median' ? medianError(scaled, round) : Number.NaN,
    errorKind: 'std over neuroids',
    splits: [],
    neuroids: { ids: order.map((k) => neuroidIds[k]), values: row },
    warnings: [],
  };
}

function medianError(values: readonly number[], round: (value: number) => number): number {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return Number.NaN;
  const random = new RandomState(0);
  const medians = Array.from({ length: DRAWS }, () =>
    round(nanMedian(random.randint(0, finite.length, finite.length).map((i) => finite[i]))),
  );
  return stdDdof0(medians);
}
