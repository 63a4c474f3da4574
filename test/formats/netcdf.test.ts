import { spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { openNetcdf, prepareNetcdf } from '../../src/formats/netcdf.js';
import {
  type NetcdfDtype,
  type NetcdfValues,
  plainNumber,
} from '../../src/formats/netcdf-content.js';
import { decodeValues } from '../../src/formats/netcdf-decode.js';
import { packageRoot } from '../../src/formats/package-root.js';
import { type VariableToWrite, writeNetcdf } from '../../src/formats/write-netcdf.js';
import { oraclePath } from '../oracle.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-netcdf-'));
});
afterAll(() => rm(folder, { recursive: true }));

const neural = oraclePath('08-brainio/assy_oracle_Neural2026_public.nc');

async function readAll(path: string): Promise<void> {
  const file = await openNetcdf(path);
  try {
    for (const { name, dtype } of file.root.variables)
      if (dtype !== undefined) await file.read(name);
  } finally {
    await file.close();
  }
}

describe('openNetcdf', () => {
  it('reads hyperslabs of chunked and contiguous variables', async () => {
    for (const name of ['Neural2026_public', 'ChunkedChar2026', 'ScaleFill2026']) {
      const file = await openNetcdf(oraclePath(`08-brainio/assy_oracle_${name}.nc`));
      const whole = await file.read('data');
      const [, presentations, bins] = file.variable('data').shape;
      const slab = await file.read('data', { start: [1, 4, 1], count: [3, 7, 2] });
      const expected: unknown[] = [];
      for (let i = 1; i < 4; i++) {
        for (let j = 4; j < 11; j++) {
          for (let k = 1; k < 3; k++) expected.push(whole[(i * presentations + j) * bins + k]);
        }
      }
      expect(Array.from<unknown>(slab)).toEqual(expected);
      const ids = file.variable('stimulus_id').stringLength === 1 ? [4, 40] : [4];
      const start = ids.map(() => 0);
      expect(await file.read('stimulus_id', { start, count: ids })).toEqual(
        (await file.read('stimulus_id')).slice(
          0,
          ids.reduce((a, b) => a * b),
        ),
      );
      expect(await file.read('data', { start: [0, 0, 0], count: [0, 7, 2] })).toHaveLength(0);
      await expect(file.read('data', { start: [4, 0, 0], count: [2, 1, 1] })).rejects.toThrowError(
        RangeError,
      );
      await file.close();
    }
  });

  it.each([
    ['text', 'hello, this is no such file', /signature/],
    ['nothing', '', /signature/],
    ['a netCDF-3 file', 'CDF\x01\0\0\0\0', /netCDF-3/],
    ['a signature alone', '\x89HDF\r\n\x1a\n', /./],
  ])('refuses %s', async (what, text, sentence) => {
    const path = join(folder, `${what}.nc`);
    await writeFile(path, Buffer.from(text, 'latin1'));
    await expect(openNetcdf(path)).rejects.toMatchObject({
      code: 'netcdf-invalid',
      message: expect.stringMatching(sentence),
      details: { file: path },
    });
  });

  it('says which file or variable is missing', async () => {
    await expect(openNetcdf(join(folder, 'none.nc'))).rejects.toMatchObject({
      code: 'file-missing',
    });
    const file = await openNetcdf(neural);
    await expect(file.read('other')).rejects.toMatchObject({
      code: 'netcdf-invalid',
      details: { field: 'other' },
    });
    expect(() => file.variable('group/data')).toThrowError(/no variable group\/data/);
    await file.close();
    await expect(file.read('data')).rejects.toMatchObject({
      code: 'netcdf-invalid',
      message: expect.stringContaining('closed'),
    });
  });

  it('refuses a file that is cut short, wherever', async () => {
    const { length } = await readFile(neural);
    const path = join(folder, 'cut.nc');
    for (const part of [0.1, 0.5, 0.9, 0.999]) {
      await copyFile(neural, path);
      await truncate(path, Math.floor(length * part));
      await expect(readAll(path)).rejects.toMatchObject({ code: 'netcdf-invalid' });
    }
  });

  it('answers reads that are asked for together', async () => {
    const file = await openNetcdf(neural);
    const names = ['region', 'repetition', 'data'];
    const together = await Promise.all(names.map((name) => file.read(name)));
    for (const [i, name] of names.entries()) expect(together[i]).toEqual(await file.read(name));
    await file.close();
  });

  it('refuses damaged files with one error of ours and reads the next file well', async () => {
    const whole = await readFile(neural);
    const path = join(folder, 'damaged.nc');
    let refused = 0;
    // Damage to the structures at the start of the file.
    for (let at = 48; at < 4096; at += 579) {
      const damaged = Buffer.from(whole);
      damaged.fill(0xff, at, at + 3);
      await writeFile(path, damaged);
      try {
        await readAll(path);
      } catch (error) {
        expect(error).toBeInstanceOf(VentralError);
        expect((error as VentralError).code).toBe('netcdf-invalid');
        refused++;
        await readAll(neural);
      }
    }
    expect(refused).toBeGreaterThan(0);
  });
});

describe('prepareNetcdf', () => {
  it('has a thread ready for the next file, which may be a damaged one, and files at once have their own', async () => {
    prepareNetcdf();
    prepareNetcdf();
    const cut = join(folder, 'prepared.nc');
    await copyFile(neural, cut);
    await truncate(cut, 4000);
    await expect(readAll(cut)).rejects.toThrowError(VentralError);
    prepareNetcdf();
    await Promise.all([readAll(neural), readAll(neural)]);
  });

  it('keeps no process alive', async () => {
    const code = `const { prepareNetcdf } = await import(${JSON.stringify(join(packageRoot, 'dist/src/formats/netcdf.js'))}); prepareNetcdf();`;
    const { status, signal } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', code],
      { timeout: 30_000 },
    );
    expect({ status, signal }).toEqual({ status: 0, signal: null });
  });
});

describe('writeNetcdf', () => {
  const numbersOf = (dtype: NetcdfDtype, n: number): fc.Arbitrary<NetcdfValues> => {
    const size = { minLength: n, maxLength: n };
    const lists = {
      float64: fc.float64Array(size),
      float32: fc.float32Array(size),
      int8: fc.int8Array(size),
      uint8: fc.uint8Array(size),
      int16: fc.int16Array(size),
      uint16: fc.uint16Array(size),
      int32: fc.int32Array(size),
      uint32: fc.uint32Array(size),
      int64: fc.bigInt64Array(size),
      uint64: fc.bigUint64Array(size),
      string: fc.array(
        fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '')),
        size,
      ),
    };
    return lists[dtype];
  };
  const dtypes: NetcdfDtype[] = [
    'float64',
    'float32',
    'int8',
    'uint8',
    'int16',
    'uint16',
    'int32',
    'uint32',
    'int64',
    'uint64',
    'string',
  ];
  const variables = fc.uniqueArray(fc.constantFrom(...dtypes), { minLength: 1 }).chain((chosen) =>
    fc.tuple(
      ...chosen.map((dtype, i) =>
        fc.record({
          name: fc.constant(`v${i}`),
          dims: fc.constant(['x', 'y']),
          dtype: fc.constant(dtype),
          values: numbersOf(dtype, 6),
          compress: fc.boolean(),
        }),
      ),
    ),
  );

  it('gives back every variable in order', async () => {
    await fc.assert(
      fc.asyncProperty(variables as fc.Arbitrary<VariableToWrite[]>, async (written) => {
        const path = join(folder, 'trip.nc');
        await writeNetcdf(path, {
          dimensions: new Map([
            ['x', 2],
            ['y', 3],
          ]),
          variables: written,
        });
        const file = await openNetcdf(path);
        expect([...file.root.dimensions]).toEqual([
          ['x', 2],
          ['y', 3],
        ]);
        expect(file.root.variables.map(({ name }) => name)).toEqual(
          written.map(({ name }) => name),
        );
        for (const { name, dtype, values, dims, compress } of written) {
          const variable = file.variable(name);
          expect([variable.dtype, variable.dims]).toEqual([dtype, dims]);
          expect(variable.filters.zlib).toBe(compress === true && dtype !== 'string');
          expect(await file.read(name)).toEqual(values);
        }
        await file.close();
      }),
      { numRuns: 25 },
    );
  });

  it('keeps attributes of every kind, and dimensions that are variables', async () => {
    const path = join(folder, 'attributes.nc');
    const attributes = {
      text: 'ünï 猫',
      long: 'x'.repeat(100_000),
      n: 3,
      half: 0.5,
      list: [1, 2],
      words: ['a', 'b'],
      nothing: '',
    };
    await writeNetcdf(path, {
      dimensions: new Map([['time', 2]]),
      variables: [
        {
          name: 'time',
          dims: ['time'],
          dtype: 'float64',
          values: Float64Array.of(1, 2),
          attributes: { _FillValue: Number.NaN, units: 's' },
        },
        {
          name: 'data',
          dims: ['time'],
          dtype: 'float32',
          values: Float32Array.of(3, 4),
          attributes,
        },
      ],
      attributes,
    });
    const file = await openNetcdf(path);
    expect(Object.fromEntries(file.root.attributes)).toEqual(attributes);
    expect(Object.fromEntries(file.variable('data').attributes)).toEqual(attributes);
    expect(Object.fromEntries(file.variable('time').attributes)).toEqual({
      _FillValue: Number.NaN,
      units: 's',
    });
    expect([file.variable('time').dims, file.variable('data').dims]).toEqual([['time'], ['time']]);
    await file.close();
  });

  it('cuts large variables into chunks', async () => {
    const path = join(folder, 'large.nc');
    const values = Float64Array.from({ length: 600 * 1000 }, (_, i) => Math.sin(i));
    await writeNetcdf(path, {
      dimensions: new Map([
        ['x', 600],
        ['y', 1000],
      ]),
      variables: [{ name: 'data', dims: ['x', 'y'], dtype: 'float64', values, compress: true }],
    });
    const file = await openNetcdf(path);
    expect(file.variable('data').chunks).toEqual([524, 1000]);
    expect(await file.read('data')).toEqual(values);
    await file.close();
  });

  it('refuses what does not fit and leaves nothing behind', async () => {
    const inner = await mkdtemp(join(folder, 'refused-'));
    const path = join(inner, 'x.nc');
    const variable = {
      name: 'data',
      dims: ['x'],
      dtype: 'float64' as const,
      values: Float64Array.of(1, 2),
    };
    await expect(
      writeNetcdf(path, { dimensions: new Map([['x', 3]]), variables: [variable] }),
    ).rejects.toThrowError(RangeError);
    await expect(
      writeNetcdf(path, { dimensions: new Map([['x', 0]]), variables: [] }),
    ).rejects.toThrowError(RangeError);
    await expect(
      writeNetcdf(join(inner, 'none', 'x.nc'), {
        dimensions: new Map([['x', 2]]),
        variables: [variable],
      }),
    ).rejects.toBeInstanceOf(VentralError);
    expect(await readdir(inner)).toEqual([]);
  });
});

describe('decodeValues', () => {
  const base = {
    name: 'v',
    dims: ['x'],
    shape: [3],
    chunks: null,
    filters: { zlib: false, complevel: 0, shuffle: false, fletcher32: false },
  };
  it.each([
    [
      'int8 with a fill value',
      'int8',
      Int8Array.of(1, -9, 2),
      { _FillValue: -9 },
      'float32',
      [1, Number.NaN, 2],
    ],
    [
      'int32 with a missing value',
      'int32',
      Int32Array.of(1, -9, 2),
      { missing_value: -9 },
      'float64',
      [1, Number.NaN, 2],
    ],
    [
      'uint8 with a scale',
      'uint8',
      Uint8Array.of(0, 1, 2),
      { scale_factor: 0.5 },
      'float32',
      [0, 0.5, 1],
    ],
    [
      'int16 with an offset',
      'int16',
      Int16Array.of(0, 1, 2),
      { add_offset: 10 },
      'float64',
      [10, 11, 12],
    ],
    [
      'int16 with mask, scale and offset',
      'int16',
      Int16Array.of(-1, 1, 2),
      { _FillValue: -1, scale_factor: 0.5, add_offset: 1 },
      'float32',
      [Number.NaN, 1.5, 2],
    ],
    [
      'float32 with a scale',
      'float32',
      Float32Array.of(1, 2, 3),
      { scale_factor: 0.5 },
      'float32',
      [0.5, 1, 1.5],
    ],
    [
      'float64 with a number as fill value',
      'float64',
      Float64Array.of(1, -999, 3),
      { _FillValue: -999 },
      'float64',
      [1, Number.NaN, 3],
    ],
    ['int64 as it is', 'int64', BigInt64Array.of(1n, 2n, -3n), {}, 'int64', [1, 2, -3]],
    [
      'int64 beyond what a number holds',
      'int64',
      BigInt64Array.of(1n, 2n ** 60n, 3n),
      {},
      'int64',
      [1, '1152921504606846976', 3],
    ],
    ['booleans', 'int8', Int8Array.of(1, 0, 1), { dtype: 'bool' }, 'bool', [true, false, true]],
  ] as const)('%s', (_what, dtype, stored, attributes, expected, values) => {
    const decoded = decodeValues(
      { ...base, dtype, attributes: new Map(Object.entries(attributes)) },
      stored,
    );
    expect(decoded.dtype).toBe(expected);
    expect(Array.from<unknown>(decoded.values)).toEqual(values);
  });

  it('plainNumber keeps what is exact', () => {
    expect([plainNumber(5n), plainNumber(2n ** 53n), plainNumber('a'), plainNumber(1.5)]).toEqual([
      5,
      '9007199254740992',
      'a',
      1.5,
    ]);
  });
});
