import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { ContentCache } from '../../src/activations/cache/content-cache.js';
import { extractActivations, type Network } from '../../src/activations/extract.js';
import { openReducer, type Reduction } from '../../src/activations/reduce-layers.js';
import type { Demand } from '../../src/activations/reduction-plan.js';
import type { Shown } from '../../src/activations/stimuli/shown.js';
import { type UnitLayer, unitsOfFeatures } from '../../src/activations/unit-layer.js';
import { type StimulusSet, stimulusSetOf } from '../../src/data/stimulus-set.js';
import { VentralError } from '../../src/errors/ventral-error.js';
import type { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { orderedGratings } from '../../src/properties/protocol.js';
import { madeNetwork, madeStimuli, modelFile, plainCard } from './made-networks.js';

/** Units that see a stimulus, kept while the network runs, against all activations kept and reduced afterwards. */

const root = mkdtempSync(join(tmpdir(), 'ventral-units-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let scratch: string;
let runs = 0;
beforeEach(() => {
  scratch = join(root, `scratch-${runs++}`);
  mkdirSync(scratch);
});

interface Row {
  readonly set: string;
  readonly values: readonly number[];
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
/** A blank, nine places of two gratings, four orientations of two phases, and three textures twice. */
const rows: Row[] = [
  { set: 'blank', values: Array(6).fill(Number.NaN) },
  ...range(18).map((i) => ({
    set: 'receptive_field',
    values: [
      Math.floor(i / 6) * 0.25 + 0.25,
      (Math.floor(i / 2) % 3) * 0.25 + 0.25,
      1,
      1,
      0,
      (i % 2) * 180,
    ],
  })),
  ...range(8).map((i) => ({
    set: 'orientation',
    values: [0.5, 0.5, 1, 1, Math.floor(i / 2) * 45, (i % 2) * 180],
  })),
];

/** Noise in the place of gratings: what matters is what is kept of it. */
async function madeGratings(order: readonly number[]): Promise<StimulusSet> {
  const pictures = await madeStimuli(rows.length);
  const names = ['position_y', 'position_x', 'radius', 'spatial_frequency', 'orientation', 'phase'];
  return stimulusSetOf(
    'made',
    [
      { name: 'stimulus_id', dtype: 'string', values: order.map((row) => `stimulus-${row}`) },
      { name: 'set', dtype: 'string', values: order.map((row) => rows[row].set) },
      ...names.map((name, k) => ({
        name,
        dtype: 'float64' as const,
        values: order.map((row) => rows[row].values[k]),
      })),
    ],
    (row) => pictures.read(order[row]),
  );
}

const { stimuli, protocol } = orderedGratings(await madeGratings(range(rows.length)));
const textures = await madeStimuli(6);
const shown: Shown[] = [
  { stimuli, degrees: undefined, protocol },
  { stimuli: textures, degrees: undefined },
];
const network: Network = {
  file: modelFile(madeNetwork() as GraphBuilder),
  card: { ...plainCard(), layers: ['relu', 'pool', 'byte'] },
};
const demand = (layer: string): Demand => ({
  layer,
  layers: layer.split('+'),
  sets: [0, 1],
  form: () => 'units',
});

async function reduced(layers: readonly string[], more: object = {}, sets = shown) {
  const demands = layers.map(demand);
  const options = { threads: 1, maxMemory: 2 ** 28, maxScratch: 2 ** 28, scratch, ...more };
  const reducer = await openReducer(network, sets, demands, options);
  const met = new Map<string, Reduction>();
  for await (const reduction of reducer.run()) met.set(reduction.demand.layer, reduction);
  return { plan: reducer.plan, met };
}

const unitsOf = (reduction: Reduction | undefined): UnitLayer => {
  if (!reduction || 'error' in reduction) throw reduction?.error ?? new Error('nothing');
  if (reduction.reduced.form !== 'units') throw new Error(reduction.reduced.form);
  return reduction.reduced;
};

async function expected(layer: string): Promise<UnitLayer> {
  const stores = await Promise.all(
    shown.map((each, set) => {
      const own = join(scratch, `whole-${set}`);
      mkdirSync(own, { recursive: true });
      return extractActivations(network, each, [layer], {
        ...{ threads: 1, maxMemory: 2 ** 28, maxScratch: 2 ** 28, scratch: own },
      });
    }),
  );
  const features = stores.map(({ layers }) => {
    const found = layers.get(layer);
    if (!found) throw new Error(layer);
    return found;
  });
  return unitsOfFeatures(features, protocol);
}

test('one pass keeps what all activations would give, in memory and on scratch', async () => {
  const wanted = await expected('relu');
  expect(wanted.seen.length).toBeGreaterThan(5);
  expect(wanted.seen.length).toBeLessThan(wanted.units);
  expect(wanted.responses.map(({ cols }) => cols)).toEqual([9, 6]);
  const roomy = await reduced(['relu', 'pool']);
  expect(unitsOf(roomy.met.get('relu'))).toEqual(wanted);
  expect(unitsOf(roomy.met.get('pool'))).toEqual(await expected('pool'));
  const bytes = await reduced(['byte']);
  expect(unitsOf(bytes.met.get('byte'))).toEqual(await expected('byte'));
  expect(roomy.plan.scratch).toBe(0);
  // One pass for both layers; what is kept is the nine places, not the stimuli.
  expect(roomy.plan.sets).toMatchObject([{ stimuli: 33, passes: [['relu', 'pool']] }]);
  const tight = await reduced(['relu'], { maxMemory: 9 * 4 * 64 * 4 * 8 - 8 });
  expect(unitsOf(tight.met.get('relu'))).toEqual(wanted);
  expect(tight.plan.scratch).toBeGreaterThan(0);
});

test('joined layers stand after each other', async () => {
  const { met } = await reduced(['relu+pool']);
  const [first, second] = [await expected('relu'), await expected('pool')];
  const joined = unitsOf(met.get('relu+pool'));
  expect(joined.units).toBe(first.units + second.units);
  expect([...joined.seen]).toEqual([
    ...first.seen,
    ...[...second.seen].map((unit) => first.units + unit),
  ]);
  expect([...joined.responses[0].data]).toEqual([
    ...first.responses[0].data,
    ...second.responses[0].data,
  ]);
});

test('a table in another order gives the same', async () => {
  const { stimuli: again, protocol: same } = orderedGratings(
    await madeGratings(range(rows.length).reverse()),
  );
  expect(same.places).toEqual(protocol.places);
  const first = stimuli.ids.slice(protocol.studies);
  expect(again.ids.slice(same.studies)).toEqual(first);
  // Within a place the order has no bearing.
  const place = (ids: readonly unknown[]) => ids.slice(1, 3).map(String).sort();
  expect(place(again.ids)).toEqual(place(stimuli.ids));
});

test('what was kept comes from the cache, and the network does not run again', async () => {
  const cache = await ContentCache.open(join(root, 'cache'), { maxBytes: 2 ** 26 });
  const first = await reduced(['relu'], { cache });
  const again = await reduced(['relu'], { cache });
  expect(again.plan.sets).toMatchObject([{ passes: [], cached: 1 }]);
  expect(unitsOf(again.met.get('relu'))).toEqual(unitsOf(first.met.get('relu')));
  // Equal images at another place are another layer.
  const moved = { ...protocol, stimulus: { y: 0.75, x: 0.25 } };
  const other = await reduced(['relu'], { cache }, [{ ...shown[0], protocol: moved }, shown[1]]);
  expect(other.plan.sets).toMatchObject([{ cached: 0 }]);
  expect(unitsOf(other.met.get('relu')).seen).not.toEqual(unitsOf(first.met.get('relu')).seen);
});

test('an interrupted pass ends, and leaves no file', async () => {
  const stop = new AbortController();
  stop.abort(new VentralError('interrupted', 'enough'));
  await expect(reduced(['relu'], { signal: stop.signal, maxMemory: 2 ** 12 })).rejects.toThrow();
  const left = readdirSync(scratch, { recursive: true, withFileTypes: true });
  expect(left.filter((entry) => entry.isFile())).toEqual([]);
});

test('too little scratch is told by layer', async () => {
  const { met } = await reduced(['relu', 'pool'], { maxMemory: 2 ** 12, maxScratch: 2 ** 12 });
  expect(met.get('relu')).toMatchObject({ error: { code: 'memory-exceeded' } });
  expect(unitsOf(met.get('pool'))).toEqual(await expected('pool'));
});

test.each([
  ['a missing combination', (order: number[]) => order.slice(0, -1), 'every combination'],
  ['no blank', (order: number[]) => order.slice(1), 'one blank expected, 0 found'],
  [
    'a place that lacks a grating',
    (order: number[]) => order.filter((row) => row !== 3),
    'receptive_field',
  ],
])('refused in words: %s', async (_name, change, words) => {
  const gratings = await madeGratings(change(range(rows.length)));
  expect(() => orderedGratings(gratings)).toThrow(words);
});
