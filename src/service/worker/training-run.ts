import { dirname } from 'node:path';
import type { Progress } from '../../runtime/work.js';
import type { JobEnd, TrainingJob } from '../../store/jobs/job.js';
import { runChild } from '../child/child.js';
import { claimTraining } from '../work/training-claim.js';
import type { TrainingAnswer, TrainingTask } from '../work/training-task.js';
import type { JobInputs } from './job-inputs.js';
import { placeTraining } from './training-folder.js';
import { checkpointName, TrainingRecord } from './training-record.js';
import type { WorkOptions } from './work-options.js';

/** How an attempt is watched. */
export interface Watched {
  /** Ends the attempt, from outside or because it is over. */
  readonly abort: AbortController;
  readonly progress: (progress: Progress) => void;
}

/**
 * One attempt at a training. Events of its process are stored as they arrive; the run stays in its folder, and the
 * next attempt in this home resumes it.
 * @throws the error of the process or of storing its events
 */
export async function runTraining(
  job: TrainingJob,
  inputs: JobInputs,
  options: WorkOptions,
  { abort, progress }: Watched,
): Promise<JobEnd> {
  const places = await placeTraining(job, inputs, options.home);
  const release = await claimTraining(dirname(places.folder));
  const stop = new AbortController();
  const record = new TrainingRecord(job, places.folder, options, {
    over: () => abort.abort(),
    failed: () => stop.abort(),
  });
  const { temporary, limits, reads, writes } = inputs.work;
  const { home, threads, maxMemory, maxScratch, cacheScope } = inputs.core;
  try {
    const { network, usage } = await runChild<TrainingAnswer>({
      script: 'training-child.js',
      task: {
        ...places,
        ...{ home, threads, maxMemory, maxScratch, cacheScope },
      } satisfies TrainingTask,
      temporary,
      reads: [...reads, places.base],
      writes: [...writes, places.folder],
      // Memory of a step for its backward pass, in addition to that of scores.
      limits: { ...limits, memory: limits.memory + maxMemory },
      signal: AbortSignal.any([abort.signal, stop.signal]),
      progress,
      part: (part) => record.take(part),
    });
    await record.settled();
    if (record.failure) throw record.failure;
    return { kind: 'training', network: await kept(network, job, options), failures: [], usage };
  } catch (error) {
    await record.settled();
    throw record.failure ?? error;
  } finally {
    await release();
  }
}

/** The name of a checkpoint that the process says has come out, if there is such. */
async function kept(
  file: unknown,
  { id }: TrainingJob,
  { tables }: WorkOptions,
): Promise<string | null> {
  const name = checkpointName(file);
  if (name === undefined) return null;
  return (await tables.jobs.trainings.checkpoint(id, name)) ? name : null;
}
