import type { Place, RankReplay } from './rank-replay.js';

/** Why a rank changed. */
export type ReasonKind =
  | 'own-score'
  | 'other-score'
  | 'new-model'
  | 'model-removed'
  | 'visibility'
  | 'new-benchmark'
  | 'new-version'
  | 'benchmark-removed'
  | 'benchmark-moved';

/** What changes of one kind did to a rank in a day. */
export interface RankReason {
  readonly kind: ReasonKind;
  /** What they add to the rank together: positive is worse. */
  readonly change: number;
  /** How many of them changed it. */
  readonly events: number;
  /** Of those that were others' doing, some of the models. */
  readonly models: readonly { readonly model: string; readonly name: string }[];
  /** Of those that were the tree's, some of the benchmarks. */
  readonly benchmarks: readonly string[];
}

/**
 * Where a model stood at the end of a day on which that, the number of ranked models or its value changed. With a rank,
 * start + Σ change of the reasons = rank.
 */
export interface RankPoint extends Place {
  /** UTC. */
  readonly date: string;
  /** The rank before, or with which the model came to the board on this day; null where it has no rank. */
  readonly start: number | null;
  /** What brought it to the board on this day. */
  readonly entered: ReasonKind | null;
  /** What took it off the board. */
  readonly left: ReasonKind | null;
  readonly reasons: readonly RankReason[];
}

/** What a change is about. */
export interface Changed {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind: ReasonKind;
  readonly model?: string;
  readonly benchmark?: string;
}

/** Models and benchmarks that a reason names. */
const NAMED = 5;

interface Sum {
  change: number;
  events: number;
  readonly models: Map<string, string>;
  readonly benchmarks: Set<string>;
}

/**
 * Follows the rank of a model through changes that are applied one at a time, in order: what each adds to the rank is the
 * rank after it minus the rank before.
 */
export class RankHistory {
  readonly #replay: RankReplay;
  readonly #points: RankPoint[] = [];
  #day = '';
  #last: Place = { rank: null, of: 0, value: null };
  #start: number | null = null;
  #entered: ReasonKind | null = null;
  #left: ReasonKind | null = null;
  readonly #sums = new Map<ReasonKind, Sum>();

  constructor(replay: RankReplay) {
    this.#replay = replay;
  }

  /** Applies one change. */
  apply({ at, kind, model, benchmark }: Changed, change: () => void): void {
    const day = new Date(at).toISOString().slice(0, 10);
    // A clock that was set back changes no order.
    if (day > this.#day) {
      this.#close();
      this.#day = day;
    }
    const before = this.#replay.place.rank;
    const wasRanked = model !== undefined && this.#replay.isRanked(model);
    change();
    const after = this.#replay.place.rank;
    if (after === before) return;
    const why = kind === 'other-score' && !wasRanked ? 'new-model' : kind;
    if (before === null || after === null) {
      this.#sums.clear();
      this.#start = after;
      this.#entered = after === null ? null : why;
      this.#left = after === null ? why : null;
    } else this.#add(why, after - before, model, benchmark);
  }

  #add(kind: ReasonKind, change: number, model?: string, benchmark?: string): void {
    const sum = this.#sums.get(kind) ?? {
      ...{ change: 0, events: 0, models: new Map(), benchmarks: new Set() },
    };
    this.#sums.set(kind, sum);
    sum.change += change;
    sum.events++;
    if (model !== undefined && kind !== 'own-score' && sum.models.size < NAMED)
      sum.models.set(model, this.#replay.nameOf(model));
    if (benchmark !== undefined && sum.benchmarks.size < NAMED) sum.benchmarks.add(benchmark);
  }

  /** The points of all days, oldest first. */
  points(): readonly RankPoint[] {
    this.#close();
    return this.#points;
  }

  #close(): void {
    const place = this.#replay.place;
    const { rank, of, value } = this.#last;
    const on = rank !== null || place.rank !== null;
    if (on && (place.rank !== rank || place.of !== of || place.value !== value)) {
      this.#points.push({
        ...{ date: this.#day, ...place, start: place.rank === null ? null : this.#start },
        ...{ entered: this.#entered, left: this.#left },
        reasons: [...this.#sums].flatMap(([kind, { change, events, models, benchmarks }]) =>
          change === 0
            ? []
            : [
                {
                  ...{ kind, change, events, benchmarks: [...benchmarks] },
                  models: [...models].map(([model, name]) => ({ model, name })),
                },
              ],
        ),
      });
      this.#last = place;
    }
    this.#start = place.rank;
    this.#entered = null;
    this.#left = null;
    this.#sums.clear();
  }
}
