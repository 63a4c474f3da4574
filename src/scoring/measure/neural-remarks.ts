import type { MetricResult, Warning } from '../../metrics/metric.js';
import { finite, type ScorePart } from './score.js';

/**
 * What a reader should know of a neural score.
 * @param squared whether raw is squared before it is divided by the ceiling
 * @param why what to say of a value that is no number where raw is none
 */
export function neuralRemarks(
  {
    raw,
    bound,
    value,
  }: { readonly raw: number; readonly bound: number | null; readonly value: number },
  squared: boolean,
  why = 'no neuroid has a correlation in some split',
): Warning[] {
  const found: Warning[] = [];
  if (raw < 0 && bound !== null && squared) {
    found.push({
      code: 'negative-raw',
      detail: `raw is ${raw.toFixed(4)}; squared it gives a positive score, as in the reference`,
    });
  }
  if (value > 1 && bound !== null && Number.isFinite(value)) {
    found.push({
      code: 'above-ceiling',
      detail: `the value is above 1 because raw, ${raw.toFixed(4)}, exceeds what its ceiling of ${bound.toFixed(4)} allows; nothing is clipped, as in the reference`,
    });
  }
  if (!Number.isFinite(value)) {
    found.push({
      code: 'not-finite',
      detail: Number.isFinite(raw) ? `the ceiling is ${bound}` : why,
    });
  }
  return found;
}

/** Split × neuroid of a result, for `--detail`. */
export function neuroidRows({
  neuroids,
}: Pick<MetricResult, 'neuroids'>): Pick<ScorePart, 'neuroids' | 'neuroid_ids'> {
  if (!neuroids) return {};
  const { rows, cols, data } = neuroids.values;
  return {
    neuroids: Array.from({ length: rows }, (_, i) =>
      Array.from(data.subarray(i * cols, (i + 1) * cols), finite),
    ),
    neuroid_ids: neuroids.ids,
  };
}
