import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../store/jobs/job.js';
import type { JobStore } from '../../store/jobs/job-store.js';
import { SERVICE_OWNER, servicePrincipal } from '../../store/records/principal.js';
import { Pause } from '../child/pause.js';

/** How often it is looked whether others have jobs: they may come through another service. */
const LOOK_MS = 250;
/** How long nobody else may have had a job before the work goes on. */
const QUIET_MS = 2000;

/** Whether a job makes way for all others: the service's own. */
export const makesWay = ({ owner }: Pick<Job, 'owner'>): boolean => owner === SERVICE_OWNER;

/**
 * A running job that stands still while anybody else has an open job: its process is stopped, keeps what it has computed,
 * and goes on where it was.
 */
export class BackgroundRun {
  readonly pause = new Pause();
  /** Resolves when the job has ended, or was given back. */
  readonly ended: Promise<void>;
  readonly #jobs: Pick<JobStore, 'othersWait'>;
  #isOver = false;
  #quietSince: number | undefined;

  /** @param run does the job; its process obeys the pause */
  constructor(jobs: Pick<JobStore, 'othersWait'>, run: (pause: Pause) => Promise<void>) {
    this.#jobs = jobs;
    this.ended = run(this.pause).finally(() => {
      this.#isOver = true;
    });
    // Whoever waits for it hears.
    this.ended.catch(() => {});
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Runs until the job has ended, or somebody else has a job; then the work stands still when this resolves.
   * @param notified resolves at the next notification that there may be a job
   * @param stopping aborted when the worker stops: then it only waits for the end
   */
  async go(notified: () => Promise<void>, stopping: AbortSignal): Promise<void> {
    // While a worker stops, `notified` resolves at once, and a query for each would starve everything else.
    let awaited: Promise<void> | undefined;
    while (!stopping.aborted) {
      // One at a time: each call adds a listener.
      awaited ??= notified().finally(() => {
        awaited = undefined;
      });
      const word = awaited;
      if (await this.#othersWait()) {
        this.pause.set(true);
        return;
      }
      this.pause.set(false);
      const heard = new AbortController();
      const look = sleep(LOOK_MS, undefined, { signal: heard.signal }).catch(() => {});
      await Promise.race([this.ended, word, look]).finally(() => heard.abort());
      if (this.isOver) break;
    }
    return this.ended;
  }

  /** Whether a run that stands still may go on. */
  async mayGoOn(): Promise<boolean> {
    if (await this.#othersWait()) this.#quietSince = undefined;
    else this.#quietSince ??= performance.now();
    return this.#quietSince !== undefined && performance.now() - this.#quietSince >= QUIET_MS;
  }

  #othersWait(): Promise<boolean> {
    return this.#jobs.othersWait(servicePrincipal);
  }
}
