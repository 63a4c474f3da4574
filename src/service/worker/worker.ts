import { setInterval as every } from 'node:timers';
import { VentralError } from '../../errors/ventral-error.js';
import { packageVersion } from '../../formats/package-root.js';
import { isOpen, type Job } from '../../store/jobs/job.js';
import { type WorkerRecord, WorkerStore } from '../../store/jobs/worker-store.js';
import { workerRuntime } from '../work/worker-runtime.js';
import { prepareAnswerChecks } from './checked-answer.js';
import { clearTrainings } from './training-folder.js';
import type { WorkOptions } from './work-options.js';
import { WorkerLoop } from './worker-loop.js';

export interface WorkerOptions extends WorkOptions {
  /** Concurrent jobs; with 0 other workers run all of them. */
  readonly concurrency: number;
}

const HEARTBEAT_MS = 5000;

/**
 * The worker of a process: takes queued jobs in their turn, scores and layer maps alike, and does each in
 * a child process. It ends a child whose job was cancelled, and gives its jobs back when it stops.
 */
export class Worker {
  readonly registry: WorkerStore;
  readonly #options: WorkerOptions;
  readonly #stopped = new AbortController();
  /** Resolves to a fatal error: the database has another version. */
  readonly failed: Promise<VentralError>;
  #fail: (error: VentralError) => void = () => {};
  #id: string | undefined;
  #loop: WorkerLoop | undefined;
  #state: WorkerRecord['state'] = 'running';
  #beats: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #ending: Promise<void> | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.registry = new WorkerStore(options.tables.database);
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  /** Reclaims jobs of dead workers, and starts. */
  async start(): Promise<void> {
    prepareAnswerChecks();
    const { tables, concurrency, threads, offers = [] } = this.#options;
    const alone = !tables.database.shared;
    if (alone) await this.registry.clear();
    await this.#deadLetter();
    await tables.jobs.attempts.recover(alone);
    await clearTrainings(this.#options);
    if (concurrency === 0) return;
    const runtime = workerRuntime(threads);
    this.#id = await this.registry.enter({
      version: packageVersion,
      runtime,
      threads,
      concurrency,
      providers: offers,
    });
    this.#beats = every(() => this.#sendHeartbeat(), HEARTBEAT_MS);
    this.#loop = new WorkerLoop(this.#options, this.#id, concurrency);
  }

  /** Looks for queued jobs; called after each new job. */
  wake(): void {
    this.#loop?.wake();
  }

  /** False once the worker was stopped. */
  get alive(): boolean {
    return !this.#stopped.signal.aborted;
  }

  /** Cancels an open job and ends its process; undefined if the job is not open. */
  async cancel(
    ...asked: Parameters<WorkerOptions['tables']['jobs']['cancel']>
  ): Promise<Job | undefined> {
    const job = await this.#options.tables.jobs.cancel(...asked);
    this.#loop?.abort(asked[0]);
    return job;
  }

  /** Resolves when the job ends, the time is over, the caller's signal aborts, or the worker stops. */
  async untilEnd(id: string, milliseconds: number, signal: AbortSignal): Promise<void> {
    const { jobs } = this.#options.tables;
    const enough = AbortSignal.any([signal, this.#stopped.signal]);
    const deadline = Date.now() + milliseconds;
    for (let left = milliseconds; left > 0 && !enough.aborted; left = deadline - Date.now()) {
      const news = jobs.events.news(id, enough, left);
      if (isOpen(await jobs.state(id))) await news.come;
      else return news.cancel();
    }
  }

  /** Resolves when no job has been there for as long as `untilEmpty` says; never without it. */
  get empty(): Promise<void> {
    return this.#loop?.empty ?? new Promise(() => {});
  }

  /** Takes no more jobs; resolves when those that it has are done. */
  async drain(): Promise<void> {
    this.#state = 'draining';
    if (this.#id) this.#sendHeartbeat();
    await this.#loop?.drain();
  }

  /**
   * Returns unfinished jobs to the queue after the grace period; resolves when no child is left.
   */
  stop(graceMs = 0): Promise<void> {
    this.#ending ??= this.#end(graceMs);
    return this.#ending;
  }

  async #end(graceMs: number): Promise<void> {
    this.#stopped.abort();
    clearInterval(this.#beats);
    this.#state = 'draining';
    if (this.#id) this.#sendHeartbeat();
    await this.#loop?.stop(graceMs);
    await this.#beating;
    if (this.#id) await this.registry.leave(this.#id);
  }

  /** One after the other, so that none is left when the worker has stopped. */
  #sendHeartbeat(): void {
    this.#beating = this.#beating.then(() => this.#sayAlive());
  }

  async #sayAlive(): Promise<void> {
    try {
      await this.registry.beat(this.#id as string, this.#state);
      await this.#deadLetter();
      await this.registry.requireSameVersion(packageVersion);
    } catch (error) {
      if (error instanceof VentralError && error.code === 'version-skew') {
        this.#fail(error);
        void this.stop();
      }
      this.#options.log.warn({ err: error }, 'Heartbeat failed');
    }
  }

  /** Reclaims jobs of dead workers of this machine immediately. */
  async #deadLetter(): Promise<void> {
    for (const id of await this.registry.dead()) {
      await this.#options.tables.jobs.attempts.giveBackOf(id);
      await this.registry.leave(id);
    }
  }
}
