import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { mean } from '../../../src/numerics/statistics/statistics.js';
import type { ScoreDraws } from '../../../src/scoring/draws/score-draws.js';
import { bestAndTied, type TieCandidate } from '../../../src/scoring/map/ties.js';
import { tolerances } from '../../tolerances.js';

/** Layers whose value is the mean over neuroids, and the means of resampled neuroids. */
function madeLayers(
  neuroids: readonly Float64Array[],
  { seed = 0, draws = 400 }: { readonly seed?: number; readonly draws?: number } = {},
): TieCandidate[] {
  const n = neuroids[0].length;
  const made = neuroids.map(() => new Float64Array(draws));
  const random = new RandomState(seed);
  for (let r = 0; r < draws; r++) {
    const drawn = random.randint(0, n, n);
    neuroids.forEach((values, k) => {
      made[k][r] = mean(drawn.map((i) => values[i]));
    });
  }
  return neuroids.map((values, k) => ({
    layer: `layer${k}`,
    value: mean(values),
    draws: drawsOf(made[k], n),
  }));
}

const drawsOf = (values: ArrayLike<number>, count: number): ScoreDraws => ({
  units: [{ of: 'neuroids', count, strata: 1, digest: '' }],
  both: Float32Array.from(values),
});

const mapped = (draws: ScoreDraws | undefined, of: (value: number, r: number) => number) =>
  draws && { ...draws, both: draws.both.map(of) };

/** Neuroids of layers that share noise, each layer with a mean and noise of its own. */
function noisyNeuroids(means: readonly number[], random: RandomState, noise = 0.1, n = 60) {
  const shared = random.standardNormal(n);
  return means.map((centre) =>
    random.standardNormal(n).map((own, i) => centre + 0.1 * shared[i] + noise * own),
  );
}

const tiedNames = (layers: readonly TieCandidate[]) => {
  const found = bestAndTied(layers);
  return found && [found.layer, ...found.tied].sort();
};

describe('the best layer', () => {
  test('is the highest, the first in order among equals; none without a value', () => {
    const layers = [0.2, 0.5, 0.5, null, Number.NaN].map((value, k) => ({
      layer: `layer${k}`,
      value,
    }));
    expect(bestAndTied(layers)).toEqual({ layer: 'layer1', tied: [] });
    expect(bestAndTied([{ layer: 'a', value: null }])).toBeUndefined();
    expect(bestAndTied([])).toBeUndefined();
  });
});

describe('a layer is tied with the best', () => {
  const random = new RandomState(1);
  const [good, same, poor] = noisyNeuroids([0.5, 0.49, 0.2], random);

  test('where they are one and the same, and not where it is clearly worse', () => {
    const layers = madeLayers([good, good.slice(), poor]);
    expect(bestAndTied(layers)).toEqual({ layer: 'layer0', tied: ['layer1'] });
  });

  test('where the difference is within its interval', () => {
    expect(tiedNames(madeLayers([good, same, poor]))).toEqual(['layer0', 'layer1']);
  });

  test('not where the difference never varies, however small it is', () => {
    const lower = good.map((value) => value - 1e-6);
    expect(bestAndTied(madeLayers([good, lower]))).toEqual({ layer: 'layer0', tied: [] });
  });

  test('not without draws, or with most of them undefined', () => {
    const [first, second, third] = madeLayers([good, good, good]);
    const holes = mapped(second.draws, (value, r) => (r % 3 === 0 ? value : Number.NaN));
    const few = mapped(third.draws, (value, r) => (r % 3 === 0 ? Number.NaN : value));
    const layers = [
      first,
      { ...second, draws: holes },
      { ...third, draws: few },
      { layer: 'bare', value: first.value },
    ];
    expect(bestAndTied(layers)).toEqual({ layer: 'layer0', tied: ['layer2'] });
    expect(bestAndTied([{ layer: 'bare', value: 1 }, second])).toEqual({
      layer: 'bare',
      tied: [],
    });
  });
});

describe('properties', () => {
  const seeds = fc.integer({ min: 0, max: 10_000 });
  const runs = { numRuns: 40, seed: 3 };
  const some = (seed: number) => {
    const random = new RandomState(seed);
    const means = random.standardNormal(5).map((z) => 0.4 + 0.03 * z);
    return noisyNeuroids([...means], random);
  };

  test('a constant added to all changes nothing', () => {
    fc.assert(
      fc.property(seeds, fc.double({ min: -1, max: 1, noNaN: true }), (seed, constant) => {
        const plain = madeLayers(some(seed), { draws: 200 });
        const shifted = plain.map(({ layer, value, draws }) => ({
          layer,
          value: (value as number) + constant,
          draws: mapped(draws, (drawn) => drawn + constant),
        }));
        expect(bestAndTied(shifted)).toEqual(bestAndTied(plain));
      }),
      runs,
    );
  });

  test('the order of the layers changes their order alone', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const layers = madeLayers(some(seed), { draws: 200 });
        expect(tiedNames([...layers].reverse())).toEqual(tiedNames(layers));
      }),
      runs,
    );
  });

  test('what is tied stays so where every resample strays further', () => {
    fc.assert(
      fc.property(seeds, fc.double({ min: 1, max: 5, noNaN: true }), (seed, factor) => {
        const plain = madeLayers(some(seed), { draws: 200 });
        const wider = plain.map(({ layer, value, draws }) => ({
          layer,
          value,
          draws: mapped(draws, (drawn) => (value as number) + factor * (drawn - (value as number))),
        }));
        const tied = tiedNames(wider) ?? [];
        for (const layer of tiedNames(plain) ?? []) expect(tied).toContain(layer);
      }),
      runs,
    );
  });
});

test.each([
  { means: [0.4, 0.4, 0.4, 0.4, 0.4, 0.4], what: 'six equal layers' },
  { means: [0.42, 0.4, 0.4, 0.35, 0.3], what: 'one layer a little better' },
])('the layer that is truly best is chosen or tied in 95 % of studies: $what', ({ means }) => {
  const random = new RandomState(8);
  const studies = 300;
  let covered = 0;
  for (let study = 0; study < studies; study++) {
    const layers = madeLayers(noisyNeuroids(means, random), { seed: study, draws: 300 });
    if (tiedNames(layers)?.includes('layer0')) covered++;
  }
  expect(covered / studies).toBeGreaterThan(0.95 - tolerances.sampling);
});

test('a clearly better layer stands alone', () => {
  const random = new RandomState(9);
  const studies = 100;
  let alone = 0;
  for (let study = 0; study < studies; study++) {
    const layers = madeLayers(noisyNeuroids([0.5, 0.4, 0.4], random), { seed: study, draws: 300 });
    if (bestAndTied(layers)?.tied.length === 0) alone++;
  }
  expect(alone / studies).toBeGreaterThan(0.95);
});
