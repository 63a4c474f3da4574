import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  ascii,
  contents,
  dictionary,
  fixture,
  floats,
  legacy,
  ownFolder,
  p,
  refusal,
  storage,
  tensor,
  zipped,
} from './made-checkpoints.js';

const folder = ownFolder();
const one = tensor(storage('0', 1), [1], [1]);
const two = tensor(storage('0', 2), [2], [1]);

async function expectRefused(bytes: Uint8Array, found: string, code = 'checkpoint-invalid') {
  const error = await refusal(await folder.write('damaged.pth', bytes));
  expect(error.message).toContain(found);
  expect(error.code).toBe(code);
}

describe('pickles that are bombs', () => {
  const pickle = (...pieces: (Buffer | string)[]) => zipped(p.join('\x80\x04', ...pieces, '.'));
  it.each<[string, Uint8Array, string]>([
    [
      'an integer of 2 GB',
      pickle('\x8b\xff\xff\xff\x7f'),
      'expected an integer of at most 256 bytes',
    ],
    [
      'an integer of a negative length',
      pickle('\x8b\xff\xff\xff\xff'),
      'expected an integer of at most 256 bytes',
    ],
    [
      'a text of 4 GB',
      pickle('X\xff\xff\xff\xff'),
      'expected 4294967295 bytes, found 1 before the end',
    ],
    [
      'a text of 2^63 bytes',
      pickle('\x8d\x00\x00\x00\x00\x00\x00\x00\x80'),
      'found 1 before the end',
    ],
    ['bytes of 2^64 − 1', pickle('\x8e\xff\xff\xff\xff\xff\xff\xff\xff'), 'found 1 before the end'],
    [
      'a byte array of 2^40',
      pickle('\x96\x00\x00\x00\x00\x00\x01\x00\x00'),
      'found 1 before the end',
    ],
    [
      'a frame of 2^40',
      pickle('\x95\x00\x00\x00\x00\x00\x01\x00\x00'),
      'expected a frame of 1099511627776 bytes',
    ],
    ['1,001 marks', pickle('('.repeat(1001)), 'expected at most 1000 marks'],
    ['steps without end', pickle('N0'.repeat(2 ** 20)), 'expected at most 2097152 steps'],
    ['a decimal of 100,000 digits', pickle(`L${'9'.repeat(60_000)}L\n`), 'expected an integer'],
    ['a line without end', pickle('c', 'a'.repeat(200_000)), 'expected the end of a line'],
    [
      'a memo that is empty',
      pickle('h\x01'),
      'expected a value that was put away, found none under 1',
    ],
    ['a stack that is empty', pickle('0'), 'expected a value, found an empty stack'],
    ['a stack below its mark', pickle('N(R'), 'expected a value, found an empty stack'],
    ['a mark that is not there', pickle('Nt'), 'expected a mark, found none'],
    ['keys without values', pickle('}(Nu'), 'expected keys with values, found 1 values'],
    ['an item of no dictionary', pickle(']NNs'), 'expected a dictionary, found a list of 0'],
    ['an item of no list', pickle('}Na'), 'expected a list, found a dictionary'],
    ['a buffer from outside', pickle('\x97'), 'expected everything inside the pickle'],
    ['protocol 6', zipped(ascii('\x80\x06.')), 'expected protocol 5 or older, found protocol 6'],
    [
      'an unknown opcode',
      pickle('\xff'),
      'a/data.pkl byte 3: expected an opcode of pickle, found 0xff',
    ],
    ['no end', zipped(p.join('\x80\x02}')), 'expected 1 bytes, found 0 before the end'],
    ['nothing', zipped(new Uint8Array(0)), 'expected 1 bytes, found 0 before the end'],
  ])('%s', async (_, bytes, found) => {
    await expectRefused(bytes, found);
  });

  it.each<[string, Buffer]>([
    [
      'lists of lists, a billion at the end',
      p.join(
        ']q\x00',
        ...Array.from({ length: 40 }, () => p.join('0(', 'h\x00'.repeat(10), 'lq\x00')),
      ),
    ],
    ['a list 100,000 deep', p.join(']'.repeat(100_000), 'a'.repeat(99_999))],
    ['a list in itself', ascii(']q\x00h\x00a')],
    ['a dictionary in itself', p.join('}q\x00', p.text('model'), 'h\x00s')],
    [
      'dictionaries of dictionaries',
      p.join(
        '}q\x00',
        ...Array.from({ length: 40 }, () =>
          p.join(
            '0}(',
            ...Array.from({ length: 10 }, (_, i) => p.join(p.text(`k${i}`), 'h\x00')),
            'uq\x00',
          ),
        ),
      ),
    ],
    ['a memo with holes', ascii('Nr\xff\xff\xff\xff')],
  ])('%s beside a tensor does no harm', async (_, value) => {
    const file = await folder.write(
      'odd.pth',
      zipped(dictionary({ odd: value, a: one }), { 0: floats(5) }),
    );
    expect((await contents(file)).get('a')?.elements).toEqual(Float32Array.of(5));
  });
});

describe('archives that are not as they should be', () => {
  const good = dictionary({ a: two });
  it('a storage that is shorter than its tensor', async () => {
    await expectRefused(
      zipped(good, { 0: floats(1) }),
      'a: expected 8 bytes for [2] of float32, found a storage of 4',
    );
  });
  it('a storage that is not there', async () => {
    await expectRefused(zipped(good), 'a/data/0: expected a storage, found no entry');
  });
  it('a storage outside its folder', async () => {
    const pickle = dictionary({ a: tensor(storage('../data.pkl', 1), [1], [1]) });
    await expectRefused(zipped(pickle), 'a/data/../data.pkl: expected a storage, found no entry');
  });
  it('more elements than memory by a stride of 0', async () => {
    const pickle = dictionary({ a: tensor(storage('0', 1), [2 ** 30], [0]) });
    await expectRefused(zipped(pickle, { 0: floats(1) }), 'at most 16777216 repeated elements');
  });
  it('two pickles', async () => {
    const other = { name: 'b/data.pkl', data: good };
    await expectRefused(zipped(good, { 0: floats(1, 2) }, [other]), 'found 2 of them');
  });
  it('an order of bytes that there is not', async () => {
    const order = { name: 'a/byteorder', data: ascii('middle') };
    await expectRefused(
      zipped(good, { 0: floats(1, 2) }, [order]),
      'a/byteorder: expected "little" or "big"',
    );
  });
  it('a number that was changed', async () => {
    const bytes = Buffer.from(zipped(good, { 0: floats(1, 2) }));
    bytes[bytes.indexOf(floats(2))] ^= 1;
    await expectRefused(bytes, 'checksum', 'zip-invalid');
  });
  it('an archive that is cut short', async () => {
    const bytes = zipped(good, { 0: floats(1, 2) });
    await expectRefused(bytes.slice(0, -30), 'damaged.pth', 'zip-invalid');
  });
  it('a pickle of more than 64 MiB', async () => {
    await expectRefused(
      zipped(Buffer.alloc(2 ** 26 + 1)),
      'a/data.pkl: expected at most 67108864 bytes',
    );
  });
  it('a pickle that unpacks to more than 64 MiB', async () => {
    const bomb = zipped(Buffer.alloc(2 ** 26 + 1), {}, [], true);
    await expectRefused(bomb, 'a/data.pkl: expected at most 67108864 bytes');
  });
  it('a large storage that was deflated', async () => {
    const data = Buffer.alloc(2 ** 26 + 4);
    for (let i = 0; i < data.length; i += 256) data.writeUInt16LE((i * 40_503) & 0xffff, i);
    const pickle = dictionary({ a: tensor(storage('0', data.length / 4), [1], [1]) });
    await expectRefused(
      zipped(pickle, { 0: data }, [], true),
      'expected a stored entry, or one of at most 67108864 bytes',
    );
  });
});

describe('older files that are not as they should be', () => {
  const good = dictionary({ a: two });
  const bytes = floats(1, 2);
  it.each<[string, Buffer, string]>([
    [
      'a storage that is shorter than its tensor',
      legacy(good, { 0: { count: 1, bytes } }),
      'a: expected 8 bytes for [2] of float32, found a storage of 4',
    ],
    [
      'a storage longer than the file',
      legacy(good, { 0: { count: 3, bytes } }),
      'storage 0: expected 12 bytes, found 8 before the end of the file',
    ],
    [
      'a storage of 2^53 elements',
      legacy(good, { 0: { count: 2 ** 53, bytes } }),
      'before the end of the file',
    ],
    ['no storage', legacy(good), 'storage 0: expected its bytes, found none'],
    [
      'a storage that no tensor uses',
      legacy(good, { 0: { count: 2, bytes }, 1: { count: 2, bytes } }),
      'storage 1: expected a tensor that uses it',
    ],
    [
      'a file that is cut short',
      legacy(good, { 0: { count: 2, bytes } }).subarray(0, -12),
      'storage 0: expected its length, found the end of the file',
    ],
    [
      'numbers of another machine',
      legacy(good, {}, p.join('\x80\x02}', p.text('little_endian'), '\x89s.')),
      'those of a big-endian one',
    ],
    [
      'a storage of two types',
      legacy(dictionary({ a: two, b: tensor(storage('0', 2, 'HalfStorage'), [1], [1]) }), {
        0: { count: 2, bytes },
      }),
      'expected one type for each storage, found two for 0',
    ],
    [
      'another version',
      Buffer.from(legacy(good).toString('latin1').replace('M\xe9\x03', 'M\xea\x03'), 'latin1'),
      'the version of the format: expected 1001, found 1002',
    ],
  ])('%s', async (_, file, found) => {
    await expectRefused(file, found);
  });

  it('every cut of a good file', async () => {
    const whole = await readFile(fixture('layouts-legacy.pth'));
    for (let length = 1; length < whole.length; length += 41) {
      const error = await refusal(await folder.write('cut.pth', whole.subarray(0, length)));
      expect(error.code).toBe('checkpoint-invalid');
    }
  });
});
