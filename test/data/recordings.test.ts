import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeAssembly } from '../../src/data/assembly.js';
import { averageRepetitions } from '../../src/data/average-repetitions.js';
import { inferColumn } from '../../src/data/column.js';
import { readRecordings } from '../../src/data/read-recordings.js';
import { openStimulusSet, type StimulusSet, stimulusSetOf } from '../../src/data/stimulus-set.js';
import { numbers, oracle, oraclePath } from '../oracle.js';
import { tolerances } from '../tolerances.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-recordings-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const stimuliOf = (...ids: string[]): StimulusSet =>
  stimulusSetOf('made', [inferColumn('stimulus_id', ids)], async () => new Uint8Array());

function close(actual: ArrayLike<number>, expected: ArrayLike<number>) {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs(actual[i] - expected[i])).toBeLessThanOrEqual(tolerances.float64);
  }
}

describe('the packaged files of the reference', () => {
  it.each(['V1', 'V2'])('%s: region, time bins, average', async (region) => {
    const golden = oracle('07-benchmark/fz_files.json');
    const expected = golden.regions[region];
    const stimuli = await openStimulusSet({
      identifier: 'SynthFZ.aperture-public',
      csv: oraclePath(`07-benchmark/${golden.files.csv}`),
      images: oraclePath(`07-benchmark/${golden.files.zip}`),
    });
    const recordings = await readRecordings({
      path: oraclePath(`07-benchmark/${golden.files.assembly}`),
      stimuli,
      region,
      timeBins: expected.timebins,
    });
    const first = expected.time_averaged_first_5_presentations;
    expect(recordings.stimulusIds.slice(0, 5)).toEqual(Array.from(first.stimulus_id));
    expect(recordings.repetition?.slice(0, 5)).toEqual(Array.from(numbers(first.repetition)));
    close(recordings.values.slice(0, 5 * recordings.neuroidIds.length), numbers(first.values));
    const averaged = averageRepetitions(recordings);
    const target = expected.averaged_target;
    expect([...averaged.coords.keys()]).toEqual(
      Array.from(target.presentation_coords_in_level_order),
    );
    expect(averaged.stimulusIds).toEqual(Array.from(target.stimulus_id));
    expect(averaged.neuroidIds).toEqual(Array.from(target.neuroid_id));
    close(averaged.values.data, numbers(target.values));
    await stimuli.close();
  });
});

describe('readRecordings from an assembly', () => {
  const presentation = { dim: 'presentation' };
  const bins = { dim: 'time_bin', dtype: 'int64' as const };
  const coords = new Map([
    ['stimulus_id', { ...presentation, dtype: 'string' as const, values: ['b', 'a', 'b'] }],
    ['repetition', { ...presentation, dtype: 'int64' as const, values: [0, 0, 1] }],
    ['neuroid_id', { dim: 'neuroid', dtype: 'string' as const, values: ['n1', 'n2'] }],
    ['region', { dim: 'neuroid', dtype: 'string' as const, values: ['V4', 'IT'] }],
    ['animal', { dim: 'neuroid', dtype: 'string' as const, values: ['x', 'y'] }],
    ['time_bin_start', { ...bins, values: [0, 10, 20, 30] }],
    ['time_bin_end', { ...bins, values: [10, 20, 30, 40] }],
  ]);
  const lengths: Record<string, number> = { presentation: 3, neuroid: 2, time_bin: 4 };
  /** The value at presentation p, neuroid k, bin t is 100 p + 10 k + t; one is missing. */
  const valueAt = (p: number, k: number, t: number) =>
    p === 1 && k === 1 && t === 1 ? Number.NaN : 100 * p + 10 * k + t;

  async function assembly(
    dims: string[],
    dtype: 'float64' | 'float32' = 'float64',
  ): Promise<string> {
    const shape = dims.map((dim) => lengths[dim]);
    const values = Array.from({ length: 24 }, (_, n) => {
      const at: Record<string, number> = {};
      let rest = n;
      for (let i = dims.length - 1; i >= 0; i--) {
        at[dims[i]] = rest % shape[i];
        rest = Math.floor(rest / shape[i]);
      }
      return valueAt(at.presentation, at.neuroid, at.time_bin);
    });
    const path = join(folder, `${dims.join('-')}-${dtype}.nc`);
    const typed = dtype === 'float32' ? Float32Array.from(values) : Float64Array.from(values);
    await writeAssembly(
      path,
      { dims, shape, dtype, values: typed, coords, attributes: {} },
      { compress: dtype === 'float32' },
    );
    return path;
  }

  const orders = [
    ['presentation', 'neuroid', 'time_bin'],
    ['neuroid', 'time_bin', 'presentation'],
    ['time_bin', 'presentation', 'neuroid'],
    ['time_bin', 'neuroid', 'presentation'],
  ];
  it.each(orders)('takes dimensions in any order: %s, %s, %s', async (...dims) => {
    const path = await assembly(dims);
    const recordings = await readRecordings({
      path,
      stimuli: stimuliOf('a', 'b'),
      timeBins: [[10, 30]],
    });
    expect(recordings.stimulusIds).toEqual(['b', 'a', 'b']);
    expect(recordings.repetition).toEqual([0, 0, 1]);
    expect(recordings.neuroidIds).toEqual(['n1', 'n2']);
    expect(recordings.animals).toEqual(['x', 'y']);
    // The missing value leaves one bin of its cell; the others are means over bins 1 and 2.
    expect(Array.from(recordings.values)).toEqual([1.5, 11.5, 101.5, 112, 201.5, 211.5]);
  });

  it('keeps float32 and picks a region', async () => {
    const path = await assembly(orders[1], 'float32');
    const recordings = await readRecordings({
      path,
      stimuli: stimuliOf('a', 'b'),
      region: 'IT',
      timeBins: [[20, 40]],
    });
    expect(recordings.values).toEqual(Float32Array.of(12.5, 112.5, 212.5));
    expect(recordings.neuroidIds).toEqual(['n2']);
  });

  it('joins several intervals of time bins', async () => {
    const path = await assembly(orders[0]);
    const timeBins = [
      [0, 10],
      [30, 40],
    ] as const;
    const recordings = await readRecordings({
      path,
      stimuli: stimuliOf('a', 'b'),
      region: 'V4',
      timeBins,
    });
    expect(Array.from(recordings.values)).toEqual([1.5, 101.5, 201.5]);
  });

  it.each([
    [
      'an unknown region',
      { region: 'V7', timeBins: [[0, 40]] as const },
      'recordings-invalid',
      /neuroids in V7 expected, neuroids in "V4", "IT" found/,
    ],
    ['no time bins where there are several', {}, 'recordings-invalid', /4 time bins/],
    [
      'time bins that hold nothing',
      { timeBins: [[15, 25]] as const },
      'recordings-invalid',
      /15 to 25 ms/,
    ],
  ])('refuses %s', async (_what, more, code, sentence) => {
    const path = await assembly(orders[0]);
    const read = readRecordings({ path, stimuli: stimuliOf('a', 'b'), ...more });
    await expect(read).rejects.toMatchObject({ code, message: expect.stringMatching(sentence) });
  });

  it('refuses stimuli that the set does not have', async () => {
    const path = await assembly(orders[0]);
    const read = readRecordings({ path, stimuli: stimuliOf('b'), timeBins: [[0, 40]] });
    await expect(read).rejects.toMatchObject({
      code: 'stimuli-mismatch',
      message: expect.stringMatching(/does not have: "a"$/),
    });
  });
});

describe('readRecordings from a table', () => {
  it('reads the golden table of V4 and IT', async () => {
    const stimuli = await openStimulusSet({
      identifier: 'objects',
      csv: oraclePath('09-end-to-end/neural-csv/stimuli.csv'),
    });
    const request = {
      path: oraclePath('09-end-to-end/neural-csv/recordings.csv'),
      neuroids: oraclePath('09-end-to-end/neural-csv/neuroids.csv'),
      stimuli,
    };
    const v4 = await readRecordings({ ...request, region: 'V4' });
    const inferotemporal = await readRecordings({ ...request, region: 'IT' });
    expect(v4.neuroidIds).toEqual(['B_05', 'B_03', 'B_13', 'B_07', 'B_15', 'a_14', 'B_01']);
    expect(inferotemporal.neuroidIds.slice(0, 3)).toEqual(['a_10', 'a_00', 'B_09']);
    expect(Array.from(v4.values.slice(0, 3))).toEqual([0.856, 0.037, 1.6991]);
    const order = averageRepetitions(v4).stimulusIds as string[];
    expect(order).toEqual(stimuli.ids.map(String).sort());
    expect(order.findIndex((id) => id.startsWith('obj'))).toBeGreaterThan(
      order.findIndex((id) => id.startsWith('Obj')),
    );
  });

  it('orders integer ids by value, as the stimuli give them', async () => {
    const path = await file(
      'integers.csv',
      'stimulus_id,repetition,7,10\n10,0,1,2\n9,0,3,\n010,1,3,6\n',
    );
    const recordings = await readRecordings({ path, stimuli: stimuliOf('9', '10', '11') });
    expect(recordings.neuroidIds).toEqual([7, 10]);
    const averaged = averageRepetitions(recordings);
    expect(averaged.stimulusIds).toEqual([9, 10]);
    expect(Array.from(averaged.values.data)).toEqual([3, Number.NaN, 2, 4]);
  });

  it('does without repetitions, with a byte order mark and CRLF', async () => {
    const path = await file('plain.csv', '\ufeffstimulus_id,n\r\na,1\r\nb,2\r\n');
    const recordings = await readRecordings({ path, stimuli: stimuliOf('a', 'b') });
    expect(recordings.repetition).toBeUndefined();
    expect(recordings.values).toEqual(Float64Array.of(1, 2));
  });

  const head = 'stimulus_id,repetition,n\n';
  it.each([
    ['an unknown stimulus', `${head}a,0,1\nz,0,1\n`, 'stimuli-mismatch', /does not have: "z"/],
    [
      'text for a number',
      `${head}a,0,1\nb,0,high\n`,
      'recordings-invalid',
      /"high" in row 2, n found/,
    ],
    ['an infinite value', `${head}a,0,inf\n`, 'recordings-invalid', /row 1, n/],
    ['a row twice', `${head}a,0,1\na,0,2\n`, 'recordings-invalid', /a, repetition 0, twice/],
    ['no stimulus_id', 'image,n\na,1\n', 'recordings-invalid', /a column stimulus_id expected/],
    ['no neuroids', 'stimulus_id,repetition\na,1\n', 'recordings-invalid', /columns of neuroids/],
    ['no rows', head, 'recordings-invalid', /presentations expected, none found/],
    ['a missing repetition', `${head}a,,1\n`, 'csv-invalid', /row 1 has no "repetition"/],
    ['a ragged row', `${head}a,0\n`, 'csv-invalid', /line 2/],
    ['nothing at all', '', 'csv-invalid', /is empty/],
  ])('refuses %s', async (what, text, code, sentence) => {
    const path = await file(`${what}.csv`, text);
    const read = readRecordings({ path, stimuli: stimuliOf('a', 'b') });
    await expect(read).rejects.toMatchObject({ code, message: expect.stringMatching(sentence) });
  });

  it.each([
    [
      'a neuroid that is not described',
      'neuroid_id,region\nm,V4\n',
      /neuroids of .* expected, a neuroid "n" found/,
    ],
    [
      'no neuroid of the region',
      'neuroid_id,region\nn,IT\n',
      /neuroids in V4 expected, neuroids in "IT" found/,
    ],
    ['a neuroid twice', 'neuroid_id,region\nn,V4\nn,IT\n', /"n" twice/],
    ['no region column', 'neuroid_id,area\nn,V4\n', /columns neuroid_id and region/],
  ])('refuses %s', async (what, text, sentence) => {
    const path = await file('one.csv', `${head}a,0,1\n`);
    const neuroids = await file(`${what}.csv`, text);
    const read = readRecordings({ path, stimuli: stimuliOf('a'), region: 'V4', neuroids });
    await expect(read).rejects.toMatchObject({
      code: 'recordings-invalid',
      message: expect.stringMatching(sentence),
    });
  });
});
