import type { Attack } from './attacks.js';

/** Expected results of a network under attack, by which the cost of an evaluation is predicted. */
export interface RobustnessEstimate {
  /** Share of all examples that are classified correctly. */
  readonly right: number;
  /** Share of those that stay correct under attack. */
  readonly withstand: number;
}

/** Of a network without any measurement. */
export const UNKNOWN: RobustnessEstimate = { right: 0.7, withstand: 0.3 };

/** Examples that are attacked together. */
export interface AttackedExamples {
  readonly examples: number;
  readonly withstand: number;
  /** Examples of one call. */
  readonly batch: number;
}

type Cost = Pick<Attack, 'calls'>;

/** Calls after which a search is expected to use all of its calls: most that succeed do so early. */
const earlyCalls = ({ calls }: Cost): number => Math.min(calls, 2 + calls / 20);

/** Expected calls of a network until each search has succeeded or used all of its calls. */
export function expectedCalls(
  attack: Cost,
  { examples, withstand, batch }: AttackedExamples,
): number {
  if (examples <= 0) return 0;
  const { calls } = attack;
  const early = earlyCalls(attack);
  const mean = withstand * calls + (1 - withstand) * early;
  // The network is called for a batch as long as one example of it resists.
  const one = 1 - (1 - withstand) ** examples;
  return Math.max(early + one * (calls - early), (examples * mean) / batch);
}

/** Weight of the estimate, in examples, against the results so far. */
const TOLD = 16;

/** Counts the calls of one attack and predicts the remaining ones. */
export class CallCount {
  made = 0;
  readonly #attack: Cost;
  readonly #attacked: AttackedExamples;
  /** Calls of each running search. */
  readonly #running = new Map<object, number>();
  #begun = 0;
  #fallen = 0;
  #withstood = 0;

  constructor(attack: Cost, attacked: AttackedExamples) {
    this.#attack = attack;
    this.#attacked = attacked;
  }

  begin(search: object): void {
    this.#running.set(search, 0);
    this.#begun++;
  }

  end(search: { readonly fooled: boolean }): void {
    this.#running.delete(search);
    if (search.fooled) this.#fallen++;
    else this.#withstood++;
  }

  /** Counts a call for all running searches; those that are finished must have ended before. */
  called(): void {
    this.made++;
    for (const [search, calls] of this.#running) this.#running.set(search, calls + 1);
  }

  /** Share that stays correct: the results so far, shrunk towards the estimate. */
  get withstand(): number {
    const lasting = this.#withstood + this.#lasting().length;
    const told = lasting + this.#fallen;
    const { withstand } = this.#attacked;
    return (lasting + TOLD * withstand) / (told + TOLD);
  }

  /** Predicted remaining calls. */
  get left(): number {
    const { examples, batch } = this.#attacked;
    const lasting = this.#lasting().map((calls) => this.#attack.calls - calls);
    const fresh = this.#running.size - lasting.length + (examples - this.#begun);
    const others = { examples: fresh, withstand: this.withstand, batch };
    const shared = lasting.reduce((sum, calls) => sum + calls, 0) / batch;
    const crowded = examples > batch ? shared + expectedCalls(this.#attack, others) : 0;
    return Math.max(0, ...lasting, expectedCalls(this.#attack, others), crowded);
  }

  /** Calls so far of the searches that are expected to use all of theirs. */
  #lasting(): number[] {
    const early = earlyCalls(this.#attack);
    return [...this.#running.values()].filter((calls) => calls >= early);
  }
}
