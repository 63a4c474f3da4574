import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { productGraph } from '../../src/numerics/algebra/product-graph.js';
import { runtimeIdentity, Session } from '../../src/runtime/session.js';
import { ORACLE } from '../oracle.js';

const code = (want: string) => expect.objectContaining({ code: want });
let model: Buffer;
let folder: string;

beforeAll(async () => {
  model = await readFile(join(ORACLE, '11-layer-names', 'resnet', 'unfolded.onnx'));
  folder = await mkdtemp(join(tmpdir(), 'ventral-session-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a model opens from bytes and from a path, says what it takes, and runs', async () => {
  const path = join(folder, 'model.onnx');
  await writeFile(path, model);
  const data = Float32Array.from({ length: 2 * 3 * 24 * 24 }, (_, i) => Math.sin(i));
  const input = { dtype: 'float32', dims: [2, 3, 24, 24], data } as const;
  const outputs = await Promise.all(
    [model, path].map(async (from) => {
      const session = await Session.open(from, { threads: 1 });
      expect(session.threads).toBe(1);
      expect(session.inputs).toEqual([
        { name: 'input', dtype: 'float32', dims: [null, 3, 24, 24] },
      ]);
      expect(session.outputs.map(({ name }) => name)).toEqual(['logits']);
      const { logits } = await session.run({ input }, ['logits']);
      expect(logits.dims).toEqual([2, 6]);
      await session.close();
      return logits.data;
    }),
  );
  expect(outputs[0]).toEqual(outputs[1]);
});

test.each([
  ['text', () => Buffer.from('hello, I am a text'), 'not-onnx'],
  ['nothing', () => Buffer.alloc(0), 'not-onnx'],
  ['half of a model', () => model.subarray(0, model.length / 2), 'onnx-truncated'],
  ['all but the last byte', () => model.subarray(0, model.length - 1), 'onnx-truncated'],
  [
    'an operator that nobody has',
    () => Buffer.from(model.toString('latin1').replaceAll('\x04Relu', '\x04Rela'), 'latin1'),
    'onnx-operator',
  ],
  [
    'a graph that refers to nothing',
    () => Buffer.from(model.toString('latin1').replace('\x05input', '\x05outpt'), 'latin1'),
    'onnx-invalid',
  ],
])('%s is refused, from bytes and from a file', async (name, bytes, expected) => {
  const path = join(folder, `${name}.bin`);
  await writeFile(path, bytes());
  await expect(Session.open(bytes())).rejects.toThrow(code(expected));
  await expect(Session.open(path)).rejects.toThrow(code(expected));
});

test('a missing file and a wrong input are told apart', async () => {
  await expect(Session.open(join(folder, 'none.onnx'))).rejects.toThrow(code('file-missing'));
  const session = await Session.open(productGraph(false, false), { name: 'product.onnx' });
  const wrong = { dtype: 'float32', dims: [1, 1], data: new Float32Array(1) } as const;
  await expect(session.run({ A: wrong, B: wrong })).rejects.toThrow(code('inference-failed'));
  await expect(session.run({ A: wrong, B: wrong })).rejects.toThrow(/product\.onnx/);
});

test('the runtime names itself', () => {
  expect(runtimeIdentity(2)).toEqual({
    ort: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    provider: 'cpu',
    threads: 2,
  });
});
