import type { Progress } from '../../runtime/work.js';
import type { JobAttempts } from '../../store/jobs/job-attempts.js';
import { EventPace } from './event-pace.js';

/** Characters of a stage's name. */
const STAGE_LENGTH = 100;

/** Stores the progress of one attempt, at a limited rate and one write at a time. */
export class ProgressWriter {
  readonly #attempts: JobAttempts;
  readonly #job: { readonly id: string; readonly attempt: number };
  readonly #over: () => void;
  readonly #pace = new EventPace();
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

  report({ words: _, ...progress }: Progress): void {
    const name = progress.stage.slice(0, STAGE_LENGTH);
    const fresh = !this.#seen.has(name);
    const due = this.#pace.wait === 0;
    if (this.#writing || !(fresh || due)) return;
    this.#seen.add(name);
    if (due) this.#pace.restart();
    const { id, attempt } = this.#job;
    const told = { event: due, ...(fresh ? { line: `Stage: ${name}` } : {}) };
    this.#writing = this.#attempts
      .setProgress(id, attempt, { ...progress, stage: name }, told)
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
