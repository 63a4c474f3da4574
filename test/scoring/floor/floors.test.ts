import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reduceFeatures, wholeLayer } from '../../../src/activations/reduced-layer.js';
import { denseFeatures } from '../../../src/numerics/algebra/features.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { exchangedLayer } from '../../../src/scoring/floor/exchanged-layer.js';
import { type ExchangeNull, exchangesOf } from '../../../src/scoring/floor/exchanges.js';
import { clears, type Floors, floorOf } from '../../../src/scoring/floor/floor.js';
import { floorsOf, nullRuns } from '../../../src/scoring/floor/measure-floors.js';
import type { LoadedBenchmark } from '../../../src/scoring/measure/loaded-benchmark.js';
import { loadBenchmarks } from '../../../src/scoring/registry/load-benchmark.js';
import { expectClose } from '../../metrics/close.js';
import { madeBenchmark } from '../made-benchmark.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-floors-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (...names: string[]) => join(folder, ...names);
const csv = (rows: readonly (readonly unknown[])[]) =>
  [...rows.map((row) => row.join()), ''].join('\n');
const names = (count: number, prefix = 's') =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const noise = (rows: number, cols: number, seed: number) =>
  denseFeatures(rows, cols, new RandomState(seed).standardNormal(rows * cols));

/** Writes features of stimuli, a row each. */
function writeFeatures(path: string, ids: readonly string[], rows: readonly (readonly number[])[]) {
  const units = rows[0].map((_, k) => `u${k}`);
  writeFileSync(path, csv([['stimulus_id', ...units], ...ids.map((id, i) => [id, ...rows[i]])]));
  return path;
}

const IDS = names(30);
/** Twelve units that the made neuroids are functions of, or twelve of noise. */
const signal = IDS.map((_, row) =>
  Array.from({ length: 12 }, (_, k) => Math.sin(row * (1 + (k % 6)) + (k > 5 ? 1 : 0))),
);

async function score(
  features: string,
  benchmark: string,
  nulls: readonly ExchangeNull[] = [],
  runs = 19,
) {
  const { scores, failures, floors } = await scoreFeatures(
    { features, benchmarks: [benchmark] },
    {
      ...{ home: at('home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 },
      ...(nulls.length > 0 ? { floors: { nulls, runs } } : {}),
    },
  );
  if (failures.length > 0) throw failures[0].error;
  return { score: scores[0], floors: floors?.get(scores[0]) as Floors };
}

/** Seconds and memory are of the run, not of the score. */
const numbersOf = ({ provenance, ...rest }: Awaited<ReturnType<typeof score>>['score']) => ({
  ...rest,
  inputs: provenance.inputs,
});

describe('permuted rows', () => {
  test('leave the score as it is, and say how far above its floor it lies', async () => {
    const benchmark = madeBenchmark(at('rows'), { ids: IDS });
    const features = writeFeatures(at('signal.csv'), IDS, signal);
    const plain = await score(features, benchmark);
    const one = await score(features, benchmark, ['rows']);
    expect(numbersOf(one.score)).toEqual(numbersOf(plain.score));
    const { rows } = one.floors;
    expect(rows).toMatchObject({ null: 'rows', value: { p: 1 / 20 }, raw: { p: 1 / 20 } });
    expect(rows?.value.above).toBe((one.score.value ?? 0) - (rows?.value.floor ?? 0));
    // raw² is never negative, and raw of noise is.
    expect(Math.min(...(rows?.value.runs.map(Number) ?? []))).toBeGreaterThanOrEqual(0);
    expect(Math.min(...(rows?.raw.runs.map(Number) ?? []))).toBeLessThan(0);
    // The same inputs give the same bits, and more runs begin with the same ones.
    const more = await score(features, benchmark, ['rows'], 24);
    expect(more.floors.rows?.value.runs.slice(0, 19)).toEqual(rows?.value.runs);
  });

  test('are not cleared by noise', async () => {
    const benchmark = madeBenchmark(at('rows'), { ids: IDS });
    const random = new RandomState(3);
    const features = IDS.map(() => [...random.standardNormal(12)]);
    const { floors } = await score(writeFeatures(at('noise.csv'), IDS, features), benchmark, [
      'rows',
    ]);
    expect(floors.rows && clears(floors.rows.raw)).toBe(false);
    expect(floors.rows?.raw.p).toBeGreaterThan(1 / 20);
  });

  test('give p below .05 in 5 % of experiments without an effect', async () => {
    const benchmark = madeBenchmark(at('coverage'), { ids: names(16) });
    const short = `${benchmark}.short.yaml`;
    const text = ['identifier: short', 'version: 1', 'visual_degrees: 8'];
    const data = [
      'stimuli: { csv: stimuli.csv }',
      'recordings: recordings.csv',
      'metric: { name: ridge }',
    ];
    writeFileSync(
      short,
      [...text, ...data, 'cross_validation: { splits: 2, train_size: 0.6 }', ''].join('\n'),
    );
    await withLoaded(short, async (loaded) => {
      const ps: number[] = [];
      for (let seed = 0; seed < 120; seed++) {
        const layer = wholeLayer([noise(16, 4, seed)]);
        const measured = await loaded.measure(layer, { undrawn: true });
        const runs = await nullRuns(
          loaded,
          layer,
          { nulls: ['rows'], runs: 19 },
          { inputs: '', threads: 1 },
        );
        const { rows } = floorsOf(loaded, measured, runs);
        ps.push(rows?.raw.p ?? Number.NaN);
      }
      // p is uniform over 1/20 … 1: shares within three standard errors of 120 experiments.
      for (const level of [0.05, 0.25, 0.5, 0.75]) {
        const share = ps.filter((p) => p <= level + 1e-9).length / ps.length;
        expect(Math.abs(share - level)).toBeLessThan(
          3 * Math.sqrt((level * (1 - level)) / ps.length),
        );
      }
    });
  });
});

async function withLoaded(benchmark: string, use: (loaded: LoadedBenchmark) => Promise<void>) {
  const { loaded, close } = await loadBenchmarks([benchmark], { home: at('home') }, (_, error) => {
    throw error;
  });
  try {
    await use(loaded[0]);
  } finally {
    await close();
  }
}

describe('exchanges', () => {
  const made = (strata: readonly string[], stratifyOn?: string) =>
    ({
      benchmark: { id: 'made', file: 'made.yaml', crossValidation: { stratifyOn } },
      form: () => 'features',
      shown: [
        { stimuli: { columns: new Map([['texture', { values: strata }]]) } },
        { stimuli: { columns: new Map() } },
      ],
    }) as unknown as LoadedBenchmark;
  const strata = names(12).map((_, row) => (row % 3 === 0 ? 'a' : 'b'));

  test('of rows stay in their stratum, of labels in their set', () => {
    const sets = [names(12), names(8, 't')];
    for (const kind of ['rows', 'labels'] as const) {
      const from = exchangesOf(made(strata, 'texture'), kind, sets).rows(0, 0);
      expect([...from].sort((a, b) => a - b)).toEqual([...from.keys()]);
      expect([...from.subarray(12)].every((row) => row >= 12)).toBe(true);
      const kept = [...from.subarray(0, 12)].every((row, i) => strata[row] === strata[i]);
      expect(kept).toBe(kind === 'rows');
    }
  });

  test('keep copies of a picture together', () => {
    const pairs = names(12).map((_, row) => `p${row >> 1}`);
    const { rows, shared } = exchangesOf(made(strata), 'labels', [pairs, names(8)]);
    const from = rows(0, 1);
    for (let row = 0; row < 12; row += 2) expect(from[row + 1]).toBe(from[row] + 1);
    expect(shared).toBe(0);
    expect(exchangesOf(made(strata), 'labels', [names(12), names(8)]).shared).toBe(8);
  });

  test('too few are refused', () => {
    expect(() => exchangesOf(made(strata), 'labels', [names(3), []])).toThrow(
      'made: --null labels has 6 ways to exchange the stimuli: expected at least 20',
    );
  });

  test.each(['gram', 'read-out'] as const)(
    'of products are those of features (%s)',
    async (form) => {
      const sets = form === 'gram' ? [noise(9, 20, 1)] : [noise(9, 20, 1), noise(6, 20, 2)];
      const { rows } = exchangesOf(made([]), 'labels', [
        names(9),
        names(form === 'gram' ? 0 : 6, 't'),
      ]);
      const from = rows(0, 0);
      const before = exchangedLayer(wholeLayer(sets), from);
      if (before.form !== 'features') throw new TypeError(before.form);
      const wanted = await reduceFeatures(before.features, form);
      const found = exchangedLayer(await reduceFeatures(sets, form), from);
      const values = (layer: typeof found) =>
        layer.form === 'gram'
          ? [layer.gram]
          : layer.form === 'read-out'
            ? [layer.fitting, layer.cross]
            : [];
      values(found).forEach(({ data }, i) => {
        // Sums in another order.
        expectClose(data, values(wanted)[i].data, 1e-12);
      });
    },
  );
});

describe('the floor of runs', () => {
  const runs = (values: readonly (number | null)[]) =>
    values.map((value) => [value, value] as const);

  test('is what one run in twenty reaches: above it p is at most .05', () => {
    const nineteen = Array.from({ length: 19 }, (_, i) => i / 100);
    expect(floorOf('rows', [0.2, 0.18], runs(nineteen), 0)).toMatchObject({
      value: { floor: 0.18, p: 0.05 },
      raw: { floor: 0.18, above: 0, p: 0.1 },
    });
    const many = Array.from({ length: 99 }, (_, i) => i);
    expect(floorOf('rows', [95, 94], runs(many), 0)).toMatchObject({
      value: { floor: 94, above: 1, p: 0.04 + 0.01 },
      raw: { above: 0, p: 0.06 },
    });
  });

  test('counts a run without a number as high', () => {
    const found = floorOf('rows', [0.5, null], runs([null, ...Array(18).fill(0)]), 0);
    expect(found.value).toMatchObject({ floor: null, above: null, p: 0.1, mean: 0 });
    expect(found.raw).toMatchObject({ above: null, p: null });
  });

  test('of random weights is their mean, without p', () => {
    const { value } = floorOf('random-weights', [0.5, 0.5], runs([0.1, 0.2, 0.3]), 0);
    expect(value).not.toHaveProperty('p');
    expect(value.floor).toBeCloseTo(0.2, 12);
  });
});

describe('permuted labels', () => {
  const LABELS = ['cat', 'dog', 'car'];
  const label = (row: number) => LABELS[row % 3];

  /** A read-out of labels, fitted on stimuli of which some are those that it is tested on. */
  function readOut(name: string, fitting: readonly string[], metric: string): string {
    mkdirSync(at(name), { recursive: true });
    const tested = names(24, 't');
    const labelOf = (id: string) => label(Number(id.slice(1)));
    const table = (ids: readonly string[]) =>
      csv([['stimulus_id', 'image_label'], ...ids.map((id) => [id, labelOf(id)])]);
    writeFileSync(at(name, 'stimuli.csv'), table(tested));
    writeFileSync(at(name, 'fitting.csv'), table(fitting));
    const trials = tested.map((id) => [id, 'ann', labelOf(id), labelOf(id), 'all']);
    const head = ['stimulus_id', 'subject', 'truth', 'choice', 'condition'];
    writeFileSync(at(name, 'trials.csv'), csv([head, ...trials]));
    const keys = ['identifier: leaky', 'version: 1', 'visual_degrees: none', 'task: probabilities'];
    const data = ['stimuli: { csv: stimuli.csv }', 'fitting_stimuli: { csv: fitting.csv }'];
    const rest = ['trials: trials.csv', `metric: { name: ${metric} }`, ''];
    writeFileSync(at(name, 'benchmark.yaml'), [...keys, ...data, ...rest].join('\n'));
    return at(name, 'benchmark.yaml');
  }
  /** Noise, in which a fit finds what it was shown and nothing else. */
  const features = (fitted: readonly string[]) => {
    const ids = [...new Set([...names(24, 't'), ...fitted])];
    const random = new RandomState(11);
    return writeFeatures(
      at('labels.csv'),
      ids,
      ids.map(() => [...random.standardNormal(300)]),
    );
  };

  test('catch a benchmark that fits on the labels of its test images', async () => {
    const fitted = [...names(21, 't'), ...names(3, 'f')];
    const benchmark = readOut('leaky', fitted, 'accuracy');
    const { score: found, floors } = await score(features(fitted), benchmark, ['labels']);
    expect(found.raw.value).toBeGreaterThan(0.8);
    expect(floors.labels?.raw.mean).toBeGreaterThan(0.8);
    expect(floors.labels?.leak).toMatch(
      /^with permuted labels raw is still 0\.\d+ \(mean of 19 runs, 19 above chance, 0\.333\): labels of test images reach the fit; 21 images are both in what is fitted and in what is tested$/,
    );
  });

  test('find nothing in a benchmark that does not', async () => {
    const benchmark = readOut('sound', names(24, 'f'), 'accuracy');
    const { floors } = await score(features(names(24, 'f')), benchmark, ['labels']);
    expect(floors.labels?.leak).toBeUndefined();
    expect(floors.labels?.raw.mean).toBeLessThan(0.45);
  });
});
