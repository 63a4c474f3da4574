import { EventEmitter, once } from 'node:events';
import type { Logger } from 'pino';
import type { ModelCard } from '../activations/card.js';
import { VentralError } from '../errors/ventral-error.js';
import type { HomeStore } from '../store/home-store.js';
import { isOpen, type Job, type JobEnd, type JobProgress } from '../store/job.js';
import { servicePrincipal } from '../store/principal.js';
import type { ActivationTask } from './activation-task.js';
import type { BenchmarkDesk } from './benchmark-desk.js';
import { type ChildProgress, runChild } from './child.js';
import { Gate } from './gate.js';
import type { JobAnswer } from './job-task.js';
import { endOf, failedEnd, missingOf, type References, taskOf } from './job-work.js';

/** What the worker may use, and how it speaks. */
export interface WorkerOptions {
  readonly store: HomeStore;
  readonly benchmarks: BenchmarkDesk;
  readonly home: string;
  readonly log: Logger;
  /** Bytes that a job may hold in memory beyond the network's own (`--max-memory`). */
  readonly maxMemory: number;
  /** Bytes of scratch disk that a job may use (`--max-scratch`). */
  readonly maxScratch: number;
  /** Bytes that the cache of activations may keep (`--max-cache`). */
  readonly maxCache: number;
  readonly threads: number;
  /** Time that a job may take; by default twelve hours. */
  readonly seconds?: number;
  /** Compiled module that scores. */
  readonly script?: string;
}

const DEADLINE_SECONDS = 12 * 3600;
/**
 * What a scoring process holds beside the work that `--max-memory` bounds: Node, the runtime, and one
 * batch inside the network (ResNet-50: 0.9 GiB with its weights).
 */
const OWN_MEMORY = 2 ** 30;
const PROGRESS_MS = 500;

/**
 * The one embedded worker: takes queued jobs in order, scores and layer maps alike, and does each in a
 * child process. It ends a child whose job was cancelled, and puts its job back into the queue when the
 * service stops.
 */
export class ScoreWorker {
  readonly #options: WorkerOptions;
  readonly #ended = new EventEmitter().setMaxListeners(0);
  readonly #stopped = new AbortController();
  #running: { readonly id: string; readonly abort: AbortController } | undefined;
  readonly #activations = new Gate(1);
  #drained: Promise<void> = Promise.resolve();
  #idle = true;
  #again = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Looks for queued jobs; called once at the start and after each new job. */
  wake(): void {
    this.#again = true;
    if (!this.#idle || this.#stopped.signal.aborted) return;
    this.#idle = false;
    this.#drained = this.#drain().finally(() => {
      this.#idle = true;
    });
  }

  get #seconds(): number {
    return this.#options.seconds ?? DEADLINE_SECONDS;
  }

  /** False once the worker was stopped or its loop has failed. */
  get alive(): boolean {
    return !this.#stopped.signal.aborted;
  }

  /** Cancels an open job and ends its process; undefined where the job is not open. */
  async cancel(id: string): Promise<Job | undefined> {
    const job = await this.#options.store.jobs.cancel(id);
    if (this.#running?.id === id) this.#running.abort.abort();
    if (job) this.#ended.emit(id);
    return job;
  }

  /** Resolves when the job ends, the time is over, the caller's signal aborts, or the worker stops. */
  async untilEnd(id: string, milliseconds: number, signal: AbortSignal): Promise<void> {
    const enough = AbortSignal.any([
      signal,
      this.#stopped.signal,
      AbortSignal.timeout(milliseconds),
    ]);
    const end = once(this.#ended, id, { signal: enough }).catch(() => {});
    if (isOpen(await this.#options.store.jobs.find(id))) await end;
    else this.#ended.emit(id);
  }

  /** Writes activations, beside the queue; they wait for each other, and the service's end ends them. */
  activations(task: ActivationTask, signal: AbortSignal): Promise<void> {
    const { store, home, threads, maxMemory, maxScratch } = this.#options;
    return this.#activations.run(async () => {
      await runChild({
        script: 'activation-child.js',
        task: { task, bounds: { home, threads, maxMemory, maxScratch } },
        temporary: store.temporary,
        limits: { memory: 2 * maxMemory, seconds: this.#seconds },
        signal: AbortSignal.any([signal, this.#stopped.signal]),
      });
    });
  }

  /** Ends the running child and waits until its job is back in the queue. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#running?.abort.abort();
    await this.#drained;
  }

  async #drain(): Promise<void> {
    const { store, log } = this.#options;
    while (this.#again && this.alive) {
      this.#again = false;
      try {
        for (
          let claim = await store.jobs.attempts.claim();
          claim;
          claim = this.alive ? await store.jobs.attempts.claim() : undefined
        ) {
          await this.#run(claim.job);
        }
      } catch (error) {
        log.error({ err: error }, 'The worker could not take or end a job');
      }
    }
  }

  async #run(job: Job): Promise<void> {
    const { store, log } = this.#options;
    // It may have been cancelled while it was being taken.
    if (job.state !== 'running') return;
    const abort = new AbortController();
    this.#running = { id: job.id, abort };
    const { id, kind, attempt, benchmarks } = job;
    log.info({ job: id, kind, attempt, benchmarks }, 'Scoring');
    try {
      const end = await this.#work(job, abort);
      if (end) await this.#finish(job, end);
      else if (!this.alive)
        await store.jobs.attempts.giveBack(job.id, job.attempt, {
          reason: 'The service was stopped',
          fault: false,
        });
    } finally {
      this.#running = undefined;
      this.#ended.emit(job.id);
    }
  }

  /** Results that cannot be written (a full disk) fail the job, where at least that can be written. */
  async #finish(job: Job, end: JobEnd): Promise<void> {
    const { store, log } = this.#options;
    try {
      await store.jobs.attempts.finish(job.id, job.attempt, end);
    } catch (thrown) {
      log.error({ job: job.id, err: thrown }, 'Results could not be written');
      await store.jobs.attempts.finish(
        job.id,
        job.attempt,
        failedEnd(job, VentralError.from(thrown)),
      );
    }
  }

  /**
   * Makes what has no result yet; a child that dies fails every benchmark that it was asked for.
   * @returns undefined where the job was cancelled or the service stops
   */
  async #work(job: Job, abort: AbortController): Promise<JobEnd | undefined> {
    try {
      const references = await this.#references(job);
      return endOf(job, await this.#child(job, references, abort), references);
    } catch (thrown) {
      if (abort.signal.aborted) return undefined;
      const error = VentralError.from(thrown);
      const { cause } = error.details;
      this.#options.log.warn({ job: job.id, code: error.code, err: cause }, error.message);
      return failedEnd(job, error);
    }
  }

  /** What the scoring process is asked for, each with the benchmarks that it gives. */
  async #references(job: Job): Promise<References> {
    const missing = missingOf(job);
    const references = new Map<string, readonly string[]>();
    for (const source of job.sources) {
      const { reference, ids } = await this.#options.benchmarks.reference(source);
      if (ids.some((id) => missing.includes(id))) references.set(reference, ids);
    }
    return references;
  }

  async #child(job: Job, references: References, abort: AbortController): Promise<JobAnswer> {
    const { store, home, threads, maxMemory, maxScratch, maxCache } = this.#options;
    const registered = await store.files.has(job.digest);
    const size = registered
      ? ((await store.models.find(servicePrincipal, job.digest))?.size ?? 0)
      : 0;
    const task = taskOf(job, {
      home,
      maxMemory,
      maxScratch,
      maxCache,
      threads,
      model: {
        reference: registered ? store.files.path(job.digest) : job.model,
        name: job.modelName,
        card: job.card as ModelCard,
      },
      benchmarks: [...references.keys()],
      ...(job.input ? { input: job.input } : {}),
    });
    return runChild<JobAnswer>({
      script: this.#options.script ?? 'score-child.js',
      task,
      temporary: store.temporary,
      limits: { memory: OWN_MEMORY + maxMemory + 3 * size, seconds: this.#seconds },
      signal: abort.signal,
      progress: this.#progressOf(job, abort),
    });
  }

  #progressOf(job: Job, abort: AbortController): (progress: ChildProgress) => void {
    const { store, log } = this.#options;
    let written = 0;
    let stage = { name: '', since: 0 };
    return (progress) => {
      const now = Date.now();
      if (progress.stage !== stage.name) stage = { name: progress.stage, since: now };
      else if (now - written < PROGRESS_MS) return;
      written = now;
      store.jobs.attempts
        .setProgress(
          job.id,
          job.attempt,
          { ...progress, etaSeconds: eta(progress, now - stage.since) },
          { event: true },
        )
        .then((holds) => holds || abort.abort())
        .catch((error) => log.warn({ err: error }, 'Progress could not be written'));
    };
  }
}

function eta({ done, total }: ChildProgress, elapsed: number): JobProgress['etaSeconds'] {
  return done > 0 && total >= done
    ? Math.round(((elapsed / done) * (total - done)) / 100) / 10
    : null;
}
