import { expect, test } from 'vitest';
import type { HubFile } from '../../../src/data/hub/hub-repository.js';
import { chooseModelFile } from '../../../src/importing/hub/choose-file.js';
import { precisionInName } from '../../../src/onnx/weight-type.js';

const files = (paths: readonly string[], size = 9): HubFile[] =>
  paths.map((path) => ({ path, size, algorithm: 'sha256', digest: path }));
const choose = (paths: readonly string[], asked?: string) =>
  chooseModelFile(files(paths), asked, 'hf:o/n').path;

const precisions = [
  ...['_fp16', '_quantized', '_int8', '_uint8', '_q4', '_q4f16', '_bnb4', '_O4'],
  ...['_qint8_avx512_vnni', '_quint8_avx2', '_qint8_arm64', '-bf16', '.fp16'],
].map((end) => `onnx/model${end}.onnx`);

test('the file in full precision is chosen among those of others', () => {
  expect(choose(['config.json', ...precisions, 'onnx/model.onnx'])).toBe('onnx/model.onnx');
  expect(choose([...precisions, 'onnx/model_fp32.onnx'])).toBe('onnx/model_fp32.onnx');
  expect(choose(['model_int8.onnx'])).toBe('model_int8.onnx');
  expect(precisions.map((path) => precisionInName(path).stem)).toEqual(
    precisions.map(() => 'onnx/model'),
  );
  expect(precisionInName('resnet50_v1.onnx')).toEqual({ stem: 'resnet50_v1' });
});

test('a file is asked for by its path or its name', () => {
  expect(choose([...precisions, 'onnx/model.onnx'], 'onnx/model_q4.onnx')).toBe(
    'onnx/model_q4.onnx',
  );
  expect(choose([...precisions, 'onnx/model.onnx'], 'model_fp16.onnx')).toBe(
    'onnx/model_fp16.onnx',
  );
});

test.each<[string, string[], string | undefined, RegExp]>([
  [
    'several in full precision',
    ['onnx/model.onnx', 'onnx/text_model.onnx', 'onnx/vision_model.onnx', 'onnx/model_q4.onnx'],
    undefined,
    /has several ONNX files in full precision: choose by --file from "onnx\/model\.onnx", "onnx\/text_model\.onnx", "onnx\/vision_model\.onnx"$/,
  ],
  [
    'none in full precision',
    precisions,
    undefined,
    /has no ONNX file in full precision: .* and 5 more$/,
  ],
  ['another name', ['a.onnx'], 'b.onnx', /has no ONNX file "b\.onnx": choose by --file from "a/],
  [
    'a name of two',
    ['x/a.onnx', 'y/a.onnx'],
    'a.onnx',
    /has several ONNX files "a\.onnx": .* "x\/a\.onnx", "y\/a\.onnx"/,
  ],
])('%s are listed', (_, paths, asked, words) => {
  expect(() => choose(paths, asked)).toThrow(
    expect.objectContaining({ code: 'bad-usage', message: expect.stringMatching(words) }),
  );
});

test('a repository without an ONNX file, and a file that is too large, are refused', () => {
  expect(() => choose(['README.md', 'model.safetensors'])).toThrow(
    /has no ONNX file; it has "model\.safetensors", which `ventral import` takes/,
  );
  expect(() => choose(['README.md'])).toThrow(/has no ONNX file$/);
  expect(() => chooseModelFile(files(['a.onnx'], 2 ** 31), undefined, 'hf:o/n')).toThrow(
    /a\.onnx has 2147483648 bytes, and the runtime takes a model of at most 2147483647/,
  );
});
