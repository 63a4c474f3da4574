import { hundredths, type LeaderboardRules } from './leaderboard.js';
import {
  leaderboardTree,
  leavesBeside,
  type TreeBenchmark,
  type TreeNode,
} from './leaderboard-tree.js';

/** A score of a model, as ranks need it. */
export interface ReplayedScore {
  readonly value: number | null;
  readonly selection: boolean;
  readonly brought: boolean;
  /** Of the job: the latest one counts. */
  readonly sequence: number;
}

/** Scores of one owner's jobs on a model, by the keys of their cells. */
type Cells = Map<string, ReplayedScore>;

/** A benchmark of the tree and the keys that its scores may have. */
export interface ReplayedBenchmark extends TreeBenchmark {
  readonly version: number;
  readonly keys: readonly string[];
  /** The same of scores that were brought, which count only where there is no other. */
  readonly brought: readonly string[];
}

/** A model that is on the board or may come to it. */
interface Entrant {
  readonly id: string;
  name: string;
  shown: boolean;
  readonly boards: Map<string, Cells>;
  /** By benchmark of the column; NaN where no score counts. */
  values: Float64Array;
  value: number | null;
  /** What it is ranked by; null without a value, and where it is not shown. */
  key: number | null;
}

/** Where a model stands. */
export interface Place {
  /** null: not on the board. */
  readonly rank: number | null;
  /** How many models have a rank. */
  readonly of: number;
  readonly value: number | null;
}

/**
 * A board of one column under changes, one at a time: where one model stands after each. Ranks are those of
 * `makeLeaderboard` with missing scores as 0: at two decimals, equal ones share one.
 */
export class RankReplay {
  /** The model that is followed. */
  readonly subject: string;
  readonly #column: string;
  readonly #rules: Pick<LeaderboardRules, 'selection' | 'brought'>;
  readonly #entrants = new Map<string, Entrant>();
  #benchmarks: readonly ReplayedBenchmark[] = [];
  #weights: readonly number[] = [];
  #clipped = false;
  #single = false;
  /** Benchmarks by the keys of their cells. */
  #byKey = new Map<string, number[]>();
  #of = 0;
  #higher = 0;

  /** @param subject the model @param column id of a node of the tree, or of a benchmark beside it */
  constructor(
    subject: string,
    column: string,
    rules: Pick<LeaderboardRules, 'selection' | 'brought'>,
  ) {
    this.subject = subject;
    this.#column = column;
    this.#rules = rules;
  }

  get place(): Place {
    const own = this.#entrants.get(this.subject);
    const key = own?.key ?? null;
    return {
      rank: key === null ? null : this.#higher + 1,
      of: this.#of,
      value: key === null ? null : (own?.value ?? null),
    };
  }

  /** Whether the model was ever there, with a value or without one. */
  get known(): boolean {
    return this.#entrants.has(this.subject);
  }

  nameOf(model: string): string {
    return this.#entrants.get(model)?.name ?? model;
  }

  isRanked(model: string): boolean {
    return (this.#entrants.get(model)?.key ?? null) !== null;
  }

  /** The benchmarks of now, each with its place in the tree; `beside` are in no average. */
  setBenchmarks(
    tree: readonly ReplayedBenchmark[],
    beside: readonly ReplayedBenchmark[] = [],
  ): void {
    const nodes = [...leaderboardTree(tree), ...leavesBeside(beside)];
    const node: TreeNode | undefined = nodes.find(({ id }) => id === this.#column);
    const byId = new Map([...tree, ...beside].map((benchmark) => [benchmark.id, benchmark]));
    const shares = node?.shares ?? [];
    this.#benchmarks = shares.flatMap(({ benchmark }) => byId.get(benchmark) ?? []);
    this.#weights = shares.map(({ weight }) => weight);
    this.#single = node?.kind === 'benchmark';
    this.#clipped = !this.#single && (node?.clipped ?? false);
    this.#byKey = new Map();
    for (const [k, { keys, brought }] of this.#benchmarks.entries())
      for (const key of [...keys, ...brought])
        this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), k]);
    for (const entrant of this.#entrants.values()) {
      entrant.values = new Float64Array(this.#benchmarks.length);
      for (let k = 0; k < entrant.values.length; k++) entrant.values[k] = this.#score(entrant, k);
      this.#weigh(entrant);
    }
    this.#count();
  }

  /** A model as it is now; not shown, it keeps its scores. */
  setModel(
    model: string,
    { name, shown }: { readonly name?: string; readonly shown: boolean },
  ): void {
    this.#change(model, (entrant) => {
      entrant.name = name ?? entrant.name;
      entrant.shown = shown;
    });
  }

  /** Scores that changed; null: withdrawn. @param owner whose jobs they are of */
  setScores(
    model: string,
    owner: string,
    changed: Iterable<readonly [key: string, score: ReplayedScore | null]>,
  ): void {
    this.#change(model, (entrant) => {
      const cells: Cells = entrant.boards.get(owner) ?? new Map();
      entrant.boards.set(owner, cells);
      const touched = new Set<number>();
      for (const [key, score] of changed) {
        if (score) cells.set(key, score);
        else cells.delete(key);
        for (const k of this.#byKey.get(key) ?? []) touched.add(k);
      }
      for (const k of touched) entrant.values[k] = this.#score(entrant, k);
    });
  }

  #change(model: string, change: (entrant: Entrant) => void): void {
    const known = this.#entrants.get(model);
    const entrant = known ?? {
      ...{ id: model, name: model, shown: false, boards: new Map() },
      ...{ values: new Float64Array(this.#benchmarks.length).fill(Number.NaN) },
      ...{ value: null, key: null },
    };
    if (!known) this.#entrants.set(model, entrant);
    const before = entrant.key;
    change(entrant);
    this.#weigh(entrant);
    if (entrant.key === before) return;
    this.#of += Number(entrant.key !== null) - Number(before !== null);
    const own = this.#entrants.get(this.subject)?.key ?? null;
    if (model === this.subject) this.#count();
    else if (own !== null)
      this.#higher += Number((entrant.key ?? own) > own) - Number((before ?? own) > own);
  }

  /** Counts anew. */
  #count(): void {
    const own = this.#entrants.get(this.subject)?.key ?? null;
    this.#of = 0;
    this.#higher = 0;
    for (const { key } of this.#entrants.values()) {
      if (key === null) continue;
      this.#of++;
      if (own !== null && key > own) this.#higher++;
    }
  }

  /** The value of a model on a benchmark, as it enters; NaN where none does. */
  #score({ boards }: Entrant, k: number): number {
    const { keys, brought } = this.#benchmarks[k];
    const score = latest(boards, keys) ?? latest(boards, brought);
    const { selection, brought: broughtRule } = this.#rules;
    if (!score || score.value === null) return Number.NaN;
    if (score.selection && selection !== 'include') return Number.NaN;
    if (score.brought && broughtRule !== 'include') return Number.NaN;
    return this.#clipped ? Math.min(Math.max(score.value, 0), 1) : score.value;
  }

  /** The sum in the order of the board, so that it has the same bits. */
  #weigh(entrant: Entrant): void {
    let n = 0;
    let sum = 0;
    for (let k = 0; k < entrant.values.length; k++) {
      const value = entrant.values[k];
      if (Number.isNaN(value)) continue;
      n++;
      sum += this.#weights[k] * value;
    }
    entrant.value = n > 0 ? sum : null;
    entrant.key = entrant.shown && entrant.value !== null ? hundredths(entrant.value) : null;
  }
}

function latest(
  boards: ReadonlyMap<string, Cells>,
  keys: readonly string[],
): ReplayedScore | undefined {
  let found: ReplayedScore | undefined;
  for (const cells of boards.values())
    for (const key of keys) {
      const score = cells.get(key);
      if (score && score.sequence > (found?.sequence ?? 0)) found = score;
    }
  return found;
}
