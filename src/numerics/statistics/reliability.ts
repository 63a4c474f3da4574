import { mean } from './statistics.js';

/**
 * How well a benchmark tells models apart: 1 − mean(error²) / var(scores) (Brain-Score's `bootstrap_error.py`), var with ddof
 * 1. Negative where errors are larger than differences; errors that models share make it too small. NaN below two models;
 * those without an error are left out.
 */
export function reliability(
  scores: ArrayLike<number>,
  errors: ArrayLike<number>,
  ddof = 1,
): number {
  const used = Array.from(scores, (_, i) => i).filter(
    (i) => Number.isFinite(scores[i]) && Number.isFinite(errors[i]),
  );
  if (used.length < 2) return Number.NaN;
  const centre = mean(used.map((i) => scores[i]));
  const squares = mean(used.map((i) => errors[i] ** 2));
  const spread = used.reduce((sum, i) => sum + (scores[i] - centre) ** 2, 0);
  return 1 - squares / (spread / (used.length - ddof));
}
