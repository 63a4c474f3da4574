import { expect, test } from 'vitest';
import type { HubSource } from '../../../src/activations/card/card.js';
import { mixedPrecisions } from '../../../src/activations/card/mixed-precisions.js';

const source = (file: string, weights?: string, hub = 'hf:owner/net'): HubSource => ({
  ...{ hub, file, commit: '0'.repeat(40), sha256: '0'.repeat(64) },
  ...(weights !== undefined && { weights }),
});

test('two precisions of one network are remarked on, whatever else is there', () => {
  expect(
    mixedPrecisions([
      { name: 'a', source: source('onnx/model.onnx', 'float32') },
      { name: 'other', path: 'other.onnx' },
      { name: 'b', source: source('onnx/model_fp16.onnx', 'float16') },
      { name: 'c', source: source('onnx/model_quantized.onnx', 'uint8') },
    ]),
  ).toEqual([
    'a (float32) and b (float16) and c (uint8) are one network in several precisions: their scores differ by rounding, not by the network',
  ]);
});

test('files that nobody pulled are told apart by their names', () => {
  const models = ['nets/model.onnx', './nets/model_int8.onnx', 'other/model.onnx'];
  expect(mixedPrecisions(models.map((path) => ({ name: path, path })))).toEqual([
    expect.stringMatching(
      /^nets\/model\.onnx \(full precision\) and \.\/nets\/model_int8\.onnx \(int8\)/,
    ),
  ]);
});

test.each([
  ['several networks of one repository', ['resnet18.onnx', 'resnet50_fp16.onnx'], undefined],
  ['checkpoints', ['epoch-1.onnx', 'epoch-2.onnx'], undefined],
  ['the same file twice', ['model.onnx', 'model.onnx'], 'float32'],
])('%s are not', (_, files, weights) => {
  expect(
    mixedPrecisions(files.map((file) => ({ name: file, source: source(file, weights) }))),
  ).toEqual([]);
  expect(mixedPrecisions(files.map((path) => ({ name: path, path })))).toEqual([]);
});

test('networks of two repositories are not', () => {
  expect(
    mixedPrecisions([
      { name: 'a', source: source('model.onnx', 'float32') },
      { name: 'b', source: source('model.onnx', 'float16', 'hf:other/net') },
    ]),
  ).toEqual([]);
});
