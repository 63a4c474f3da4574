import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Coordinate, writeAssembly } from '../../src/data/assembly.js';
import { averageRepetitions, RunningMeans } from '../../src/data/average-repetitions.js';
import { inferColumn } from '../../src/data/column.js';
import { readRecordings, readRecordingsInBlocks } from '../../src/data/read-recordings.js';
import { stimulusSetOf } from '../../src/data/stimulus-set.js';

/** More values than one block holds. */
const [PRESENTATIONS, NEUROIDS, BINS] = [1100, 100, 100];
const STIMULI = 110;

let folder: string;
let path: string;
const ids = Array.from({ length: STIMULI }, (_, i) => `s${String(i).padStart(3, '0')}`);
const stimuli = stimulusSetOf(
  'made',
  [inferColumn('stimulus_id', ids)],
  async () => new Uint8Array(),
);

const text = (values: string[]): Coordinate => ({ dim: 'presentation', dtype: 'string', values });
const whole = (dim: string, values: number[]): Coordinate => ({ dim, dtype: 'int64', values });

/** Some are missing. */
const valueAt = (p: number, k: number, t: number) =>
  (p * 7 + k * 3 + t) % 997 === 0 ? Number.NaN : Math.fround(Math.sin(p + 0.1 * k) + t / 10);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-streamed-'));
  path = join(folder, 'recordings.nc');
  const values = new Float32Array(PRESENTATIONS * NEUROIDS * BINS);
  for (let p = 0, at = 0; p < PRESENTATIONS; p++)
    for (let k = 0; k < NEUROIDS; k++)
      for (let t = 0; t < BINS; t++) values[at++] = valueAt(p, k, t);
  const index = (length: number) => Array.from({ length }, (_, i) => i);
  await writeAssembly(path, {
    dims: ['presentation', 'neuroid', 'time_bin'],
    shape: [PRESENTATIONS, NEUROIDS, BINS],
    dtype: 'float32',
    values,
    attributes: {},
    coords: new Map<string, Coordinate>([
      ['stimulus_id', text(index(PRESENTATIONS).map((p) => ids[(p * 3) % STIMULI]))],
      ['session', text(index(PRESENTATIONS).map(() => 'one'))],
      [
        'repetition',
        whole(
          'presentation',
          index(PRESENTATIONS).map((p) => Math.floor(p / STIMULI)),
        ),
      ],
      ['neuroid_id', whole('neuroid', index(NEUROIDS))],
      [
        'time_bin_start',
        whole(
          'time_bin',
          index(BINS).map((t) => 10 * t),
        ),
      ],
      [
        'time_bin_end',
        whole(
          'time_bin',
          index(BINS).map((t) => 10 * t + 10),
        ),
      ],
    ]),
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('values that are read in blocks are re-binned as those of a file that is read at once', async () => {
  const { values, timeBins = [] } = await readRecordings({ path, stimuli, timeStep: 20 });
  expect(timeBins).toHaveLength(BINS / 2 - 1);
  let different = 0;
  for (let p = 0, at = 0; p < PRESENTATIONS; p++)
    for (let k = 0; k < NEUROIDS; k++)
      for (let t = 0; t < timeBins.length; t++) {
        const mean = Math.fround((valueAt(p, k, 2 * t) + valueAt(p, k, 2 * t + 1)) / 2);
        if (!Object.is(values[at++], mean)) different++;
      }
  expect(different).toBe(0);
});

test('averages while reading have the bits of averages afterwards', async () => {
  const request = { path, stimuli, binsAsNeuroids: [0, 1000] } as const;
  const wanted = averageRepetitions(await readRecordings(request));
  let means: RunningMeans | undefined;
  let blocks = 0;
  await readRecordingsInBlocks(request, (labels) => {
    means = new RunningMeans(labels);
    return (first, values) => {
      blocks++;
      means?.add(first, values);
    };
  });
  expect(blocks).toBeGreaterThan(1);
  const found = (means as RunningMeans).finish();
  expect(found.stimulusIds).toEqual(wanted.stimulusIds);
  expect(found.values.data.every((value, i) => Object.is(value, wanted.values.data[i]))).toBe(true);
});
