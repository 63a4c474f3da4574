import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { UnitLayer } from '../../../src/activations/unit-layer.js';
import { makeLeaderboard } from '../../../src/leaderboard/leaderboard.js';
import { leaderboardTree } from '../../../src/leaderboard/leaderboard-tree.js';
import { isOutsideTree } from '../../../src/scoring/benchmark/benchmark-data.js';
import { describeBenchmarks } from '../../../src/scoring/model/describe-benchmark.js';
import { readBenchmarks } from '../../../src/scoring/registry/benchmark-file.js';
import { loadBenchmarks } from '../../../src/scoring/registry/load-benchmark.js';
import { findBenchmark, listBenchmarks } from '../../../src/scoring/registry/registry.js';

const folder = mkdtempSync(join(tmpdir(), 'ventral-property-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const good = {
  identifier: 'lab.bandwidth',
  version: 1,
  regions: ['V1'],
  stimuli: { gratings: 'marques2020' },
  distribution: { property: 'bandwidth', bins: [0, 30, 60, 90], counts: [5, 3, 1] },
  metric: { name: 'distribution-similarity' },
};
const written = (text: object) => {
  const path = join(folder, 'made.yaml');
  writeFileSync(path, JSON.stringify(text));
  return path;
};
const { distribution } = good;

test.each([
  [
    'an unknown property',
    { distribution: { ...distribution, property: 'band_width' } },
    /did you mean "bandwidth"/,
  ],
  [
    'bins that do not ascend',
    { distribution: { ...distribution, bins: [0, 30, 30, 90] } },
    /ascending edges, found 30 after 30/,
  ],
  [
    'too few counts',
    { distribution: { ...distribution, counts: [5, 3] } },
    /expected 3, one a bin, found 2/,
  ],
  [
    'counts of nobody',
    { distribution: { ...distribution, counts: [0, 0, 0] } },
    /a neuron in some bin, found none/,
  ],
  [
    'counts and neurons',
    { distribution: { ...distribution, neurons: 'n.csv' } },
    /either "counts" or "neurons"/,
  ],
  [
    'neither',
    { distribution: { property: 'bandwidth', bins: [0, 90] } },
    /either "counts" or "neurons"/,
  ],
  ['no distribution', { distribution: undefined }, /lacks "distribution"/],
  ['no region', { regions: undefined }, /lacks "regions"/],
  ['recordings', { recordings: 'r.csv' }, /remove "recordings"/],
  [
    'a path that is no data',
    { distribution: { property: 'bandwidth', bins: [0, 90], neurons: '../n.txt' } },
    /expected a catalog name or a file/,
  ],
  ['gratings of another design', { stimuli: { gratings: 'mine' } }, /gratings/],
  [
    'gratings twice',
    { fitting_stimuli: { gratings: 'marques2020' } },
    /measured on the gratings that find the units/,
  ],
  [
    'textures without gratings',
    { distribution: { ...distribution, property: 'max_noise' } },
    /lacks "fitting_stimuli"/,
  ],
  [
    'an option of another metric',
    { metric: { name: 'distribution-similarity', alpha: 1 } },
    /no option "alpha"/,
  ],
])('a benchmark file is refused in words: %s', (_name, change, words) => {
  expect(() => readBenchmarks(written({ ...good, ...change }))).toThrow(words);
});

async function loadedFrom(file: string) {
  const failures: unknown[] = [];
  const { loaded } = await loadBenchmarks([file], { home: folder }, (_, error) =>
    failures.push(error),
  );
  if (failures[0]) throw failures[0];
  return loaded[0];
}

/** Responses of a layer: unit k to stimulus i. */
async function layerOf(units: number, response: (unit: number, stimulus: number) => number) {
  const prepared = await loadedFrom(written(good));
  const cols = prepared.shown[0].stimuli.ids.length - 3528;
  const data = Float64Array.from({ length: units * cols }, (_, i) =>
    response(Math.floor(i / cols), i % cols),
  );
  const layer: UnitLayer = {
    form: 'units',
    units: 1000,
    seen: Int32Array.from({ length: units }, (_, unit) => unit),
    responses: [{ rows: units, cols, data }],
  };
  return { prepared, layer };
}

test('a layer without a unit at the stimulus is no score with a reason', async () => {
  const { prepared, layer } = await layerOf(0, () => 0);
  await expect(prepared.measure(layer)).rejects.toMatchObject({
    code: 'units-too-few',
    message: expect.stringContaining(
      "None of the layer's 1000 units has its receptive field within .15 degrees of the stimulus at (0.5, 0.5)",
    ),
  });
});

test('so is one that never answers, and one whose units do not pass the threshold', async () => {
  const silent = await layerOf(12, () => 0.5);
  await expect(silent.prepared.measure(silent.layer)).rejects.toThrow('answers to a grating more');
});

test('units are counted and few are warned of; samples are told with the detail alone', async () => {
  const { prepared, layer } = await layerOf(3, (unit, stimulus) =>
    stimulus === 0 ? 0 : 1 + ((stimulus * (unit + 7)) % 13),
  );
  const measured = await prepared.measure(layer);
  expect(measured.warnings.map(({ code }) => code)).toEqual(['units-few']);
  expect(measured.formula).toBe('raw/ceiling');
  expect(measured.error).toBe(measured.raw.error);
  expect(measured.value).toBe((measured.raw.value ?? 0) / (measured.ceiling?.value ?? 0));
  expect(measured.raw.splits).toEqual([]);
  const { distribution: told } = measured;
  expect(told?.neurons).toEqual({ counts: [5, 3, 1], without_value: 0 });
  expect(told?.units).toMatchObject({ at_stimulus: 3, of_layer: 1000 });
  const detailed = await prepared.measure(layer, { detail: true });
  expect(detailed.raw.splits).toHaveLength(1000);
  // Equal seeds, equal numbers.
  expect(detailed.value).toBe(measured.value);
});

test('neurons come from a table, those without a value among them', async () => {
  writeFileSync(join(folder, 'neurons.csv'), 'neuron,bandwidth\n1,20\n2,\n3,45\n4,200\n');
  const file = written({
    ...good,
    distribution: { property: 'bandwidth', bins: [0, 30, 90], neurons: 'neurons.csv' },
  });
  const [described] = await describeBenchmarks(findBenchmark(file), folder);
  expect(described.neurons).toEqual({
    property: 'bandwidth',
    unit: null,
    neurons: 4,
    withoutValue: 1,
  });
  expect(described.measuredCeiling).toMatchObject({ value: expect.any(Number) });
});

test.each([
  ['another column', 'neuron,width\n1,20\n', 'a column bandwidth expected'],
  ['text', 'bandwidth\nwide\n', 'numbers expected'],
  ['no value', 'neuron,bandwidth\n1,\n2,\n', 'a value of some neuron expected'],
])('a table of neurons is refused in words: %s', async (_name, text, words) => {
  writeFileSync(join(folder, 'neurons.csv'), text);
  const file = written({
    ...good,
    distribution: { property: 'bandwidth', bins: [0, 90], neurons: 'neurons.csv' },
  });
  await expect(loadedFrom(file)).rejects.toThrow(words);
});

test('what waits for data says which, and how it comes', async () => {
  await expect(loadedFrom('Marques2020_Ringach2002-max_dc')).rejects.toMatchObject({
    code: 'data-missing',
    message: expect.stringContaining('ventral data pull Ringach2002'),
  });
});

test('the tree has V1 > Marques2020 > groups, and averages say what is missing', () => {
  const shipped = listBenchmarks()
    .filter(({ simulated, id }) => !simulated && !/public(?=[.-])/.test(id))
    // Recordings of other publications are in no node of Brain-Score's tree.
    .filter((benchmark) => !isOutsideTree(benchmark) && benchmark.averages !== 'named')
    .map(({ id, region, metric, parent, simulated }) => ({
      ...{ id, metric: metric.name, simulated, region: region ?? null },
      ...(parent === undefined ? {} : { parent }),
    }));
  const nodes = leaderboardTree(shipped);
  const children = (id: string) =>
    nodes.filter(({ parent }) => parent === id).map((node) => node.id);
  expect(children('V1').sort()).toEqual(['FreemanZiemba2013.V1-pls', 'Marques2020']);
  expect(children('Marques2020')).toHaveLength(7);
  const here = listBenchmarks().filter((each) => each.distribution?.neurons.kind === 'counts');
  const scores = new Map(
    here.map(({ id }) => [id, { value: 1, error: 0, ci: null, selection: false }] as const),
  );
  const { rows } = makeLeaderboard(shipped, [{ id: 'm', name: 'm', scores }], {
    missing: 'zero',
    selection: 'exclude',
  });
  const average = (id: string) => rows[0].averages.get(id);
  expect(average('Marques2020')).toMatchObject({ n: 7, m: 22 });
  expect(average('V1-orientation')).toMatchObject({ n: 1, m: 7, value: 1 / 7 });
  // Four of seven groups: a seventh of one, all of three.
  expect(average('Marques2020')?.value).toBeCloseTo((1 / 7 + 3) / 7, 12);
});
