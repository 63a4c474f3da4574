import type { ErrorCode } from '../../errors/codes.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { traced } from '../../runtime/traced.js';
import { Work } from '../../runtime/work.js';
import type { Job, JobEnd, ScoreJob, TrainingJob } from '../../store/jobs/job.js';
import { runChild } from '../child/child.js';
import type { Pause } from '../child/pause.js';
import type { Problem } from '../http/problem-details.js';
import { redactPaths } from '../http/redact-paths.js';
import type { JobAnswer } from '../work/job-task.js';
import { type Ahead, checkedAhead, checkedAnswer } from './checked-answer.js';
import { type JobInputs, withInputs } from './job-inputs.js';
import { ProgressWriter } from './job-progress.js';
import {
  drawsOf,
  endOf,
  failedEnd,
  joinedEnds,
  missingOf,
  processesOf,
  type ScoresEnd,
  type ScoringJob,
  taskOf,
} from './job-work.js';
import { type GatheredParts, gatherParts, noParts } from './map-parts.js';
import { MapReporter } from './map-reporter.js';
import { runTraining } from './training-run.js';
import type { WorkOptions } from './work-options.js';

/** One attempt at a job. */
export class JobRun {
  readonly #job: Job;
  readonly #options: WorkOptions;
  readonly #abort: AbortController;
  readonly #progress: ProgressWriter;
  readonly #work: Work;
  readonly #pause: Pause | undefined;
  readonly #map: MapReporter;
  /** Visibility of the job's inputs; shipped models and benchmarks are public. */
  #written: Promise<unknown> = Promise.resolve();

  /**
   * @param abort ends the attempt, from outside or because it is over
   * @param pause stops its process, of a job that makes way for others
   */
  constructor(job: Job, options: WorkOptions, abort: AbortController, pause?: Pause) {
    this.#pause = pause;
    this.#job = job;
    this.#options = options;
    this.#abort = abort;
    const { attempts } = options.tables.jobs;
    this.#progress = new ProgressWriter(attempts, job, () => abort.abort());
    this.#work = Work.start((progress) => this.#progress.report(progress));
    this.#map = new MapReporter(attempts, job, () => abort.abort());
  }

  /**
   * Computes missing results; a process that dies fails all of its benchmarks.
   * @throws VentralError `interrupted` where it was ended, and retryable faults (see `retryable`)
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
      if (job.kind === 'score') return withoutPaths(await this.#scores(job), home);
      const end = await withInputs(job, this.#options, signal, (inputs) =>
        job.kind === 'training'
          ? this.#training(job, inputs)
          : this.#child(job, inputs, this.#process(1)[0]),
      );
      return withoutPaths(end, home);
    } catch (thrown) {
      const error = VentralError.from(thrown);
      if (this.#abort.signal.aborted || retryable(error)) throw error;
      // It resumes from its last state, unless it is lost repeatedly without progress.
      if (job.kind === 'training' && lost.includes(error.code)) throw error;
      return withoutPaths(this.#failed(job, error), home);
    } finally {
      await this.#progress.settled();
      await this.#map.settled();
    }
  }

  /** The parts of the work that separate processes do, each of which tells its own progress. */
  #process(count: number): Work[] {
    const parts = this.#work.parts(Array.from({ length: count }, () => ''));
    this.#work.planned();
    return parts;
  }

  #failed(job: Job, error: VentralError): JobEnd {
    const { code, message, details } = error;
    this.#options.log.warn({ job: job.id, code, err: details.cause }, message);
    return failedEnd(job, error);
  }

  #training(job: TrainingJob, inputs: JobInputs): Promise<JobEnd> {
    const [part] = this.#process(1);
    return runTraining(job, inputs, this.#options, {
      abort: this.#abort,
      progress: (progress) => part.mirror(progress),
    });
  }

  /**
   * An uploaded benchmark may hijack the process that reads it. So each runs in its own process, and shipped ones
   * share one: an answer counts only for the benchmarks of its process.
   */
  async #scores(job: ScoreJob): Promise<JobEnd> {
    const ends: ScoresEnd[] = [];
    const processes = processesOf(job);
    const parts = this.#process(processes.length);
    for (const [i, sources] of processes.entries()) {
      let own: ScoreJob = { ...job, sources };
      try {
        const end = await withInputs(own, this.#options, this.#abort.signal, async (inputs) => {
          const ids = [...inputs.references.values()].flat();
          own = { ...own, benchmarks: missingOf(job).filter((id) => ids.includes(id)) };
          return own.benchmarks.length > 0 ? this.#child(own, inputs, parts[i]) : undefined;
        });
        if (end) ends.push(end as ScoresEnd);
      } catch (thrown) {
        const error = VentralError.from(thrown);
        if (this.#abort.signal.aborted || retryable(error)) throw error;
        ends.push(this.#failed(own, error) as ScoresEnd);
      }
      parts[i].end();
    }
    return joinedEnds(job, ends);
  }

  async #child(job: ScoringJob, inputs: JobInputs, part: Work): Promise<JobEnd> {
    const { core, references, work, confirm } = inputs;
    const { cells, threads, warnings } = await this.#parts();
    const task = taskOf(job, { ...core, threads });
    const said = await runChild<unknown>({
      ...work,
      task: task.kind === 'layer-map' && cells.length > 0 ? { ...task, cells } : task,
      signal: this.#abort.signal,
      ...present({ pause: this.#pause }),
      progress: (progress) => part.mirror(progress),
      part: (result) => this.#keep(job, checkedAhead(result), confirm),
    });
    await this.#written;
    const answer = checkedEnd(job.kind, said);
    return endOf(job, withWarnings(answer, warnings), references);
  }

  /** A map that other workers help with is computed in parts first. */
  async #parts(): Promise<GatheredParts> {
    const job = this.#job;
    if (job.kind !== 'layer-map') return noParts(this.#options);
    return gatherParts(job, this.#options, {
      signal: this.#abort.signal,
      progress: this.#work,
    });
  }

  /** Stores scores as they are computed, one at a time, and partial maps. */
  #keep(job: ScoringJob, { score, draws, map }: Ahead, confirm: JobInputs['confirm']): void {
    if (map && this.#job.kind === 'layer-map') this.#map.report(map);
    const { id, attempt } = this.#job;
    if (!score || !missingOf(job).includes(score.benchmark)) return;
    this.#written = this.#written
      .then(confirm)
      .then(() => this.#options.tables.jobs.attempts.addScore(id, attempt, score, drawsOf(draws)))
      .then((holds) => holds || this.#abort.abort())
      // It comes again with the answer.
      .catch((error) =>
        this.#options.log.warn({ job: id, err: error }, 'A partial score was not stored'),
      );
  }
}

function checkedEnd(kind: JobAnswer['kind'], said: unknown): JobAnswer {
  try {
    return checkedAnswer(kind, said);
  } catch (cause) {
    const message = `The process that did the work answered with ${(cause as Error).message}`;
    throw new VentralError('process-died', message, { cause });
  }
}

/** A job end with paths redacted from its failures. */
const withoutPaths = (end: JobEnd, home: string): JobEnd => ({
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
