import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { VentralError } from '../../errors/ventral-error.js';
import type { Recipe } from '../recipe/recipe.js';
import { readMetrics } from '../record/metrics-log.js';
import { type Measures, measuresOf } from '../run/compare-stage.js';
import { metricsPath } from '../run/run-folder.js';
import { MODEL } from '../run/run-recipe.js';
import { measuredNetwork } from './arms.js';

/** One network of an ablation with its measurements. */
export interface AblationCell {
  readonly family: string;
  /** `base` or another arm's id. */
  readonly arm: string;
  readonly seed: number;
  readonly measures: Measures;
  /** Why measures are missing, by measure; under the empty name why all of them are. */
  readonly missing: ReadonlyMap<string, string>;
}

/** Whether a run has ended: its network is written last. */
export const isDone = (folder: string): boolean => existsSync(join(folder, MODEL));

/** What a run that has ended left. */
export async function readAblationCell(
  folder: string,
  recipe: Recipe,
  place: Pick<AblationCell, 'family' | 'arm' | 'seed'>,
): Promise<AblationCell> {
  const events = await readMetrics(metricsPath(folder));
  const missing = new Map<string, string>();
  for (const event of events)
    if (event.kind === 'score' && event.value === null)
      missing.set(event.benchmark, event.reason ?? 'no value');
  return { ...place, measures: measuresOf(events, measuredNetwork(recipe)), missing };
}

/** The cell of a failed run. */
export function failedCell(
  place: Pick<AblationCell, 'family' | 'arm' | 'seed'>,
  reason: string,
): AblationCell {
  return { ...place, measures: new Map(), missing: new Map([['', reason]]) };
}

/** Whether a failure is one of the program or machine, after which no other run would do better. */
export function endsAll(error: VentralError, isBase: boolean): boolean {
  // Where the base cannot start – a file is missing, data are damaged – no arm can.
  const { code, exit } = error;
  return code === 'interrupted' || code === 'disk-full' || (isBase && exit === 2);
}
