import type { JobProgress } from '../../store/jobs/job.js';
import type { JobAttempts } from '../../store/jobs/job-attempts.js';
import type { ChildProgress } from '../child/child.js';

/** A job's events of progress are so far apart at least. */
const EVENT_MS = 500;
/** And by this share of its age, so that a job of hours has some thousand of them. */
const EVENT_SHARE = 1 / 200;
const STAGE_LENGTH = 100;

/** Milliseconds between the events of an attempt that started at a moment. */
export const eventGap = (begun: number): number =>
  Math.max(EVENT_MS, (Date.now() - begun) * EVENT_SHARE);

/** Stores the progress of one attempt, at a limited rate and one write at a time. */
export class ProgressWriter {
  readonly #attempts: JobAttempts;
  readonly #job: { readonly id: string; readonly attempt: number };
  readonly #over: () => void;
  readonly #begun = Date.now();
  #stage = { name: '', since: 0 };
  /** Stages that the log names: some come again and again. */
  readonly #seen = new Set<string>();
  #told = 0;
  #writing: Promise<unknown> | undefined;

  /** @param over called when the attempt turns out to be over */
  constructor(
    attempts: JobAttempts,
    job: { readonly id: string; readonly attempt: number },
    over: () => void,
  ) {
    this.#attempts = attempts;
    this.#job = job;
    this.#over = over;
  }

  tell(progress: ChildProgress): void {
    const now = Date.now();
    const name = progress.stage.slice(0, STAGE_LENGTH);
    if (name !== this.#stage.name) this.#stage = { name, since: now };
    const fresh = !this.#seen.has(name);
    const due = now - this.#told >= eventGap(this.#begun);
    if (this.#writing || !(fresh || due)) return;
    this.#seen.add(name);
    if (due) this.#told = now;
    const etaSeconds = eta(progress, now - this.#stage.since);
    const { id, attempt } = this.#job;
    const told = { event: due, ...(fresh ? { line: `Stage: ${name}` } : {}) };
    this.#writing = this.#attempts
      .setProgress(id, attempt, { ...progress, stage: name, etaSeconds }, told)
      .then((holds) => holds || this.#over())
      // Progress is optional, and a lost database is reported elsewhere.
      .catch(() => {})
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    await this.#writing;
  }
}

function eta({ done, total }: ChildProgress, elapsed: number): JobProgress['etaSeconds'] {
  return done > 0 && total >= done
    ? Math.round(((elapsed / done) * (total - done)) / 100) / 10
    : null;
}
