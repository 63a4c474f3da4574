import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { RunningWorker } from '../../service/worker/start-worker.js';
import { readTime } from '../options/read-time.js';

/** When a worker ends by itself. */
export interface Leaving {
  /** Milliseconds without a job after which it has nothing left to do. */
  readonly untilEmpty?: number;
  /** When its host is taken from it. */
  readonly limit?: Date;
  /** Seconds before the limit from which it takes no new job. */
  readonly drainBefore: number;
}

/** Jobs come one after the other, and a job that is handed back needs a moment. */
const EMPTY_MS = 10_000;
const DRAIN_BEFORE = '5m';
/** Before the limit, jobs that have not ended are returned to the queue: that takes ten seconds at most. */
const HAND_BACK_SECONDS = 30;
/** Far below the longest that a timer can be set to, 2^31 ms. */
const LONGEST_MS = 2 ** 30;

/** Adds the options by which a worker ends by itself. */
export function addLeavingOptions(command: Command): Command {
  return command
    .option('--until-empty', 'end when the queue has had nothing for this worker for ten seconds')
    .option(
      '--time <time>',
      'time limit of the worker, such as 4h or 4:00:00; default: that of its Slurm job (SLURM_JOB_END_TIME)',
    )
    .option(
      '--drain-before <time>',
      `take no new job when the time limit is nearer than this (default: ${DRAIN_BEFORE})`,
    );
}

/**
 * Reads them; of two limits the earlier counts.
 * @param now when the worker starts
 * @throws VentralError `bad-usage`
 */
export function readLeaving(
  command: Command,
  environment: NodeJS.ProcessEnv,
  now = new Date(),
): Leaving {
  const { untilEmpty, time, drainBefore } = command.opts<{
    untilEmpty?: boolean;
    time?: string;
    drainBefore?: string;
  }>();
  const own = time === undefined ? [] : [now.getTime() + readTime(time, '--time') * 1000];
  const ofSlurm = slurmLimit(environment);
  const limits = [...own, ...ofSlurm];
  if (drainBefore !== undefined && limits.length === 0)
    throw new VentralError(
      'bad-usage',
      '--drain-before needs a time limit: give one with --time, or start the worker in a Slurm job (SLURM_JOB_END_TIME)',
      { field: 'drain-before' },
    );
  const before = drainBefore ?? DRAIN_BEFORE;
  const seconds = readTime(before, '--drain-before');
  if (time !== undefined) requireWork(time, before);
  for (const end of ofSlurm)
    if (end - now.getTime() <= seconds * 1000)
      throw noWork(
        `SLURM_JOB_END_TIME, ${new Date(end).toISOString()},`,
        before,
        'SLURM_JOB_END_TIME',
      );
  return {
    drainBefore: seconds,
    ...present({
      untilEmpty: untilEmpty ? EMPTY_MS : undefined,
      limit: limits.length > 0 ? new Date(Math.min(...limits)) : undefined,
    }),
  };
}

/**
 * Refuses a time limit that leaves no time for a job.
 * @throws VentralError `bad-usage`
 */
export function requireWork(time: string, drainBefore: string): void {
  if (readTime(time, '--time') > readTime(drainBefore, '--drain-before')) return;
  throw noWork(`--time ${time}`, drainBefore, 'time');
}

/** A worker that drains from its start would do nothing, and say nothing of it. */
function noWork(limit: string, drainBefore: string, field: string): VentralError {
  return new VentralError(
    'bad-usage',
    `${limit} leaves no time for a job: no new one is taken in the last ${drainBefore} (--drain-before)`,
    { field },
  );
}

/** Slurm gives the end of a job as seconds since 1970 (22.05 and later). */
function slurmLimit({ SLURM_JOB_END_TIME: end = '' }: NodeJS.ProcessEnv): number[] {
  return /^\d{9,11}$/.test(end) ? [Number(end) * 1000] : [];
}

/**
 * Resolves when a worker is to be stopped: it has nothing left to do, or its time limit is reached. Before the
 * limit, and once `asked` resolves, it takes no new job.
 */
export async function leave(
  worker: Pick<RunningWorker, 'empty' | 'drain'>,
  { limit, drainBefore }: Leaving,
  asked: Promise<void>,
  log: Pick<Logger, 'info'>,
): Promise<undefined> {
  const before = (seconds: number) =>
    limit ? until(limit.getTime() - seconds * 1000) : new Promise<void>(() => {});
  const why = await Promise.race([
    worker.empty.then(() => 'empty' as const),
    asked.then(() => 'asked' as const),
    before(drainBefore).then(() => 'limit' as const),
  ]);
  if (why === 'empty') {
    log.info('The queue has nothing left for this worker');
    return;
  }
  const limits = limit ? { limit: limit.toISOString() } : {};
  log.info(limits, why === 'limit' ? 'Draining before the time limit' : 'Draining');
  await Promise.race([worker.drain(), before(Math.min(HAND_BACK_SECONDS, drainBefore))]);
}

/** Resolves at a time, however far it is. */
async function until(time: number): Promise<void> {
  for (let left = time - Date.now(); left > 0; left = time - Date.now())
    await sleep(Math.min(left, LONGEST_MS), undefined, { ref: false });
}
