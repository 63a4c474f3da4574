import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as tf from '../../../src/importing/tensorflow/portable.js';
import { importTfjs } from '../../../src/importing/tfjs/import-tfjs.js';
import { Dice } from '../../fuzz/dice.js';
import { differences, namedModules } from '../compare-layers.js';
import { fill, madeNetwork, save } from './made-network.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-tfjs-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('networks of every layer are the same in TensorFlow.js and in ONNX, layer by layer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), async (seed) => {
      const model = madeNetwork(new Dice(seed));
      const place = join(folder, `network-${seed}`);
      await save(model, place);
      model.dispose();
      const imported = await importTfjs(place);
      const found = await differences(imported, seed % 1000);
      expect(namedModules(imported)).toEqual(
        imported.layers.map(({ layer, value }) => [layer, value]),
      );
      await imported.source?.close();
      expect([...found.keys()].sort()).toEqual(imported.layers.map(({ layer }) => layer).sort());
      expect([...found].filter(([, { relative }]) => !(relative < 1e-4))).toEqual([]);
    }),
    { numRuns: 25, seed: 5 },
  );
});

/** Images as channels × height × width, which TensorFlow.js's layers take where they are told so. */
it('a network with its channels first keeps them there', async () => {
  const dataFormat = 'channelsFirst';
  const apply = (layer: tf.layers.Layer, value: tf.SymbolicTensor | tf.SymbolicTensor[]) =>
    layer.apply(value) as tf.SymbolicTensor;
  const input = tf.input({ shape: [3, 8, 9] });
  const conv = { filters: 4, kernelSize: 3, strides: 2, dataFormat, padding: 'same' } as const;
  let value = apply(tf.layers.conv2d(conv), input);
  // No batch norm: TensorFlow.js's own (tfjs-backend-cpu, kernels/BatchNorm.ts) takes the last axis whatever it is told.
  const other = apply(tf.layers.softmax({ axis: -1 }), value);
  value = apply(tf.layers.concatenate({ axis: 1 }), [value, other]);
  value = apply(
    tf.layers.zeroPadding2d({
      padding: [
        [0, 1],
        [1, 0],
      ],
      dataFormat,
    }),
    value,
  );
  value = apply(tf.layers.depthwiseConv2d({ kernelSize: 2, dataFormat }), value);
  value = apply(tf.layers.maxPooling2d({ poolSize: 2, strides: 1, dataFormat }), value);
  const flat = apply(tf.layers.flatten({ dataFormat }), value);
  const pooled = apply(tf.layers.globalAveragePooling2d({ dataFormat }), value);
  value = apply(tf.layers.concatenate({}), [flat, pooled]);
  const model = tf.model({ inputs: input, outputs: apply(tf.layers.dense({ units: 2 }), value) });
  fill(model, new Dice(1));
  const place = join(folder, 'channels-first');
  await save(model, place);
  const imported = await importTfjs(place);
  expect(imported.inputAxes).toBeUndefined();
  expect(imported.layers.filter(({ axes }) => axes !== undefined)).toEqual([]);
  const found = await differences(imported, 2);
  await imported.source?.close();
  expect([...found].filter(([, { relative }]) => !(relative < 1e-4))).toEqual([]);
});

it('a network whose pictures may have any size takes any', async () => {
  const input = tf.input({ shape: [null, null, 3] });
  const conv = tf.layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' });
  const pool = tf.layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' });
  const head = tf.layers.globalMaxPooling2d({ dataFormat: 'channelsLast' });
  const output = head.apply(pool.apply(conv.apply(input))) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: output });
  fill(model, new Dice(2));
  const place = join(folder, 'any-size');
  await save(model, place);
  const imported = await importTfjs(place);
  const { source } = imported;
  expect(source?.dims).toEqual([1, 224, 224, 3]);
  for (const [height, width] of [
    [9, 14],
    [16, 7],
  ]) {
    const sized = { ...imported, source: source && { ...source, dims: [1, height, width, 3] } };
    const found = await differences(sized, 2);
    expect([...found].filter(([, { relative }]) => !(relative < 1e-4))).toEqual([]);
  }
  await source?.close();
});
