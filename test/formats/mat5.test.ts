import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type MatValue, readMat5 } from '../../src/formats/matlab/mat5.js';
import { openNetcdf } from '../../src/formats/netcdf.js';
import { writeNetcdf } from '../../src/formats/write-netcdf.js';
import { array, element, matFile, numbers } from '../made-mat5.js';

/** Written by scipy 1.17.1 (`scipy.io.savemat`), once with and once without compression. */
const fixture = (name: string) =>
  readFileSync(join(import.meta.dirname, '..', 'fixtures', 'mat5', `${name}.mat`));
const plain = (value: MatValue | undefined) =>
  value?.kind === 'numbers' ? { shape: [...value.shape], data: Array.from(value.data) } : value;
const invalid = (why: RegExp) =>
  expect.objectContaining({ code: 'mat-invalid', message: expect.stringMatching(why) });
const refused = (bytes: Uint8Array, why: RegExp) =>
  expect(() => readMat5(bytes, 'a.mat')).toThrow(invalid(why));

describe.each(['plain', 'compressed'])('a MAT-file of scipy, %s', (form) => {
  const found = readMat5(fixture(form), form);

  test('holds numbers of every width, the first dimension fastest', () => {
    expect(plain(found.get('doubles'))).toEqual({
      shape: [2, 3],
      data: [0, 3 / 7, 1 / 7, 4 / 7, 2 / 7, 5 / 7],
    });
    const order = [0, 12, 4, 16, 8, 20];
    expect(plain(found.get('bytes'))).toEqual({
      shape: [2, 3, 4],
      data: [0, 1, 2, 3].flatMap((last) => order.map((first) => first + last)),
    });
    expect(plain(found.get('singles'))).toEqual({ shape: [1, 2], data: [1.5, Number.NaN] });
    expect(plain(found.get('whole'))).toEqual({ shape: [1, 2], data: [-(2 ** 40), 5] });
    expect(plain(found.get('empty'))).toEqual({ shape: [0, 3], data: [] });
  });

  test('holds text, cells and structs', () => {
    expect(found.get('text')).toEqual({ kind: 'text', text: 'monkey IT' });
    expect(found.get('lines')).toEqual({ kind: 'text', text: 'ab\ncd' });
    const cells = found.get('cells');
    expect(cells?.kind === 'cell' && cells.cells.map(plain)).toEqual([
      { shape: [1, 1], data: [1] },
      { kind: 'text', text: 'x' },
    ]);
    const people = found.get('people');
    if (people?.kind !== 'struct') throw new Error('no struct');
    expect(people.shape).toEqual([1, 2]);
    expect(people.elements.map((each) => each.get('name'))).toEqual([
      { kind: 'text', text: 'one' },
      { kind: 'text', text: 'two' },
    ]);
    expect(plain(people.elements[0].get('RDM'))).toEqual({ shape: [2, 2], data: [1, 0, 0, 1] });
  });

  test('gives only what is wanted', () => {
    expect([...readMat5(fixture(form), form, ['text', 'none']).keys()]).toEqual(['text']);
  });

  test('cut anywhere is refused, or has fewer variables', () => {
    const bytes = fixture(form);
    for (let length = 0; length < bytes.length; length += 7) {
      try {
        const left = readMat5(bytes.subarray(0, length), 'cut.mat');
        expect(left.size).toBeLessThan(found.size);
      } catch (error) {
        expect(error).toEqual(invalid(/cut\.mat is not a readable MAT-file/));
      }
    }
  });
});

describe('a hostile MAT-file', () => {
  test('with classes that are not read says which', () => {
    refused(fixture('unsupported'), /class 5/);
    const [complex] = [readMat5].map(
      (read) => () => read(fixture('unsupported'), 'a', ['complex']),
    );
    expect(complex).toThrow(invalid(/"complex" is complex/));
  });

  test('that is no MAT-file of level 5 is told from one of 7.3', () => {
    refused(Buffer.from('MATLAB 4'), /header .* is missing/);
    refused(matFile([], 0x0200), /MATLAB 7\.3/);
    refused(matFile([], 0x0300), /version/);
  });

  test('that unpacks to far more than it is is refused before it is unpacked', () => {
    const bomb = deflateSync(Buffer.alloc(2 ** 26));
    refused(matFile([element(15, bomb)]), /unpacks to more than \d+ bytes/);
    // The limit is of all elements together.
    const size = 2 ** 23 - 64;
    const half = (name: string) =>
      element(15, deflateSync(numbers(name, [size], Buffer.alloc(size))));
    refused(matFile(['a', 'b', 'c'].map(half)), /unpacks to more than/);
  });

  test('with compression in compression, and damaged compression, is refused', () => {
    const inner = element(15, deflateSync(numbers('a', [1], Buffer.alloc(1))));
    refused(matFile([element(15, deflateSync(inner))]), /in another element/);
    refused(matFile([element(15, Buffer.from('no zlib stream'))]), /damaged/);
  });

  test('that nests without end is refused', () => {
    let nested = numbers('', [1], Buffer.alloc(1));
    for (let depth = 0; depth < 40; depth++)
      nested = array(1, depth === 39 ? 'deep' : '', [1, 1], [nested]);
    refused(matFile([nested]), /nested too deeply/);
  });

  test('that claims more than it holds is refused before anything is made of it', () => {
    refused(matFile([array(1, 'cells', [50_000, 50_000], [])]), /more than 100000 arrays/);
    refused(matFile([numbers('few', [1000, 1000], Buffer.alloc(8))]), /8 values stand for/);
    refused(matFile([numbers('less', [-1, 2], Buffer.alloc(8))]), /shape -1/);
    refused(
      matFile([
        array(
          2,
          'nothing',
          [2 ** 30, 4],
          [element(5, Buffer.from([32, 0, 0, 0])), element(1, Buffer.alloc(0))],
        ),
      ]),
      /more than 100000/,
    );
    const long = element(9, Buffer.alloc(8));
    long.writeUInt32LE(2 ** 32 - 1, 4);
    refused(matFile([long]), /bytes before an element does/);
  });

  test('that names a variable twice is refused', () => {
    const one = numbers('a', [1], Buffer.alloc(1));
    refused(matFile([one, one]), /"a" stands twice/);
  });
});

describe('a MAT-file of version 7.3', () => {
  let folder: string;
  let whole: Buffer;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ventral-mat73-'));
    const path = join(folder, 'made.h5');
    const values = Float64Array.from([1, 2, 3, 4, 5, 6]);
    const variable = { name: 'x', dims: ['a', 'b'], dtype: 'float64' as const, values };
    await writeNetcdf(path, {
      dimensions: new Map([
        ['a', 2],
        ['b', 3],
      ]),
      variables: [variable],
    });
    const header = Buffer.alloc(512);
    header.write('MATLAB 7.3 MAT-file, Platform: GLNXA64', 0, 'latin1');
    whole = Buffer.concat([header, readFileSync(path)]);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = (bytes: Uint8Array) => {
    const path = join(folder, 'made.mat');
    writeFileSync(path, bytes);
    return openNetcdf(path, 'made.mat');
  };

  test('is HDF5 behind a header of MATLAB', async () => {
    const file = await open(whole);
    expect(file.root.variables.map(({ name, shape }) => [name, shape])).toContainEqual([
      'x',
      [2, 3],
    ]);
    expect(Array.from((await file.read('x')) as Float64Array)).toEqual([1, 2, 3, 4, 5, 6]);
    await file.close();
  });

  test('that ends early or has nothing behind its header is refused', async () => {
    for (const length of [20, 512, 520, 600, whole.length - 200])
      await expect(open(whole.subarray(0, length))).rejects.toMatchObject({
        code: 'netcdf-invalid',
      });
    // A base address that is neither the beginning nor MATLAB's.
    const moved = Buffer.from(whole);
    const version = moved[512 + 8];
    moved.writeBigUInt64LE(7n, 512 + (version < 2 ? 24 : 12));
    await expect(open(moved)).rejects.toMatchObject({ code: 'netcdf-invalid' });
  });
});
