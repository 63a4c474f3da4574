import type { Matrix } from '../numerics/algebra/matrix.js';
import { nanMean } from '../numerics/statistics/statistics.js';

/**
 * How a raw value and its ceiling become the score that is reported. Nothing is clipped: a negative
 * raw value squares to a positive score, and a ceiling of 0 gives infinity, as in the reference.
 */

/** Share of the explainable variance: raw² / ceiling (spec §1.8); the error stays that of raw. */
export function explainedVariance(raw: number, ceiling: number): number {
  return raw ** 2 / ceiling;
}

/** Plain ratio raw / ceiling, as representational similarity is normalised (spec §1.10). */
export function ceilingRatio(raw: number, ceiling: number): number {
  return raw / ceiling;
}

/** Raw over the square root of a reliability, one repetition at a time (behaviour, spec §4.5). */
export function rootCeilingRatio(raw: number, ceiling: number): number {
  return raw / Math.sqrt(ceiling);
}

/**
 * Explained variance neuroid by neuroid: rₖ² divided by the neuroid's ceiling (mean over splits of
 * `ceiling`, split × neuroid), and their mean, NaN left out (the reference's per-voxel ceilings).
 */
export function neuroidwiseExplainedVariance(
  raw: ArrayLike<number>,
  ceiling: Matrix,
): { value: number; neuroids: Float64Array } {
  const neuroids = Float64Array.from(raw, (r, k) => {
    const splits = Array.from(
      { length: ceiling.rows },
      (_, s) => ceiling.data[s * ceiling.cols + k],
    );
    return explainedVariance(r, nanMean(splits));
  });
  return { value: nanMean(neuroids), neuroids };
}
