import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkGraph } from '../../src/onnx/checks/check-graph.js';
import {
  embedExternalData,
  externalFiles,
  packExternalData,
  requireOneFile,
} from '../../src/onnx/external-data.js';
import { type Model, readModel, writeModel } from '../../src/onnx/model.js';
import { bytesRecord, concatenate, integerRecord, records } from '../../src/onnx/wire.js';
import { Session } from '../../src/runtime/session.js';
import { madeExternal } from './made-external.js';
import { smallNetwork } from './small-models.js';

let root = '';
let folder = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ventral-external-'));
  folder = join(root, 'model');
  await mkdir(join(folder, 'weights'), { recursive: true });
  const weights = new Uint8Array(Float32Array.of(9, 1, -2, 3, 0.5).buffer);
  await writeFile(join(folder, 'weights', 'w.bin'), weights);
  await writeFile(join(folder, 'short.bin'), weights.subarray(0, 8));
  await writeFile(join(root, 'secret.bin'), weights);
  await symlink(join(root, 'secret.bin'), join(folder, 'link.bin'));
  await symlink(root, join(folder, 'up'));
  execFileSync('mkfifo', [join(folder, 'pipe.bin')]);
});
afterAll(() => rm(root, { recursive: true }));

/** The small network with its first weight in a file. */
function external(entries: Record<string, string>, dims = [2, 2]): Model {
  const small = readModel(smallNetwork().build(), 'small');
  const weight = concatenate([
    ...dims.map((dim) => integerRecord(1, dim)),
    integerRecord(2, 1),
    bytesRecord(8, 'dense.weight'),
    ...Object.entries(entries).map(([key, value]) =>
      bytesRecord(13, concatenate([bytesRecord(1, key), bytesRecord(2, value)])),
    ),
    integerRecord(14, 1),
  ]);
  const [, ...others] = small.graph.records.filter((record) => record.field === 5);
  const graph = [
    ...small.graph.records.filter((record) => record.field !== 5).map((record) => record.raw),
    bytesRecord(5, weight),
    ...others.map((record) => record.raw),
  ];
  const bytes = concatenate([
    integerRecord(1, 8),
    bytesRecord(7, concatenate(graph)),
    bytesRecord(8, integerRecord(2, 17)),
  ]);
  return readModel(bytes, 'small.onnx');
}

test('weights beside the model are read into it', async () => {
  const model = external({ location: 'weights/w.bin', offset: '4', length: '16' });
  expect(checkGraph(model).externalFiles).toEqual(['weights/w.bin']);
  const whole = await embedded(model, folder);
  expect(externalFiles(whole)).toEqual([]);
  expect(checkGraph(whole).bytes).toBe(28);
  const run = async (bytes: Uint8Array) => {
    const session = await Session.open(bytes);
    const x = { dtype: 'float32', dims: [1, 2], data: Float32Array.of(1, 1) } as const;
    const { z } = await session.run({ x });
    await session.close();
    return Array.from(z.data as Float32Array);
  };
  expect(await run(writeModel(whole))).toEqual(await run(smallNetwork().build()));
});

test('a model without external data keeps its bytes', async () => {
  const bytes = smallNetwork().build();
  expect(await embedExternalData(readModel(bytes, 'small'), folder)).toEqual(bytes);
});

describe('refused', () => {
  test.each([
    ['a way up', { location: '../secret.bin' }, /"\.\.\/secret\.bin"/],
    ['a way up in the middle', { location: 'weights/../../secret.bin' }, /folder/],
    ['a way up with backslashes', { location: '..\\secret.bin' }, /folder/],
    ['an absolute path', { location: '/etc/passwd' }, /passwd/],
    ['a drive', { location: 'C:\\secret.bin' }, /folder/],
    ['no location', {}, /""/],
    ['a link that leads out', { location: 'link.bin' }, /link that leads out/],
    ['a folder that leads out', { location: 'up/secret.bin' }, /link that leads out/],
    ['a file that is not there', { location: 'none.bin' }, /no file none\.bin/],
    ['a file that is too short', { location: 'short.bin' }, /8 bytes of short\.bin/],
    ['a pipe, which nobody fills', { location: 'pipe.bin' }, /pipe.bin, which is no plain file/],
    ['a folder', { location: 'weights' }, /weights, which is no plain file/],
    ['an offset in hexadecimal', { location: 'weights/w.bin', offset: '0x4' }, /NaN/],
    ['a huge offset', { location: 'weights/w.bin', offset: '9'.repeat(30) }, /20 bytes/],
    ['a huge length', { location: 'weights/w.bin', length: '9007199254740993' }, /16 bytes/],
    ['an offset behind the end', { location: 'weights/w.bin', offset: '8' }, /20 bytes/],
    ['a negative offset', { location: 'weights/w.bin', offset: '-4' }, /-4/],
    ['an offset that is no number', { location: 'weights/w.bin', offset: 'x' }, /NaN/],
    [
      'a length that is not the shape’s',
      { location: 'weights/w.bin', length: '8' },
      /16 bytes, found 8/,
    ],
  ])('%s', async (_, entries, words) => {
    const refusal = expect.objectContaining({
      code: 'onnx-external-data',
      message: expect.stringMatching(words),
    });
    await expect(async () => embedExternalData(external(entries), folder)).rejects.toThrow(refusal);
    await expect(async () => embedExternalData(external(entries), folder)).rejects.toThrow(
      /dense\.weight/,
    );
  });
});

describe('one file', () => {
  test('of a model and its data is written in chunks, with the bytes that are read into memory', async () => {
    const { model: bytes, data } = madeExternal(smallNetwork().build(), 'net.onnx_data');
    await writeFile(join(folder, 'net.onnx_data'), data);
    const model = readModel(bytes, 'net.onnx');
    const packed = join(root, 'packed.onnx');
    await packExternalData(model, folder, packed);
    const written = new Uint8Array(await readFile(packed));
    expect(written).toEqual(await embedExternalData(model, folder));
    expect(externalFiles(readModel(written, 'packed'))).toEqual([]);
    // A file that is there is not replaced.
    await expect(packExternalData(model, folder, packed)).rejects.toMatchObject({ code: 'EEXIST' });
  });

  test('of tensors that share bytes has them twice; what they come to is bounded', async () => {
    const weight = external({ location: 'weights/w.bin', offset: '4', length: '16' });
    const [record] = weight.graph.records.filter(({ field }) => field === 5);
    const twice = (count: number) =>
      readModel(
        concatenate([
          integerRecord(1, 8),
          bytesRecord(
            7,
            concatenate([
              ...weight.graph.records.map(({ raw }) => raw),
              ...Array.from({ length: count }, (_, i) => renamed(record.payload, `tied.${i}`)),
            ]),
          ),
          bytesRecord(8, integerRecord(2, 17)),
        ]),
        'tied.onnx',
      );
    expect(checkGraph(await embedded(twice(2), folder)).bytes).toBe(28 + 32);
    const large = external({ location: 'weights/w.bin' }, [2 ** 12, 2 ** 12]);
    expect(() => checkGraph(large, { bytes: 2 ** 20 })).toThrow(
      /tensors should be at most \d+ bytes/,
    );
  });

  test('of more than the runtime takes is refused before anything is read', async () => {
    const large = external({ location: 'hole.bin', length: `${2 ** 31}` }, [2 ** 14, 2 ** 15]);
    execFileSync('truncate', ['-s', '2G', join(folder, 'hole.bin')]);
    const refusal = expect.objectContaining({
      code: 'onnx-external-data',
      message: expect.stringMatching(/^small\.onnx has 21474\d{5} bytes with its external data/),
    });
    const path = join(root, 'large.onnx');
    await expect(packExternalData(large, folder, path)).rejects.toEqual(refusal);
    expect(() => requireOneFile(large)).toThrow(refusal);
  });

  test('may be made of a snapshot of the hub’s own clients, whose files are links', async () => {
    const cache = join(root, 'models--owner--net');
    const snapshot = join(cache, 'snapshots', '0123456789abcdef0123456789abcdef01234567', 'onnx');
    await mkdir(snapshot, { recursive: true });
    await mkdir(join(cache, 'blobs'));
    const { model: bytes, data } = madeExternal(smallNetwork().build(), 'net.onnx_data');
    await writeFile(join(cache, 'blobs', 'aa'), data);
    await writeFile(join(cache, 'other'), data);
    const link = join(snapshot, 'net.onnx_data');
    await symlink(join('..', '..', '..', 'blobs', 'aa'), link);
    const model = readModel(bytes, 'net.onnx');
    expect(externalFiles(await embedded(model, snapshot))).toEqual([]);
    await rm(link);
    await symlink(join('..', '..', '..', 'other'), link);
    await expect(embedExternalData(model, snapshot)).rejects.toThrow(/a link that leads out/);
  });
});

/** The model with its data inside. */
const embedded = async (model: Model, at: string) =>
  readModel(await embedExternalData(model, at), model.name);

/** A tensor under another name. */
const renamed = (tensor: Uint8Array, name: string) =>
  bytesRecord(
    5,
    concatenate([
      ...[...records(tensor)].filter(({ field }) => field !== 8).map(({ raw }) => raw),
      bytesRecord(8, name),
    ]),
  );
