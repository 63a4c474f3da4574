/** Fields of a benchmark that determine its place in the tree. */
export interface TreeBenchmark {
  /** Name of its column, unique. */
  readonly id: string;
  readonly region: string | null;
  /** Name of the metric. */
  readonly metric: string;
  /** Node that averages it, where its file says one, with those above it: `Marques2020/V1-orientation`. */
  readonly parent?: string;
  readonly simulated: boolean;
}

/** A benchmark's share in an average. */
export interface Share {
  readonly benchmark: string;
  /** 1 over the product of the numbers of siblings on the way from the benchmark up to the average. */
  readonly weight: number;
}

/** An average, or a benchmark. */
export interface TreeNode {
  readonly id: string;
  readonly kind: 'average' | 'benchmark';
  readonly parent: string | null;
  /** Every benchmark below; of a benchmark itself, with weight 1. */
  readonly shares: readonly Share[];
  /** Whether a benchmark's value enters clipped to [0, 1]: everywhere but in engineering. */
  readonly clipped: boolean;
}

/** Nodes in the order in which they are shown. */
const order = ['average', 'neural', 'V1', 'V2', 'V4', 'IT', 'behavior', 'engineering'];

interface Branch {
  readonly branches: Map<string, Branch>;
  readonly benchmarks: string[];
}

const emptyBranch = (): Branch => ({ branches: new Map(), benchmarks: [] });

/**
 * The tree that averages benchmarks, as Brain-Score's does (spec §7.4): `average` is the mean of `neural`
 * (the mean of V1, V2, V4 and IT) and `behavior`, `engineering` is a root of its own, and a `parent` in
 * between, such as Geirhos2021, is a node of its own, and of several, such as Marques2020/V1-orientation, each. Each node is the plain mean of its children, however
 * many benchmarks those hold; a node without a benchmark is not there. Simulated benchmarks have the
 * root `simulated` and no node in common with the real ones.
 * @returns every node before its children
 */
export function leaderboardTree(benchmarks: readonly TreeBenchmark[]): TreeNode[] {
  const root = emptyBranch();
  for (const benchmark of [...benchmarks].sort((a, b) => compare(a.id, b.id))) {
    let branch = root;
    for (const id of pathOf(benchmark)) branch = childOf(branch, id);
    branch.benchmarks.push(benchmark.id);
  }
  return [...root.branches]
    .sort(byOrder)
    .flatMap(([id, branch]) =>
      nodesBelow(id, branch, null, !/^(simulated\.)?engineering$/.test(id)),
    );
}

/** Columns of benchmarks that are in no average. */
export const leavesBeside = (benchmarks: readonly TreeBenchmark[]): TreeNode[] =>
  benchmarks.map((benchmark) => ({
    ...{ id: benchmark.id, kind: 'benchmark', parent: null },
    shares: [{ benchmark: benchmark.id, weight: 1 }],
    clipped: !pathOf(benchmark)[0].endsWith('engineering'),
  }));

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Metrics that compare with no people. */
const engineering: ReadonlySet<string> = new Set(['accuracy', 'cue-match']);

/** Ids of the nodes from the root down to a benchmark. */
function pathOf({ region, metric, parent, simulated }: TreeBenchmark): string[] {
  const place = region ?? (engineering.has(metric) ? 'engineering' : 'behavior');
  const above = {
    engineering: ['engineering'],
    behavior: ['average', 'behavior'],
  }[place] ?? ['average', 'neural', place];
  const between = parent === undefined || parent === place ? [] : parent.split('/');
  const path = [...above, ...between];
  return simulated ? path.map(simulatedId) : path;
}

const simulatedId = (id: string) => (id === 'average' ? 'simulated' : `simulated.${id}`);

function childOf(branch: Branch, id: string): Branch {
  const known = branch.branches.get(id);
  if (known) return known;
  const made = emptyBranch();
  branch.branches.set(id, made);
  return made;
}

function byOrder([a]: [string, Branch], [b]: [string, Branch]): number {
  return rankOf(a) - rankOf(b) || compare(a, b);
}

/** Simulated nodes have the same order, after the real ones. */
function rankOf(id: string): number {
  const simulated = id === 'simulated' || id.startsWith('simulated.');
  const name = id === 'simulated' ? 'average' : id.replace(/^simulated\./, '');
  const at = order.indexOf(name);
  return (at === -1 ? order.length : at) + (simulated ? order.length + 1 : 0);
}

function nodesBelow(
  id: string,
  { branches, benchmarks }: Branch,
  parent: string | null,
  clipped: boolean,
): TreeNode[] {
  const below = [...branches]
    .sort(byOrder)
    .map(([child, branch]) => nodesBelow(child, branch, id, clipped));
  const leaves = benchmarks.map((benchmark): TreeNode[] => [
    {
      id: benchmark,
      kind: 'benchmark',
      parent: id,
      shares: [{ benchmark, weight: 1 }],
      clipped,
    },
  ]);
  const children = [...below, ...leaves];
  const shares = children.flatMap(([child]) =>
    child.shares.map(({ benchmark, weight }) => ({ benchmark, weight: weight / children.length })),
  );
  return [{ id, kind: 'average', parent, shares, clipped }, ...children.flat()];
}
