import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type LeaderboardRules,
  type LeafScore,
  makeLeaderboard,
  type ScoredModel,
} from '../../src/leaderboard/leaderboard.js';
import { pageAfter, rowOrder } from '../../src/leaderboard/leaderboard-order.js';
import { leaderboardTree, type TreeBenchmark } from '../../src/leaderboard/leaderboard-tree.js';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';

const neural = (id: string, region: string): TreeBenchmark => ({
  id,
  region,
  metric: 'pls',
  simulated: false,
});
const behavioural = (id: string, more: Partial<TreeBenchmark> = {}): TreeBenchmark => ({
  id,
  region: null,
  metric: 'i2n',
  simulated: false,
  ...more,
});

/** Two of V1, one of V4, one of IT, one of behaviour beside a group of two, one of engineering. */
const benchmarks: TreeBenchmark[] = [
  neural('a.V1', 'V1'),
  neural('b.V1', 'V1'),
  neural('c.V4', 'V4'),
  neural('d.IT', 'IT'),
  behavioural('e', { parent: 'behavior' }),
  behavioural('f1', { parent: 'Group', metric: 'error-consistency' }),
  behavioural('f2', { parent: 'Group', metric: 'error-consistency' }),
  behavioural('g', { parent: 'Top', metric: 'accuracy' }),
];

const score = (value: number | null, more: Partial<LeafScore> = {}): LeafScore => ({
  value,
  error: 0.01,
  ci: value === null ? null : [value - 0.02, value + 0.02],
  selection: false,
  ...more,
});
const model = (id: string, scores: Record<string, LeafScore | number>): ScoredModel => ({
  id,
  name: id,
  scores: new Map(
    Object.entries(scores).map(([benchmark, of]) => [
      benchmark,
      typeof of === 'number' ? score(of) : of,
    ]),
  ),
});

const zero: LeaderboardRules = { missing: 'zero', selection: 'exclude' };
const common: LeaderboardRules = { ...zero, missing: 'common' };
const averages = (models: readonly ScoredModel[], rules = zero, of = benchmarks) =>
  makeLeaderboard(of, models, rules).rows.map((row) =>
    Object.fromEntries([...row.averages].map(([id, { value }]) => [id, value])),
  );

describe('the tree', () => {
  it('averages as Brain-Score does, with engineering apart', () => {
    const nodes = leaderboardTree(benchmarks);
    expect(nodes.map(({ id, parent }) => `${parent} > ${id}`)).toEqual([
      'null > average',
      'average > neural',
      'neural > V1',
      'V1 > a.V1',
      'V1 > b.V1',
      'neural > V4',
      'V4 > c.V4',
      'neural > IT',
      'IT > d.IT',
      'average > behavior',
      'behavior > Group',
      'Group > f1',
      'Group > f2',
      'behavior > e',
      'null > engineering',
      'engineering > Top',
      'Top > g',
    ]);
  });

  it('shares no node between real and simulated benchmarks', () => {
    const made = benchmarks.map((one) => ({ ...one, id: `made ${one.id}`, simulated: true }));
    const nodes = leaderboardTree([...benchmarks, ...made]);
    for (const { id, shares } of nodes) {
      const kinds = new Set(shares.map(({ benchmark }) => benchmark.startsWith('made')));
      expect(kinds.size, id).toBe(1);
    }
    expect(nodes.filter(({ parent }) => parent === null).map(({ id }) => id)).toEqual([
      'average',
      'engineering',
      'simulated',
      'simulated.engineering',
    ]);
  });

  it('holds every benchmark that is shipped, once', () => {
    const shipped = listBenchmarks().map(({ id, region, metric, parent, simulated }) => ({
      ...{ id, region: region ?? null, metric: metric.name, simulated },
      ...(parent ? { parent } : {}),
    }));
    const nodes = leaderboardTree(shipped);
    const leaves = nodes.filter(({ kind }) => kind === 'benchmark');
    expect(leaves.map(({ id }) => id).sort()).toEqual(shipped.map(({ id }) => id).sort());
    expect(new Set(nodes.map(({ id }) => id)).size).toBe(nodes.length);
    const parentOf = new Map(nodes.map(({ id, parent }) => [id, parent]));
    expect(parentOf.get('Geirhos2021')).toBe('behavior');
    expect(parentOf.get('Geirhos2021-top1')).toBe('engineering');
    expect(parentOf.get('FreemanZiemba2013.V2-pls')).toBe('V2');
  });
});

it('gives the average of one benchmark the interval of that benchmark', () => {
  const skewed = (value: number) => score(value, { ci: [value - 0.05, value + 0.01] });
  const alone = [neural('c.V4', 'V4')];
  const intervals = (value: number) =>
    makeLeaderboard(alone, [model('m', { 'c.V4': skewed(value) })], zero).rows.flatMap((row) =>
      [...row.averages.values()].map(({ ci }) => ci),
    );
  expect(intervals(0.4)).toEqual([1, 2, 3].map(() => [0.4 - 0.05, 0.4 + 0.01]));
  // Clipped it is 1, which is no number of the benchmark.
  expect(intervals(1.2)[0]).toEqual([expect.closeTo(1 - 0.03, 12), expect.closeTo(1 + 0.03, 12)]);
});

describe('benchmarks beside the tree', () => {
  const own = neural('own.V4', 'V4');
  const shown = (models: readonly ScoredModel[], rules = zero) =>
    makeLeaderboard(benchmarks, models, rules, [own]);
  const ids = (board: ReturnType<typeof shown>) => board.nodes.map(({ id }) => id);

  it('enter no average, and change none of the models in the tree', () => {
    const models = [model('m', { 'a.V1': 0.5, 'c.V4': 0.4 }), model('n', { 'a.V1': 0.3 })];
    const more = [...models, model('o', { 'own.V4': 0.9 })];
    for (const rules of [zero, common]) {
      const board = shown(more, rules);
      expect(ids(board).at(-1)).toBe('own.V4');
      expect(board.nodes.at(-1)).toMatchObject({ kind: 'benchmark', parent: null });
      expect(board.rows.slice(0, 2).map(({ averages: of, rank }) => [of, rank])).toEqual(
        makeLeaderboard(benchmarks, models, rules).rows.map(({ averages: of, rank }) => [of, rank]),
      );
      expect(board.rows[2].rank).toBeNull();
    }
  });

  it('rank the models where none has a score in the tree', () => {
    const board = shown([
      model('m', { 'own.V4': 0.3 }),
      model('n', { 'own.V4': 0.9 }),
      model('o', { 'own.V4': score(0.95, { selection: true }) }),
    ]);
    expect(ids(board)[0]).toBe('own.V4');
    expect(board.rows.map(({ rank }) => rank)).toEqual([2, 1, null]);
    expect(board.rows.map(({ first }) => first.value)).toEqual([0.3, 0.9, null]);
  });
});

describe('an average', () => {
  const whole = { 'a.V1': 0.2, 'b.V1': 0.4, 'c.V4': 0.6, 'd.IT': 0.3, e: 0.5, f1: 0.1, f2: 0.3 };

  it('is the plain mean of the children, level by level', () => {
    const [row] = averages([model('m', { ...whole, g: 1.5 })]);
    expect(row.V1).toBeCloseTo(0.3, 12);
    expect(row.neural).toBeCloseTo((0.3 + 0.6 + 0.3) / 3, 12);
    expect(row.behavior).toBeCloseTo((0.5 + 0.2) / 2, 12);
    expect(row.average).toBeCloseTo((0.4 + 0.35) / 2, 12);
    // Engineering alone is not clipped, and no average holds it.
    expect(row.engineering).toBe(1.5);
  });

  it('clips what is below 0 and above 1, and says n of m', () => {
    const board = makeLeaderboard(benchmarks, [model('m', { 'a.V1': -0.5, 'b.V1': 1.2 })], zero);
    const { averages: of } = board.rows[0];
    expect(of.get('V1')).toMatchObject({ value: 0.5, n: 2, m: 2 });
    expect(of.get('average')).toMatchObject({ n: 2, m: 7 });
  });

  it('takes what is missing or not a number for 0, where there is a number at all', () => {
    const [row] = averages([model('m', { 'a.V1': 0.4, 'b.V1': score(null) })]);
    expect(row).toMatchObject({ V1: 0.2, V4: null, behavior: null, engineering: null });
    expect(row.neural).toBeCloseTo(0.2 / 3, 12);
    expect(row.average).toBeCloseTo(0.2 / 6, 12);
    const [none] = averages([model('m', { 'b.V1': score(null) })]);
    expect(none.average).toBeNull();
  });

  it('over common benchmarks leaves out what some model lacks', () => {
    const models = [model('all', whole), model('some', { 'b.V1': 0.8, 'd.IT': 0.1 })];
    const board = makeLeaderboard(benchmarks, models, common);
    const [all, some] = board.rows.map((row) => row.averages);
    expect(all.get('V1')).toMatchObject({ value: 0.4, n: 1, m: 2 });
    expect(all.get('neural')?.value).toBeCloseTo((0.4 + 0.3) / 2, 12);
    expect(all.get('average')).toMatchObject({ n: 2, m: 7 });
    expect(all.get('average')?.value).toBeCloseTo(0.35, 12);
    expect(all.get('behavior')).toMatchObject({ value: null, n: 0, m: 3 });
    expect(some.get('average')?.value).toBeCloseTo((0.8 + 0.1) / 2, 12);
  });

  it('leaves selection scores out unless asked', () => {
    const one = model('m', { 'a.V1': score(0.9, { selection: true }), 'b.V1': 0.4 });
    expect(averages([one])[0].V1).toBe(0.2);
    expect(averages([one], { ...zero, selection: 'include' })[0].V1).toBeCloseTo(0.65, 12);
    expect(averages([one], common)[0].V1).toBe(0.4);
  });

  it('has the interval of independent errors, and none where a score has none', () => {
    const se = 0.04 / 3.92;
    const [row] = makeLeaderboard(
      benchmarks,
      [model('m', { 'a.V1': 0.2, 'b.V1': 0.4, e: score(0.5, { ci: null }) })],
      zero,
    ).rows;
    const v1 = row.averages.get('V1');
    const half = 1.96 * Math.sqrt(2 * (se / 2) ** 2);
    expect(v1?.ci?.[0]).toBeCloseTo(0.3 - half, 12);
    expect(v1?.ci?.[1]).toBeCloseTo(0.3 + half, 12);
    expect(row.averages.get('average')).toMatchObject({ ci: null, n: 3 });
  });
});

describe('ranks', () => {
  const ranked = (...values: (number | null)[]) =>
    makeLeaderboard(
      [behavioural('e')],
      values.map((value, k) => model(`m${k}`, { e: score(value) })),
      zero,
    ).rows.map(({ rank }) => rank);

  it('are shared at two decimals, rounded half up, and the next one skips', () => {
    expect(ranked(0.5, 0.404, 0.395, 0.3949)).toEqual([1, 2, 2, 4]);
    expect(ranked(0.285, 0.29, 0.284999, null)).toEqual([1, 1, 3, null]);
  });
});

const anyScore: fc.Arbitrary<LeafScore> = fc.record({
  value: fc.option(fc.double({ min: -0.5, max: 1.5, noNaN: true }), { freq: 8 }),
  error: fc.constant(0.01),
  ci: fc.option(fc.constant<[number, number]>([0.1, 0.2]), { freq: 8 }),
  selection: fc.boolean(),
});
const anyModel = fc
  .dictionary(fc.constantFrom(...benchmarks.map(({ id }) => id)), anyScore)
  .map((scores) => model('m', scores));
const anyModels = fc
  .array(anyModel, { minLength: 1, maxLength: 8 })
  .map((models) => models.map((one, k) => ({ ...one, id: `m${k}` })));
const anySelection = fc.constantFrom<LeaderboardRules['selection']>('exclude', 'include');

describe('whatever the scores are', () => {
  it('another model changes no average where missing is 0', () => {
    fc.assert(
      fc.property(anyModels, anyModel, anySelection, (models, more, selection) => {
        const rules = { missing: 'zero', selection } as const;
        const before = makeLeaderboard(benchmarks, models, rules).rows;
        const after = makeLeaderboard(benchmarks, [...models, { ...more, id: 'more' }], rules).rows;
        expect(after.slice(0, -1).map((row) => row.averages)).toEqual(
          before.map((row) => row.averages),
        );
      }),
    );
  });

  it('neither the order of models nor that of benchmarks changes a bit', () => {
    fc.assert(
      fc.property(
        anyModels,
        fc.shuffledSubarray(benchmarks, { minLength: benchmarks.length }),
        fc.constantFrom(zero, common),
        fc.nat(),
        (models, shuffled, rules, turn) => {
          const turned = models.map((_, k) => models[(k + turn) % models.length]);
          const byId = (of: typeof models, leaves: readonly TreeBenchmark[]) => {
            const board = makeLeaderboard(leaves, of, rules);
            return new Map(board.rows.map((row) => [row.model.id, row]));
          };
          const [first, second] = [byId(models, benchmarks), byId(turned, shuffled)];
          for (const { id } of models) expect(second.get(id)).toEqual(first.get(id));
        },
      ),
    );
  });

  it('averages lie between 0 and 1, n counts what entered, and ranks follow the averages', () => {
    fc.assert(
      fc.property(anyModels, anySelection, (models, selection) => {
        const { rows } = makeLeaderboard(benchmarks, models, { missing: 'zero', selection });
        for (const { averages: of, rank } of rows) {
          for (const [id, { value, n, m }] of of) {
            expect(n).toBeLessThanOrEqual(m);
            expect(value === null).toBe(n === 0);
            if (value !== null && !/engineering|Top/.test(id)) {
              expect(value).toBeGreaterThanOrEqual(0);
              expect(value).toBeLessThanOrEqual(1 + 1e-12);
            }
          }
          const mine = of.get('average')?.value ?? null;
          expect(rank === null).toBe(mine === null);
          if (mine === null || rank === null) continue;
          const above = rows.filter((row) => row.rank !== null && row.rank < rank);
          expect(above.length).toBe(rank - 1);
          for (const row of above) expect(row.averages.get('average')?.value).toBeGreaterThan(mine);
        }
      }),
    );
  });

  it('over common benchmarks every model has the same n', () => {
    fc.assert(
      fc.property(anyModels, (models) => {
        const counts = makeLeaderboard(benchmarks, models, common).rows.map(({ averages: of }) =>
          [...of].map(([id, { n }]) => `${id} ${n}`),
        );
        for (const count of counts) expect(count).toEqual(counts[0]);
      }),
    );
  });
});

describe('pages', () => {
  const anyRows = fc
    .uniqueArray(
      fc.record({
        id: fc.string({ minLength: 1, maxLength: 3 }),
        name: fc.constantFrom('x', 'y'),
        key: fc.option(fc.integer({ min: 0, max: 3 })),
      }),
      { selector: ({ id }) => id, maxLength: 20 },
    )
    .filter((rows) => rows.length > 0);

  it('together hold every row once, sorted, null last', () => {
    fc.assert(
      fc.property(anyRows, fc.boolean(), fc.integer({ min: 1, max: 7 }), (rows, down, limit) => {
        const sorted = rows.toSorted(rowOrder(down));
        const seen: typeof rows = [];
        for (let more = true; more; ) {
          const page = pageAfter(sorted, down, limit, seen.at(-1));
          seen.push(...page.rows);
          more = page.more;
        }
        expect(seen).toEqual(sorted);
        const keys = seen.map(({ key }) => key);
        const known = keys.filter((key) => key !== null);
        expect(keys.slice(known.length).every((key) => key === null)).toBe(true);
        expect(known).toEqual(known.toSorted((a, b) => (down ? b - a : a - b)));
      }),
    );
  });

  it('go on behind a row that is gone', () => {
    fc.assert(
      fc.property(anyRows, fc.boolean(), fc.nat(), (rows, down, at) => {
        const sorted = rows.toSorted(rowOrder(down));
        const gone = sorted[at % sorted.length];
        const rest = sorted.filter((row) => row !== gone);
        expect(pageAfter(rest, down, 100, gone).rows).toEqual(
          sorted.slice((at % sorted.length) + 1),
        );
      }),
    );
  });
});
