import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { build } from '../../models/resnet-20/build.js';
import { candidateLayers } from '../../src/activations/card/candidates.js';
import { parseCard } from '../../src/activations/card/card.js';
import { wantedNames } from '../../src/importing/graft/graft-plan.js';
import { checkGraph } from '../../src/onnx/checks/check-graph.js';
import { exposeValues } from '../../src/onnx/expose.js';
import { resolveLayer } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';
import { Session } from '../../src/runtime/session.js';

const model = readModel(build(), 'resnet-20');
const folder = join(import.meta.dirname, '..', '..', 'models', 'resnet-20');
const card = parseCard(readFileSync(join(folder, 'model.yaml'), 'utf8'), 'resnet-20');

test('is the same valid graph every time, with the parameters of the published network', () => {
  const digest = createHash('sha256').update(build()).digest('hex');
  // Another digest is another model: weights of the same name that give other scores.
  expect(digest).toBe('e15b6677a4f352eb5bc860282427cd56d017695a845fbc1e08522c4b3eb13095');
  expect(checkGraph(model).inputs).toMatchObject([
    { dtype: 'float32', dims: [null, 3, null, null] },
  ]);
  const trained = model.graph.initializers.filter(
    ({ name, elementType }) => elementType === 1 && !/running_/.test(name),
  );
  const counts = trained.map(({ dims }) => dims.reduce((product, dim) => product * dim, 1));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(269_722);
  expect(card.parameters).toBe(269_722);
  expect(wantedNames(model).size).toBe(97);
});

test('its card names layers that are there', () => {
  const candidates = candidateLayers(model, card);
  expect(candidates.every(({ value }) => value !== null)).toBe(true);
  for (const layer of [
    card.readout as string,
    card.logits!.layer,
    ...Object.values(card.region_layer_map!),
  ]) {
    expect(() => resolveLayer(model, layer as string)).not.toThrow();
  }
});

test('shortcuts take every second pixel, between channels of zeros', async () => {
  const names = ['layer1', 'layer2.0.shortcut'];
  const values = names.map((name) => resolveLayer(model, name).value);
  const session = await Session.open(exposeValues(model, values));
  const data = Float32Array.from({ length: 3 * 8 * 8 }, (_, i) => Math.sin(i));
  const outputs = await session.run({ image: { dtype: 'float32', dims: [1, 3, 8, 8], data } });
  await session.close();
  const [before, after] = values.map((value) => outputs[value]);
  expect([before.dims, after.dims]).toEqual([
    [1, 16, 8, 8],
    [1, 32, 4, 4],
  ]);
  const expected = Float32Array.from({ length: 32 * 16 }, (_, i) => {
    const [channel, y, x] = [Math.floor(i / 16) - 8, Math.floor(i / 4) % 4, i % 4];
    if (channel < 0 || channel > 15) return 0;
    return (before.data as Float32Array)[channel * 64 + 16 * y + 2 * x];
  });
  expect(after.data).toEqual(expected);
});
