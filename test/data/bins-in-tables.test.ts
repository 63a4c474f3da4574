import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readRecordings } from '../../src/data/read-recordings.js';
import type { RecordingsRequest } from '../../src/data/recordings.js';
import { openStimulusSet } from '../../src/data/stimulus-set.js';

const folder = mkdtempSync(join(tmpdir(), 'ventral-bins-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, lines: readonly string[]) => {
  writeFileSync(join(folder, name), [...lines, ''].join('\n'));
  return join(folder, name);
};
write('stimuli.csv', ['stimulus_id', 'a', 'b']);
write('neuroids.csv', ['neuroid_id,region,animal', 'n1,IT,x', 'n2,V4,y', 'n3,IT,y']);

const HEADER = 'stimulus_id,repetition,time_bin_start,time_bin_end,n1,n2,n3';
/** Rows in no order: bins of 10 ms from 0 to 40, two stimuli, two repetitions. */
const rows = [1, 0].flatMap((repetition) =>
  ['b', 'a'].flatMap((id, i) =>
    [20, 0, 30, 10].map((start) => {
      const base = 100 * i + 50 * repetition + start / 10;
      return [id, repetition, start, start + 10, base, base + 0.5, -base].join();
    }),
  ),
);

async function read(
  lines: readonly string[],
  request: Partial<RecordingsRequest> = {},
  header = HEADER,
) {
  const stimuli = await openStimulusSet({ identifier: 'made', csv: join(folder, 'stimuli.csv') });
  const path = write('recordings.csv', [header, ...lines]);
  return readRecordings({ path, stimuli, ...request });
}

test('a row is a bin: bins of one length, time fastest, presentations in the order of the file', async () => {
  const found = await read(rows, {
    timeStep: 10,
    neuroids: join(folder, 'neuroids.csv'),
    region: 'IT',
  });
  // As with netCDF the last bin is left out.
  expect(found.timeBins).toEqual([
    [0, 10],
    [10, 20],
    [20, 30],
  ]);
  expect(found.stimulusIds).toEqual(['b', 'a', 'b', 'a']);
  expect(found.repetition).toEqual([1, 1, 0, 0]);
  expect(found.neuroidIds).toEqual(['n1', 'n1', 'n1', 'n3', 'n3', 'n3']);
  expect(found.animals).toEqual(['x', 'x', 'x', 'y', 'y', 'y']);
  expect([...found.values].slice(6, 12)).toEqual([150, 151, 152, -150, -151, -152]);
});

test('a window is averaged without what is missing; bins may be neuroids of their own', async () => {
  const [missing, ...others] = rows;
  const emptied = missing.replace(/,52,.*/, ',,52.5,-52');
  expect(emptied).toBe('b,1,20,30,,52.5,-52');
  const pooled = await read([emptied, ...others], { timeBins: [[10, 30]] });
  expect([...pooled.values].slice(0, 3)).toEqual([51, 52, -51.5]);
  expect(pooled.timeBins).toBeUndefined();
  const apart = await read(rows, { binsAsNeuroids: [10, 30], neuroidCoords: [] });
  expect(apart.neuroidIds).toEqual(['n1', 'n1', 'n2', 'n2', 'n3', 'n3']);
  expect([...apart.values].slice(0, 6)).toEqual([51, 52, 51.5, 52.5, -51, -52]);
  const absent = await read(others, { binsAsNeuroids: [20, 30] });
  expect([...absent.values].slice(0, 3)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
});

test('one bin needs no window', async () => {
  const found = await read(rows.filter((row) => row.includes(',10,20,')));
  expect([...found.values].slice(0, 3)).toEqual([51, 51.5, -51]);
});

test.each([
  [rows, {}, /`time_bins` set expected, a recording with 4 time bins found/],
  [[...rows, rows[0]], { timeStep: 10 }, /one row per stimulus and repetition and bin of time/],
  [
    ['a,0,10,10,1,2,3'],
    { timeStep: 10 },
    /row 1: numbers time_bin_start < time_bin_end expected, "10" and "10"/,
  ],
  [['a,0,x,10,1,2,3'], { timeStep: 10 }, /"x" and "10"/],
  [rows, { timeBins: [[90, 100]] }, /time bins within 90 to 100 expected, bins from 0 to 40 found/],
  [rows, { timeStep: 1000 }, /last bin is left out/],
] as [string[], Partial<RecordingsRequest>, RegExp][])(
  'refused %#',
  async (lines, request, message) => {
    await expect(read(lines, request)).rejects.toMatchObject({
      code: 'recordings-invalid',
      message: expect.stringMatching(message),
    });
  },
);

test('time is asked of a table that has none, or half of it', async () => {
  const wanted = /columns time_bin_start and time_bin_end expected/;
  await expect(read(['a,0,1'], { timeStep: 10 }, 'stimulus_id,repetition,n1')).rejects.toThrow(
    wanted,
  );
  const half = 'stimulus_id,time_bin_start,n1';
  await expect(read(['a,0,1'], {}, half)).rejects.toThrow(wanted);
});

test('bins that differ between presentations do not become the square of the table', async () => {
  const header = 'stimulus_id,repetition,time_bin_start,time_bin_end,n1';
  const apart = Array.from({ length: 5000 }, (_, i) => `a,${i},${i},${i + 0.5},1`);
  await expect(read(apart, { timeBins: [[0, 10]] }, header)).rejects.toMatchObject({
    code: 'recordings-invalid',
    message: expect.stringMatching(
      /same time bins in every presentation expected, 5000 rows of 5000 presentations and 5000/,
    ),
  });
  const many = Array.from({ length: 130_000 }, (_, i) => `a,0,${i},${i + 0.5},1`);
  for (const request of [{ timeBins: [[-9, -8]] as [number, number][] }, { timeStep: 200 }])
    await expect(read(many, request, header)).rejects.toMatchObject({
      code: 'recordings-invalid',
      message: expect.stringContaining('at most 20000 time bins expected, 130000 found'),
    });
});
