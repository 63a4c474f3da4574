import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  ascii,
  contents,
  dictionary,
  fixture,
  ownFolder,
  p,
  readFixture,
  refusal,
  zipped,
} from './made-checkpoints.js';

type Expected = Record<string, { dtype: string; dims: number[]; values: unknown[] }>;
const expected = (await readFixture('numpy-expected.json')) as Expected;
const folder = ownFolder();

async function plain(file: string, key?: string): Promise<Expected> {
  const read = [...(await contents(file, key))];
  return Object.fromEntries(
    read.map(([name, { dtype, dims, elements }]) => {
      const values = Array.from(elements as Iterable<number | bigint>, (value) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      return [name, { dtype, dims: [...dims], values }];
    }),
  );
}

describe('a state dict of numpy arrays is read to the bit', () => {
  it.each(['numpy-2.pkl', 'numpy-4.pkl', 'numpy-5.pkl', 'numpy.pth', 'numpy.npz'])(
    '%s',
    async (name) => {
      expect(await plain(fixture(name))).toEqual(expected);
    },
  );

  it('whatever the file is called', async () => {
    const file = await folder.write('weights.pth', await readFile(fixture('numpy-4.pkl')));
    expect(await plain(file, 'model')).toEqual(expected);
  });
});

describe('arrays that are no numbers of a network', () => {
  it('are refused by name where they hold objects, of which none is made', async () => {
    const pickled = await refusal(fixture('numpy-objects.pkl'));
    expect(pickled.code).toBe('import-unsupported');
    expect(pickled.message).toContain('the tensor b is numpy.object, which is not supported');
    const archived = await refusal(fixture('numpy-objects.npz'));
    expect(archived.code).toBe('npy-invalid');
    expect(archived.message).toMatch(/array b.*objects and records are not read/);
  });

  const array = (state: Buffer) =>
    p.join(
      p.named('numpy.core.multiarray', '_reconstruct'),
      '(',
      p.named('numpy', 'ndarray'),
      'K\x00\x85C\x01bt',
      'R(K\x01',
      state,
      'tb',
    );
  const dtype = (code: string, order = '<') =>
    p.join(
      p.named('numpy', 'dtype'),
      '(',
      p.text(code),
      '\x89\x88tR(K\x03',
      p.text(order),
      'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb',
    );
  const two = p.join('K\x02\x85');
  const made = async (state: Buffer) =>
    folder.write('made.pth', zipped(dictionary({ a: array(state) })));

  it.each<[string, Buffer, string]>([
    [
      'fewer bytes than the sizes say',
      p.join(two, dtype('f4'), '\x89', p.bytes(ascii('abcd'))),
      'expected 8 bytes for an array of [2] of float32, found 4',
    ],
    [
      'negative sizes',
      p.join('J\xff\xff\xff\xff\x85', dtype('f4'), '\x89', p.bytes(ascii(''))),
      'expected the sizes of an array, found a list of 1',
    ],
    [
      'a list for bytes',
      p.join(two, dtype('f4'), '\x89', ']'),
      'expected bytes, found a list of 0',
    ],
    [
      'whole numbers that no network has',
      p.join(two, dtype('u4'), '\x89', p.bytes(ascii('abcdefgh'))),
      'the tensor a is numpy.u4, which is not supported',
    ],
  ])('%s', async (_, state, message) => {
    expect((await refusal(await made(state))).message).toContain(message);
  });

  it('a list of objects is read by the same rules as all else', async () => {
    const evil = p.join(p.named('posix', 'system'), '(', p.text('true'), 'tR');
    const state = p.join(two, dtype('O8', '|'), '\x89', ']', evil, 'a');
    const error = await refusal(await made(state));
    expect(error.code).toBe('checkpoint-unsafe');
    expect(error.message).toContain('needs posix.system');
  });
});
