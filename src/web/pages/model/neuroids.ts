import type { Schemas } from '../../client.js';
import type { Strip } from './distributions.js';
import type { ScoreOfJob } from './use-scores.js';

/** A part of a score that was asked for with `detail`. */
interface Detailed {
  /** Split × neuroid. */
  readonly neuroids?: readonly (readonly (number | null)[])[];
  readonly neuroid_ids?: readonly (string | number)[];
}

/** Whether a strip has anything to show. */
export const isRow = (strip: Strip | undefined): strip is Strip =>
  strip?.raw.some((value) => value !== null) === true;

/** The values of each neuroid, mean over splits; undefined where the score was made without them. */
export function neuroidRows({ score }: ScoreOfJob): Strip | undefined {
  const { neuroids, neuroid_ids } = score.raw as Schemas['ScorePart'] & Detailed;
  if (!neuroids || !neuroid_ids) return undefined;
  const ceiling = (score.ceiling as Detailed | null)?.neuroids ?? [];
  const over = (rows: readonly (readonly (number | null)[])[]) =>
    neuroid_ids.map((_, i) => mean(rows.map((row) => row[i])));
  return {
    benchmark: score.benchmark,
    names: neuroid_ids.map(String),
    raw: over(neuroids),
    mean: score.raw.value,
    ceiling: ceiling.length > 0 ? over(ceiling) : [],
    ceilingMean: score.ceiling?.value ?? null,
  };
}

function mean(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
