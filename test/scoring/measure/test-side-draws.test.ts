import { describe, expect, test } from 'vitest';
import type { TwoFactorDraws } from '../../../src/metrics/resampling/two-factor-draws.js';
import { matrix } from '../../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import type { Benchmark } from '../../../src/scoring/benchmark/benchmark.js';
import { DRAWS, drawnUnits } from '../../../src/scoring/draws/drawn-units.js';
import { DrawnSplits, MOST_VALUES } from '../../../src/scoring/measure/neural-draws.js';
import {
  fitDraws,
  trainTestDraws,
  trainTestUnits,
} from '../../../src/scoring/measure/train-test/train-test-draws.js';
import type { Fit } from '../../../src/scoring/measure/train-test/train-test-fit.js';

const random = new RandomState(4);
const range = (n: number, prefix = '') => Array.from({ length: n }, (_, i) => `${prefix}${i}`);
const made = (rows: number, cols: number) =>
  matrix(rows, cols, Float64Array.from(random.standardNormal(rows * cols)));

/** A fit of a subject with four neuroids on twelve test images. */
const fitOf = (name: string) =>
  ({
    name,
    columns: [0, 1, 2, 3],
    recorded: {},
    test: { stimulusIds: range(12, 'im'), neuroidIds: range(4, 'n'), values: made(12, 4) },
  }) as unknown as Fit;

async function drawn(subjects: number) {
  const fits = range(subjects, 's').map(fitOf);
  const units = trainTestUnits({ fitPer: 'subject' } as Benchmark, fits);
  const raws: TwoFactorDraws[] = [];
  for (const fit of fits) raws.push(await fitDraws(fit, made(12, 4), units));
  const values = fits.map(() => 0.5);
  return { units, draws: trainTestDraws({ fits, values, raws, ceilings: null }, units) };
}

describe('fits of subjects', () => {
  test('draw neuroids within each where they are few: nothing is said of others', async () => {
    const { units, draws } = await drawn(2);
    expect(units.animals).toBe(2);
    expect(draws?.units).toMatchObject([
      { of: 'neuroids', count: 8, strata: 2 },
      { of: 'images', count: 12 },
    ]);
    expect(draws?.both).toHaveLength(DRAWS);
    expect(draws?.first).not.toEqual(draws?.second);
  });

  test('draw the subjects where there are five', async () => {
    const { units, draws } = await drawn(5);
    expect(units.animals).toBeUndefined();
    expect(draws?.units).toMatchObject([
      { of: 'subjects', count: 5 },
      { of: 'images', count: 12 },
    ]);
    // Every subject scores the same undrawn.
    expect(new Set(draws?.first)).toEqual(new Set([0.5]));
  });
});

test('images of very large recordings are not drawn, for want of memory', async () => {
  const side = Math.ceil(Math.sqrt(MOST_VALUES)) + 1;
  const units = {
    neuroids: drawnUnits('neuroids', range(side)),
    images: drawnUnits('images', range(side)),
    animals: undefined,
  };
  const split = {
    ...{ stimulusIds: range(4), neuroidIds: range(3) },
    ...{ observed: made(4, 3), predicted: made(4, 3) },
  };
  const large = new DrawnSplits(units);
  large.add(split);
  expect(await large.mean()).toBeUndefined();
  const small = new DrawnSplits({ ...units, images: drawnUnits('images', range(4)) });
  small.add(split);
  expect((await small.mean())?.second).toHaveLength(DRAWS);
});
