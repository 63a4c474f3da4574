import type { RunProgress, RunResources } from '../run/run-context.js';
import type { AblationFamily } from './ablation.js';
import type { Arm } from './arms.js';
import { isDone } from './cells.js';
import { duration } from './times.js';

/** Progress over all runs that are to be done, with an estimate of the time that is left, by the runs that ended. */
export function progressOver(
  runs: readonly AblationRun[],
  progress: RunResources['progress'],
): { within(run: AblationRun): (at: RunProgress) => void; ended(): void } {
  const total = runs.filter(({ folder }) => !isDone(folder)).length;
  const began = performance.now();
  let done = 0;
  let left = '';
  return {
    within:
      ({ family, arm, seed }) =>
      (at) => {
        const now = `${family.name} ${arm.id} seed ${seed}: ${at.stage} ${at.done}/${at.total}`;
        progress?.({ stage: 'ablation', done, total, words: `${now}${left}` });
      },
    ended() {
      done++;
      const each = (performance.now() - began) / 1000 / done;
      left = `, about ${duration(each * (total - done))} left`;
    },
  };
}

/** One network to train and measure. */
export interface AblationRun {
  readonly family: AblationFamily;
  readonly arm: Arm;
  readonly seed: number;
  readonly folder: string;
}
