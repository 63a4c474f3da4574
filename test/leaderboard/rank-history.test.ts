import { describe, expect, it } from 'vitest';
import { RankHistory } from '../../src/leaderboard/rank-history.js';
import { RankReplay, type ReplayedBenchmark } from '../../src/leaderboard/rank-replay.js';

const benchmark = (id: string, region: string, version = 1): ReplayedBenchmark => ({
  ...{ id, region, metric: 'pls', simulated: false, version },
  ...{ keys: [`${version} ${id}`], brought: [`${version} brought ${id}`] },
});
const tree = [benchmark('a', 'V1'), benchmark('b', 'V4')];
const day = (count: number) => Date.UTC(2026, 0, count, 12);

let sequence = 0;
const score = (value: number | null, more = {}) => ({
  ...{ value, selection: false, brought: false, sequence: ++sequence, ...more },
});

function followed(column = 'average') {
  const replay = new RankReplay('own', column, { selection: 'exclude' });
  const history = new RankHistory(replay);
  replay.setBenchmarks(tree);
  const scored = (
    at: number,
    model: string,
    key: string,
    value: ReturnType<typeof score> | null,
  ) => {
    const kind = model === 'own' ? 'own-score' : 'other-score';
    history.apply({ at: day(at), kind, model }, () => replay.setScores(model, '', [[key, value]]));
  };
  const shown = (at: number, model: string, name: string | undefined) =>
    history.apply({ at: day(at), kind: name ? 'visibility' : 'model-removed', model }, () =>
      replay.setModel(model, { shown: name !== undefined, ...(name ? { name } : {}) }),
    );
  return { replay, history, scored, shown };
}

describe('a rank over time', () => {
  it('has a point a day on which something changed, with reasons that add up', () => {
    const { replay, history, scored, shown } = followed();
    for (const model of ['own', 'p', 'q', 'r']) shown(1, model, `name of ${model}`);
    scored(1, 'p', '1 a', score(0.8));
    scored(2, 'own', '1 a', score(0.6));
    // Two come before it on one day, and one of them falls behind.
    scored(3, 'q', '1 a', score(0.9));
    scored(3, 'r', '1 a', score(0.9));
    scored(3, 'q', '1 a', score(0.1));
    // Nothing changes.
    scored(4, 'q', '1 a', score(0.1));
    scored(5, 'p', '1 a', null);
    shown(6, 'r', undefined);
    scored(7, 'own', '1 a', null);
    const reason = { events: 1, benchmarks: [] };
    const named = (...models: string[]) =>
      models.map((model) => ({ model, name: `name of ${model}` }));
    expect(replay.place.rank).toBe(null);
    expect(history.points()).toEqual([
      {
        ...{ date: '2026-01-02', rank: 2, of: 2, value: 0.3, start: 2, entered: 'own-score' },
        ...{ left: null, reasons: [] },
      },
      {
        ...{ date: '2026-01-03', rank: 3, of: 4, value: 0.3, start: 2, entered: null, left: null },
        reasons: [
          { kind: 'new-model', change: 2, events: 2, benchmarks: [], models: named('q', 'r') },
          { ...reason, kind: 'other-score', change: -1, models: named('q') },
        ],
      },
      {
        ...{ date: '2026-01-05', rank: 2, of: 3, value: 0.3, start: 3, entered: null, left: null },
        reasons: [{ ...reason, kind: 'other-score', change: -1, models: named('p') }],
      },
      {
        ...{ date: '2026-01-06', rank: 1, of: 2, value: 0.3, start: 2, entered: null, left: null },
        reasons: [{ ...reason, kind: 'model-removed', change: -1, models: named('r') }],
      },
      {
        ...{ date: '2026-01-07', rank: null, of: 1, value: null, start: null, entered: null },
        ...{ left: 'own-score', reasons: [] },
      },
    ]);
  });

  it('changes with the benchmarks, each by itself', () => {
    const { replay, history, scored, shown } = followed();
    for (const model of ['own', 'p']) shown(1, model, model);
    scored(1, 'own', '1 a', score(0.6));
    scored(1, 'p', '1 a', score(0.5));
    scored(1, 'p', '1 b', score(0.05));
    const set = (at: number, kind: 'new-version' | 'new-benchmark', next: ReplayedBenchmark[]) =>
      history.apply({ at: day(at), kind, benchmark: 'b' }, () => replay.setBenchmarks(next));
    // Nobody has a score on the new version of a but p, and on the new benchmark p is good.
    scored(2, 'p', '1 c', score(1));
    set(3, 'new-benchmark', [...tree, benchmark('c', 'IT')]);
    set(4, 'new-version', [benchmark('a', 'V1', 2), tree[1]]);
    const points = history.points();
    expect(
      points.map(({ date, rank, start, reasons }) => [date, start, rank, reasons.length]),
    ).toEqual([
      ['2026-01-01', 1, 1, 0],
      ['2026-01-03', 1, 2, 1],
      ['2026-01-04', null, null, 0],
    ]);
    expect(points[1].reasons[0]).toMatchObject({
      kind: 'new-benchmark',
      change: 1,
      benchmarks: ['b'],
    });
    expect(points[2].left).toBe('new-version');
  });

  it('takes the latest job, a brought score only where there is no other and it counts', () => {
    const { replay, scored, shown } = followed('a');
    shown(1, 'own', 'own');
    scored(1, 'own', '1 brought a', score(0.9, { brought: true }));
    expect(replay.place).toEqual({ rank: null, of: 0, value: null });
    scored(1, 'own', '1 a', score(1.2));
    // A column of one benchmark is not clipped.
    expect(replay.place.value).toBe(1.2);
    replay.setScores('own', 'alice', [['1 a', score(0.4)]]);
    expect(replay.place.value).toBe(0.4);
    replay.setScores('own', 'alice', [['1 a', score(0.7, { selection: true })]]);
    expect(replay.place.value).toBe(null);
  });

  it('counts equal models at two decimals as one place', () => {
    const { replay, scored, shown } = followed('a');
    for (const [k, model] of ['own', 'p', 'q'].entries()) {
      shown(1, model, model);
      scored(1, model, '1 a', score([0.501, 0.504, 0.506][k]));
    }
    expect(replay.place).toEqual({ rank: 2, of: 3, value: 0.501 });
  });
});
