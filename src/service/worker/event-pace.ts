/** Events of an attempt are so far apart at least, */
const EVENT_MS = 500;
/** and by this share of its age, so that a job of hours has some thousand of them. */
const EVENT_SHARE = 1 / 200;

/** How often an attempt writes events of one sort. */
export class EventPace {
  readonly #begun = Date.now();
  #last = 0;

  /** Milliseconds until the next event is due; 0 where it is due now. */
  get wait(): number {
    const now = Date.now();
    const gap = Math.max(EVENT_MS, (now - this.#begun) * EVENT_SHARE);
    return Math.max(0, this.#last + gap - now);
  }

  /** Counts the gap to the next event from now. */
  restart(): void {
    this.#last = Date.now();
  }
}
