import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ContentCache } from '../../src/activations/cache/content-cache.js';
import { Session } from '../../src/runtime/session.js';
import { type Progress, Work } from '../../src/runtime/work.js';
import type {
  ComparisonRow,
  SeriesComparison,
} from '../../src/scoring/compare/comparison-types.js';
import { compareSeries, type SeriesRequest } from '../../src/scoring/compare/series.js';
import { epochInName, seriesCheckpoints } from '../../src/scoring/compare/series-checkpoints.js';
import { type LayerMapContext, mapLayers } from '../../src/scoring/map/layer-map.js';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import * as decode from '../../src/screen/decode.js';
import {
  behaviour,
  madeCheckpoint,
  madeSeries,
  objects,
  oracleNetwork,
} from '../scoring/made-series.js';
import { tolerances } from '../tolerances.js';

vi.mock('../../src/screen/decode.js', { spy: true });

const root = mkdtempSync(join(tmpdir(), 'ventral-series-'));
const home = join(root, 'home');
const budgets = { home, threads: 2, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
const at = (...names: string[]) => join(root, ...names);
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

describe('the epoch in a name', () => {
  test.each([
    ['net_epoch_12.onnx', 12],
    ['epoch=3-step=4000.ckpt.onnx', 3],
    ['resnet20-ep007.onnx', 7],
    ['v1_e5_lr3.onnx', 5],
    ['step-300_seed1.onnx', 300],
    ['v4_shared_compact_200.onnx', 200],
    ['untrained.onnx', 0],
    ['resnet50_init.onnx', 0],
    ['e2e-7.onnx', 7],
    ['epoch_4/model.onnx', 4],
    ['epoch_4/model_2.onnx', 2],
    ['model.onnx', null],
  ])('%s is %j', (name, epoch) => {
    expect(epochInName(name)).toBe(epoch);
  });
});

describe('the checkpoints of a series', () => {
  const write = (name: string, metadata: Record<string, string> = {}) =>
    writeFileSync(at('order', name), madeCheckpoint({ trained: 0, metadata }));
  const found = async (...paths: string[]) =>
    (await seriesCheckpoints(paths.map((path) => ({ path })))).map(
      ({ checkpoint, epoch }) => `${checkpoint} ${epoch}`,
    );
  beforeAll(() => {
    mkdirSync(at('order', 'deeper'), { recursive: true });
    write('net_epoch_10.onnx');
    write('net_epoch_9b.onnx', { epoch: '9' });
    write('net_epoch_9a.onnx', { 'ventral.epoch': '2', epoch: '3' });
    write('untrained.onnx');
    write('final.onnx');
    writeFileSync(at('order', 'net_epoch_4.onnx'), 'no network');
    writeFileSync(at('order', 'notes.txt'), '');
    writeFileSync(at('order', 'deeper', 'run_30.onnx'), 'no network');
  });

  test('stand in order of metadata, then names; one without an epoch last', async () => {
    expect(await found(at('order'))).toEqual([
      'untrained.onnx 0',
      'net_epoch_9a.onnx 2',
      'net_epoch_4.onnx 4',
      'net_epoch_9b.onnx 9',
      'net_epoch_10.onnx 10',
      'final.onnx null',
    ]);
  });

  test('are those that a glob fits', async () => {
    expect(await found(at('order', 'net_epoch_{4,10}.onnx'))).toEqual([
      'net_epoch_4.onnx 4',
      'net_epoch_10.onnx 10',
    ]);
    expect(await found(at('order', '**', '*_[0-9]0.onnx'))).toEqual([
      'net_epoch_10.onnx 10',
      'deeper/run_30.onnx 30',
    ]);
  });

  test('of one epoch go by the natural order of their names', async () => {
    for (const name of ['run10', 'run9', 'run1']) write(`${name}_epoch_1.onnx`);
    expect(await found(at('order', 'run*_epoch_1.onnx'))).toEqual([
      'run1_epoch_1.onnx 1',
      'run9_epoch_1.onnx 1',
      'run10_epoch_1.onnx 1',
    ]);
  });

  test('are refused where none tells its epoch, and where there is none', async () => {
    await expect(found(at('order', 'final.onnx'))).rejects.toMatchObject({
      code: 'bad-usage',
      message: expect.stringMatching(/final\.onnx/),
    });
    await expect(found(at('order', '*.pt'))).rejects.toMatchObject({ code: 'file-missing' });
    await expect(found(at('nowhere'))).rejects.toMatchObject({ code: 'file-missing' });
    await expect(found(at())).rejects.toMatchObject({ code: 'file-missing' });
  });
});

describe('six checkpoints, one of them corrupt', () => {
  const CORRUPT = 'net_epoch_3.onnx';
  let request: SeriesRequest;
  let cache: ContentCache;
  let series: SeriesComparison;
  const seen: Progress[] = [];
  const run = (context: Partial<LayerMapContext> = {}, more: Partial<SeriesRequest> = {}) =>
    compareSeries({ ...request, ...more }, { ...budgets, cache, ...context });
  const rowOf = (checkpoint: string, benchmark: string, map: ComparisonRow['map']) =>
    series.rows.find(
      (row) =>
        row.checkpoint === checkpoint && row.benchmark.endsWith(benchmark) && row.map === map,
    ) as ComparisonRow;

  beforeAll(async () => {
    const { folder, card } = madeSeries(at('six'), 6);
    writeFileSync(join(folder, CORRUPT), 'no network');
    const models = await seriesCheckpoints([{ path: folder, file: card }]);
    request = { models, benchmarks: [objects, behaviour] };
    cache = await ContentCache.open(home);
    vi.mocked(decode.decodeImage).mockClear();
    series = await run({ progress: Work.start((progress) => seen.push(progress)) });
  });

  test('decode each picture once', () => {
    expect(vi.mocked(decode.decodeImage)).toHaveBeenCalledTimes(88 + 100 + 40);
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
  });

  test('have two rows a benchmark each, in order of epochs', () => {
    expect(series.checkpoints.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(series.benchmarks).toHaveLength(3);
    expect(series.rows.map(({ epoch, benchmark, map }) => [epoch, benchmark, map])).toEqual(
      [0, 1, 2, 3, 4, 5].flatMap((epoch) =>
        series.benchmarks.flatMap((id) => [
          [epoch, id, 'fixed'],
          [epoch, id, 'chosen'],
        ]),
      ),
    );
  });

  test('fail where they are broken, and nowhere else', () => {
    for (const row of series.rows) {
      if (row.checkpoint === CORRUPT)
        expect(row).toMatchObject({
          value: null,
          model: null,
          reason: expect.stringMatching(/not an ONNX model/),
        });
      else expect(row.value).toBeTypeOf('number');
    }
  });

  test('are scored at the layers that the last one chooses', async () => {
    const last = request.models[5];
    const { map } = await mapLayers({ model: last, benchmarks: [objects] }, budgets);
    expect(series.fixed?.from).toBe('net_epoch_5.onnx');
    for (const id of map.benchmarks) {
      expect(series.fixed?.layers[id]).toBe(map.chosen[id].layer);
      const { layer, value, selection, layerChoice } = rowOf('net_epoch_1.onnx', id, 'fixed');
      expect({ layer, selection, layerChoice }).toEqual({
        layer: map.chosen[id].layer,
        selection: true,
        layerChoice: map.chosen[id].choice,
      });
      const { scores } = await scoreModel(
        { model: request.models[1], benchmarks: [objects], layers: { '*': layer as string } },
        budgets,
      );
      const score = scores.find(({ benchmark }) => benchmark === id);
      expect(Math.abs((value as number) - (score?.value as number))).toBeLessThanOrEqual(
        tolerances.sameNumber,
      );
      expect(rowOf('net_epoch_1.onnx', id, 'fixed').inputs).toBe(score?.provenance.inputs);
    }
  });

  test('and at the highest layer of their own map', async () => {
    const { map } = await mapLayers({ model: request.models[2], benchmarks: [objects] }, budgets);
    for (const id of map.benchmarks) {
      const row = rowOf('net_epoch_2.onnx', id, 'chosen');
      const values = map.layers.flatMap(({ cells: { [id]: cell } }) =>
        'reason' in cell ? [] : [cell.value as number],
      );
      expect(row).toMatchObject({ layer: map.chosen[id].layer, selection: true });
      expect(row.value).toBe(Math.max(...values));
    }
  });

  test('say which one is at work', () => {
    const stages = new Set(seen.map(({ stage }) => stage.split(':')[0]));
    expect([...stages]).toEqual([
      'data',
      'the fixed map',
      ...[1, 2, 3, 5, 6].map((k) => `checkpoint ${k} of 6`),
    ]);
  });

  test('need neither network nor pictures a second time, and give the same rows', async () => {
    const opened = vi.spyOn(Session, 'open');
    vi.mocked(decode.decodeImage).mockClear();
    const again = await run();
    expect(opened).not.toHaveBeenCalled();
    expect(vi.mocked(decode.decodeImage)).not.toHaveBeenCalled();
    expect(again).toEqual(series);
  });

  test('end at once where they are interrupted, and go on from there', async () => {
    const other = await ContentCache.open(at('other'));
    const stop = new AbortController();
    const context = { home: at('other'), cache: other };
    await expect(
      run({
        ...context,
        signal: stop.signal,
        progress: Work.start(({ stage }) => stage.startsWith('checkpoint 3') && stop.abort()),
      }),
    ).rejects.toMatchObject({ code: 'interrupted' });
    expect(readdirSync(at('other', 'tmp'))).toEqual([]);
    const opened = vi.spyOn(Session, 'open');
    expect(await run(context)).toEqual(series);
    // The fixed map and two checkpoints are cached; the other three need shapes, a pass, and one for the declared output.
    expect(opened.mock.calls.length).toBeLessThanOrEqual(3 * 3);
  });

  test('are scored at the layers of another model where it is named', async () => {
    const { fixed, rows } = await run({}, { mapFrom: oracleNetwork('resnet') });
    expect(fixed?.layers).toMatchObject({ 'end-to-end.objects.IT-pls': 'layer3.0' });
    for (const { map, reason, value, checkpoint } of rows) {
      if (checkpoint === CORRUPT) continue;
      if (map === 'fixed') expect(reason).toMatch(/no layer/);
      else expect(value).toBeTypeOf('number');
    }
  });
});

test('layers of a card outside the candidates, joined ones too, are scored as they are', async () => {
  const { folder } = madeSeries(at('carded'), 2);
  const card = {
    ...JSON.parse((await import('../scoring/made-series.js')).seriesCard),
    layers: ['pool'],
    region_layer_map: { V4: 'conv1', IT: ['conv1', 'pool'] },
  };
  writeFileSync(join(folder, 'card.json'), JSON.stringify(card));
  const models = await seriesCheckpoints([{ path: folder, file: join(folder, 'card.json') }]);
  const { fixed, rows } = await compareSeries({ models, benchmarks: [objects] }, budgets);
  expect(Object.values(fixed?.layers ?? {})).toEqual(['conv1', 'conv1+pool']);
  const { scores } = await scoreModel({ model: models[0], benchmarks: [objects] }, budgets);
  for (const score of scores) {
    const row = rows.find((each) => each.epoch === 0 && each.benchmark === score.benchmark);
    expect(row).toMatchObject({
      map: 'fixed',
      layer: score.layer,
      layerChoice: { by: 'card' },
      selection: false,
      inputs: score.provenance.inputs,
    });
    expect(Math.abs((row?.value as number) - (score.value as number))).toBeLessThanOrEqual(
      tolerances.sameNumber,
    );
  }
});
