import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ContentCache } from '../../../src/activations/cache/content-cache.js';
import { setMetadata } from '../../../src/onnx/metadata.js';
import { readModel, writeModel } from '../../../src/onnx/model.js';
import { Session } from '../../../src/runtime/session.js';
import { Work } from '../../../src/runtime/work.js';
import {
  type LayerMapContext,
  type MappedLayers,
  mapLayers,
} from '../../../src/scoring/map/layer-map.js';
import type {
  LayerMap,
  LayerMapRequest,
  MapPlan,
} from '../../../src/scoring/map/layer-map-types.js';
import { bestAndTied } from '../../../src/scoring/map/ties.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { scoreModel } from '../../../src/scoring/model/score-model.js';
import { madeNetwork, plainCard } from '../../activations/made-networks.js';
import { ORACLE } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-map-'));
const home = join(root, 'home');
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const source = join(ORACLE, '09-end-to-end');
const textures = join(source, 'neural-nc', 'benchmark.yaml');
const objects = join(source, 'neural-csv', 'benchmark.yaml');
const behaviour = join(source, 'behaviour', 'benchmark.yaml');
const network = (name: string, graph = 'model.onnx') => ({
  path: join(source, name, graph),
  file: join(source, name, 'card.yaml'),
});
const budgets = { home, threads: 2, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
const map = (request: Partial<LayerMapRequest> = {}, context: Partial<LayerMapContext> = {}) =>
  mapLayers(
    { model: network('resnet'), benchmarks: [objects], ...request },
    { ...budgets, ...context },
  );
const scratch = () => readdirSync(join(home, 'tmp'));
const wordsIn = (cell: LayerMap['layers'][number]['cells'][string]) =>
  'reason' in cell ? cell.reason : cell.value;

/** All that does not tell how long it took or how much the process held. */
const bits = ({ map: { provenance, ...others }, draws }: MappedLayers) =>
  JSON.parse(
    JSON.stringify({
      ...others,
      plan: undefined,
      inputs: provenance.inputs,
      draws: [...draws].map(([id, column]) => [
        id,
        [...column].map(([k, { both }]) => [k, [...both]]),
      ]),
    }),
    (key, value) => (['peakRssMiB', 'seconds'].includes(key) ? undefined : value),
  );

/** Every number of a score. */
const numbersOf = ({ value, error, ci, raw, ceiling }: Score) =>
  [value, error, ...(ci ?? []), raw.value, ceiling?.value, ...raw.splits].map(Number);

test.each([
  { net: 'resnet', benchmarks: [textures, behaviour], layers: ['maxpool', 'layer3.0'] },
  { net: 'mbconv', benchmarks: [objects], layers: ['blocks.1.0', 'blocks.2.1.conv_dw'] },
])('each cell of $net is the score of that layer', async ({ net, benchmarks, layers }) => {
  const { map: found } = await map({ model: network(net), benchmarks, layers });
  expect(found.layers.map(({ layer }) => layer)).toEqual(layers);
  for (const { layer, cells } of found.layers) {
    const request = { model: network(net), benchmarks, layers: { '*': layer } };
    const { scores } = await scoreModel(request, budgets);
    expect(scores.map(({ benchmark }) => benchmark)).toEqual(found.benchmarks);
    for (const score of scores) {
      const cell = cells[score.benchmark] as Score;
      expect(cell).toMatchObject({ layer, name: score.name, selection: true });
      expect(cell.provenance.inputs).toBe(score.provenance.inputs);
      const wanted = numbersOf(score);
      for (const [i, number] of numbersOf(cell).entries()) {
        expect(Math.abs(number - wanted[i])).toBeLessThanOrEqual(tolerances.sameNumber);
      }
    }
  }
});

describe('the choice', () => {
  let mapped: MappedLayers;
  beforeAll(async () => {
    mapped = await map();
  });

  test('is the highest value, with the layers that are tied with it', () => {
    for (const id of mapped.map.benchmarks) {
      const candidates = mapped.map.layers.map(({ layer, cells }) => ({
        layer,
        value: (cells[id] as Score).value,
        draws: mapped.draws.get(id)?.get(layer),
      }));
      const best = Math.max(...candidates.map(({ value }) => value ?? -1));
      const { layer, tied } = mapped.map.chosen[id];
      expect(candidates.find((each) => each.layer === layer)?.value).toBe(best);
      expect({ layer, tied }).toEqual(bestAndTied(candidates));
    }
  });

  test('stands in the chosen cell, the others were asked for', () => {
    for (const [id, { layer, choice }] of Object.entries(mapped.map.chosen)) {
      expect(choice.by).toMatchObject({ benchmark: id, version: 1, method: /all stimuli/ });
      for (const row of mapped.map.layers) {
        const cell = row.cells[id] as Score;
        expect(cell.layerChoice).toEqual(row.layer === layer ? choice : { by: 'flag' });
      }
    }
  });

  test('is told for each region, with the pictures that it saw', () => {
    expect(mapped.choices.map(({ role }) => role)).toEqual(['V4', 'IT']);
    expect(
      Object.values(mapped.map.chosen).map(({ role, layer, stimuli }) => [role, layer, stimuli]),
    ).toEqual(mapped.choices.map(({ role, record }) => [role, record.layer, record.stimuli]));
    for (const { record } of mapped.choices) {
      expect(record.layer).toBe(mapped.map.chosen[record.benchmark].layer);
      expect(Buffer.from(record.stimuli, 'base64')).toHaveLength(88 * 6);
    }
  });
});

describe('a cell without a number says why', () => {
  test('units that are too few for the metric', async () => {
    const { map: found } = await map({ layers: ['avgpool', 'fc'] });
    const [, fc] = found.layers;
    expect(fc.units).toBeLessThan(25);
    for (const cell of Object.values(fc.cells)) {
      expect(cell).toEqual({ reason: `${fc.units} units < 25 components` });
    }
    expect(found.chosen[found.benchmarks[0]].layer).toBe('avgpool');
  });

  test('a layer that was folded away; another one never stands in', async () => {
    const { map: found } = await map({
      model: network('resnet', 'folded.onnx'),
      layers: ['layer3.0', 'layer1.0.conv1'],
    });
    const row = found.layers.find(({ layer }) => layer === 'layer1.0.conv1');
    expect(row).toMatchObject({ units: null, depth: null });
    for (const cell of Object.values(row?.cells ?? {})) {
      expect(wordsIn(cell)).toMatch(/batch norm was folded into it/);
    }
    for (const { layer } of Object.values(found.chosen)) expect(layer).toBe('layer3.0');
  });

  test('a benchmark whose data are not here; alone it is an error', async () => {
    const absent = 'FreemanZiemba2013public.V1-pls';
    const { map: found } = await map({ benchmarks: [objects, absent], layers: ['avgpool'] });
    expect(found.benchmarks.at(-1)).toBe(absent);
    expect(wordsIn(found.layers[0].cells[absent])).toMatch(/ventral data pull/);
    expect(found.chosen).not.toHaveProperty([absent]);
    await expect(map({ benchmarks: [absent] })).rejects.toMatchObject({ code: 'data-missing' });
  });
});

test('a name that fits nothing, two benchmarks of one name, nothing to map against are refused', async () => {
  await expect(map({ layers: ['layer9*'] })).rejects.toMatchObject({ code: 'layer-unknown' });
  await expect(map({ benchmarks: [] })).rejects.toMatchObject({ code: 'bad-usage' });
  const copy = join(root, 'copy');
  cpSync(join(source, 'neural-csv'), copy, { recursive: true });
  const twice = map({ benchmarks: [objects, join(copy, 'benchmark.yaml')] });
  await expect(twice).rejects.toMatchObject({ code: 'bad-usage', message: /called/ });
});

test('with holdout the choice is made on one half and scored on the other', async () => {
  const layers = ['maxpool', 'layer3.0'];
  const { map: found, choices } = await map({ benchmarks: [textures], holdout: true, layers });
  const plain = await map({ benchmarks: [textures], layers });
  for (const id of found.benchmarks) {
    const cells = found.layers.map((row) => row.cells[id] as Score);
    const held = found.holdout?.[id] as Score;
    const { layer, choice } = found.chosen[id];
    expect(held).toMatchObject({ layer, layerChoice: choice, selection: false });
    expect(choice.by).toMatchObject({ method: /random half of the stimuli \(seed 0\)/ });
    const whole = plain.map.layers[0].cells[id] as Score;
    const inputs = [...cells, held, whole].map(({ provenance }) => provenance.inputs);
    expect(new Set(inputs).size).toBe(inputs.length);
    for (const cell of cells) expect(cell.selection).toBe(true);
  }
  for (const { record } of choices) {
    expect(Buffer.from(record.stimuli, 'base64')).toHaveLength(40 * 6);
  }
});

describe('the cache', () => {
  const opened = (name: string) => ContentCache.open(join(root, name));
  /** Images that the network saw in a map. */
  async function seen(request: Partial<LayerMapRequest>, cache: ContentCache) {
    const open = vi.spyOn(Session, 'open');
    let shown = 0;
    const progress = Work.start(({ stage, total }) => {
      if (stage === 'activations') shown = total;
    });
    const mapped = await map(request, { cache, progress });
    const sessions = open.mock.calls.length;
    open.mockRestore();
    return { mapped, shown, sessions };
  }

  test('answers a second map with the same bits, and opens no session', async () => {
    const cache = await opened('again');
    const request = { benchmarks: [objects, behaviour], layers: ['layer3.0', 'fc'] };
    const first = await seen(request, cache);
    const second = await seen(request, cache);
    expect(first.shown).toBeGreaterThan(0);
    expect(second).toMatchObject({ shown: 0, sessions: 0 });
    expect(bits(second.mapped)).toEqual(bits(first.mapped));
    const other = await map(request);
    expect(bits(other)).toEqual(bits(first.mapped));
    const plans = second.mapped.map.plan.sets.map(({ passes, cached }) => ({ passes, cached }));
    expect(plans).toEqual([
      { passes: [], cached: 2 },
      { passes: [], cached: 2 },
    ]);
  });

  test('lets a further region on the same stimuli cost no pass', async () => {
    const cache = await opened('region');
    const half = join(root, 'v4-alone');
    cpSync(join(source, 'neural-csv'), half, { recursive: true });
    const file = join(half, 'benchmark.yaml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/regions: .*/, 'regions: [V4]'));
    const layers = ['layer1.0', 'layer3.0'];
    expect((await seen({ benchmarks: [file], layers }, cache)).shown).toBe(88);
    const more = await seen({ benchmarks: [objects], layers }, cache);
    expect(more.shown).toBe(0);
    expect(more.mapped.map.benchmarks).toHaveLength(2);
    const [set] = more.mapped.map.plan.sets;
    expect(set).toMatchObject({ passes: [], cached: layers.length });
  });

  test('knows a model by its bytes and its input, not by its name', async () => {
    const cache = await opened('names');
    const layers = ['relu'];
    const resize = { to: 16, mode: 'square', filter: 'bilinear', library: 'pillow' } as const;
    const save = (name: string, bytes: Uint8Array) => {
      writeFileSync(join(root, `${name}.onnx`), bytes);
      const card = { ...plainCard({ resize, crop: 16 }), name };
      writeFileSync(join(root, `${name}.yaml`), JSON.stringify(card));
      return { path: join(root, `${name}.onnx`) };
    };
    const bytes = madeNetwork().build();
    const first = await seen({ model: save('first', bytes), layers }, cache);
    expect(first.shown).toBe(88);
    const model = save('renamed', bytes);
    const renamed = await seen({ model, layers }, cache);
    expect(renamed).toMatchObject({ shown: 0, sessions: 0, mapped: { map: { name: 'renamed' } } });
    const { inputs } = renamed.mapped.map.provenance;
    expect(inputs).toBe(first.mapped.map.provenance.inputs);
    expect((await seen({ model, layers, input: { crop: 15 } }, cache)).shown).toBe(88);
    const resaved = writeModel(setMetadata(readModel(bytes, 'made'), 'saved', 'again'));
    expect((await seen({ model: save('resaved', resaved), layers }, cache)).shown).toBe(88);
  });

  test('does not serve what was damaged', async () => {
    const cache = await opened('damaged');
    const layers = ['layer3.0'];
    const first = await map({ layers }, { cache });
    for (const name of readdirSync(cache.folder, { recursive: true, encoding: 'utf8' })) {
      const path = join(cache.folder, name);
      try {
        const bytes = readFileSync(path);
        bytes[bytes.length - 9] ^= 4;
        writeFileSync(path, bytes);
      } catch {}
    }
    expect(bits(await map({ layers }, { cache }))).toEqual(bits(first));
  });
});

describe('a map that is interrupted', () => {
  test.each(['data', 'activations', 'metric'])('in the stage %s leaves nothing', async (stage) => {
    const stop = new AbortController();
    const progress = Work.start((now) => {
      if (now.stage === stage) stop.abort();
    });
    const run = map({ layers: ['maxpool', 'layer3.0'] }, { signal: stop.signal, progress });
    await expect(run).rejects.toMatchObject({ code: 'interrupted' });
    expect(scratch()).toEqual([]);
  });
});

test('the plan is told before the network runs', async () => {
  const told: (MapPlan | string)[] = [];
  const { map: found } = await map(
    { layers: ['maxpool', 'layer3.0'] },
    {
      plan: (plan) => told.push(plan),
      progress: Work.start(({ stage }) => told.push(stage)),
    },
  );
  expect(told[told.indexOf('activations') - 1]).toEqual(found.plan);
  expect(found.plan.layers).toEqual([
    { layer: 'maxpool', units: 2304 },
    { layer: 'layer3.0', units: 432 },
  ]);
  expect(found.plan.sets).toMatchObject([
    { stimuli: 88, passes: [['maxpool', 'layer3.0']], cached: 0 },
  ]);
});
