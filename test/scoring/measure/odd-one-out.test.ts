import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeAssembly } from '../../../src/data/assembly.js';
import { writeNpz } from '../../../src/formats/npz.js';
import { writeZip } from '../../../src/formats/zip.js';
import {
  aboveChance,
  oddOneOut,
  oddOnes,
  resampledShares,
} from '../../../src/metrics/behaviour/odd-one-out.js';
import { denseFeatures } from '../../../src/numerics/algebra/features.js';
import { gram } from '../../../src/numerics/algebra/gram.js';
import { compareModels } from '../../../src/scoring/compare/compare.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { mapLayers } from '../../../src/scoring/map/layer-map.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { describeBenchmarks } from '../../../src/scoring/model/describe-benchmark.js';
import { scoreModel } from '../../../src/scoring/model/score-model.js';
import { verifyReceipt } from '../../../src/scoring/receipt/verify-receipt.js';
import { writeReceipt } from '../../../src/scoring/receipt/write-receipt.js';
import { parseBenchmark } from '../../../src/scoring/registry/benchmark-file.js';
import { findBenchmark } from '../../../src/scoring/registry/registry.js';
import { madeNetwork, madeStimuli, plainCard } from '../../activations/made-networks.js';
import { numbers, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-odd-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const context = () => ({ home: at('home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 });
const golden = oracle('17-behaviour/hebart2023.json');

const keys = (...more: string[]) =>
  [
    ...['identifier: Hebart2023-match', 'version: 1', 'parent: behavior_vision'],
    ...['visual_degrees: 8', 'stimuli: { csv: stimuli.csv }', 'trials: triplets.csv'],
    ...['task: odd-one-out', ...more, ''],
  ].join('\n');
/** As the golden cases stand in the form of benchmark files. */
const asProposed = keys(
  'metric: { name: odd-one-out, chance: 0.3333333333333333 }',
  'ceiling: 0.6767',
  'clip: [0, 1]',
);

/** Writes a benchmark of triplets, three positions of `ids` each, and gives its file. */
function write(
  name: string,
  ids: readonly (string | number)[],
  triplets: ArrayLike<number>,
  yaml = asProposed,
): string {
  mkdirSync(at(name), { recursive: true });
  const rows = Array.from({ length: triplets.length / 3 }, (_, i) =>
    [0, 1, 2].map((k) => ids[triplets[3 * i + k]]).join(),
  );
  writeFileSync(at(`${name}/stimuli.csv`), ['stimulus_id', ...ids, ''].join('\n'));
  writeFileSync(at(`${name}/triplets.csv`), ['image_1,image_2,image_3', ...rows, ''].join('\n'));
  writeFileSync(at(`${name}/benchmark.yaml`), yaml);
  return at(`${name}/benchmark.yaml`);
}

async function scored(file: string, features: string): Promise<Score> {
  const { scores, failures } = await scoreFeatures({ features, benchmarks: [file] }, context());
  if (failures.length > 0) throw failures[0].error;
  return scores[0];
}

const names = ['float32', 'float64', 'constant model', 'worse than chance', 'nan', 'dead stimulus'];

test.each(names.map((name, i) => [name, i] as const))('golden case %s', async (name, i) => {
  const wanted = golden.cases[i];
  expect(wanted).toMatchObject({ name, identifier: 'Hebart2023-match', version: 1 });
  const { shape, dtype } = wanted.features;
  const values = numbers(wanted.features);
  const data = dtype === 'float32' ? Float32Array.from(values) : values;
  const triplets = Int32Array.from(numbers(wanted.triplets));
  const odd = oddOnes(await gram(denseFeatures(shape[0], shape[1], data)), triplets);
  expect([...odd]).toEqual([...numbers(wanted.choices)]);
  const { value } = oddOneOut(odd, triplets);
  expect(value).toBeCloseTo(wanted.raw, 9);
  expect(aboveChance(value, wanted.ceiling, 1 / 3)).toBeCloseTo(wanted.score, 9);

  const file = write(`golden ${i}`, wanted.stimulus_id, triplets);
  const ids = wanted.stimulus_id.map(String);
  await writeNpz(at('features.npz'), [
    { name: 'stimulus_id', array: { dtype: 'string', shape: [ids.length], data: ids } },
    { name: 'features', array: { dtype, shape, data } },
  ]);
  if (name === 'nan') {
    await expect(scored(file, at('features.npz'))).rejects.toMatchObject({
      code: 'activations-not-finite',
    });
    return;
  }
  const found = await scored(file, at('features.npz'));
  expect(found).toMatchObject({
    benchmark: 'Hebart2023-match',
    formula: 'clip((raw-chance)/(ceiling-chance))',
    error: null,
    errorKind: 'none',
    ceiling: { value: wanted.ceiling },
  });
  expect(Math.abs((found.value as number) - wanted.score)).toBeLessThan(tolerances.kinds.float64);
  expect(Math.abs((found.raw.value as number) - wanted.raw)).toBeLessThan(tolerances.kinds.float64);
  // The golden case has the identifier of a shipped benchmark, and data of its own.
  const told = found.warnings.filter(({ code }) => code !== 'benchmark-identifier');
  expect(told.map(({ code }) => code)).toEqual(name === 'constant model' ? ['layer-constant'] : []);
});

test('golden case of cosines', async () => {
  const { features, triplets, choices } = golden.cosine;
  const of = (ids: readonly string[]) => Int32Array.from(ids, (id) => Number(id.slice(1)));
  const products = await gram(denseFeatures(features.shape[0], 5, numbers(features)));
  expect([...oddOnes(products, of(triplets), 'cosine')]).toEqual([...of(choices)]);
});

test('a triplet counts as often as its stimuli were drawn together', () => {
  const triplets = Int32Array.of(0, 1, 2, 1, 2, 3);
  const times = Uint16Array.from(
    [
      [1, 2, 0],
      [1, 1, 1],
      [1, 3, 1],
      [1, 1, 0],
    ].flat(),
  );
  expect([...resampledShares(Uint8Array.of(1, 0), triplets, times, 3)]).toEqual([
    1 / 2,
    6 / 9,
    Number.NaN,
  ]);
});

describe('a file of one’s own', () => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  /** a and b are alike, so are c and d; e is long. */
  const features = () => {
    const rows = ['a,1,0', 'b,2,0.1', 'c,0,1', 'd,0.1,2', 'e,10,6'];
    writeFileSync(at('own.csv'), ['stimulus_id,u,v', ...rows, ''].join('\n'));
    return at('own.csv');
  };
  const triplets = [0, 1, 2, 2, 3, 0, 1, 0, 4, 0, 2, 3];

  test('has the share of triplets as its value where it names no ceiling', async () => {
    const yaml = keys('metric: { name: odd-one-out }');
    const found = await scored(write('own', ids, triplets, yaml), features());
    expect(found).toMatchObject({ value: 0.5, raw: { value: 0.5 }, formula: 'raw' });
    expect(found.ceiling).toBeNull();
    const cosine = keys('metric: { name: odd-one-out, similarity: cosine }');
    const other = await scored(write('own', ids, triplets, cosine), features());
    expect(other.value).toBe(0.75);
  });

  test('may leave the score unbounded, and depends on the order within a triplet', async () => {
    const yaml = keys(
      'metric: { name: odd-one-out, chance: 0.25 }',
      'ceiling: 0.375',
      'clip: none',
    );
    const found = await scored(write('own', ids, triplets, yaml), features());
    expect(found).toMatchObject({ value: 2, formula: '(raw-chance)/(ceiling-chance)' });
    const swapped = [2, 1, 0, ...triplets.slice(3)];
    const other = await scored(write('own', ids, swapped, yaml), features());
    expect(other.raw.value).toBe(0.25);
    expect(other.provenance.inputs).not.toBe(found.provenance.inputs);
  });

  test.each([
    ['a stimulus that is not there', 'a,b,zebra', 'stimuli-mismatch', /image_3 of trial 1.*zebra/],
    ['a stimulus twice', 'a,b,a', 'trials-invalid', /trial 1 shows .*twice/],
    ['an empty cell', 'a,,b', 'stimuli-mismatch', /image_2 of trial 1/],
  ])('is refused for %s', async (_, row, code, message) => {
    const file = write('odd', ids, triplets);
    writeFileSync(at('odd/triplets.csv'), `image_1,image_2,image_3\n${row}\n`);
    await expect(scored(file, features())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test('may have its triplets in an assembly, whose values say nothing', async () => {
    const table = await scored(write('own', ids, triplets), features());
    const rows = [0, 1, 2].map((k) => triplets.filter((_, i) => i % 3 === k).map((i) => ids[i]));
    const count = triplets.length / 3;
    await writeAssembly(at('own/triplets.nc'), {
      dims: ['presentation'],
      shape: [count],
      dtype: 'float64',
      values: new Float64Array(count).fill(1),
      coords: new Map(
        rows.map((values, k) => [
          `image_${k + 1}`,
          { dim: 'presentation', dtype: 'string' as const, values },
        ]),
      ),
      attributes: {},
    });
    writeFileSync(at('own/nc.yaml'), asProposed.replace('triplets.csv', 'triplets.nc'));
    const found = await scored(at('own/nc.yaml'), features());
    expect(found.raw).toEqual(table.raw);
    expect(found.provenance.inputs).toBe(table.provenance.inputs);
  });

  test('is refused where people chose another than the third, or a column is missing', async () => {
    const file = write('odd', ids, triplets);
    writeFileSync(at('odd/triplets.csv'), 'image_1,image_2,image_3,choice\na,b,c,a\n');
    await expect(scored(file, features())).rejects.toThrow(/expected the odd one in image_3/);
    writeFileSync(at('odd/triplets.csv'), 'stimulus_id,image_1,image_2\na,b,c\n');
    await expect(scored(file, features())).rejects.toThrow(/no column "image_3"/);
  });

  test.each([
    [['metric: { name: odd-one-out, chance: 0.7 }', 'ceiling: 0.6767'], /more than chance \(0.7\)/],
    [['metric: { name: accuracy }'], /task: expected the metric odd-one-out, found accuracy/],
    [['metric: { name: odd-one-out, chance: 1 }'], /chance/],
  ])('is refused for %j', (more, message) => {
    expect(() => parseBenchmark(keys(...more), { file: 'x.yaml', folder })).toThrow(message);
  });

  test('has another task than labels have', () => {
    const text = keys('metric: { name: odd-one-out }').replace('odd-one-out', 'label');
    expect(() => parseBenchmark(text, { file: 'x.yaml', folder })).toThrow(
      /task: expected odd-one-out, found label/,
    );
  });
});

describe('over a network', () => {
  const count = 24;
  let file: string;
  const model = () => ({ path: at('net.onnx'), card: { ...plainCard(), readout: 'pool' } });
  beforeAll(async () => {
    const stimuli = await madeStimuli(count, 24);
    const triplets = Array.from({ length: 60 }, (_, i) => [i, 5 * i + 1, 7 * i + 3])
      .map((trial) => trial.map((k) => k % count))
      .filter((trial) => new Set(trial).size === 3);
    file = write(
      'net',
      stimuli.ids.map(String),
      triplets.flat(),
      asProposed.replace('csv: stimuli.csv', 'csv: stimuli.csv, images: pictures.zip'),
    );
    const rows = [...stimuli.ids.keys()];
    writeFileSync(
      at('net/stimuli.csv'),
      [
        'stimulus_id,filename',
        ...rows.map((i) => `${stimuli.ids[i]},${stimuli.filename(i)}`),
        '',
      ].join('\n'),
    );
    const pictures = rows.map(async (row) => ({
      name: stimuli.filename(row),
      data: await stimuli.read(row),
      compress: false,
    }));
    await writeZip(at('net/pictures.zip'), await Promise.all(pictures));
    writeFileSync(at('net.onnx'), madeNetwork().build());
  });

  test('score reads the read-out layer, and a map chooses one', async () => {
    const { scores, failures } = await scoreModel(
      { model: model(), benchmarks: [file] },
      context(),
    );
    expect(failures).toEqual([]);
    const [score] = scores;
    expect(score).toMatchObject({ layer: 'pool', region: null, layerChoice: { by: 'card' } });
    const { map, choices } = await mapLayers({ model: model(), benchmarks: [file] }, context());
    expect(map.layers.length).toBeGreaterThan(1);
    const cell = map.layers.find(({ layer }) => layer === 'pool')?.cells['Hebart2023-match'];
    expect(cell).toMatchObject({ value: score.value, raw: score.raw });
    expect(choices.map(({ role }) => role)).toEqual(['behavior']);
    const holdout = await mapLayers(
      { model: model(), benchmarks: [file], holdout: true },
      context(),
    );
    expect(holdout.map.holdout?.['Hebart2023-match']).toMatchObject({ selection: false });
  });

  test('a receipt computes it again, and tells another triplet', async () => {
    const request = { model: model(), benchmarks: [file] };
    const { scores } = await scoreModel(request, context());
    await writeReceipt(at('receipt.json'), [{ kind: 'score', request, scores }], context());
    const again = await verifyReceipt(at('receipt.json'), [], context());
    expect(again).toMatchObject({ verdict: 'equal', results: 1, inputs: [] });
    const rows = readFileSync(at('net/triplets.csv'), 'utf8').split('\n');
    const [one, two, three] = rows[1].split(',');
    writeFileSync(
      at('net/triplets.csv'),
      [rows[0], [one, three, two], ...rows.slice(2)].join('\n'),
    );
    const other = await verifyReceipt(at('receipt.json'), [], context());
    writeFileSync(at('net/triplets.csv'), rows.join('\n'));
    expect(other.verdict).toBe('differs');
  });

  test('compare pairs two networks, and the benchmark describes itself', async () => {
    writeFileSync(at('other.onnx'), madeNetwork({ side: 24 }).build());
    const models = [model(), { ...model(), path: at('other.onnx') }];
    const { rows, differences } = await compareModels({ models, benchmarks: [file] }, context());
    expect(rows.map(({ layer, reason }) => reason ?? layer)).toEqual(['pool', 'pool']);
    expect(differences[0]).toMatchObject({ difference: 0, ci: [0, 0] });
    const [told] = await describeBenchmarks(findBenchmark(file), at('home'));
    expect(told).toMatchObject({
      ceiling: { name: 'fixed', value: 0.6767 },
      trials: { trials: 55 },
    });
  });
});
