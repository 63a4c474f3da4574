import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { draftCard } from '../../../src/activations/init-card.js';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { importCheckpoint } from '../../../src/importing/import-checkpoint.js';
import { prove, runtimeOutputs } from '../../../src/importing/proof/proof.js';
import { importNetwork } from '../../../src/importing/tflite/import-tflite.js';
import { parseTflite } from '../../../src/importing/tflite/tflite-file.js';
import { listLayers } from '../../../src/onnx/layers.js';
import { readModel } from '../../../src/onnx/model.js';
import { Session } from '../../../src/runtime/session.js';
import { damaged } from '../../fuzz/damage.js';
import { Dice } from '../../fuzz/dice.js';
import { convOptions, mobile, others } from './made-networks.js';
import { bytesOf, flatBuffer, type MadeNetwork, tfliteOf } from './made-tflite.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ventral-tflite-'));
});
afterAll(() => rm(root, { recursive: true }));

const read = async (network: MadeNetwork) =>
  importNetwork(parseTflite('made.tflite', tfliteOf(network)));

async function imported(network: MadeNetwork, name: string) {
  const checkpoint = join(root, `${name}.tflite`);
  const output = join(root, `${name}.onnx`);
  await writeFile(checkpoint, tfliteOf(network));
  return importCheckpoint({ checkpoint, output });
}

async function run(onnx: Uint8Array, dims: readonly number[], data: Float32Array) {
  const session = await Session.open(onnx);
  const [input] = session.inputs;
  const outputs = await session.run({ [input.name]: { dtype: 'float32', dims, data } });
  await session.close();
  return Object.values(outputs).map(({ data: values }) => [...(values as Float32Array)]);
}

describe('a TensorFlow Lite network', () => {
  it.each(['float', 'quantised'] as const)('in %s is proved layer by layer', async (kind) => {
    const report = await imported(mobile(kind), kind);
    expect(report.source).toEqual({ file: `${kind}.tflite`, format: 'tflite' });
    expect(report.proof?.by).toBe('a float64 evaluation of the TensorFlow Lite file');
    expect(report.proof?.layers.map(({ layer }) => layer)).toEqual([
      ...['stem/Relu6', 'depthwise', 'project', 'add', 'pool', 'mean', 'classes', 'reshape'],
      'softmax',
    ]);
    expect(report.proof?.notCompared).toEqual([]);
  });

  it('has every layer as a module, and the 1000 classes of everybody else as logits', async () => {
    const { file } = await imported(mobile('float'), 'modules');
    const model = readModel(readFileSync(file), 'modules');
    const modules = listLayers(model)
      .filter(({ kind }) => kind === 'module')
      .map(({ name }) => name);
    expect(modules).toEqual(expect.arrayContaining(['stem/Relu6', 'add', 'softmax', 'logits']));
    const data = Float32Array.from({ length: 11 * 9 * 3 }, (_, i) => Math.sin(i));
    const [softmax, logits] = await run(readFileSync(file), [1, 3, 11, 9], data);
    expect(logits).toHaveLength(1000);
    const sum = logits.reduce((total, each) => total + Math.exp(each), 0);
    const others = 1 - softmax[0];
    expect(Math.exp(logits[7]) / sum).toBeCloseTo(softmax[8] / others, 6);
  });

  it('that is quantised says what changed, and how pixels become its input', async () => {
    const { notes, normalizer, file } = await imported(mobile('quantised'), 'says');
    expect(notes.slice(0, 3)).toEqual([
      '4 tensors of 8-bit weights are written in float32, as scale × (q − zero point)',
      'the source rounds 9 values to 8 bits; the imported network computes them in float32 and holds them in the ranges of the source',
      'the first of the 1001 classes is TensorFlow’s background: the layer logits has the 1000 others',
    ]);
    expect(notes[3]).toMatch(/^rounded to 8 bits as in the source, softmax differs by at most /);
    expect(normalizer?.mean[0]).toBeCloseTo(128 / 255, 12);
    expect(normalizer?.std[0]).toBeCloseTo(128 / 255, 12);
    expect((await draftCard(file)).hints.normalizer).toEqual(normalizer);
  });

  it('of the other operators, of half floats and of scales by channel is proved too', async () => {
    const report = await imported(others(), 'others');
    expect(report.proof?.layers).toHaveLength(14);
    expect(report.notes).toEqual([
      '1 tensors of 8-bit weights are written in float32, as scale × (q − zero point)',
    ]);
  });

  it('gives numbers computed by hand: kernels, padding and saturation as TensorFlow Lite has them', async () => {
    // Filters [2, 1, 2, 1] over [1, 1, 3, 1], stride 2, SAME: the odd column stands behind.
    const network: MadeNetwork = {
      tensors: [
        { name: 'image', shape: [1, 1, 3, 1] },
        {
          name: 'kernel',
          shape: [2, 1, 2, 1],
          type: 'int8',
          scale: [0.5, 0.25],
          axis: 0,
          data: bytesOf(Int8Array.of(2, 4, -4, 8)),
        },
        { name: 'bias', shape: [2], data: bytesOf(Float32Array.of(10, -1)) },
        { name: 'out', shape: [1, 1, 2, 2], type: 'uint8', scale: [0.5], zeroPoint: [200] },
      ],
      operators: [
        {
          code: 3,
          inputs: ['image', 'kernel', 'bias'],
          outputs: ['out'],
          options: convOptions('same', [2, 2]),
        },
      ],
      inputs: ['image'],
      outputs: ['out'],
    };
    const { model } = await read(network);
    // Kernels are [1, 2] and [−1, 2]; the range is (0 − 200) / 2 to (255 − 200) / 2.
    const [out] = await run(model, [1, 1, 1, 3], Float32Array.of(3, 4, 70));
    expect(out).toEqual([10 + 3 + 8, 27.5, -1 - 3 + 8, -71]);
    const [low] = await run(model, [1, 1, 1, 3], Float32Array.of(3, 4, 300));
    expect(low).toEqual([21, 27.5, 4, -100]);
  });

  it('is refused where the graph computes another network than the file', async () => {
    const [one, other] = [await read(mobile('float')), await read(mobile('float', 5))];
    const model = readModel(one.model, 'made');
    const proof = prove(model, runtimeOutputs(other, other.source!));
    await expect(proof).rejects.toMatchObject({
      code: 'import-differs',
      details: { field: 'stem/Relu6' },
    });
  });
});

describe('a TensorFlow Lite file is refused', () => {
  const plain = mobile('float');
  const changed = (change: Partial<MadeNetwork>) => read({ ...plain, ...change });
  const operator = (code: number, more = {}) => [
    { code, inputs: ['image'], outputs: ['stem/Relu6;stem/BatchNorm'], ...more },
    ...plain.operators.slice(1),
  ];

  it.each([
    ['an operator that is not known', { operators: operator(45) }, 'import-unsupported'],
    [
      'a window without options',
      { operators: [{ ...plain.operators[0], options: undefined }, ...plain.operators.slice(1)] },
      'checkpoint-invalid',
    ],
    ['two inputs', { inputs: ['image', 'mean'] }, 'checkpoint-invalid'],
    ['an output that is the input', { outputs: ['image'] }, 'checkpoint-invalid'],
    [
      'an operator before its input',
      { operators: plain.operators.toReversed() },
      'import-unsupported',
    ],
    [
      'a result of another shape',
      { tensors: plain.tensors.map((t) => (t.name === 'add' ? { ...t, shape: [1, 6, 5, 9] } : t)) },
      'checkpoint-invalid',
    ],
    [
      'a constant of fewer bytes',
      {
        tensors: plain.tensors.map((t) =>
          t.name === 'w1' ? { ...t, data: t.data!.subarray(4) } : t,
        ),
      },
      'checkpoint-invalid',
    ],
    [
      'a scale of 0',
      { tensors: plain.tensors.map((t) => (t.name === 'add' ? { ...t, scale: [0] } : t)) },
      'checkpoint-invalid',
    ],
  ])('for %s', async (_, change, code) => {
    const error = await changed(change).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect((error as VentralError).message).toContain('made.tflite');
  });

  it('naming an operator that is not imported, by its code or its own name', async () => {
    const first = (code: number, outputs = ['stem/Relu6;stem/BatchNorm']) =>
      changed({
        operators: [{ code, inputs: ['image'], outputs }, ...plain.operators.slice(1)],
      });
    await expect(first(23)).rejects.toThrow(/layer stem\/Relu6 is of class RESIZE_BILINEAR/);
    await expect(first(88, ['stem/Relu6;stem/BatchNorm', 'w1'])).rejects.toThrow(
      /class UNPACK, with other than one output/,
    );
    await expect(first(32)).rejects.toThrow(/class custom/);
    await expect(first(207)).rejects.toThrow(/class operator 207/);
  });

  it('that is not of its version, or is cut off', () => {
    const version = flatBuffer({ 0: { u32: 2 } });
    expect(() => parseTflite('x', version)).toThrow('x: version should be 3, found 2');
    expect(() => parseTflite('x', version.subarray(0, 20))).toThrow(/parts within the 20 bytes/);
    expect(() => parseTflite('x', new Uint8Array(3))).toThrow(/at least 8 bytes/);
  });

  it('whose tables share one list so often that reading it would take hours', () => {
    // 50,000 tensors of one table, whose scales are 400 KB long.
    const scales = { 2: { f32s: Array.from({ length: 100_000 }, () => 1) } };
    const tensor = { 0: { i32s: [100_000] }, 4: { table: scales } };
    const graph = { 0: { tables: [tensor] } };
    const bytes = flatBuffer({ 0: { u32: 3 }, 2: { tables: [graph] }, 4: { tables: [{}] } });
    expect(() => parseTflite('bomb', sharedTensor(bytes, 50_000))).toThrow(
      'bomb: lists should be as many bytes as the file has, found the same ones again',
    );
  });

  it('or imported, one of the two, however it is damaged: 1,000 times', async () => {
    const files = [mobile('float'), mobile('quantised'), others()].map(tfliteOf);
    const ends = new Map<string, number>();
    for (let seed = 0; seed < 1000; seed++) {
      const dice = new Dice(seed);
      const bytes = damaged(files[seed % 3], dice, files[(seed + 1) % 3]);
      const end = await endOf(bytes).catch((error: unknown) =>
        error instanceof VentralError ? error.code : `${seed}: ${error}`,
      );
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    expect([...ends.keys()].sort()).toEqual([
      'checkpoint-invalid',
      'import-unsupported',
      'imported',
    ]);
    expect(ends.get('imported')).toBeGreaterThan(50);
  });
});

/** Imports damaged bytes and evaluates what was imported. */
async function endOf(bytes: Uint8Array): Promise<string> {
  const { source } = await importNetwork(parseTflite('damaged.tflite', bytes));
  const dims = source?.dims ?? [];
  const data = new Float32Array(dims.reduce((product, size) => product * size, 1)).fill(0.5);
  for await (const { output } of source?.run({ dtype: 'float32', dims, data }) ?? [])
    expect(output.data).toHaveLength(output.dims.reduce((product, size) => product * size, 1));
  return 'imported';
}

/** The file with its one tensor in the list of tensors many times. */
function sharedTensor(bytes: Uint8Array, times: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const follow = (at: number) => at + view.getUint32(at, true);
  const place = (table: number, number: number) =>
    table + view.getUint16(table - view.getInt32(table, true) + 4 + 2 * number, true);
  const model = follow(0);
  const graph = follow(follow(place(model, 2)) + 4);
  const at = follow(place(graph, 0));
  const list = Buffer.alloc(4 + 4 * times);
  list.writeUInt32LE(times);
  const more = list.length - 8;
  for (let i = 1; i <= times; i++) list.writeUInt32LE(follow(at + 4) + more - at - 4 * i, 4 * i);
  // The buffers lie behind the list, and what refers to them before it.
  const buffers = place(model, 4);
  view.setUint32(buffers, view.getUint32(buffers, true) + more, true);
  return Buffer.concat([bytes.subarray(0, at), list, bytes.subarray(at + 8)]);
}
