import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openNpz } from '../../../src/formats/npz.js';
import { importKeras } from '../../../src/importing/keras/import-keras.js';
import type { Tensor } from '../../../src/runtime/session.js';
import { difference, differences, onnxLayers } from '../compare-layers.js';

const fixtures = join(import.meta.dirname, '../../fixtures/keras');

/** Files, what PyTorch gives for their layers, and what TensorFlow.js has to do with them. */
const files: readonly [file: string, reference: string, inTfjs: boolean][] = [
  ['keras2-mobile.h5', 'keras2-mobile.npz', true],
  ['keras3-mobile.h5', 'keras3-mobile.npz', false],
  ['keras2-mobile.keras', 'keras2-mobile-archive.npz', true],
  ['keras3-modern.keras', 'keras3-modern.npz', false],
  ['keras3-sequential.keras', 'keras3-sequential.npz', true],
  ['keras3-sequential.h5', 'keras3-sequential.npz', true],
];

async function reference(name: string): Promise<Map<string, Tensor>> {
  const file = await openNpz(join(fixtures, name));
  const found = new Map<string, Tensor>();
  for (const array of file.names) {
    const { shape, data } = await file.read(array);
    found.set(array, { dtype: 'float32', dims: shape, data: data as Float32Array });
  }
  await file.close();
  return found;
}

it.each(files)('%s gives at every layer what PyTorch gives', async (name, stored) => {
  const imported = await importKeras(join(fixtures, name));
  const { input, ...layers } = Object.fromEntries(await reference(stored));
  const found = await onnxLayers(imported, input);
  const expected = Object.keys(layers);
  expect([...found.keys()].sort()).toEqual(expected.sort());
  const apart = expected.map((layer) => {
    const own = found.get(layer) as Tensor;
    return { layer, ...difference(own, layers[layer]) };
  });
  expect(apart.filter(({ absolute }) => !(absolute < 1e-4))).toEqual([]);
});

it.each(files)(
  '%s is proved by TensorFlow.js where it has every layer',
  async (name, _, inTfjs) => {
    const imported = await importKeras(join(fixtures, name));
    expect(imported.source !== undefined).toBe(inTfjs);
    expect(imported.notes.length).toBe(inTfjs ? 0 : 1);
    if (imported.source === undefined) return;
    const found = await differences(imported, 7);
    expect([...found.keys()].sort()).toEqual(imported.layers.map(({ layer }) => layer).sort());
    expect([...found].filter(([, { absolute }]) => !(absolute < 1e-4))).toEqual([]);
    await imported.source.close();
  },
);
