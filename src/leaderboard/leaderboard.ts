import {
  leaderboardTree,
  leavesBeside,
  type Share,
  type TreeBenchmark,
  type TreeNode,
} from './leaderboard-tree.js';

/** A model's score on a benchmark, as a leaderboard needs it. */
export interface LeafScore {
  /** null if it is not finite. */
  readonly value: number | null;
  readonly error: number | null;
  /** 95 % interval. */
  readonly ci: readonly [number, number] | null;
  /** Whether the layer was chosen on stimuli of the benchmark. */
  readonly selection: boolean;
  /** True where it was computed elsewhere and brought. */
  readonly brought?: boolean;
}

/** A model with its scores by benchmark. */
export interface ScoredModel<S extends LeafScore = LeafScore> {
  readonly id: string;
  readonly name: string;
  readonly scores: ReadonlyMap<string, S>;
}

/** What enters the averages. */
export interface LeaderboardRules {
  /** `zero`: a benchmark without a score counts as 0; `common`: only benchmarks that all models have. */
  readonly missing: 'zero' | 'common';
  /** Whether selection scores enter; else they count as missing. */
  readonly selection: 'exclude' | 'include';
  /** The same of brought scores; by default they do not enter. */
  readonly brought?: 'exclude' | 'include';
}

/** A number with its 95 % interval. */
export interface Estimate {
  readonly value: number | null;
  readonly ci: readonly [number, number] | null;
}

/** An average, over `n` of the `m` benchmarks below it. */
export interface Average extends Estimate {
  readonly n: number;
  readonly m: number;
}

/** A model's line. */
export interface LeaderboardRow<M extends ScoredModel = ScoredModel> {
  readonly model: M;
  /** By node. */
  readonly averages: ReadonlyMap<string, Average>;
  /** What it is ranked by: its value of the first node. */
  readonly first: Estimate;
  /** Place by that value; null without one. */
  readonly rank: number | null;
  /** Whether another model has the same rank. */
  readonly rankShared: boolean;
}

/** Models against the tree of benchmarks. */
export interface Leaderboard<M extends ScoredModel = ScoredModel> {
  readonly rules: LeaderboardRules;
  /** Every node before its children, benchmarks among them, also those that are in no average. */
  readonly nodes: readonly TreeNode[];
  /** Benchmarks that enter the averages, by node; less than all with `missing: common`. */
  readonly counted: ReadonlyMap<string, readonly Share[]>;
  /** In the order of the models given. */
  readonly rows: readonly LeaderboardRow<M>[];
}

/** Half the width of a normal 95 % interval in standard errors. */
const HALF = 1.96;

/**
 * Averages and ranks of models (spec §7.4): each node is the plain mean of its children, a benchmark's value
 * clipped to [0, 1] but in engineering, and null if no benchmark below has a number.
 *
 * The interval of an average takes the benchmarks' errors as independent and normal: the standard error of a
 * benchmark is a 3.92th of the width of its interval, that of an average √Σ(weight · se)². A benchmark that
 * counts as 0 has none. Without an interval of a benchmark that enters there is none of the average. An average of one
 * benchmark is that benchmark's value, with its interval.
 *
 * Ranks are those of the site (spec §7.5): by the first node at two decimals (half up), equal
 * ones share a rank and the next one skips.
 * @param beside benchmarks in no average: columns behind the tree, or before it if no model has a score in it
 */
export function makeLeaderboard<M extends ScoredModel>(
  benchmarks: readonly TreeBenchmark[],
  models: readonly M[],
  rules: LeaderboardRules,
  beside: readonly TreeBenchmark[] = [],
): Leaderboard<M> {
  const tree = leaderboardTree(benchmarks);
  const has = (of: readonly TreeBenchmark[]) => (model: ScoredModel) =>
    of.some(({ id }) => model.scores.has(id));
  const inTree = models.filter((model) => has(benchmarks)(model) || !has(beside)(model));
  const kept =
    rules.missing === 'zero'
      ? tree
      : leaderboardTree(
          benchmarks.filter(({ id }) =>
            inTree.every((model) => counts(model.scores.get(id), rules)),
          ),
        );
  const counted = new Map(kept.map(({ id, shares }) => [id, shares]));
  const leaves = leavesBeside(beside);
  const nodes = models.some(has(benchmarks)) ? [...tree, ...leaves] : [...leaves, ...tree];
  const average = averaging(tree, counted, rules);
  const averages = models.map(average);
  const first = models.map((model, k) => firstOf(nodes[0], model, averages[k], rules));
  const ranks = ranksOf(first.map(({ value }) => value));
  return {
    rules,
    nodes,
    counted,
    rows: models.map((model, k) => ({
      ...{ model, averages: averages[k], first: first[k], ...ranks[k] },
    })),
  };
}

function firstOf(
  node: TreeNode | undefined,
  { scores }: ScoredModel,
  averages: LeaderboardRow['averages'],
  rules: LeaderboardRules,
): Estimate {
  const score = node && scores.get(node.id);
  const found = node?.kind === 'average' ? averages.get(node.id) : counts(score, rules) && score;
  return { value: found ? found.value : null, ci: found ? found.ci : null };
}

/** Whether a score enters the averages. */
export function counts(
  score: LeafScore | undefined,
  { selection, brought }: LeaderboardRules,
): score is LeafScore & { readonly value: number } {
  return (
    score !== undefined &&
    score.value !== null &&
    (selection === 'include' || !score.selection) &&
    (brought === 'include' || !score.brought)
  );
}

/** Standard error behind a 95 % interval; null without one. */
export const standardError = ({ ci }: Pick<Estimate, 'ci'>): number | null =>
  ci && (ci[1] - ci[0]) / (2 * HALF);

/** The estimate of a value with a variance (NaN if there is none); null if it is not finite. */
export function estimate(value: number, variance: number): Estimate {
  if (!Number.isFinite(value)) return { value: null, ci: null };
  const half = HALF * Math.sqrt(variance);
  return { value, ci: Number.isFinite(half) ? [value - half, value + half] : null };
}

/** The averages of a model. A thousand models of sixty benchmarks are looked up once each. */
function averaging(
  nodes: readonly TreeNode[],
  counted: Leaderboard['counted'],
  rules: LeaderboardRules,
): (model: ScoredModel) => ReadonlyMap<string, Average> {
  const leaves = nodes.filter(({ kind }) => kind === 'benchmark');
  const places = new Map(leaves.map(({ id }, place) => [id, place]));
  const averaged = nodes
    .filter(({ kind }) => kind === 'average')
    .map(({ id, shares }) => {
      const entering = counted.get(id) ?? [];
      return {
        id,
        m: shares.length,
        places: entering.map(({ benchmark }) => places.get(benchmark) ?? 0),
        weights: entering.map(({ weight }) => weight),
      };
    });
  const values = new Float64Array(leaves.length);
  const errors = new Float64Array(leaves.length);
  return ({ scores }) => {
    for (const [place, { id, clipped }] of leaves.entries()) {
      const score = scores.get(id);
      const enters = counts(score, rules);
      values[place] = enters ? (clipped ? clip(score.value) : score.value) : Number.NaN;
      errors[place] = (enters ? standardError(score) : 0) ?? Number.NaN;
    }
    return new Map(
      averaged.map((node) => {
        const average = averageOf(node, values, errors);
        const place = onlyOf(node);
        const only = place === undefined ? undefined : scores.get(leaves[place].id);
        // Clipped, it is another number than the score.
        return [
          node.id,
          only && only.value === average.value ? { ...average, ci: only.ci } : average,
        ];
      }),
    );
  };
}

/** The place of the benchmark that an average is the value of; undefined of several. */
const onlyOf = ({
  places,
  weights,
}: {
  readonly places: readonly number[];
  readonly weights: readonly number[];
}): number | undefined => (places.length === 1 && weights[0] === 1 ? places[0] : undefined);

const clip = (value: number) => Math.min(Math.max(value, 0), 1);

/** @param values NaN for what does not enter; @param errors NaN for what has no interval */
function averageOf(
  node: {
    readonly m: number;
    readonly places: readonly number[];
    readonly weights: readonly number[];
  },
  values: Float64Array,
  errors: Float64Array,
): Average {
  const { m, places, weights } = node;
  let [n, sum, variance] = [0, 0, 0];
  for (let k = 0; k < places.length; k++) {
    const value = values[places[k]];
    if (Number.isNaN(value)) continue;
    n++;
    sum += weights[k] * value;
    variance += (weights[k] * errors[places[k]]) ** 2;
  }
  return { ...(n > 0 ? estimate(sum, variance) : { value: null, ci: null }), n, m };
}

/** Hundredths, half up, ignoring the last bits: what ranks are by. */
export const hundredths = (value: number) => Math.round(Number(`${value.toFixed(12)}e2`));

/** Places by values, the highest first; equal ones at two decimals share theirs. */
export function ranksOf(
  values: readonly (number | null)[],
): Pick<LeaderboardRow, 'rank' | 'rankShared'>[] {
  const rounded = values.map((value) => (value === null ? null : hundredths(value)));
  const descending = rounded.filter((value) => value !== null).sort((a, b) => b - a);
  const places = new Map<number, { rank: number; rankShared: boolean }>();
  for (const [k, value] of descending.entries()) {
    const known = places.get(value);
    places.set(value, { rank: known?.rank ?? k + 1, rankShared: known !== undefined });
  }
  const none = { rank: null, rankShared: false };
  return rounded.map((value) => (value === null ? none : (places.get(value) ?? none)));
}
