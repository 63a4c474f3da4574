import type { ErrorCode } from '../../errors/codes.js';
import { VentralError } from '../../errors/ventral-error.js';
import { traced } from '../../runtime/traced.js';
import type { MapPart } from '../../scoring/map/layer-map-types.js';
import type { Score } from '../../scoring/measure/score.js';
import type { Job, JobEnd, TrainingJob } from '../../store/jobs/job.js';
import { runChild } from '../child/child.js';
import type { Problem } from '../http/problem-details.js';
import { redactPaths } from '../http/redact-paths.js';
import type { JobAnswer } from '../work/job-task.js';
import { type JobInputs, type WorkOptions, withInputs } from './job-inputs.js';
import { ProgressWriter } from './job-progress.js';
import { endOf, failedEnd, missingOf, type ScoringJob, taskOf } from './job-work.js';
import { type GatheredParts, gatherParts, noParts } from './map-parts.js';
import { MapReporter } from './map-reporter.js';
import { runTraining } from './training-run.js';

/** One attempt at a job. */
export class JobRun {
  readonly #job: Job;
  readonly #options: WorkOptions;
  readonly #abort: AbortController;
  readonly #progress: ProgressWriter;
  readonly #map: MapReporter;
  /** Who may see what the job needs; shipped models and benchmarks are everybody's. */
  #written: Promise<unknown> = Promise.resolve();

  /** @param abort ends the attempt, from outside or because it is over */
  constructor(job: Job, options: WorkOptions, abort: AbortController) {
    this.#job = job;
    this.#options = options;
    this.#abort = abort;
    const { attempts } = options.tables.jobs;
    this.#progress = new ProgressWriter(attempts, job, () => abort.abort());
    this.#map = new MapReporter(attempts, job, () => abort.abort());
  }

  /**
   * Makes what has no result yet; a process that dies fails every benchmark that it was asked for.
   * Throws `interrupted` where it was ended, and retryable faults (see `retryable`).
   */
  end(): Promise<JobEnd> {
    const { id, kind, attempt } = this.#job;
    return traced('ventral.job', { job: id, kind, attempt }, () => this.#end());
  }

  async #end(): Promise<JobEnd> {
    const job = this.#job;
    const { home } = this.#options;
    try {
      const { signal } = this.#abort;
      const end = await withInputs(job, this.#options, signal, (inputs) =>
        job.kind === 'training' ? this.#training(job, inputs) : this.#child(job, inputs),
      );
      return withoutPlaces(end, home);
    } catch (thrown) {
      const error = VentralError.from(thrown);
      if (this.#abort.signal.aborted || retryable(error)) throw error;
      // It goes on from its last state, unless it is lost again and again without coming further.
      if (job.kind === 'training' && lost.includes(error.code)) throw error;
      this.#options.log.warn(
        { job: job.id, code: error.code, err: error.details.cause },
        error.message,
      );
      return withoutPlaces(failedEnd(job, error), home);
    } finally {
      await this.#progress.settled();
      await this.#map.settled();
    }
  }

  #training(job: TrainingJob, inputs: JobInputs): Promise<JobEnd> {
    return runTraining(job, inputs, this.#options, {
      abort: this.#abort,
      progress: (progress) => this.#progress.tell(progress),
    });
  }

  async #child(job: ScoringJob, inputs: JobInputs): Promise<JobEnd> {
    const { core, references, work, confirm } = inputs;
    const { cells, threads, warnings } = await this.#parts();
    const task = taskOf(job, { ...core, threads });
    const answer = await runChild<JobAnswer>({
      ...work,
      task: task.kind === 'layer-map' && cells.length > 0 ? { ...task, cells } : task,
      signal: this.#abort.signal,
      progress: (progress) => this.#progress.tell(progress),
      part: (part) => this.#keep(part as Ahead, confirm),
    });
    await this.#written;
    return endOf(job, withWarnings(answer, warnings), references);
  }

  /** A map that other workers help with is computed in parts first. */
  async #parts(): Promise<GatheredParts> {
    const job = this.#job;
    if (job.kind !== 'layer-map') return noParts(this.#options);
    return gatherParts(job, this.#options, {
      signal: this.#abort.signal,
      progress: (progress) => this.#progress.tell(progress),
    });
  }

  /** Writes a score as soon as it is there, one after the other, and what is known of a map. */
  #keep({ score, map }: Ahead, confirm: JobInputs['confirm']): void {
    if (map && this.#job.kind === 'layer-map') this.#map.tell(map);
    const { id, attempt } = this.#job;
    if (!score || !missingOf(this.#job).includes(score.benchmark)) return;
    this.#written = this.#written
      .then(confirm)
      .then(() => this.#options.tables.jobs.attempts.addScore(id, attempt, score))
      .then((holds) => holds || this.#abort.abort())
      // It comes again with the answer.
      .catch((error) =>
        this.#options.log.warn({ job: id, err: error }, 'A partial score was not stored'),
      );
  }
}

/** What a process sends ahead of its answer. */
interface Ahead {
  readonly score?: Score;
  readonly map?: MapPart;
}

/** An end whose failures do not tell where the files of a job lie. */
const withoutPlaces = (end: JobEnd, home: string): JobEnd => ({
  ...end,
  failures: end.failures.map(({ problem, ...failure }) => ({
    ...failure,
    problem: redactPaths(problem as Problem, home),
  })),
});

function withWarnings(answer: JobAnswer, warnings: readonly string[]): JobAnswer {
  if (answer.kind !== 'layer-map' || warnings.length === 0) return answer;
  const { map } = answer;
  return { ...answer, map: { ...map, provenance: { ...map.provenance, warnings } } };
}

/** How a process is lost that did nothing wrong itself, as far as anybody knows. */
const lost: readonly ErrorCode[] = ['process-died', 'process-crashed'];

/** Whether a retry may succeed: a database or a store of files that did not answer. */
export const retryable = ({ code }: VentralError): boolean =>
  ['not-ready', 'database-unavailable', 'files-unavailable', 'download-failed'].includes(code);
