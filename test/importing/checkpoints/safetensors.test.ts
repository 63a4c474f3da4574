import { truncate } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { contents, floats, ownFolder, p, refusal, safetensors } from './made-checkpoints.js';

const folder = ownFolder();
const a = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
const data = floats(1, 2);

describe('a safetensors file', () => {
  it('holds tensors in the order of its header, which may end in spaces', async () => {
    const empty = { dtype: 'I64', shape: [0, 3], data_offsets: [4, 4] };
    const header = {
      b: { dtype: 'F32', shape: [], data_offsets: [4, 8] },
      empty,
      a: { ...a, shape: [1], data_offsets: [0, 4] },
    };
    const file = await folder.write(
      'a.safetensors',
      safetensors(`${JSON.stringify(header)}    `, data),
    );
    const read = await contents(file);
    expect([...read.keys()]).toEqual(['b', 'empty', 'a']);
    expect(read.get('b')).toEqual({ dtype: 'float32', dims: [], elements: Float32Array.of(2) });
    expect(read.get('empty')).toEqual({
      dtype: 'int64',
      dims: [0, 3],
      elements: new BigInt64Array(),
    });
  });

  it('may have names of any kind', async () => {
    const name = '__proto__';
    const header = `{"${name}":${JSON.stringify(a)},"__metadata__":{"a\\"b:":"{\\"c\\": 1, \\\\"}}`;
    const file = await folder.write('a.safetensors', safetensors(header, data));
    expect([...(await contents(file)).keys()]).toEqual([name]);
  });
});

describe('a safetensors file is refused', () => {
  const b = { dtype: 'F32', shape: [1], data_offsets: [4, 8] };
  const text = JSON.stringify(a);
  it.each<[string, unknown, string]>([
    ['JSON that is none', '{"a": ', 'the header is not JSON'],
    ['text that is no UTF-8', '{"\udfff"'.replace('\udfff', '\\'), 'the header is not JSON'],
    ['no tensor', {}, 'expected tensors, found none'],
    ['a key twice', `{"a":${text},"a":${text}}`, 'expected each key once, found 4 doubled'],
    [
      'a field twice',
      `{"a":${text.replace('{', '{"dtype":"F32",')}}`,
      'expected each key once, found 1 doubled',
    ],
    ['a tensor that is none', { a: 1 }, 'a: expected an object, found number'],
    ['a tensor of nothing', { a: null }, 'a: expected an object, found object'],
    ['a dtype that is none', { a: { ...a, dtype: 'F31' } }, 'a: expected a dtype (F64, F32'],
    ['a dtype of an object', { a: { ...a, dtype: { toString: 1 } } }, 'found object'],
    ['a property for a dtype', { a: { ...a, dtype: 'constructor' } }, 'found constructor'],
    [
      'a field too many',
      { a: { ...a, stride: [1] } },
      'expected dtype, shape and data_offsets, found also stride',
    ],
    [
      'no shape',
      { a: { dtype: 'F32', data_offsets: [0, 8] } },
      'expected a shape, found undefined',
    ],
    ['a negative size', { a: { ...a, shape: [-2] } }, 'expected a shape'],
    ['a size that is no integer', { a: { ...a, shape: [2.5] } }, 'expected a shape'],
    [
      'a size past every number',
      `{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,8]}}`,
      'expected a shape',
    ],
    [
      'sizes past every number, and none',
      { a: { ...a, shape: [...new Array(40).fill(2 ** 53 - 1), 0] } },
      'expected 0 bytes for',
    ],
    ['65 sizes', { a: { ...a, shape: new Array(65).fill(1) } }, 'expected a shape'],
    [
      'sizes whose product overflows',
      { a: { ...a, shape: [2 ** 40, 2 ** 40] } },
      'bytes for [1099511627776, 1099511627776] of F32, found 8',
    ],
    [
      'fewer bytes than its shape',
      { a: { ...a, shape: [3] } },
      'expected 12 bytes for [3] of F32, found 8',
    ],
    [
      'offsets past the end',
      { a: { ...a, data_offsets: [0, 16], shape: [4] } },
      'expected data_offsets within 8 bytes, found [0, 16]',
    ],
    [
      'offsets the wrong way round',
      { a: { ...a, data_offsets: [8, 0] } },
      'data_offsets within 8 bytes',
    ],
    ['one offset', { a: { ...a, data_offsets: [8] } }, 'data_offsets within 8 bytes'],
    [
      'an overlap',
      { a, b },
      'b: expected its data to start at 8, found 4, which leaves an overlap',
    ],
    ['a hole', { b }, 'b: expected its data to start at 0, found 4, which leaves a hole'],
    [
      'bytes after the last',
      { a: { ...a, shape: [1], data_offsets: [0, 4] } },
      'expected 4 bytes of data, as its tensors have, found 8',
    ],
    [
      'metadata that are no texts',
      { a, __metadata__: { n: 1 } },
      '__metadata__ n: expected a text, found number',
    ],
    ['metadata that are none', { a, __metadata__: 'x' }, '__metadata__: expected an object'],
    [
      'a list nested 100,000 deep',
      `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      'a: expected an object',
    ],
    [
      'a shape nested 100,000 deep',
      `{"a":{"dtype":"F32","data_offsets":[0,8],"shape":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
      'expected a shape, found other values',
    ],
    [
      'more values than a header has',
      `{"a":[${'1,'.repeat(2 ** 21)}1]}`,
      'expected at most 2097152 values',
    ],
  ])('for %s', async (_, header, found) => {
    const error = await refusal(await folder.write('bad.safetensors', safetensors(header, data)));
    expect(error.message).toContain(found);
    expect(error.code).toBe('checkpoint-invalid');
  });

  it.each([
    ['F8_E4M3', 2],
    ['U16', 4],
    ['C64', 16],
  ])('for the type %s, which is not read', async (dtype) => {
    const error = await refusal(
      await folder.write('bad.safetensors', safetensors({ a: { ...a, dtype } }, data)),
    );
    expect(error.message).toContain(`the tensor a is ${dtype}, which is not supported`);
    expect(error.code).toBe('import-unsupported');
  });

  it.each<[string, number]>([
    ['more than the file', 3],
    ['2^40 bytes', 2 ** 40],
    ['more than 100 MB', 100_000_001],
  ])('for a header of %s', async (_, length) => {
    const file = await folder.write('bomb.safetensors', p.join(p.little(8, length), '{}'));
    const error = await refusal(file);
    expect(error.message).toContain(
      `the length of the header: expected at most 2 bytes, found ${length}`,
    );
  });

  it('for a header of 2^64 − 1 bytes', async () => {
    const file = await folder.write('bomb.safetensors', p.join('\xff'.repeat(8), '{}'));
    expect((await refusal(file)).message).toContain(
      'the length of the header: expected at most 2 bytes',
    );
  });

  it('for a tensor of more than 2 GiB', async () => {
    const bytes = 2 ** 31 + 4;
    const large = { dtype: 'F32', shape: [bytes / 4], data_offsets: [0, bytes] };
    const head = safetensors({ a: large });
    const file = await folder.write('large.safetensors', head);
    await truncate(file, head.length + bytes);
    const error = await refusal(file);
    expect(error.message).toContain('a, [536870913] of float32, has more than 2 GiB');
    expect(error.code).toBe('memory-exceeded');
  });
});
