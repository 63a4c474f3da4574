/** What separated pairs say about the order of models. */
export interface RankGroups {
  /** 1 + how many are certainly better, by model. */
  readonly low: readonly number[];
  /** Models − how many are certainly worse. */
  readonly high: readonly number[];
}

type Pair = readonly [i: number, j: number];

/** Intervals of ranks, simultaneous over models where the pairs are (Mogstad et al. 2024). */
export function rankIntervals(values: ArrayLike<number>, separated: readonly Pair[]): RankGroups {
  const count = values.length;
  const low = Array.from({ length: count }, () => 1);
  const high = Array.from({ length: count }, () => count);
  for (const [i, j] of separated) {
    const [better, worse] = values[i] > values[j] ? [i, j] : [j, i];
    low[worse]++;
    high[better]--;
  }
  return { low, high };
}

/**
 * The largest sets of models in which no pair is separated, sorted: the columns of a compact letter display (Piepho 2004).
 * Their number can grow as 3^(n/3): for a few dozen models.
 */
export function maximalGroups(count: number, separated: readonly Pair[]): number[][] {
  const tied = tiesOf(count, separated);
  const groups: number[][] = [];
  const extend = (
    group: readonly number[],
    next: ReadonlySet<number>,
    past: ReadonlySet<number>,
  ) => {
    if (next.size === 0 && past.size === 0) groups.push(group.toSorted((a, b) => a - b));
    const pivot = [...next, ...past].reduce<number | undefined>(
      (best, each) =>
        best === undefined || overlap(tied[each], next) > overlap(tied[best], next) ? each : best,
      undefined,
    );
    const [open, done] = [new Set(next), new Set(past)];
    for (const each of next) {
      if (pivot !== undefined && tied[pivot].has(each)) continue;
      extend([...group, each], common(open, tied[each]), common(done, tied[each]));
      open.delete(each);
      done.add(each);
    }
  };
  extend([], new Set(Array.from({ length: count }, (_, i) => i)), new Set());
  return groups.sort(byItems);
}

/**
 * Classes from the best down: a model joins while it is not separated from the first of its class. A class says "not
 * separated from its leader", nothing about its other pairs.
 * @param order models, best first
 */
export function leaderGroups(order: readonly number[], separated: readonly Pair[]): number[][] {
  const tied = tiesOf(order.length, separated);
  const groups: number[][] = [];
  for (const model of order) {
    const last = groups.at(-1);
    if (last && tied[last[0]].has(model)) last.push(model);
    else groups.push([model]);
  }
  return groups;
}

function tiesOf(count: number, separated: readonly Pair[]): Set<number>[] {
  const all = Array.from({ length: count }, (_, i) => i);
  const tied = all.map((i) => new Set(all.filter((j) => j !== i)));
  for (const [i, j] of separated) {
    tied[i].delete(j);
    tied[j].delete(i);
  }
  return tied;
}

const common = (a: ReadonlySet<number>, b: ReadonlySet<number>) =>
  new Set([...a].filter((each) => b.has(each)));

const overlap = (a: ReadonlySet<number>, b: ReadonlySet<number>) => common(a, b).size;

function byItems(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((each, k) => each !== b[k]);
  return at < 0 ? a.length - b.length : a[at] - (b[at] ?? -1);
}
