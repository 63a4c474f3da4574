import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { VentralError } from '../../errors/ventral-error.js';
import type { Provider } from '../../runtime/provider.js';
import { nextNotification } from '../../store/database/notification.js';
import type { Job, JobEnd } from '../../store/jobs/job.js';
import type { JobClaim } from '../../store/jobs/job-attempts.js';
import type { Pause } from '../child/pause.js';
import type { Problem } from '../http/problem-details.js';
import { BackgroundRun, makesWay } from './background-run.js';
import { JobRun, retryable } from './job-run.js';
import { failedEnd } from './job-work.js';
import { workOnPart } from './map-parts.js';
import { providersOf } from './offered-providers.js';
import { clearTraining } from './training-folder.js';
import type { WorkOptions } from './work-options.js';

/** A job is abandoned after this many lost workers or retryable faults. */
const MOST_FAULTS = 3;
/** How often it is looked whether a job was cancelled, by whatever process. */
const WATCH_MS = 1000;
/** Polls between two heartbeats. */
const HEARTBEAT = 5;
/** How long a slot waits for a notification, if other processes can submit jobs. */
const POLL_MS = { shared: 1000, alone: 10_000 };
/** How long results wait for a lost database. */
const PATIENCE_MS = 300_000;
/** A signal to all processes of a host may end the process of a job before this one has heard of it. */
const SIGNAL_MS = 500;

/** Claims and runs jobs, several concurrently, until it is stopped. */
export class WorkerLoop {
  readonly #options: WorkOptions;
  readonly #id: string | null;
  /** What its jobs may ask for. */
  readonly #providers: readonly Provider[];
  readonly #running = new Map<
    string,
    { readonly claim: JobClaim; readonly abort: AbortController }
  >();
  readonly #woken = new EventEmitter().setMaxListeners(0);
  readonly #stopping = new AbortController();
  /** Aborted when running jobs are to be returned, too. */
  readonly #hurrying = new AbortController();
  /** Resolves when no job has been there for as long as `untilEmpty` says; never without it. */
  readonly empty: Promise<void>;
  #nothingLeft: () => void = () => {};
  #emptySince: number | undefined;
  /** Jobs and parts that are being worked on. */
  #busy = 0;
  /** Jobs that stand still while others have some. */
  readonly #paused: BackgroundRun[] = [];
  /** All that have not ended. */
  readonly #background = new Set<Promise<void>>();
  /** Ends the parts of others' jobs. */
  readonly #parts = new AbortController();
  readonly #slots: readonly Promise<void>[];
  readonly #watch: NodeJS.Timeout;
  #looks = 0;
  #looking = false;
  #looked: Promise<void> = Promise.resolve();

  /**
   * @param id of the worker; null if it is not registered
   * @param size concurrent jobs
   */
  constructor(options: WorkOptions, id: string | null, size: number) {
    this.#options = options;
    this.#id = id;
    this.#providers = providersOf(options.offers);
    this.empty = new Promise((resolve) => {
      this.#nothingLeft = resolve;
    });
    this.#slots = Array.from({ length: size }, () => this.#work());
    this.#watch = setInterval(() => {
      if (!this.#looking) this.#looked = this.#look();
    }, WATCH_MS);
  }

  /** Looks for queued jobs now. */
  wake(): void {
    this.#woken.emit('job');
  }

  /** Ends the process of a job. */
  abort(job: string): void {
    this.#running.get(job)?.abort.abort();
  }

  /**
   * Claims no more jobs, and returns those that make way for others. Resolves when the running ones have ended,
   * however long they take.
   */
  async drain(): Promise<void> {
    this.#stopping.abort();
    for (const { claim, abort } of this.#running.values()) if (makesWay(claim.job)) abort.abort();
    await Promise.all(this.#slots);
    await Promise.all(this.#background);
  }

  /**
   * Claims no more jobs, waits for running ones up to the grace period, and returns the rest to the queue.
   * Resolves when nothing is running.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    this.#hurrying.abort();
    const ended = Promise.all(this.#slots);
    await Promise.race([ended, sleep(graceMs, undefined, { ref: false })]);
    this.#parts.abort();
    for (const { abort } of this.#running.values()) abort.abort();
    await ended;
    await Promise.all(this.#background);
    clearInterval(this.#watch);
    await this.#looked;
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #work(): Promise<void> {
    const { tables, log } = this.#options;
    while (!this.#stopped) {
      const word = this.#word();
      try {
        const part = await tables.jobs.parts.claim(this.#providers);
        const claim = part
          ? undefined
          : await tables.jobs.attempts.claim(this.#id, this.#providers);
        if (part) await this.#busily(workOnPart(part, this.#options, this.#parts.signal));
        else if (claim && makesWay(claim.job)) await this.#busily(this.#begin(claim));
        else if (claim) await this.#busily(this.#do(claim));
        else if (!(await this.#goOn())) {
          this.#lookWhetherEmpty();
          await word;
        }
      } catch (error) {
        if (this.#stopped) return;
        log.error({ err: error }, 'Claiming or finishing a job failed');
        await sleep(WATCH_MS, undefined, { signal: this.#stopping.signal }).catch(() => {});
      }
    }
  }

  async #busily(work: Promise<void>): Promise<void> {
    this.#busy++;
    try {
      await work;
    } finally {
      this.#busy--;
      this.#emptySince = undefined;
    }
  }

  #lookWhetherEmpty(): void {
    const { untilEmpty } = this.#options;
    if (untilEmpty === undefined || this.#busy > 0 || this.#background.size > 0) return;
    this.#emptySince ??= performance.now();
    if (performance.now() - this.#emptySince >= untilEmpty) this.#nothingLeft();
  }

  async #begin(claim: JobClaim): Promise<void> {
    const run = new BackgroundRun(this.#options.tables.jobs, (pause) => this.#do(claim, pause));
    const ended: Promise<void> = run.ended
      .catch(() => {})
      .finally(() => this.#background.delete(ended));
    this.#background.add(ended);
    await this.#occupy(run);
  }

  /** Lets a job have the slot until it has ended or makes way. */
  async #occupy(run: BackgroundRun): Promise<void> {
    await run.go(() => this.#word(), this.#stopping.signal);
    if (!run.isOver) this.#paused.push(run);
  }

  /** Lets a job that stands still go on. @returns false where none may yet */
  async #goOn(): Promise<boolean> {
    const run = this.#paused.shift();
    if (!run || run.isOver) return run !== undefined;
    if (await run.mayGoOn()) await this.#occupy(run);
    else {
      this.#paused.unshift(run);
      return false;
    }
    return true;
  }

  /** Resolves at the next word that there is a job, or when it is time to look again. */
  #word(): Promise<void> {
    const { shared } = this.#options.tables.database;
    const often = shared || this.#paused.length > 0;
    const patience = often ? POLL_MS.shared : POLL_MS.alone;
    return nextNotification(this.#woken, 'job', patience, this.#stopping.signal).come;
  }

  /** @param pause of a job that makes way for others */
  async #do(claim: JobClaim, pause?: Pause): Promise<void> {
    const { job } = claim;
    const { log } = this.#options;
    const { id, kind, attempt, benchmarks } = job;
    const abort = new AbortController();
    this.#running.set(id, { claim, abort });
    log.info({ job: id, kind, attempt, benchmarks }, 'Scoring');
    try {
      // It was taken in the moment of the stop.
      if (this.#stopped) abort.abort();
      const end =
        job.faults < MOST_FAULTS
          ? await new JobRun(job, this.#options, abort, pause).end()
          : failedEnd(job, givenUp(job));
      if (await this.#wasSignalled(end)) await this.#handBack(job);
      else await this.#finish(job, end);
    } catch (thrown) {
      const error = VentralError.from(thrown);
      if (!abort.signal.aborted) await this.#giveBack(job, error);
      else if (this.#stopped) await this.#handBack(job);
    } finally {
      this.#running.delete(id);
      if (kind === 'training') await clearTraining(this.#options, id);
    }
  }

  /** Whether processes of the job were ended by the signal that stops this worker, as some schedulers send it to all. */
  async #wasSignalled({ failures }: JobEnd): Promise<boolean> {
    const died = ({ problem }: JobEnd['failures'][number]) =>
      (problem as Problem).type === '/problems/process-died';
    if (!failures.some(died)) return false;
    await sleep(SIGNAL_MS, undefined, { signal: this.#hurrying.signal }).catch(() => {});
    return this.#hurrying.signal.aborted;
  }

  /** A worker that stops is no fault of its job. */
  async #handBack({ id, attempt }: Job): Promise<void> {
    const reason = 'The worker of the job was stopped';
    await this.#options.tables.jobs.attempts.giveBack(id, attempt, { reason, fault: false });
  }

  /** Results that cannot be written (a full disk) fail the job, where at least that can be written. */
  async #finish(job: Job, end: JobEnd): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#insist(job, end);
    } catch (thrown) {
      const error = VentralError.from(thrown);
      if (retryable(error)) throw error;
      log.error({ job: job.id, err: thrown }, 'Writing results failed');
      await this.#insist(job, failedEnd(job, error));
    }
  }

  /** A database that does not answer is asked again for some minutes: results may have taken hours. */
  async #insist({ id, attempt }: Job, end: JobEnd): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        await this.#options.tables.jobs.attempts.finish(id, attempt, end);
        return;
      } catch (error) {
        const lost = retryable(VentralError.from(error));
        if (!lost || this.#hurrying.signal.aborted || Date.now() > deadline) throw error;
        await sleep(WATCH_MS);
      }
    }
  }

  /** Retries a retryable fault, each time after a longer pause. */
  async #giveBack({ id, attempt, faults }: Job, error: VentralError): Promise<void> {
    this.#options.log.warn({ job: id, code: error.code, err: error.details.cause }, error.message);
    const { signal } = this.#stopping;
    await sleep(WATCH_MS * 2 ** faults, undefined, { signal }).catch(() => {});
    const why = { reason: error.message, fault: !this.#hurrying.signal.aborted };
    await this.#options.tables.jobs.attempts.giveBack(id, attempt, why);
  }

  /** Sends the heartbeat, and ends jobs that the worker has lost. */
  async #look(): Promise<void> {
    const claims = [...this.#running.values()].map(({ claim }) => claim);
    if (claims.length === 0) return;
    this.#looking = true;
    const { attempts } = this.#options.tables.jobs;
    try {
      const beat = this.#looks++ % HEARTBEAT === 0;
      for (const id of await (beat ? attempts.beat(claims) : attempts.over(claims)))
        this.#running.get(id)?.abort.abort();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'Heartbeat failed');
    } finally {
      this.#looking = false;
    }
  }
}

const givenUp = ({ reason }: Job) =>
  new VentralError(
    'worker-lost',
    `The job was abandoned after ${MOST_FAULTS} attempts: ${reason ?? 'no worker finished it'}`,
  );
