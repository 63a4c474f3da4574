import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { readAssembly } from '../../src/data/assembly.js';
import { readRecordings } from '../../src/data/read-recordings.js';
import { stimulusSetOf } from '../../src/data/stimulus-set.js';
import { type ConversionRequest, convertXarray } from '../../src/data/xarray/convert-xarray.js';
import { parseTimeWindow } from '../../src/data/xarray/time-window.js';
import { runVentral } from '../cli/run-ventral.js';

const fixtures = join(import.meta.dirname, '../fixtures/xarray');
const source = (name: string) => join(fixtures, `${name}.nc`);
const root = mkdtempSync(join(tmpdir(), 'ventral-xarray-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const output = join(root, 'out.nc');

interface Rows {
  readonly stimulus_id: readonly (string | number)[];
  readonly repetition: readonly number[];
  readonly values: readonly (readonly (number | null)[])[];
}
const expected: Record<'window' | 'all' | 'single' | 'dataset', Rows> & {
  readonly averaged: readonly (readonly number[])[];
} = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8'));

const convert = (name: string, more: Partial<ConversionRequest> = {}) =>
  convertXarray({ path: source(name), output, maxMemory: 2 ** 20, ...more });

/** What was written, as the fixtures describe it. */
async function written() {
  const { dims, shape, values, coords, dtype } = await readAssembly(output);
  expect(dims).toEqual(['presentation', 'neuroid']);
  const [rows, columns] = shape;
  return {
    ...{ coords, dtype },
    stimulus_id: coords.get('stimulus_id')?.values,
    repetition: coords.get('repetition')?.values,
    values: Array.from({ length: rows }, (_, i) =>
      Array.from(values.slice(i * columns, (i + 1) * columns) as Float64Array, (value) =>
        Number.isNaN(value) ? null : value,
      ),
    ),
  };
}

function expectRows(found: Awaited<ReturnType<typeof written>>, rows: Rows, digits: number) {
  expect(found.stimulus_id).toEqual(rows.stimulus_id);
  expect(found.repetition).toEqual(rows.repetition);
  expect(found.values).toEqual(
    rows.values.map((row) => row.map((value) => value && expect.closeTo(value, digits))),
  );
}

describe('recordings that xarray wrote', () => {
  it.each([
    ['window', [20, 80]],
    ['all', 'all'],
    ['single', 40],
  ] as const)('are averaged over time as xarray does: %s', async (name, window) => {
    const done = await convert('rates', { window });
    expect(done).toMatchObject({
      variable: 'rates',
      dims: { stimulus: 'image', repetition: 'repetition', neuroid: 'unit', time: 'time' },
      ...{ presentations: 24, neuroids: 5, empty: 0 },
    });
    const found = await written();
    expectRows(found, expected[name], 12);
    expect(found.dtype).toBe('float64');
    expect(found.coords.get('neuroid_id')).toMatchObject({
      dim: 'neuroid',
      values: ['m0_0', 'm1_1', 'm0_2', 'm1_3', 'm0_4'],
    });
    expect(found.coords.get('region')?.values).toEqual(['V4', 'IT', 'IT', 'V4', 'IT']);
    expect(found.coords.get('animal')?.values).toEqual(['a', 'b', 'a', 'b', 'a']);
    expect(found.coords.get('category')?.values.slice(7, 10)).toEqual(['face', 'car', 'car']);
  });

  it('are found under other names, in any order, packed, with missing repetitions', async () => {
    const done = await convert('dataset', { variable: 'spikes', window: [0, 40], region: 'IT' });
    expect(done.dims).toEqual({
      ...{ stimulus: 'stim', repetition: 'trial', neuroid: 'electrode', time: 't' },
    });
    expect(done).toMatchObject({ presentations: 21, empty: 3, bins: 2 });
    const found = await written();
    // xarray decodes these integers to float64 today, and to float32 in the version of the reference.
    expectRows(found, expected.dataset, 4);
    expect(found.coords.get('region')?.values).toEqual(Array(5).fill('IT'));
  });

  it('need no time, no repetition, and may have dimensions of length 1', async () => {
    expect(await convert('averaged')).toMatchObject({ presentations: 6, bins: 0 });
    const found = await written();
    expect(found.repetition).toEqual(Array(6).fill(0));
    expect(found.values).toEqual(
      expected.averaged.map((row) => row.map((value) => expect.closeTo(value, 12))),
    );
  });

  it('are recordings for a benchmark then', async () => {
    await convert('rates', { window: 'all' });
    const ids = Array.from({ length: 6 }, (_, i) => `im_00${i}.png`);
    const columns = [{ name: 'stimulus_id', dtype: 'string', values: ids }] as const;
    const stimuli = stimulusSetOf('mine', columns, async () => Buffer.of());
    const read = await readRecordings({ path: output, stimuli, region: 'IT' });
    expect(read.neuroidIds).toEqual(['m1_1', 'm0_2', 'm0_4']);
    expect(read.animals).toEqual(['b', 'a', 'a']);
    expect(read.repetition?.slice(0, 5)).toEqual([0, 1, 2, 3, 0]);
  });
});

describe('what cannot be converted is refused by what was expected and found:', () => {
  it.each([
    ['rates', {}, /--window START:END, one time, or all expected, 8 time bins from -40 to 100/],
    ['rates', { window: [300, 400] }, /time bins from 300 to 400 expected, 8 time bins/],
    ['rates', { window: 41 }, /time bins at 41 expected/],
    ['rates', { variable: 'spikes' }, /variable "spikes".*"rates"/],
    [
      'rates',
      { dims: { neuroid: 'electrode' } },
      /"electrode" expected, "rates" over "image" \(6\)/,
    ],
    [
      'rates',
      { ids: 'filename', window: 'all' },
      /"filename" along "image" expected, .*"category"/,
    ],
    ['two', {}, /one variable of numbers.*--variable.*"v4", "it"/],
    ['unknown-dimension', {}, /--time-dim.*"phase" \(4\)/],
    ['no-ids', {}, /--ids names it\) expected, none found/],
  ] as const)('%s %j', async (name, more, words) => {
    await expect(convert(name, more as Partial<ConversionRequest>)).rejects.toMatchObject({
      code: 'recordings-invalid',
      message: expect.stringMatching(words),
    });
  });

  test('dimensions are what the options say they are', async () => {
    await convert('unknown-dimension', { dims: { time: 'phase' }, window: 'all' });
    expect((await written()).values).toEqual(Array(2).fill([0, 0, 0]));
  });

  test('more than memory allows is refused before it is read', async () => {
    await expect(convert('rates', { window: 'all', maxMemory: 1000 })).rejects.toMatchObject({
      code: 'memory-exceeded',
    });
  });

  test.each(['', ':', '5:', '8:3', 'x', '1:2:3', 'Infinity'])('a window of "%s"', (text) => {
    expect(() => parseTimeWindow(text)).toThrow(/--window: expected START:END, one time, or all/);
  });
});

test('the command says what it took for what', async () => {
  const words = ['data', 'convert', source('dataset'), '--variable', 'spikes', '-o', output];
  const { status, out, err } = await runVentral(root, ...words, '--window', '0:40');
  expect([status, out]).toEqual([0, `${output}\n`]);
  expect(err).toBe(
    'spikes, stim as stimulus, electrode as neuroid, trial as repetition, t as time: 21 presentations × 5 neuroids, mean of 2 time bins, 3 presentations without a value left out\n',
  );
  const bad = await runVentral(root, ...words.slice(0, -1), join(root, 'out.csv'));
  expect(bad.status).toBe(2);
  expect(bad.err).toMatch(/^ventral: --output .*expected a \.nc file\n$/);
  const same = await runVentral(root, 'data', 'convert', output, '-o', output);
  expect(same.err).toMatch(/the command reads this file/);
});
