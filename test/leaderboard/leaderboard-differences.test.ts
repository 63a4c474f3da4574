import { expect, it } from 'vitest';
import { makeLeaderboard, type ScoredModel } from '../../src/leaderboard/leaderboard.js';
import { nodeDifference } from '../../src/leaderboard/leaderboard-differences.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import type { DrawnScore } from '../../src/scoring/draws/score-difference.js';

const BENCHMARK = 'own.V4';
const draws = (seed: number) => Float32Array.from(new RandomState(seed).standardNormal(1000));

/** A score whose images say more than its few neuroids do, each factor corrected by its own number. */
const scored = (value: number, seed: number): DrawnScore => ({
  score: {
    ...{ benchmark: BENCHMARK, version: 1, value, ci: [value - 0.1, value + 0.2] },
    provenance: { draws: 'sha256:drawn' },
  },
  draws: {
    units: [
      { of: 'neuroids', count: 5, strata: 1, digest: 'sha256:neuroids' },
      { of: 'images', count: 300, strata: 1, digest: 'sha256:images' },
    ],
    both: draws(seed),
    first: draws(seed + 1),
    second: draws(seed + 2),
  },
});

/** The differences of two models under their only benchmark, and under the averages above it. */
function differences(values: readonly [number, number]) {
  const drawn = new Map(values.map((value, k) => [`mdl_${k}`, scored(value, 10 * k + 1)]));
  const models = [...drawn].map(
    ([id, { score }]): ScoredModel => ({
      ...{ id, name: id },
      scores: new Map([
        [BENCHMARK, { value: score.value, error: 0.1, ci: score.ci, selection: false }],
      ]),
    }),
  );
  const benchmarks = [{ id: BENCHMARK, region: 'V4', metric: 'pls', simulated: false }];
  const board = makeLeaderboard(benchmarks, models, { missing: 'zero', selection: 'exclude' });
  const [from, to] = board.rows;
  return board.nodes.map(({ kind, id }) => ({
    kind,
    found: nodeDifference(board, id, [from, to], (model) => drawn.get(model.id)),
  }));
}

it('an average of one benchmark differs as that benchmark does', () => {
  const nodes = differences([0.3, 0.5]);
  expect(nodes.filter(({ kind }) => kind === 'average').length).toBeGreaterThan(1);
  const own = nodes.find(({ kind }) => kind === 'benchmark')?.found;
  expect(own).toMatchObject({ paired: true, generalises: { to: 'images and neuroids' } });
  for (const { found } of nodes) expect(found).toEqual(own);
});

it('an average of a value that is clipped has a difference of its own', () => {
  const nodes = differences([0.3, 1.5]);
  for (const { kind, found } of nodes)
    expect(found.difference).toBeCloseTo(kind === 'average' ? 0.7 : 1.2, 12);
});
