import type { Attack } from './attacks.js';

/** What is expected of a network, or known of it, before it is attacked. */
export interface Outlook {
  /** Share of all examples that it names right. */
  readonly right: number;
  /** Share of those named right that withstand an attack. */
  readonly withstand: number;
}

/** Of a network that nothing is known of. */
export const UNKNOWN: Outlook = { right: 0.7, withstand: 0.3 };

/** Examples under attack side by side. */
export interface AttackedExamples {
  readonly examples: number;
  readonly withstand: number;
  /** Examples of one call. */
  readonly batch: number;
}

type Cost = Pick<Attack, 'calls'>;

/** Calls after which a search that goes on is taken to go to its end: what falls, falls early. */
const earlyCalls = ({ calls }: Cost): number => Math.min(calls, 2 + calls / 20);

/** Calls of a network until every example has fallen, or was searched to the end. */
export function expectedCalls(
  attack: Cost,
  { examples, withstand, batch }: AttackedExamples,
): number {
  if (examples <= 0) return 0;
  const { calls } = attack;
  const early = earlyCalls(attack);
  const mean = withstand * calls + (1 - withstand) * early;
  // As long as one example withstands, the batch of it is called.
  const one = 1 - (1 - withstand) ** examples;
  return Math.max(early + one * (calls - early), (examples * mean) / batch);
}

/** Examples after which their own share of those that withstand is believed. */
const TOLD = 16;

/** Counts the calls of one attack, and foresees how many are left. */
export class CallCount {
  made = 0;
  readonly #attack: Cost;
  readonly #attacked: AttackedExamples;
  /** Calls of each search that runs. */
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

  /** After a call, whose searches that are over have ended. */
  called(): void {
    this.made++;
    for (const [search, calls] of this.#running) this.#running.set(search, calls + 1);
  }

  /** Share that withstands, as far as it is told by now. */
  get withstand(): number {
    const lasting = this.#withstood + this.#lasting().length;
    const told = lasting + this.#fallen;
    const { withstand } = this.#attacked;
    return (lasting + TOLD * withstand) / (told + TOLD);
  }

  /** Calls that are left. */
  get left(): number {
    const { examples, batch } = this.#attacked;
    const lasting = this.#lasting().map((calls) => this.#attack.calls - calls);
    const fresh = this.#running.size - lasting.length + (examples - this.#begun);
    const others = { examples: fresh, withstand: this.withstand, batch };
    const shared = lasting.reduce((sum, calls) => sum + calls, 0) / batch;
    const crowded = examples > batch ? shared + expectedCalls(this.#attack, others) : 0;
    return Math.max(0, ...lasting, expectedCalls(this.#attack, others), crowded);
  }

  /** Calls of the searches that go to their end. */
  #lasting(): number[] {
    const early = earlyCalls(this.#attack);
    return [...this.#running.values()].filter((calls) => calls >= early);
  }
}
