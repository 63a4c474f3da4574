import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import {
  halfToNumber,
  type NpyArray,
  npyFloats,
  npyHeader,
  readNpy,
  writeNpy,
} from '../../src/formats/npy.js';

/** A file as numpy writes it: header text in format version 1, then the elements. */
function npy(descr: string, shape: string, bytes: Uint8Array, fortran = 'False'): Uint8Array {
  const text = `${`{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }`.padEnd(117)}\n`;
  const head = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  head.writeUInt16LE(text.length, 8);
  return Buffer.concat([head, Buffer.from(text, 'latin1'), bytes]);
}
const bytesOf = (array: ArrayBufferView) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

describe('readNpy', () => {
  it.each<[string, Uint8Array, NpyArray]>([
    [
      'float64',
      npy("'<f8'", '(2,)', bytesOf(Float64Array.of(1.5, -2))),
      { dtype: 'float64', shape: [2], data: Float64Array.of(1.5, -2) },
    ],
    [
      'a scalar',
      npy("'<i4'", '()', bytesOf(Int32Array.of(7))),
      { dtype: 'int32', shape: [], data: Int32Array.of(7) },
    ],
    [
      'bool',
      npy("'|b1'", '(3,)', Uint8Array.of(1, 0, 1)),
      { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
    ],
    [
      'big-endian',
      npy("'>u2'", '(2,)', Uint8Array.of(1, 2, 0, 3)),
      { dtype: 'uint16', shape: [2], data: Uint16Array.of(258, 3) },
    ],
    [
      'Fortran order',
      npy("'<i2'", '(2, 3)', bytesOf(Int16Array.of(1, 4, 2, 5, 3, 6)), 'True'),
      { dtype: 'int16', shape: [2, 3], data: Int16Array.of(1, 2, 3, 4, 5, 6) },
    ],
    [
      'int64',
      npy("'<i8'", '(1,)', bytesOf(BigInt64Array.of(-5n))),
      { dtype: 'int64', shape: [1], data: BigInt64Array.of(-5n) },
    ],
    [
      'text',
      npy("'<U2'", '(2,)', bytesOf(Uint32Array.of(0x732b, 0, 97, 98))),
      { dtype: 'string', shape: [2], data: ['猫', 'ab'] },
    ],
    [
      'bytes',
      npy("'|S3'", '(2,)', Buffer.from('ab\0xyz')),
      { dtype: 'string', shape: [2], data: ['ab', 'xyz'] },
    ],
    [
      'no elements',
      npy("'<f4'", '(0, 5)', new Uint8Array()),
      { dtype: 'float32', shape: [0, 5], data: new Float32Array() },
    ],
  ])('reads %s', (_what, bytes, expected) => {
    expect(readNpy(bytes, 'x.npy')).toEqual(expected);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['something else', Buffer.from('PK\x03\x04'), /an npy file expected/],
    ['objects', npy("'|O'", '(1,)', new Uint8Array(8)), /objects and records are not read/],
    ['records', npy("[('a', '<f4')]", '(1,)', new Uint8Array(4)), /a plain array/],
    ['complex numbers', npy("'<c8'", '(1,)', new Uint8Array(8)), /type c8/],
    [
      'missing elements',
      npy("'<f8'", '(3,)', new Uint8Array(16)),
      /24 bytes for shape \(3\) expected, 16 bytes found/,
    ],
    [
      'superfluous elements',
      npy("'<f8'", '(1,)', new Uint8Array(16)),
      /8 bytes for shape \(1\) expected, 16 bytes found/,
    ],
    [
      'a cut header',
      npy("'<f8'", '(1,)', new Uint8Array(8)).subarray(0, 40),
      /bytes of header expected/,
    ],
    [
      'a huge shape',
      npy("'<f8'", '(99999999999999999999,)', new Uint8Array(8)),
      /dimensions expected/,
    ],
    ['an unknown version', Buffer.from('\x93NUMPY\x09\x00\x00\x00', 'latin1'), /version 9/],
  ])('refuses %s', (_what, bytes, sentence) => {
    expect(() => readNpy(bytes, 'x.npy')).toThrowError(sentence);
  });
});

const shapes = fc.array(fc.nat(4), { maxLength: 3 });
const count = (shape: number[]) => shape.reduce((product, length) => product * length, 1);

describe('writeNpy', () => {
  it('gives back every array', () => {
    const element = {
      float64: fc.double(),
      float32: fc.float(),
      int8: fc.integer({ min: -128, max: 127 }),
    };
    fc.assert(
      fc.property(
        shapes,
        fc.constantFrom('float64', 'float32', 'int8', 'string', 'int64'),
        (shape, dtype) => {
          const n = count(shape);
          const sample = <T>(arbitrary: fc.Arbitrary<T>) =>
            fc.sample(arbitrary, { numRuns: Math.max(1, n), seed: n }).slice(0, n);
          const data = {
            float64: () => Float64Array.from(sample(element.float64)),
            float32: () => Float32Array.from(sample(element.float32)),
            int8: () => Int8Array.from(sample(element.int8)),
            int64: () =>
              BigInt64Array.from(sample(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))),
            string: () =>
              sample(fc.string({ unit: 'grapheme' }).map((text) => text.replace(/\0+$/, ''))),
          }[dtype as 'float64']() as NpyArray['data'];
          const array = { dtype, shape, data } as NpyArray;
          expect(readNpy(writeNpy(array), 'x.npy')).toEqual(array);
        },
      ),
    );
  });

  it('starts the elements at a multiple of 64 bytes', () => {
    expect(npyHeader('f4', [3, 4]).length % 64).toBe(0);
    expect(npyHeader('f4', [3]).toString('latin1')).toContain("'shape': (3,)");
  });

  it('refuses damaged files with one error of ours', () => {
    const whole = writeNpy({ dtype: 'string', shape: [2, 2], data: ['a', 'b', 'c', 'd'] });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), (at, byte, cut) => {
        const damaged = Uint8Array.from(cut ? whole.subarray(0, at) : whole);
        if (!cut) damaged[at] = byte;
        try {
          readNpy(damaged, 'x.npy');
        } catch (error) {
          expect(error).toBeInstanceOf(VentralError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('npyFloats', () => {
  it('makes numbers of every numeric type and keeps single precision', () => {
    expect(
      npyFloats({ dtype: 'float16', shape: [2], data: Uint16Array.of(0x3c00, 0xc000) }, 'x'),
    ).toEqual(Float32Array.of(1, -2));
    expect(npyFloats({ dtype: 'uint8', shape: [1], data: Uint8Array.of(200) }, 'x')).toEqual(
      Float64Array.of(200),
    );
    expect(npyFloats({ dtype: 'int64', shape: [1], data: BigInt64Array.of(3n) }, 'x')).toEqual(
      Float64Array.of(3),
    );
    expect(() => npyFloats({ dtype: 'string', shape: [1], data: ['a'] }, 'x')).toThrowError(
      /numbers expected, text found/,
    );
  });

  it.each([
    [0x0001, 2 ** -24],
    [0x7bff, 65504],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
    [0x3555, 0.333251953125],
  ])('half %i is %d', (bits, value) => {
    expect(halfToNumber(bits)).toBe(value);
  });
});

it.each(['<U0', '|S0'])(
  'refuses as many texts of no bytes (%s) as a header likes to say',
  (descr) => {
    const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (99999999999,), }\n`;
    const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
    start.writeUInt16LE(header.length, 8);
    const bytes = Buffer.concat([start, Buffer.from(header)]);
    expect(() => readNpy(bytes, 'a.npy')).toThrow(/numbers or text expected/);
  },
);
