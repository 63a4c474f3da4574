import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { mapCsv, partsChosen, regionLayerMap } from '../../../src/cli/print/print-map.js';
import { mapPage } from '../../../src/report/map-page.js';
import { Session } from '../../../src/runtime/session.js';
import { exportActivations } from '../../../src/scoring/features/export-activations.js';
import { mapLayers } from '../../../src/scoring/map/layer-map.js';
import type { LayerMapRequest } from '../../../src/scoring/map/layer-map-types.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { scoreModel } from '../../../src/scoring/model/score-model.js';
import { verifyReceipt } from '../../../src/scoring/receipt/verify-receipt.js';
import { writeReceipt } from '../../../src/scoring/receipt/write-receipt.js';
import { packageNetwork } from '../../../src/submission/packaged-network.js';
import { modelFile, plainCard } from '../../activations/made-networks.js';
import { tokenNetwork } from '../../activations/token-networks.js';
import { ORACLE } from '../../oracle.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-parts-'));
const home = join(root, 'home');
afterAll(() => rmSync(root, { recursive: true, force: true }));

const objects = join(ORACLE, '09-end-to-end', 'neural-csv', 'benchmark.yaml');
const V4 = 'end-to-end.objects.V4-pls';
const resize = { to: 8, mode: 'square', filter: 'bilinear', library: 'pillow' } as const;
const card = { ...plainCard({ resize }), layers: ['patches', 'tokens', 'block'] };
writeFileSync(join(root, 'net.onnx'), tokenNetwork('cls and registers').build());
writeFileSync(join(root, 'net.json'), JSON.stringify(card));
const model = { path: join(root, 'net.onnx'), file: join(root, 'net.json') };
const context = { home, threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
const map = (request: Partial<LayerMapRequest> = {}) =>
  mapLayers({ model, benchmarks: [objects], ...request }, context);

const layers = ['block', 'block@{cls,registers,patches,mean}', 'patches'];

test('parts are rows of one pass, and each cell is the score of that part', async () => {
  const opened = vi.spyOn(Session, 'open');
  const { map: found } = await map({ layers });
  // Once for the shapes, once for the stimuli; products of matrices have sessions of their own.
  expect(opened.mock.calls.filter(([, options]) => options?.name === found.name)).toHaveLength(2);
  opened.mockRestore();
  expect(found.layers.map(({ layer, part, units }) => [layer, part, units])).toEqual([
    ['patches', undefined, 64],
    ['block', undefined, 80],
    ['block@cls', 'cls', 4],
    ['block@registers', 'registers', 12],
    ['block@patches', 'patches', 64],
    ['block@mean', 'mean', 4],
  ]);
  expect(found.plan.sets[0].passes).toHaveLength(1);
  expect(found.layers[2].cells[V4]).toEqual({ reason: '4 units < 25 components' });
  const request = { model, benchmarks: [objects], layers: { V4: 'block@patches', IT: 'block' } };
  const { scores } = await scoreModel(request, context);
  const cells = found.layers[4].cells[V4] as Score;
  expect(scores[0]).toMatchObject({ layer: 'block@patches', value: cells.value });
  expect(scores[0].provenance.inputs).toBe(cells.provenance.inputs);
  expect(mapPage(found)).toContain('part of a layer');
  expect(mapCsv(found)).toContain('block@patches');
});

test('a part that only some layers of a glob have is refused for the others alone', async () => {
  const { map: found } = await map({ layers: ['*@patches', 'block'] });
  const cells = new Map(found.layers.map(({ layer, cells }) => [layer, cells[V4]]));
  expect(cells.get('block@patches')).toMatchObject({ value: expect.any(Number) });
  expect(cells.get('tokens@patches')).toMatchObject({ value: expect.any(Number) });
  expect(cells.get('patches@patches')).toMatchObject({
    reason: 'patches@patches: @patches needs tokens × channels, found 4 × 4 × 4',
  });
  expect(found.plan.sets[0].passes.length).toBeLessThanOrEqual(2);
});

test('the cells of whole layers have the inputs that they have without parts', async () => {
  const [plain, both] = [await map(), await map({ pool: ['mean', '4x4'] })];
  const whole = both.map.layers.filter(({ part }) => part === undefined);
  const bits = (rows: typeof whole) =>
    rows.map(({ layer, cells }) => [
      layer,
      (cells[V4] as Score).value,
      (cells[V4] as Score).provenance.inputs,
    ]);
  expect(bits(whole)).toEqual(bits([...plain.map.layers]));
  // Tokens are no maps.
  expect(both.map.layers.map(({ layer }) => layer)).toEqual([
    'patches',
    'patches@mean',
    'patches@4x4',
    'tokens',
    'block',
  ]);
  expect((both.map.layers[2].cells[V4] as Score).value).toBe(
    (both.map.layers[0].cells[V4] as Score).value,
  );
});

test('another count of prefix tokens is another input', async () => {
  const inputs = async (more: object) => {
    writeFileSync(join(root, 'said.json'), JSON.stringify({ ...card, ...more }));
    const said = { ...model, file: join(root, 'said.json') };
    const { map: found } = await map({ model: said, layers: ['block@patches'] });
    return (found.layers[0].cells[V4] as Score).provenance.inputs;
  };
  const graph = await inputs({});
  expect(await inputs({ prefix_tokens: { cls: 1, registers: 3 } })).toBe(graph);
  expect(await inputs({ prefix_tokens: { cls: 1, registers: 2 } })).not.toBe(graph);
});

test('a receipt of pooled rows verifies', async () => {
  const request: LayerMapRequest = { model, benchmarks: [objects], pool: ['4x4'] };
  const { map: made } = await mapLayers(request, context);
  const receipt = join(root, 'receipt.json');
  await writeReceipt(receipt, [{ kind: 'map', request, map: made }], context);
  expect(await verifyReceipt(receipt, [], context)).toMatchObject({ verdict: 'equal' });
  await expect(map({ pool: ['4y4'] })).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringMatching(/expected mean, max or a grid such as 4x4, found "?4y4/),
  });
});

test('a package makes tokens and transposed maps in its graph, and refuses means', async () => {
  const { map: found } = await map({ layers: ['block@patches'] });
  expect(regionLayerMap(found)).toEqual({});
  expect(partsChosen(found).map(({ layer }) => layer)).toEqual(['block@patches']);
  const file = modelFile(tokenNetwork('cls and registers'));
  const packaged = (IT: string) =>
    packageNetwork(file, {
      ...{ ...card, layers: ['block', 'channels.last'], readout: 'block@cls' },
      region_layer_map: { V1: 'patches@nchw', V2: 'channels.last@nchw', V4: 'block', IT },
    });
  const { onnx, layers: own, outputs } = await packaged('block@registers');
  expect(own).toContain('channels.last@nchw');
  expect(outputs.get('block@registers')).toBe('block@registers');
  const session = await Session.open(onnx, { name: 'packaged', threads: 1 });
  const names = ['block', 'block@cls', 'block@registers', 'channels.last', 'channels.last@nchw'];
  const data = Float32Array.from({ length: 2 * 192 }, (_, i) => Math.sin(i));
  const made = await session.run({ image: { dtype: 'float32', dims: [2, 3, 8, 8], data } }, names);
  await session.close();
  const rows = (name: string) => {
    const { data: values, dims } = made[name];
    return {
      dims,
      of: (row: number) =>
        [...(values as Float32Array)].slice(
          row * (values.length / 2),
          (row + 1) * (values.length / 2),
        ),
    };
  };
  expect(rows('block@cls').of(1)).toEqual(rows('block').of(1).slice(0, 4));
  expect(rows('block@registers').of(1)).toEqual(rows('block').of(1).slice(4, 16));
  expect(rows('channels.last@nchw').dims).toEqual([2, 4, 4, 4]);
  const last = rows('channels.last').of(1);
  expect(rows('channels.last@nchw').of(1)).toEqual(
    Array.from({ length: 64 }, (_, i) => last[(i % 16) * 4 + Math.floor(i / 16)]),
  );
  await expect(packaged('block@mean')).rejects.toMatchObject({
    code: 'package-invalid',
    message: expect.stringMatching(
      /names block@mean: packages can contain whole layers, tokens and transposed maps/,
    ),
  });
});

test('activations of parts are written under their names', async () => {
  const output = join(root, 'out.json');
  await exportActivations(
    { model, layers: ['block@{cls,mean}'], benchmark: objects, output },
    context,
  );
  const text = readFileSync(output, 'utf8');
  expect(text).toContain('block@cls');
  expect(text).toContain('block@mean');
});
