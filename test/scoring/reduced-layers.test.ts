import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Form, reduceFeatures, wholeLayer } from '../../src/activations/reduced-layer.js';
import type { Id } from '../../src/data/ids.js';
import { denseFeatures, type Features, selectRows } from '../../src/numerics/algebra/features.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { nanMean } from '../../src/numerics/statistics/statistics.js';
import { DRAWS, drawnUnits } from '../../src/scoring/draws/drawn-units.js';
import { estimated } from '../../src/scoring/draws/score-draws.js';
import type { LoadedBenchmark, Measured } from '../../src/scoring/measure/loaded-benchmark.js';
import { loadBenchmarks } from '../../src/scoring/registry/load-benchmark.js';
import { interpolatedMedianOf } from '../metrics/resampling/interpolated-median.js';
import { ORACLE } from '../oracle.js';
import { tolerances } from '../tolerances.js';

/** A layer as its features and reduced, and a benchmark on some of its stimuli, must give one number. */
const root = mkdtempSync(join(tmpdir(), 'ventral-reduced-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function load(file: string): Promise<LoadedBenchmark> {
  const { loaded, close } = await loadBenchmarks([file], { home: root }, (_, error) => {
    throw error;
  });
  await close();
  return loaded[0];
}

const STIMULI = 40;
const NEUROIDS = 6;
const ids = Array.from({ length: STIMULI }, (_, i) => (i * 7) % 101);
/** Ten of each half of either class. */
const inFirstHalf = (id: Id) => ids.indexOf(Number(id)) % 4 < 2;

/** Units of the layer: fewer than there are stimuli, more than half of them, more than all. */
const widths = [12, 30, 100];

/** Smooth functions of the row with noise, so that a regression has something to find. */
function layer(units: number, rows = STIMULI, seed = 1): Features {
  const noise = new RandomState(seed).standardNormal(rows * units);
  const values = Float32Array.from(noise, (e, i) => {
    const [row, unit] = [Math.floor(i / units), i % units];
    return Math.sin(row * ((unit % NEUROIDS) + 1)) + e / 2 + 3;
  });
  return denseFeatures(rows, units, values);
}

interface Made {
  readonly metric?: string;
  readonly keep?: (id: Id) => boolean;
  readonly more?: readonly string[];
  /** Neuroids that answer to nothing on the stimuli shown. */
  readonly silent?: readonly number[];
}

let made = 0;
/** Recordings of six neuroids in two animals, in class-stratified splits, for some of the stimuli. */
function recorded({ metric = '{ name: pls, components: 5 }', keep, more = [], silent = [] }: Made) {
  const folder = join(root, `made-${made++}`);
  mkdirSync(folder);
  const random = new RandomState(5);
  const shown = (id: Id) => !keep || keep(id);
  const stimuli = ids.flatMap((id, row) => (shown(id) ? `${id},${row % 2 ? 'odd' : 'even'}` : []));
  const rows = [3, 1, 2].flatMap((repetition) =>
    ids.flatMap((id, row) => {
      const values = Array.from(random.standardNormal(NEUROIDS), (e, k) =>
        silent.includes(k) ? 1 : (Math.sin(row * (k + 1)) + e / 4).toFixed(4),
      );
      return shown(id) ? [[id, repetition, ...values].join()] : [];
    }),
  );
  const names = Array.from({ length: NEUROIDS }, (_, k) => `n${(k * 5) % NEUROIDS}`);
  const write = (name: string, lines: readonly string[]) =>
    writeFileSync(join(folder, name), [...lines, ''].join('\n'));
  write('stimuli.csv', ['stimulus_id,kind', ...stimuli]);
  write('recordings.csv', [['stimulus_id', 'repetition', ...names].join(), ...rows]);
  write('neuroids.csv', [
    'neuroid_id,region,animal',
    ...names.map((name, k) => `${name},IT,${k < 4 ? 'a' : 'b'}`),
  ]);
  write('benchmark.yaml', [
    'identifier: made.{region}',
    'regions: [IT]',
    'version: 1',
    'visual_degrees: 8',
    'stimuli: { csv: stimuli.csv }',
    'recordings: recordings.csv',
    'neuroids: neuroids.csv',
    `metric: ${metric}`,
    'cross_validation: { splits: 4, train_size: 0.7, seed: 1, stratify_on: kind }',
    ...more,
  ]);
  return join(folder, 'benchmark.yaml');
}

function expectSame(found: Measured, wanted: Measured) {
  const numbers = ({ value, error, raw, ceiling }: Measured) => [
    ...[value, error, raw.value, raw.error, ceiling?.value, ceiling?.error],
    ...[...raw.splits, ...(ceiling?.splits ?? [])],
  ];
  const drawn = ({ ci, draws }: Measured) => [...(ci ?? []), ...(draws?.both ?? [])];
  expect(wanted.raw.value).not.toBeNull();
  const worst = (of: (measured: Measured) => readonly unknown[]) => {
    const [a, b] = [of(found).map(Number), of(wanted).map(Number)];
    expect(a).toHaveLength(b.length);
    return Math.max(...a.map((x, i) => (Object.is(x, b[i]) ? 0 : Math.abs(x - b[i]))), 0);
  };
  expect(worst(numbers)).toBeLessThan(tolerances.float64);
  expect(worst(drawn)).toBeLessThan(tolerances.drawn);
  expect(found.warnings).toEqual(wanted.warnings);
}

const metrics: Readonly<Record<string, Form>> = {
  '{ name: pls, components: 5 }': 'gram',
  '{ name: ridge }': 'gram',
  '{ name: ridgecv }': 'gram',
  '{ name: linear }': 'gram',
  '{ name: cka }': 'gram',
  '{ name: rdm }': 'features',
  '{ name: neuron-to-neuron }': 'features',
};

describe.each(Object.keys(metrics))('%s', (metric) => {
  test('asks for products where units outnumber stimuli, and finds the same bits in them', async () => {
    const benchmark = await load(recorded({ metric }));
    for (const units of widths) {
      const form = benchmark.form(units);
      expect(form).toBe(units > STIMULI ? metrics[metric] : 'features');
      const features = [layer(units)];
      const { draws, ...reduced } = await benchmark.measure(await reduceFeatures(features, form));
      const whole = await benchmark.measure(wholeLayer(features));
      expect(reduced).toEqual({ ...whole, draws: undefined });
      expect(draws).toEqual(whole.draws);
    }
  });

  test('on half of the stimuli is as if there were no others', async () => {
    const benchmark = await load(recorded({ metric }));
    const half = benchmark.restrict?.(inFirstHalf);
    const alone = await load(recorded({ metric, keep: inFirstHalf }));
    if (!half) throw new Error('it cannot be restricted');
    expect(half.inputs).toEqual(alone.inputs);
    expect(half.inputs).not.toEqual(benchmark.inputs);
    const rows = ids.flatMap((id, row) => (inFirstHalf(id) ? row : []));
    for (const units of widths) {
      const features = layer(units);
      const found = await half.measure(await reduceFeatures([features], half.form(units)));
      expectSame(found, await alone.measure(wholeLayer([selectRows(features, rows)])));
      expectSame(await half.measure(wholeLayer([features])), found);
    }
  });
});

describe('the draws behind an interval', () => {
  test('are of the same neuroids and images whatever the layer, a neuroid without a correlation among them', async () => {
    const benchmark = await load(recorded({ more: ['ceiling: none'], silent: [1] }));
    const intervals: unknown[] = [];
    const units: unknown[] = [];
    for (const width of widths) {
      const found = await benchmark.measure(wholeLayer([layer(width, STIMULI, width)]), {
        detail: true,
      });
      expect(found.warnings.map(({ code }) => code)).toContain('neuroids-dropped');
      const { draws, generalises } = found;
      expect(generalises).toMatchObject({
        ...{
          to: 'images and neuroids',
          units: { images: STIMULI, neuroids: NEUROIDS },
          animals: 2,
        },
      });
      expect([draws?.both, draws?.first, draws?.second].map((each) => each?.length)).toEqual(
        Array(3).fill(DRAWS),
      );
      expect(draws?.observed?.values).toHaveLength(4 * NEUROIDS);
      expect(estimated(found.value as number, draws, { animals: 2 }).ci).toEqual(found.ci);
      units.push(draws?.units);
      intervals.push(found.ci);
    }
    expect(new Set(intervals.map(String)).size).toBe(widths.length);
    expect(new Set(units.map((each) => JSON.stringify(each))).size).toBe(1);
  });

  test('of neuroids alone are medians of what was observed', async () => {
    const benchmark = await load(recorded({ more: ['ceiling: none'] }));
    const { raw, draws } = await benchmark.measure(wholeLayer([layer(widths[0])]), {
      detail: true,
    });
    const ids = raw.neuroid_ids ?? [];
    const animals = ids.map((id) => (['n0', 'n5', 'n4', 'n3'].includes(String(id)) ? 'a' : 'b'));
    const neuroids = drawnUnits('neuroids', ids, animals);
    const [times] = neuroids.draws;
    const splits = (raw.neuroids ?? []).map((row) => {
      const drawn = row.flatMap((r, k) =>
        Array<number>(times[neuroids.position(ids[k])]).fill(r ?? Number.NaN),
      );
      const there = Float64Array.from(drawn.filter(Number.isFinite));
      return interpolatedMedianOf(there);
    });
    expect(draws?.first?.[0]).toBeCloseTo(nanMean(splits), 6);
  });

  test('are none where units, not neuroids, have the values', async () => {
    const benchmark = await load(
      recorded({ metric: '{ name: reverse-pls, components: 5 }', more: ['ceiling: none'] }),
    );
    const found = await benchmark.measure(wholeLayer([layer(12)]));
    expect(found.ci).not.toBeNull();
    expect(found.generalises).toMatchObject({ to: 'units', units: { units: 12 } });
    expect(found.draws).toBeUndefined();
  });
});

test('a layer of fewer units than components is refused in a few words', async () => {
  const benchmark = await load(recorded({}));
  const error = await benchmark.measure(wholeLayer([layer(4)])).catch((thrown) => thrown);
  expect(error).toMatchObject({
    code: 'units-too-few',
    details: { reason: '4 units < 5 components' },
  });
});

test.each(widths)('of %i units, a value that is not finite names its stimulus', async (units) => {
  const benchmark = await load(recorded({}));
  const values = Float32Array.from((await layer(units).columns(0, units)) as Float32Array);
  values[3 * units + 2] = Number.NaN;
  await expect(
    benchmark.measure(wholeLayer([denseFeatures(STIMULI, units, values)])),
  ).rejects.toMatchObject({
    code: 'activations-not-finite',
    message: expect.stringContaining(`stimulus ${ids[3]}`),
  });
});

describe('a read-out', () => {
  const folder = join(ORACLE, '09-end-to-end', 'behaviour');
  const table = (name: string) => readFileSync(join(folder, name), 'utf8').trim().split(/\r?\n/);
  const stimulus = (line: string) => line.split(',')[0];

  /** The benchmark of the fixture without images, on all of its test stimuli or on some. */
  function choices(keep: (id: Id) => boolean = () => true): string {
    const own = join(root, `choices-${made++}`);
    mkdirSync(own);
    writeFileSync(join(own, 'fitting.csv'), table('fitting.csv').join('\n'));
    for (const name of ['test.csv', 'trials.csv']) {
      const [header, ...lines] = table(name);
      writeFileSync(
        join(own, name),
        [header, ...lines.filter((line) => keep(stimulus(line)))].join('\n'),
      );
    }
    const definition = readFileSync(join(folder, 'benchmark.yaml'), 'utf8');
    const file = join(own, 'benchmark.yaml');
    writeFileSync(file, definition.replaceAll(/, images: \w+\.zip/g, ''));
    return file;
  }

  const labels = (name: string) =>
    table(name)
      .slice(1)
      .map((line) => line.split(',')[2]);
  const objects = [...new Set(labels('fitting.csv'))];
  /** Every second image of each object. */
  const left = new Set(
    objects.flatMap((object) =>
      table('test.csv')
        .slice(1)
        .filter((line) => line.split(',')[2] === object)
        .filter((_, i) => i % 2 === 0)
        .map(stimulus),
    ),
  );

  /** Features that tell of the object, for both sets. */
  function features(units: number): Features[] {
    return ['fitting.csv', 'test.csv'].map((name, seed) => {
      const shown = labels(name).map((label) => objects.indexOf(label));
      const noise = new RandomState(seed).standardNormal(shown.length * units);
      const values = Float32Array.from(noise, (e, i) => {
        const unit = i % units;
        return Math.cos((shown[Math.floor(i / units)] + 1) * (unit + 1)) + 2 * e + unit;
      });
      return denseFeatures(shown.length, units, values);
    });
  }

  test('asks for products where units outnumber fitting stimuli, and finds the same bits in them', async () => {
    const benchmark = await load(choices());
    expect([100, 101].map((units) => benchmark.form(units))).toEqual(['features', 'read-out']);
    for (const units of [60, 300]) {
      const reduced = await reduceFeatures(features(units), benchmark.form(units));
      const whole = await benchmark.measure(wholeLayer(features(units)));
      expect(await benchmark.measure(reduced)).toEqual(whole);
      expect(whole.draws?.both).toHaveLength(DRAWS);
    }
  });

  test('on half of the test stimuli is as if there were no others', async () => {
    const half = (await load(choices())).restrict?.((id) => left.has(String(id)));
    const alone = await load(choices((id) => left.has(String(id))));
    if (!half) throw new Error('it cannot be restricted');
    expect(half.inputs).toEqual(alone.inputs);
    const rows = table('test.csv')
      .slice(1)
      .flatMap((line, row) => (left.has(stimulus(line)) ? row : []));
    for (const units of [60, 300]) {
      const [fitting, probe] = features(units);
      const found = await half.measure(await reduceFeatures([fitting, probe], half.form(units)));
      expectSame(found, await alone.measure(wholeLayer([fitting, selectRows(probe, rows)])));
      expectSame(await half.measure(wholeLayer([fitting, probe])), found);
    }
  });

  test.each([0, 1])('names the stimulus of set %i that is not finite', async (set) => {
    const benchmark = await load(choices());
    for (const units of [60, 300]) {
      const given = features(units);
      const values = (await given[set].columns(0, units)).slice() as Float32Array;
      values[5 * units] = Number.POSITIVE_INFINITY;
      given[set] = denseFeatures(given[set].rows, units, values);
      const id = benchmark.shown[set].stimuli.ids[5];
      await expect(benchmark.measure(wholeLayer(given))).rejects.toMatchObject({
        code: 'activations-not-finite',
        message: expect.stringContaining(`stimulus ${id}`),
      });
    }
  });
});
