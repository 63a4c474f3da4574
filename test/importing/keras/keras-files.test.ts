import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openNpz } from '../../../src/formats/npz.js';
import { importKeras } from '../../../src/importing/keras/import-keras.js';
import { readModel } from '../../../src/onnx/model.js';
import { modelInputs } from '../../../src/onnx/model-inputs.js';
import type { Tensor } from '../../../src/runtime/session.js';
import { difference, differences, namedModules, onnxLayers } from '../compare-layers.js';

const fixtures = join(import.meta.dirname, '../../fixtures/keras');

/** Files, and what PyTorch gives for their layers. */
const files: readonly [file: string, reference: string][] = [
  ['keras2-mobile.h5', 'keras2-mobile.npz'],
  ['keras3-mobile.h5', 'keras3-mobile.npz'],
  ['keras2-mobile.keras', 'keras2-mobile-archive.npz'],
  ['keras3-modern.keras', 'keras3-modern.npz'],
  ['keras3-sequential.keras', 'keras3-sequential.npz'],
  ['keras3-sequential.h5', 'keras3-sequential.npz'],
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

it.each(files)(
  '%s gives at every layer what PyTorch and TensorFlow.js give',
  async (name, stored) => {
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

    const inTfjs = await differences(imported, 7);
    expect([...inTfjs.keys()].sort()).toEqual(expected);
    expect([...inTfjs].filter(([, { absolute }]) => !(absolute < 1e-4))).toEqual([]);
    expect(namedModules(imported).map(([layer]) => layer)).toEqual(
      imported.layers.map(({ layer }) => layer),
    );
    await imported.source?.close();
  },
);

it('takes pictures as N × C × H × W, and says how they lie for Keras', async () => {
  const imported = await importKeras(join(fixtures, 'keras2-mobile.h5'));
  const [input] = modelInputs(readModel(imported.model, 'imported'));
  expect(input).toMatchObject({ name: 'input_1', dims: [null, 3, 11, 14], layout: 'NCHW' });
  expect(imported.inputAxes).toEqual([0, 2, 3, 1]);
  const axes = new Map(imported.layers.map(({ layer, axes }) => [layer, axes]));
  expect(axes.get('conv1')).toEqual([0, 3, 1, 2]);
  expect(axes.get('inner/inner_conv')).toEqual([0, 3, 1, 2]);
  expect(axes.get('predictions')).toBeUndefined();
  await imported.source?.close();
});

it('finds weights whose places bear the names of the layers', async () => {
  const imported = await importKeras(join(fixtures, 'named-places.keras'));
  const { input, ...layers } = Object.fromEntries(await reference('keras3-sequential.npz'));
  const found = await onnxLayers(imported, input);
  const head = found.get('dense') as Tensor;
  expect(difference(head, layers.dense).absolute).toBeLessThan(1e-4);
  await imported.source?.close();
});
