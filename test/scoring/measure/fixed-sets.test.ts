import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { reduceFeatures, wholeLayer } from '../../../src/activations/reduced-layer.js';
import { denseFeatures, selectRows } from '../../../src/numerics/algebra/features.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { mapLayers } from '../../../src/scoring/map/layer-map.js';
import type { LoadedBenchmark } from '../../../src/scoring/measure/loaded-benchmark.js';
import { describeBenchmarks } from '../../../src/scoring/model/describe-benchmark.js';
import { scoreModel } from '../../../src/scoring/model/score-model.js';
import { verifyReceipt } from '../../../src/scoring/receipt/verify-receipt.js';
import { writeReceipt } from '../../../src/scoring/receipt/write-receipt.js';
import { averaged } from '../../../src/scoring/recorded/averaged.js';
import { loadBenchmarks } from '../../../src/scoring/registry/load-benchmark.js';
import { findBenchmark } from '../../../src/scoring/registry/registry.js';
import { ORACLE } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-sets-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const context = { home: join(root, 'home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };

const TRAIN = 24;
const ids = Array.from({ length: 36 }, (_, i) => `s${(i * 7) % 41}`);
const names = ['n0', 'n1', 'n2', 'n3', 'n4'];

let made = 0;
/** Two subjects of five neuroids; a cell that is not there is empty. */
function folder(missing: readonly string[] = []): string {
  const path = join(root, `made-${made++}`);
  mkdirSync(path);
  const write = (name: string, lines: readonly string[]) =>
    writeFileSync(join(path, name), [...lines, ''].join('\n'));
  const random = new RandomState(3);
  const header = ['stimulus_id', 'repetition', ...names].join();
  const rows = ids.map((id, row) =>
    [0, 1].map((repetition) => {
      const values = Array.from(random.standardNormal(names.length), (e, k) =>
        missing.includes(`${id} ${names[k]}`) ? '' : (Math.sin(row * (k + 1)) + e / 4).toFixed(4),
      );
      return [id, repetition, ...values].join();
    }),
  );
  const table = (of: readonly string[]) => ['stimulus_id', ...of];
  write('train.csv', table(ids.slice(0, TRAIN)));
  write('test.csv', table(ids.slice(TRAIN)));
  write('all.csv', table(ids));
  write('r-train.csv', [header, ...rows.slice(0, TRAIN).flat()]);
  write('r-test.csv', [header, ...rows.slice(TRAIN).flat()]);
  write('r-all.csv', [header, ...rows.flat()]);
  write('neuroids.csv', [
    'neuroid_id,region,subject,reliability',
    ...names.map((name, k) => `${name},IT,${k < 3 ? 'b' : 'a'},${0.5 + k / 10}`),
  ]);
  write('splits.csv', [
    'stimulus_id,side,pool',
    ...ids.map((id, row) => `${id},${row < TRAIN ? 'train' : 'test'},one`),
    's0,test,two',
  ]);
  return path;
}

function benchmark(path: string, lines: readonly string[], name = 'benchmark.yaml'): string {
  const text = ['identifier: made', 'version: 1', 'visual_degrees: 8', 'neuroids: neuroids.csv'];
  writeFileSync(join(path, name), [...text, ...lines, ''].join('\n'));
  return join(path, name);
}

const pair = [
  'train: { stimuli: { csv: train.csv }, recordings: r-train.csv }',
  'stimuli: { csv: test.csv }',
  'recordings: r-test.csv',
];
const divided = [
  'stimuli: { csv: all.csv }',
  'recordings: r-all.csv',
  'split: { table: splits.csv, column: side, where: { pool: one } }',
];

async function load(file: string): Promise<LoadedBenchmark> {
  const { loaded, close } = await loadBenchmarks([file], context, (_, error) => {
    throw error;
  });
  await close();
  return loaded[0];
}
const refusal = (file: string) =>
  load(file).then(
    () => expect.unreachable(),
    (error) => error.message as string,
  );

/** A layer over the training stimuli and over the others. */
function layer(units: number) {
  const noise = new RandomState(1).standardNormal(ids.length * units);
  const values = Float64Array.from(noise, (e, i) => {
    const [row, unit] = [Math.floor(i / units), i % units];
    return Math.sin(row * ((unit % 5) + 1)) + e / 2;
  });
  const cut = TRAIN * units;
  return {
    pair: [
      denseFeatures(TRAIN, units, values.slice(0, cut)),
      denseFeatures(ids.length - TRAIN, units, values.slice(cut)),
    ],
    one: [denseFeatures(ids.length, units, values)],
  };
}

test.each(['ridge', 'ridgecv', 'linear', 'pls, components: 4', 'neuron-to-neuron', 'cka', 'rdm'])(
  '%s: two sets, one set with a table, and products of the rows give one number',
  async (metric) => {
    const similar = /cka|rdm/.test(metric);
    const how = similar
      ? [`metric: { name: ${metric}, per: subject }`, 'ceiling: nili-upper']
      : [`metric: { name: ${metric} }`, 'fit_per: subject'];
    const path = folder();
    const two = await load(benchmark(path, [...pair, ...how]));
    const both = divided.map((line) => (similar ? line.replace(' } }', ' }, use: both }') : line));
    const one = await load(benchmark(path, [...both, ...how], 'divided.yaml'));
    for (const units of [8, 60]) {
      const features = layer(units);
      const wanted = await two.measure(wholeLayer(features.pair));
      const found = await one.measure(wholeLayer(features.one));
      const reduced = await two.measure(await reduceFeatures(features.pair, two.form(units)));
      expect(wanted.value).not.toBeNull();
      for (const other of [found, reduced]) {
        expect(Math.abs(Number(other.value) - Number(wanted.value))).toBeLessThan(
          tolerances.float64,
        );
        expect(Math.abs(Number(other.raw.value) - Number(wanted.raw.value))).toBeLessThan(
          tolerances.float64,
        );
      }
      expect(wanted.parts?.values.map(({ name }) => name)).toEqual(['a', 'b']);
      expect(wanted.parts?.per).toBe('subject');
    }
    expect(two.form(60)).toBe(/rdm|neuron/.test(metric) ? 'features' : 'gram');
  },
);

test('half of the test stimuli is as if there were no others; the fit stays', async () => {
  const path = folder();
  const loaded = await load(
    benchmark(path, [...pair, 'metric: { name: ridge }', 'fit_per: subject']),
  );
  const kept = ids.slice(TRAIN).filter((_, i) => i % 2 === 0);
  const rows = readFileSync(join(path, 'r-test.csv'), 'utf8').trimEnd().split('\n');
  const left = rows.filter(
    (row) => row.startsWith('stimulus_id') || kept.includes(row.split(',')[0]),
  );
  writeFileSync(join(path, 'r-test.csv'), `${left.join('\n')}\n`);
  writeFileSync(join(path, 'test.csv'), ['stimulus_id', ...kept, ''].join('\n'));
  const fewer = await load(join(path, 'benchmark.yaml'));
  const [train, rest] = layer(60).pair;
  const at = kept.map((id) => ids.indexOf(id) - TRAIN);
  const some = selectRows(rest, at);
  const half = loaded.restrict?.((id) => kept.includes(String(id)));
  const found = await half?.measure(wholeLayer([train, rest]));
  const wanted = await fewer.measure(wholeLayer([train, some]));
  expect(found?.value).toBe(wanted.value);
  expect(found?.ceiling?.value).toBe(wanted.ceiling?.value);
});

test('a value that is missing is refused in either set, or its neuroid is dropped in both', async () => {
  const path = folder([`${ids[2]} n1`]);
  const lines = [...pair, 'metric: { name: ridge }', 'fit_per: subject'];
  expect(await refusal(benchmark(path, lines))).toMatch(
    /neuroid n1 has no finite value for stimulus s14.*drop/,
  );
  const loaded = await load(benchmark(path, [...lines, 'drop: incomplete-neuroids']));
  expect(loaded.dropped).toEqual({ neuroids: 1 });
  const { raw, value } = await loaded.measure(wholeLayer(layer(60).pair), { detail: true });
  expect(raw.neuroid_ids).toEqual(['n0', 'n2', 'n3', 'n4']);
  expect(value).not.toBeNull();
});

test('what does not fit together is refused in words', async () => {
  const path = folder();
  const ridge = ['metric: { name: ridge }'];
  const without = (text: string, what: string) => text.replace(what, '');
  expect(
    await refusal(
      benchmark(
        path,
        [...divided, ...ridge].map((line) => line.replace('side', 'halves')),
      ),
    ),
  ).toMatch(/split: .*splits.csv has no column "halves"; it has "stimulus_id", "side", "pool"/);
  expect(
    await refusal(
      benchmark(
        path,
        [...divided, ...ridge].map((line) => line.replace('one', 'three')),
      ),
    ),
  ).toMatch(/column "side": stimuli to train on for "all" expected, none found/);
  expect(
    await refusal(benchmark(path, [...pair, ...ridge, 'keep: { reliability: { above: 1 } }'])),
  ).toMatch(/keep: none of 5 neuroids has reliability above 1/);
  expect(
    await refusal(benchmark(path, [...pair, ...ridge, 'keep: { quality: { above: 1 } }'])),
  ).toMatch(/a column "quality" expected, "neuroid_id".* found/);
  const recordings = readFileSync(join(path, 'r-train.csv'), 'utf8');
  writeFileSync(
    join(path, 'r-train.csv'),
    without(recordings, ',n4').replaceAll(/,[^,\n]*(?=\n)/g, (cell) =>
      cell === ',n3' ? cell : '',
    ),
  );
  expect(await refusal(benchmark(path, [...pair, ...ridge]))).toMatch(
    /neuroids in training and test recordings must be the same, found 4 and 5 neuroids/,
  );
});

test('recordings without repetitions need no coordinate to be averaged by in a fixed set', () => {
  const ids = ['b', 'a'];
  const coords = new Map([
    ['stimulus_id', { dim: 'presentation', dtype: 'string' as const, values: ids }],
  ]);
  const recordings = { stimulusIds: ids, neuroidIds: [0], values: Float32Array.of(1, 2), coords };
  const ceiling = { name: 'none' } as const;
  const table = { kind: 'file', path: 's.csv', format: 'csv' } as const;
  const split = { table, columns: ['side'], folds: false, where: {}, both: false };
  expect(averaged({ ceiling, split }, recordings)).toMatchObject({ stimulusIds: ids });
  // Elsewhere the order that averaging gives decides the splits.
  expect(() => averaged({ ceiling }, recordings)).toThrow('needs two beside repetition');
  const twice = { ...recordings, stimulusIds: ['b', 'b'] };
  expect(() => averaged({ ceiling, split }, twice)).toThrow('needs two beside repetition');
});

test('a description says how stimuli and neuroids are divided, and the ceiling', async () => {
  const path = folder();
  const keep = 'keep: { reliability: { above: 0.5 } }';
  const ridge = benchmark(path, [...pair, 'metric: { name: ridge }', 'fit_per: subject', keep]);
  const [{ fixedSets, recordings, measuredCeiling }] = await describeBenchmarks(
    findBenchmark(ridge),
    context.home,
  );
  expect(fixedSets).toEqual({
    stimuli: 'train',
    columns: [],
    per: 'subject',
    keep: { reliability: 0.5 },
  });
  expect(recordings).toMatchObject({ presentations: 24, neuroids: 5 });
  expect(measuredCeiling).toMatchObject({ value: expect.any(Number) });
  const files = [
    'stimuli: { csv: all.csv }',
    'recordings: { per: subject, files: { x: r-all.csv, y: r-all.csv } }',
    'metric: { name: cka, per: subject }',
    'ceiling: between-subjects',
  ];
  const [described] = await describeBenchmarks(
    findBenchmark(benchmark(path, files, 'files.yaml')),
    context.home,
  );
  expect(described.recordings).toMatchObject({ presentations: 144, animals: { x: 5, y: 5 } });
  // The same recordings twice are as alike as can be.
  expect((described.measuredCeiling as { value: number }).value).toBeCloseTo(1, 6);
  const plain = benchmark(
    path,
    ['stimuli: { csv: all.csv }', 'recordings: r-all.csv', 'metric: { name: rdm }'],
    'plain.yaml',
  );
  const [whole] = await describeBenchmarks(findBenchmark(plain), context.home);
  expect([whole.fixedSets, whole.ceiling, whole.measuredCeiling]).toEqual([
    null,
    { name: 'none' },
    null,
  ]);
});

test('a network is scored and mapped on them, and its receipt is verified', async () => {
  const source = join(ORACLE, '09-end-to-end');
  const path = join(root, 'network');
  cpSync(join(source, 'neural-csv'), path, { recursive: true });
  const [header, ...neuroids] = readFileSync(join(path, 'neuroids.csv'), 'utf8')
    .trimEnd()
    .split('\n');
  const subjects = neuroids.map((line, k) => `${line},${k % 2 ? 'x' : 'y'}`);
  writeFileSync(join(path, 'neuroids.csv'), [`${header},subject`, ...subjects, ''].join('\n'));
  const [, ...stimuli] = readFileSync(join(path, 'stimuli.csv'), 'utf8').trimEnd().split('\n');
  const sides = stimuli.map((line, i) => `${line.split(',')[0]},${i % 4 === 0 ? 'test' : 'train'}`);
  writeFileSync(join(path, 'splits.csv'), ['stimulus_id,side', ...sides, ''].join('\n'));
  const file = (name: string, lines: readonly string[]) => {
    const text = readFileSync(join(path, 'benchmark.yaml'), 'utf8').replaceAll(
      /^(metric|cross_validation|ceiling|identifier):.*\n/gm,
      '',
    );
    writeFileSync(join(path, name), [text.trimEnd(), ...lines, ''].join('\n'));
    return join(path, name);
  };
  const ridge = file('ridge.yaml', [
    'identifier: sets.{region}-ridge',
    'split: { table: splits.csv, column: side }',
    'metric: { name: ridgecv, alphas: [1, 10] }',
    'fit_per: subject',
    'error: { bootstrap: 50 }',
  ]);
  const rdm = file('rdm.yaml', [
    'identifier: sets.{region}-rdm',
    'metric: { name: rdm, per: subject }',
    'ceiling: nili-upper',
  ]);
  const model = {
    path: join(source, 'resnet', 'model.onnx'),
    file: join(source, 'resnet', 'card.yaml'),
  };
  const request = { model, benchmarks: [ridge, rdm] };
  const { scores, failures } = await scoreModel(request, context);
  expect(failures).toEqual([]);
  for (const { value, parts, warnings } of scores) {
    expect(parts?.values).toHaveLength(2);
    // A constant neuroid leaves its subject without a ceiling, as in the original.
    const codes = warnings.map(({ code }) => code);
    expect(value !== null).toBe(!codes.includes('ceiling-undefined'));
  }
  expect(scores.filter(({ value }) => value !== null).length).toBeGreaterThan(2);
  const { map } = await mapLayers({ ...request, layers: ['layer*'] }, context);
  for (const { benchmark: id, layer: chosen, value } of scores) {
    const cell = map.layers.find(({ layer: name }) => name === chosen)?.cells[id];
    if (cell && 'value' in cell) expect(cell.value).toBe(value);
  }
  const receipt = join(path, 'receipt.json');
  await writeReceipt(receipt, [{ kind: 'score', request, scores }], context);
  const report = await verifyReceipt(receipt, [], context);
  expect([report.verdict, report.inputs, report.values]).toEqual(['equal', [], []]);
  const other = sides.map((line, i) => (i === 0 ? line.replace('test', 'train') : line));
  writeFileSync(join(path, 'splits.csv'), ['stimulus_id,side', ...other, ''].join('\n'));
  const changed = await verifyReceipt(receipt, [], context);
  expect(changed.inputs.map(({ about }) => about)).not.toEqual([]);
});
