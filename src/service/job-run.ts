import { join } from 'node:path';
import type { Logger } from 'pino';
import type { ModelCard } from '../activations/card.js';
import { VentralError } from '../errors/ventral-error.js';
import type { Score } from '../scoring/score.js';
import type { HomeStore } from '../store/home-store.js';
import type { Job, JobEnd } from '../store/job.js';
import type { Visibility } from '../store/model-store.js';
import { servicePrincipal } from '../store/principal.js';
import { cacheScope } from './cache-scope.js';
import { runChild } from './child.js';
import type { JobFiles } from './job-files.js';
import { ProgressWriter } from './job-progress.js';
import type { JobAnswer, TaskCore } from './job-task.js';
import { endOf, failedEnd, missingOf, type References, taskOf } from './job-work.js';

/** The tables that work needs. */
export type WorkTables = Pick<HomeStore, 'database' | 'jobs' | 'models' | 'benchmarks'>;

/** What work may use, and how it speaks. */
export interface WorkOptions {
  readonly tables: WorkTables;
  readonly files: JobFiles;
  readonly home: string;
  /** Folder in which each process gets an empty one of its own. */
  readonly temporary: string;
  readonly log: Logger;
  /** Bytes that a job may hold in memory beyond the network's own (`--max-memory`). */
  readonly maxMemory: number;
  /** Bytes of scratch disk that a job may use (`--max-scratch`). */
  readonly maxScratch: number;
  /** Bytes that the cache of activations may keep (`--max-cache`). */
  readonly maxCache: number;
  readonly threads: number;
  /** Compiled module that scores. */
  readonly script?: string;
  /** Most seconds of a process. */
  readonly seconds?: number;
}

export const DEADLINE_SECONDS = 12 * 3600;
/**
 * What a scoring process holds beside the work that `--max-memory` bounds: Node, the runtime, and one
 * batch inside the network (ResNet-50: 0.9 GiB with its weights).
 */
const OWN_MEMORY = 2 ** 30;

/** One attempt at a job. */
export class JobRun {
  readonly #job: Job;
  readonly #options: WorkOptions;
  readonly #abort: AbortController;
  readonly #progress: ProgressWriter;
  /** Who may see what the job needs; shipped models and benchmarks are everybody's. */
  readonly #uses: Visibility[] = [];
  #written: Promise<unknown> = Promise.resolve();

  /** @param abort ends the attempt, from outside or because it is over */
  constructor(job: Job, options: WorkOptions, abort: AbortController) {
    this.#job = job;
    this.#options = options;
    this.#abort = abort;
    this.#progress = new ProgressWriter(options.tables.jobs.attempts, job, () => abort.abort());
  }

  /**
   * Makes what has no result yet; a process that dies fails every benchmark that it was asked for.
   * Throws `interrupted` where it was ended, and what another try may mend (see `mendable`).
   */
  async end(): Promise<JobEnd> {
    const job = this.#job;
    try {
      const references = await this.#references();
      const answer = await this.#child(references);
      await this.#written;
      return endOf(job, answer, references);
    } catch (thrown) {
      const error = VentralError.from(thrown);
      if (this.#abort.signal.aborted || mendable(error)) throw error;
      this.#options.log.warn(
        { job: job.id, code: error.code, err: error.details.cause },
        error.message,
      );
      return failedEnd(job, error);
    } finally {
      await this.#progress.settled();
    }
  }

  /** What the scoring process is asked for, each with the benchmarks that it gives. */
  async #references(): Promise<References> {
    const missing = missingOf(this.#job);
    const references = new Map<string, readonly string[]>();
    for (const source of this.#job.sources) {
      const { reference, ids } = await this.#reference(source);
      if (ids.some((id) => missing.includes(id))) references.set(reference, ids);
    }
    return references;
  }

  async #reference(source: string): Promise<{ reference: string; ids: readonly string[] }> {
    if (!source.startsWith('bmk_')) return { reference: source, ids: [source] };
    const { tables, files } = this.#options;
    const found = await tables.benchmarks.find(servicePrincipal, source);
    if (!found) throw new VentralError('not-found', `There is no benchmark "${source}"`);
    this.#uses.push(found.visibility);
    const folder = await files.benchmark(found.digest, this.#abort.signal);
    const ids = found.summary.benchmarks.map(({ id }) => id);
    return { reference: join(folder, found.file), ids };
  }

  async #child(references: References): Promise<JobAnswer> {
    const { temporary, maxMemory, script, seconds } = this.#options;
    const { core, size } = await this.#core([...references.keys()]);
    return runChild<JobAnswer>({
      script: script ?? 'score-child.js',
      task: taskOf(this.#job, core),
      temporary,
      limits: {
        memory: OWN_MEMORY + maxMemory + 3 * size,
        seconds: seconds ?? DEADLINE_SECONDS,
      },
      signal: this.#abort.signal,
      progress: (progress) => this.#progress.tell(progress),
      part: (part) => this.#keep(part as { readonly score?: Score }),
    });
  }

  /** @returns what the process gets of any job, and the bytes of the model's file where that is an upload */
  async #core(benchmarks: readonly string[]): Promise<{ core: TaskCore; size: number }> {
    const { tables, files, home, maxMemory, maxScratch, maxCache, threads } = this.#options;
    const job = this.#job;
    const registered = job.registration
      ? await tables.models.find(servicePrincipal, job.registration)
      : undefined;
    if (registered) this.#uses.push(registered.visibility);
    const reference = registered
      ? await files.model(registered.digest, this.#abort.signal)
      : job.model;
    const model = { reference, name: job.modelName, card: job.card as ModelCard };
    const scope = { cacheScope: cacheScope(job, this.#uses) };
    const bounds = { home, maxMemory, maxScratch, maxCache, threads, ...scope };
    const input = job.input ? { input: job.input } : {};
    return { core: { ...bounds, model, benchmarks, ...input }, size: registered?.size ?? 0 };
  }

  /** Writes a score as soon as it is there, one after the other. */
  #keep({ score }: { readonly score?: Score }): void {
    const { id, attempt } = this.#job;
    if (!score || !missingOf(this.#job).includes(score.benchmark)) return;
    this.#written = this.#written
      .then(() => this.#options.tables.jobs.attempts.addScore(id, attempt, score))
      .then((holds) => holds || this.#abort.abort())
      // It comes again with the answer.
      .catch((error) =>
        this.#options.log.warn({ job: id, err: error }, 'A score was not kept yet'),
      );
  }
}

/** Whether another try may mend it: a database or a store of files that did not answer. */
export const mendable = ({ code }: VentralError): boolean =>
  code === 'not-ready' || code === 'database-unavailable' || code === 'download-failed';
