import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { VentralError } from '../../src/errors/ventral-error.js';
import { checkGraph } from '../../src/onnx/checks/check-graph.js';
import { exposeValues } from '../../src/onnx/expose.js';
import { expandLayers, listLayers, resolveLayer } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';
import { Session } from '../../src/runtime/session.js';
import { tolerances } from '../tolerances.js';

const data = join(process.env.VENTRAL_SHARED ?? '../shared', 'data');
const v4 = (size: number) => join(data, 'v4-hvm640', `v4_shared_compact_${size}.onnx`);
const resnet20 = join(data, 'resnet20-cifar10', 'resnet20_cifar10.onnx');
const here = [v4(5), v4(200), resnet20].every((path) => existsSync(path));

test('the real networks are here', (context) => {
  if (!here) context.skip(`no real networks under ${data}; set VENTRAL_SHARED`);
  expect(here).toBe(true);
});

async function run(path: string, layers: string[], input: { dims: number[]; data: Float32Array }) {
  const model = readModel(readFileSync(path), path);
  const values = layers.map((layer) => resolveLayer(model, layer).value);
  const session = await Session.open(exposeValues(model, values));
  const feed = { dtype: 'float32', ...input } as const;
  const results = await session.run({ [session.inputs[0].name]: feed });
  await session.close();
  return values.map((value) => results[value]);
}

describe.skipIf(!here)('real networks', () => {
  test.each([
    [5, [-1.139603, -1.778088, -0.441714]],
    [200, [-0.956084, -1.847222, -0.100637]],
  ])('v4_shared_compact_%i', async (size, want) => {
    const model = readModel(readFileSync(v4(size)), 'v4');
    expect(checkGraph(model).inputs[0]).toMatchObject({
      name: 'image',
      layout: 'NCHW',
      batch: null,
    });
    const layers = ['layer0', 'layer1', 'layer2', 'layer3', 'layer4'];
    expect(expandLayers(model, ['layer*']).map((layer) => layer.name)).toEqual(
      expect.arrayContaining(layers),
    );
    const image = { dims: [1, 3, 112, 112], data: new Float32Array(3 * 112 * 112).fill(64) };
    const got = await run(v4(size), [...layers, 'responses'], image);
    const responses = got[5].data as Float32Array;
    want.forEach((value, i) => {
      expect(Math.abs(responses[i] - value)).toBeLessThanOrEqual(tolerances.activations.absolute);
    });
    // Behind a ReLU.
    for (const layer of got.slice(0, 5)) {
      expect((layer.data as Float32Array).reduce((least, v) => Math.min(least, v))).toBe(0);
    }
  });

  test('resnet20 at every layer', async () => {
    const data = Float32Array.from({ length: 3072 }, (_, k) => -2 + (4 * k) / 3071);
    const names = ['conv1', 'layer1', 'layer2', 'layer3', 'avgpool', 'logits'];
    const got = await run(resnet20, names, { dims: [1, 3, 32, 32], data });
    expect(got.map((layer) => layer.dims.slice(1))).toEqual([
      [16, 32, 32],
      [16, 32, 32],
      [32, 16, 16],
      [64, 8, 8],
      [64],
      [10],
    ]);
    const want = [
      1.98947, -1.26105, 4.6909, 0.08766, 0.42189, -1.71734, -3.06498, 1.21996, 0.41638, -2.84103,
    ];
    want.forEach((value, i) => {
      const found = (got[5].data as Float32Array)[i];
      expect(Math.abs(found - value)).toBeLessThanOrEqual(tolerances.activations.absolute);
    });
  });

  test('every layer that is listed can be had, and a cut file is told', () => {
    const bytes = readFileSync(resnet20);
    const model = readModel(bytes, 'resnet20');
    for (const { name, value } of listLayers(model)) {
      if (value !== null) expect(resolveLayer(model, name).value).toBe(value);
    }
    expect(() => resolveLayer(model, 'layer7')).toThrow(/"layer[123]"|layer[123]/);
    expect(() => readModel(bytes.subarray(0, 5000), 'cut.onnx')).toThrow(
      expect.objectContaining({ code: 'onnx-truncated' }) as VentralError,
    );
  });
});
