import type { JobProgress } from '../../store/jobs/job.js';
import type { JobAttempts } from '../../store/jobs/job-attempts.js';
import type { ChildProgress } from '../child/child.js';
import { EventPace } from './event-pace.js';

/** Characters of a stage's name. */
const STAGE_LENGTH = 100;

/** Stores the progress of one attempt, at a limited rate and one write at a time. */
export class ProgressWriter {
  readonly #attempts: JobAttempts;
  readonly #job: { readonly id: string; readonly attempt: number };
  readonly #over: () => void;
  readonly #pace = new EventPace();
  #stage = { name: '', since: 0 };
  /** Stages that the log names: some come again and again. */
  readonly #seen = new Set<string>();
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

  report(progress: ChildProgress): void {
    const now = Date.now();
    const name = progress.stage.slice(0, STAGE_LENGTH);
    if (name !== this.#stage.name) this.#stage = { name, since: now };
    const fresh = !this.#seen.has(name);
    const due = this.#pace.wait === 0;
    if (this.#writing || !(fresh || due)) return;
    this.#seen.add(name);
    if (due) this.#pace.restart();
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
