import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { receptiveFields, unitsOfFeatures } from '../../src/activations/unit-layer.js';
import { writeNpz } from '../../src/formats/npz.js';
import { denseFeatures } from '../../src/numerics/algebra/features.js';
import { firingRates, fitFiringRates } from '../../src/properties/firing-rates.js';
import { gratingSets } from '../../src/properties/grating-sets.js';
import { gratingStimuli } from '../../src/properties/grating-stimuli.js';
import { studies } from '../../src/properties/property-table.js';
import { orderedGratings } from '../../src/properties/protocol.js';
import type { Study } from '../../src/properties/study.js';
import { sweepOf } from '../../src/properties/sweep.js';
import { propertiesOf } from '../../src/scoring/observed/unit-properties.js';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import { runVentral } from '../cli/run-ventral.js';
import { numbers, oracle } from '../oracle.js';
import { expectClose } from './expect-close.js';
import { propertyBenchmarks } from './made-properties.js';

/** A made-up layer of 60 units through the whole road: features, receptive fields, rates, properties, 22 scores. */

const golden = oracle('12-properties/end-to-end/synthetic.json');
const { texture_rows, activations, data, expected, special_units_last } = golden;
const { scores: wantedScores } = golden;
const UNITS = 60;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-properties-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const gratings = gratingSets.flatMap((set) => [...numbers(activations[set])]);
const textures = numbers(activations.texture);
const textureIds = Array.from({ length: 450 }, (_, i) => `texture-${i}`);

/** Writes features in an order that is not the benchmark's: it has no bearing. */
async function writeFeatures(path: string, ids: readonly string[], values: readonly number[]) {
  const order = ids.map((_, row) => row).reverse();
  await writeNpz(path, [
    {
      name: 'stimulus_id',
      array: { dtype: 'string', shape: [ids.length], data: order.map((row) => ids[row]) },
    },
    {
      name: 'features',
      array: {
        dtype: 'float64',
        shape: [ids.length, UNITS],
        data: Float64Array.from(
          order.flatMap((row) => values.slice(row * UNITS, (row + 1) * UNITS)),
        ),
      },
    },
  ]);
}

test('22 scores of a made-up layer through the command line', async () => {
  const ids = gratingStimuli().ids.map(String);
  const [only, both] = [join(folder, 'gratings.npz'), join(folder, 'all.npz')];
  await writeFeatures(only, ids, gratings);
  await writeFeatures(both, [...ids, ...textureIds], [...gratings, ...textures]);
  const rows = ['type', 'family', 'sample'].map((name) => numbers(texture_rows[name]));
  writeFileSync(
    join(folder, 'textures.csv'),
    [
      'stimulus_id,type,family,sample,degrees',
      ...textureIds.map((id, i) => [id, ...rows.map((row) => row[i]), 8].join()),
    ].join('\n'),
  );
  const files = propertyBenchmarks(folder, {
    data,
    seeds: Object.fromEntries(Object.keys(wantedScores).map((id) => [id, wantedScores[id].seed])),
    textures: { csv: 'textures.csv' },
  });
  const isTexture = (id: string) => id.startsWith('Marques2020_Freeman');
  const scores = [];
  for (const of of [false, true]) {
    const wanted = files.filter(({ id }) => isTexture(id) === of);
    const { status, out, err } = await runVentral(
      join(folder, 'home'),
      ...['score', '--features', of ? both : only, '--json', '--detail'],
      ...wanted.flatMap(({ path }) => ['--benchmark', path]),
    );
    expect(err).toBe('');
    expect(status).toBe(0);
    scores.push(...JSON.parse(out));
  }
  expect(scores).toHaveLength(22);
  for (const found of scores) {
    const wanted = wantedScores[found.benchmark];
    expectClose(
      [found.value, found.error, found.raw.value, found.raw.error],
      [wanted.score, wanted.error, wanted.raw, wanted.raw_error],
    );
    expectClose([found.ceiling.value, found.ceiling.error], [wanted.ceiling, wanted.ceiling_error]);
    expectClose(found.raw.splits.slice(0, 20), numbers(wanted.raw_samples_first_20));
    expectClose(found.ceiling.splits.slice(0, 20), numbers(wanted.ceiling_samples_first_20));
    expect(found.formula).toBe('raw/ceiling');
  }
  // Groups and their mean, as the tree of the shipped benchmarks has them.
  const groups = new Map<string, number[]>();
  for (const { id, parent = '' } of listBenchmarks().filter((each) =>
    each.id.startsWith('Marques2020_'),
  )) {
    const group = parent.split('/')[1];
    const { value } = scores.find(({ benchmark }) => benchmark === id);
    groups.set(group, [...(groups.get(group) ?? []), value]);
  }
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const means = Object.fromEntries([...groups].map(([name, values]) => [name, mean(values)]));
  expect(Object.keys(means).sort()).toEqual(Object.keys(golden.parents).sort());
  for (const [name, value] of Object.entries(means)) expectClose([value], [golden.parents[name]]);
  expectClose([mean(Object.values(means))], [golden.marques2020]);
}, 60_000);

test('units that see the stimulus are the original’s', async () => {
  const { protocol, stimuli } = orderedGratings(gratingStimuli());
  const features = denseFeatures(stimuli.ids.length, UNITS, Float64Array.from(gratings));
  const layer = await unitsOfFeatures([features, denseFeatures(450, UNITS, textures)], protocol);
  const { seen, responses } = layer;
  expect([...seen]).toEqual([...numbers(expected.in_rf)]);
  const [{ data: kept, cols }] = responses;
  const { first = 0, rows = [] } = protocol.sweeps.get('orientation') ?? {};
  const from = first - protocol.studies + 1;
  const units = [...seen].map((_, i) => ({
    blank: kept[i * cols],
    orientation: kept.subarray(i * cols + from, i * cols + from + rows.length),
  }));
  const map = fitFiringRates(units, 8);
  expectClose([map.slope, map.offset], [expected.slope, expected.offset]);
  const blanks = firingRates(
    units.map(({ blank }) => blank),
    map,
  );
  expectClose(blanks, numbers(expected.blank_rates));
  const rowsOf = ['type', 'family', 'sample'].map((name) => numbers(texture_rows[name]));
  for (const name of Object.keys(expected.properties) as (keyof typeof studies)[]) {
    const study: Study = studies[name];
    const sweep = study.set === 'texture' ? sweepOf(rowsOf) : protocol.sweeps.get(study.set);
    if (!sweep) throw new Error(`${study.set} is no sweep`);
    const { columns, values } = propertiesOf(layer, { study, sweep, protocol });
    expect(columns).toEqual(expected.properties[name].columns);
    expectClose(values.flat(), numbers(expected.properties[name].values));
  }
  const mapping = numbers(activations.receptive_field);
  const places = protocol.places.ys.length * protocol.places.xs.length;
  const peaks = Float64Array.from({ length: places * UNITS }, (_, i) => {
    const first = Math.floor(i / UNITS) * protocol.perPlace * UNITS + (i % UNITS);
    const at = Array.from({ length: protocol.perPlace }, (_, k) => mapping[first + k * UNITS]);
    return Math.max(...at);
  });
  const centres = await receptiveFields(
    denseFeatures(places, UNITS, peaks),
    numbers(activations.blank),
    protocol,
  );
  expectClose(
    [...centres.y].flatMap((y, unit) => [y, centres.x[unit]]),
    numbers(expected.rf_position),
  );
  expect(special_units_last).toHaveLength(6);
  expect(golden.stimulus_order).toContain('stimuli/sets.json');
});

test('benchmarks of one set of gratings get the same layer of the same features', async () => {
  const { protocol, stimuli } = orderedGratings(gratingStimuli());
  const features = [denseFeatures(stimuli.ids.length, UNITS, Float64Array.from(gratings))];
  const layer = await unitsOfFeatures(features, protocol);
  expect(await unitsOfFeatures(features, protocol)).toBe(layer);
  const study: Study = studies.DeValois1982a;
  const sweep = protocol.sweeps.get(study.set);
  if (!sweep) throw new Error(`${study.set} is no sweep`);
  const table = propertiesOf(layer, { study, sweep, protocol });
  expect(propertiesOf(layer, { study, sweep, protocol })).toBe(table);
});
