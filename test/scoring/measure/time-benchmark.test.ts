import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { reduceFeatures, wholeLayer } from '../../../src/activations/reduced-layer.js';
import type { Recordings } from '../../../src/data/recordings.js';
import type { StimulusSet } from '../../../src/data/stimulus-set.js';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { openNpz } from '../../../src/formats/npz.js';
import type { MetricResult } from '../../../src/metrics/metric.js';
import { plsRegression } from '../../../src/metrics/pls.js';
import {
  acrossTime,
  correlationOverTime,
  type TimedRegress,
} from '../../../src/metrics/time/time-regression.js';
import { denseFeatures, selectRows } from '../../../src/numerics/algebra/features.js';
import { DataSources } from '../../../src/scoring/benchmark/data-sources.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { kindOf } from '../../../src/scoring/kinds/benchmark-kinds.js';
import { dropIncomplete } from '../../../src/scoring/measure/drop-incomplete.js';
import { targetOf } from '../../../src/scoring/measure/neural-benchmark.js';
import { ceilingsOverTime, pooledCeiling } from '../../../src/scoring/measure/neural-ceiling.js';
import { describeBenchmarks } from '../../../src/scoring/model/describe-benchmark.js';
import { averaged } from '../../../src/scoring/recorded/averaged.js';
import { recordingsOfBin } from '../../../src/scoring/recorded/bins-of-time.js';
import { parseBenchmark } from '../../../src/scoring/registry/benchmark-file.js';
import { findBenchmark } from '../../../src/scoring/registry/registry.js';
import { numbers, oracle, oraclePath } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-time-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const context = { home, threads: 2, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
const benchmark = oraclePath('16-temporal/majaj/temporal.proposed.yaml');
for (const file of ['recordings.nc', 'stimuli.csv']) oraclePath(`16-temporal/majaj/${file}`);
const { regions } = oracle('16-temporal/majaj/expected.json');

const score = async (file = benchmark) => {
  const { scores, failures } = await scoreFeatures(
    { features: oraclePath('16-temporal/majaj/features.npz'), benchmarks: [file], detail: true },
    context,
  );
  expect(failures.map(({ error }) => error.message)).toEqual([]);
  return scores;
};

const asProposed = score();

const near = (found: number | null | undefined, wanted: number, bound: number, what: string) =>
  expect(
    Math.abs((found ?? Number.NaN) - wanted) / Math.max(1, Math.abs(wanted)),
    what,
  ).toBeLessThanOrEqual(bound);

test('majaj: one PLS over all bins, a correlation and a ceiling a bin', async () => {
  const scores = await asProposed;
  expect(scores.map(({ benchmark: id }) => id)).toEqual([
    'MajajHong2015public.V4-temporal-pls',
    'MajajHong2015public.IT-temporal-pls',
  ]);
  for (const [i, region] of ['V4', 'IT'].entries()) {
    const { score: wanted, ceiling: bound, asked, fits } = regions[region];
    const { parts, ...found } = scores[i];
    expect(parts?.per).toBe('time_bin');
    expect(parts?.values.map(({ name }) => name)).toEqual(
      asked[0][1].map(([start, end]: number[]) => `${start} to ${end} ms`),
    );
    const [value, raw, error] = [wanted.value, wanted.raw.values, wanted.raw.error].map(numbers);
    const ceiling = numbers(bound.values);
    parts?.values.forEach((bin, b) => {
      const what = `${region} ${bin.name}`;
      near(bin.raw, raw[b], tolerances.kinds.float64, `${what} raw`);
      near(bin.error, error[b], tolerances.kinds.float64, `${what} error`);
      near(bin.ceiling, ceiling[b], tolerances.kinds.float32, `${what} ceiling`);
      near(bin.value, value[b], tolerances.kinds.float32, `${what} value`);
    });
    const counted = [...ceiling.keys()].filter((b) => ceiling[b] > 0);
    const sum = (of: (b: number) => number) => counted.reduce((total, b) => total + of(b), 0);
    near(
      found.value,
      sum((b) => raw[b] ** 2) / sum((b) => ceiling[b]),
      tolerances.kinds.float32,
      region,
    );
    expect(found.formula).toBe('sum(raw^2)/sum(ceiling)');
    expect(found.warnings.map(({ code }) => code)).toContain('time-bins-uncounted');
    const trained = new Set(fits[0].row_stimulus_id_first_60);
    for (const id of trained) expect(found.splits?.[0].train).toContain(id);
    expect((found.splits?.[0].train.length ?? 0) * asked[0][1].length).toBe(fits[0].rows);
  }
});

test('majaj: re-binned recordings averaged, and the ceiling of each bin', async () => {
  const sources = new DataSources(home);
  for (const own of findBenchmark(benchmark)) {
    const region = own.region as string;
    const { averaged: wanted, ceiling } = regions[region];
    const recordings = await sources.recordings(own, await sources.stimuli(own.stimuli));
    const { stimulusIds, values } = averaged(own, recordings);
    expect(stimulusIds).toEqual(wanted.stimulus_id);
    for (const bin of [0, 18])
      expect(recordingsOfBin(recordings, bin).neuroidIds).toEqual(wanted.neuroid_id);
    numbers(wanted.values).forEach((value, i) => {
      near(values.data[i], value, tolerances.kinds.float64, `${region} value ${i}`);
    });
    const [each, error, raw] = [ceiling.values, ceiling.error, ceiling.raw.values].map(numbers);
    const [, splits, neuroids] = ceiling.raw.shape;
    const ceilings = ceilingsOverTime(own, recordings);
    ceilings.forEach((found, b) => {
      const bin = found as MetricResult;
      near(bin.value, each[b], tolerances.kinds.float32, `${region} ceiling of bin ${b}`);
      near(bin.error, error[b], tolerances.kinds.float32, `${region} its error, bin ${b}`);
      bin.neuroids?.values.data.forEach((r, i) => {
        near(r, raw[b * splits * neuroids + i], tolerances.float32Recordings.r, `${b}, ${i}`);
      });
    });
    const positive = each.filter((bin) => bin > 0);
    near(
      pooledCeiling(ceilings)?.value,
      positive.reduce((sum, bin) => sum + bin, 0) / positive.length,
      tolerances.kinds.float32,
      `${region} ceiling`,
    );
  }
  await sources.close();
});

test('majaj: the rows of the first fit, and r of every split, bin and neuroid', async () => {
  const sources = new DataSources(home);
  const npz = await openNpz(oraclePath('16-temporal/majaj/features.npz'));
  const ids = (await npz.read('stimulus_id')).data as string[];
  const features = Float64Array.from((await npz.read('features')).data as Float32Array);
  await npz.close();
  const units = features.length / ids.length;
  for (const own of findBenchmark(benchmark)) {
    const { fits, score: wanted } = regions[own.region as string];
    const stimuli = await sources.stimuli(own.stimuli);
    const recordings = await sources.recordings(own, stimuli);
    const bins = recordings.timeBins?.length ?? 0;
    const target = { ...targetOf(own, stimuli, recordings), bins };
    const regress = acrossTime(plsRegression(features, units, {}));
    const folds: Parameters<TimedRegress>[] = [];
    const found = await correlationOverTime(ids, target, own.crossValidation, (...given) => {
      folds.push(given);
      return regress(...given);
    });
    const [fold, targets] = folds[0];
    const first = fits[0];
    const rows = first.row_stimulus_id_first_60 as string[];
    expect(rows.map((_, i) => ids[fold.train[Math.floor(i / bins)]])).toEqual(rows);
    expect(rows.map((_, i) => recordings.timeBins?.[i % bins][0])).toEqual(
      first.target_row_time_bin_start_first_60,
    );
    const [x, y] = [first.x_row_first_60_first_unit, first.y_row_first_60_first_neuroid];
    numbers(x).forEach((value, i) => {
      expect(features[fold.train[Math.floor(i / bins)] * units]).toBe(value);
    });
    numbers(y).forEach((value, i) => {
      const { data, cols } = targets[i % bins];
      near(data[Math.floor(i / bins) * cols], value, tolerances.kinds.float64, `y of row ${i}`);
    });
    const raw = numbers(wanted.raw.raw.values);
    const [splits, , width] = wanted.raw.raw.shape;
    found.forEach(({ neuroids }, b) => {
      expect(neuroids?.ids).toEqual(wanted.raw.raw.neuroid_id);
      for (let s = 0; s < splits; s++)
        for (let k = 0; k < width; k++)
          near(
            neuroids?.values.data[s * width + k],
            raw[(s * bins + b) * width + k],
            tolerances.kinds.float64,
            `r of split ${s}, bin ${b}, neuroid ${k}`,
          );
    });
  }
  await sources.close();
});

const made = (change: (text: string) => string, name: string) => {
  const folder = join(oraclePath('16-temporal/majaj/recordings.nc'), '..');
  const text = `
identifier: Here.{region}-${name}
version: 1
regions: [IT]
visual_degrees: 8
stimuli: { csv: ${join(folder, 'stimuli.csv')} }
recordings: ${join(folder, 'recordings.nc')}
time_bins: { step: 20, unit: ms }
metric: { name: ridge }
cross_validation: { splits: 4 }
`;
  const path = join(home, `${name}.yaml`);
  writeFileSync(path, change(text));
  return path;
};

test('without "across" each bin has a regression of its own', async () => {
  const [apart] = await score(made((text) => text, 'apart'));
  const [across] = await score(
    made((text) => text.replace('name: ridge', 'name: ridge, across: time'), 'across'),
  );
  expect(apart.parts?.values.length).toBe(9);
  expect(apart.parts?.values.map(({ raw }) => raw)).not.toEqual(
    across.parts?.values.map(({ raw }) => raw),
  );
  expect(apart.provenance.inputs).not.toBe(across.provenance.inputs);
  const [none] = await score(made((text) => `${text}ceiling: none\n`, 'none'));
  expect([none.ceiling, none.formula]).toEqual([null, 'mean(raw)']);
  expect(none.value).toBe(none.raw.value);
});

test.each([
  ['metric: { name: ridge }', 'metric: { name: ridgecv, across: time }', /no option "across"/],
  ['time_bins: { step: 20, unit: ms }', 'time_bins: [[0, 200]]', /metric\.across: expected only/],
  ['metric: { name: ridge }', 'metric: { name: rdm }', /a step needs a regression/],
  ['step: 20, unit: ms', 'step: 0, unit: ms', /step/],
  ['step: 20, unit: ms', 'step: 20', /unit/],
  ['step: 20, unit: ms', 'step: 20, unit: ms, from: 0', /from/],
])('a file that cannot be meant is refused: %s → %s', (from, to, message) => {
  const text = `
identifier: Here.x
version: 1
visual_degrees: 8
stimuli: { csv: stimuli.csv }
recordings: recordings.nc
time_bins: { step: 20, unit: ms }
metric: { name: ridge }
`
    .replace(from, to)
    .replace(/(\[\[0, 200\]\]\nmetric: \{ name: ridge)/, '$1, across: time');
  expect(() => parseBenchmark(text, { file: 'x.yaml', folder: home })).toThrow(message);
  expect(() => parseBenchmark(text, { file: 'x.yaml', folder: home })).toThrow(VentralError);
});

test('bins by centres are a benchmark of their own', async () => {
  const [shares] = await score(made((text) => text.replace('step: 20', 'step: 30'), 'shares'));
  const [centres] = await score(
    made(
      (text) => text.replace('step: 20, unit: ms', 'step: 30, unit: ms, mode: center'),
      'shares',
    ),
  );
  expect(centres.parts?.values.map(({ name }) => name)).toEqual(
    shares.parts?.values.map(({ name }) => name),
  );
  expect(centres.raw.value).not.toBe(shares.raw.value);
  expect(centres.provenance.inputs).not.toBe(shares.provenance.inputs);
});

test('a step in the wrong unit is refused before anything is fitted', async () => {
  const file = made((text) => text.replace('step: 20, unit: ms', 'step: 0.02, unit: s'), 'unit');
  const { failures } = await scoreFeatures(
    { features: oraclePath('16-temporal/majaj/features.npz'), benchmarks: [file] },
    context,
  );
  expect(failures[0].error.message).toMatch(/the unit is that of the recordings/);
});

test('a description has the neuroids, the bins and the ceiling that a score divides by', async () => {
  const [, described] = await describeBenchmarks(findBenchmark(benchmark), home);
  expect(described.timeStep).toEqual({ step: 10, unit: 'ms' });
  expect(described.recordings).toMatchObject({ neuroids: 6 });
  const [, found] = await asProposed;
  expect(described.measuredCeiling).toMatchObject({ value: found.ceiling?.value });
});

const npzFeatures = async () => {
  const npz = await openNpz(oraclePath('16-temporal/majaj/features.npz'));
  const ids = (await npz.read('stimulus_id')).data as string[];
  const data = (await npz.read('features')).data as Float32Array;
  await npz.close();
  return { ids, features: denseFeatures(ids.length, data.length / ids.length, data) };
};

test('a layer as products of its rows gives the same, and some of the stimuli are a benchmark too', async () => {
  const sources = new DataSources(home);
  const [own] = findBenchmark(benchmark);
  const prepared = await kindOf(own).load(own, sources);
  const { ids, features } = await npzFeatures();
  const shown = prepared.shown[0].stimuli.ids;
  const inOrder = selectRows(
    features,
    shown.map((id) => ids.indexOf(String(id))),
  );
  const direct = await prepared.measure(wholeLayer([inOrder]));
  const products = await prepared.measure(await reduceFeatures([inOrder], 'gram'));
  direct.parts?.values.forEach(({ raw }, bin) => {
    near(products.parts?.values[bin].raw, raw ?? 0, tolerances.kinds.float64, `bin ${bin}`);
  });
  const some = prepared.restrict?.((id) => shown.indexOf(id) % 10 !== 0);
  some?.check?.();
  const measured = await some?.measure(wholeLayer([inOrder]));
  expect(measured?.parts?.values.length).toBe(direct.parts?.values.length);
  expect(measured?.raw.value).not.toBe(direct.raw.value);
  expect(some?.inputs).not.toEqual(prepared.inputs);
  await sources.close();
});

test('a neuroid that lacks a value in one bin is dropped in all', () => {
  const [own] = findBenchmark(benchmark);
  const stimuli = { ids: ['a', 'b'] } as unknown as StimulusSet;
  const recordings: Recordings = {
    stimulusIds: ['a', 'b'],
    neuroidIds: ['x', 'x', 'y', 'y'],
    timeBins: [
      [0, 10],
      [10, 20],
    ],
    values: Float64Array.of(1, Number.NaN, 3, 4, 5, 6, 7, 8),
  };
  const { recordings: left, dropped } = dropIncomplete(
    { ...own, drop: 'incomplete-neuroids' },
    stimuli,
    recordings,
  );
  expect([left.neuroidIds, [...left.values], dropped]).toEqual([
    ['y', 'y'],
    [3, 4, 7, 8],
    { neuroids: 1 },
  ]);
});
