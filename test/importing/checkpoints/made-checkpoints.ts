import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { openCheckpoint } from '../../../src/importing/checkpoint/open-checkpoint.js';
import type { Checkpoint } from '../../../src/importing/source/checkpoint.js';
import type { Elements } from '../../../src/onnx/graph-builder.js';
import { type ZipPart, zipOf } from '../../fuzz/zip-cases.js';

/** Checkpoints put together by hand, so that they can hold what no honest writer would write. */

const fixtures = join(import.meta.dirname, '../../fixtures/checkpoints');

/** Path of a checkpoint that PyTorch, dill or safetensors wrote. */
export const fixture = (name: string): string => join(fixtures, name);

export const readFixture = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(fixture(name), 'utf8'));

/** A folder of the test's own, and a way to put files into it. */
export function ownFolder() {
  let path = '';
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'ventral-checkpoints-'));
  });
  afterAll(() => rm(path, { recursive: true }));
  return {
    get path() {
      return path;
    },
    async write(name: string, bytes: Uint8Array | string): Promise<string> {
      const file = join(path, name);
      await writeFile(file, bytes);
      return file;
    },
  };
}

export const ascii = (signs: string): Buffer => Buffer.from(signs, 'latin1');

const little = (bytes: number, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value));
  else buffer.writeUIntLE(value, 0, bytes);
  return buffer;
};

/** Pieces of pickles; `p` is for pickle. */
export const p = {
  text: (text: string) =>
    Buffer.concat([ascii('X'), little(4, Buffer.byteLength(text)), Buffer.from(text)]),
  short: (text: string) => Buffer.concat([ascii('\x8c'), little(1, text.length), ascii(text)]),
  bytes: (bytes: Uint8Array) => Buffer.concat([ascii('B'), little(4, bytes.length), bytes]),
  int: (value: number) => Buffer.concat([ascii('J'), little(4, value >>> 0)]),
  named: (module: string, name: string) => ascii(`c${module}\n${name}\n`),
  little,
  join: (...pieces: (Buffer | string)[]) =>
    Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? ascii(piece) : piece))),
};

/** The persistent id of a storage, taken. */
export const storage = (key: string, count: number, type = 'FloatStorage'): Buffer =>
  p.join(
    '(',
    p.text('storage'),
    p.named('torch', type),
    p.text(key),
    p.text('cpu'),
    p.int(count),
    'tQ',
  );

const tuple = (values: readonly number[]) => p.join('(', ...values.map(p.int), 't');

/** A call of `_rebuild_tensor_v2`. */
export const tensor = (
  stored: Buffer,
  dims: readonly number[],
  strides: readonly number[],
  offset = 0,
): Buffer =>
  p.join(
    p.named('torch._utils', '_rebuild_tensor_v2'),
    '(',
    stored,
    p.int(offset),
    tuple(dims),
    tuple(strides),
    '\x89',
    p.named('collections', 'OrderedDict'),
    ')RtR',
  );

/** A whole pickle that is a dictionary. */
export const dictionary = (entries: Readonly<Record<string, Buffer>>): Buffer =>
  p.join(
    '\x80\x02}',
    ...Object.entries(entries).flatMap(([key, value]) => [p.text(key), value, 's']),
    '.',
  );

export const floats = (...values: number[]): Buffer =>
  Buffer.from(Float32Array.from(values).buffer);

/** A file as PyTorch 1.6 and later write it. */
export function zipped(
  pickle: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
  others: readonly ZipPart[] = [],
  compress = false,
): Uint8Array {
  const data = Object.entries(storages).map(([key, bytes]) => ({
    name: `a/data/${key}`,
    data: bytes,
  }));
  return zipOf([{ name: 'a/data.pkl', data: pickle }, ...data, ...others], compress);
}

const legacyHead = p.join(
  '\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.',
  '\x80\x02M\xe9\x03.',
);

/** A file as PyTorch wrote it before 1.6; each storage by its key, with its count of elements. */
export function legacy(
  pickle: Uint8Array,
  storages: Readonly<Record<string, { count: number; bytes: Uint8Array }>> = {},
  system: Buffer = p.join('\x80\x02}', p.text('little_endian'), '\x88s.'),
): Buffer {
  const keys = p.join('\x80\x02](', ...Object.keys(storages).map(p.text), 'e.');
  const numbers = Object.values(storages).flatMap(({ count, bytes }) => [
    little(8, count),
    Buffer.from(bytes),
  ]);
  return Buffer.concat([legacyHead, system, pickle, keys, ...numbers]);
}

/** A safetensors file with any header at all. */
export function safetensors(header: unknown, data: Uint8Array = new Uint8Array(0)): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  return Buffer.concat([little(8, text.length), text, data]);
}

/** The error with which a file is refused; anything else that is thrown continues. */
export async function refusal(file: string, key?: string): Promise<VentralError> {
  let checkpoint: Checkpoint;
  try {
    checkpoint = await openCheckpoint(file, key);
  } catch (error) {
    if (error instanceof VentralError && error.code !== 'internal') return error;
    throw error;
  }
  try {
    for (const stored of checkpoint.tensors.values()) await stored.read();
  } catch (error) {
    if (error instanceof VentralError && error.code !== 'internal') return error;
    throw error;
  } finally {
    await checkpoint.close();
  }
  throw new Error(`${file} was read`);
}

/** Everything that a file holds. */
export async function contents(
  file: string,
  key?: string,
): Promise<Map<string, { dtype: string; dims: readonly number[]; elements: Elements }>> {
  const checkpoint = await openCheckpoint(file, key);
  try {
    const result = new Map();
    for (const [name, stored] of checkpoint.tensors) {
      result.set(name, { dtype: stored.dtype, dims: stored.dims, elements: await stored.read() });
    }
    return result;
  } finally {
    await checkpoint.close();
  }
}

/** A checkpoint in memory, whose tensors hold one number each. */
export function checkpoint(
  numbers: Record<string, number>,
  more: Partial<Checkpoint> = {},
): Checkpoint {
  const tensors = Object.entries(numbers).map(
    ([name, value]) =>
      [name, { dtype: 'float32', dims: [1], read: async () => Float32Array.of(value) }] as const,
  );
  return {
    file: 'a.pth',
    format: 'pytorch',
    path: '',
    tensors: new Map(tensors),
    close: async () => {},
    ...more,
  };
}
