import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Coordinate, writeAssembly } from '../../src/data/assembly.js';
import { averageRepetitions, RunningMeans } from '../../src/data/average-repetitions.js';
import { inferColumn } from '../../src/data/column.js';
import { readRecordings, readRecordingsInBlocks } from '../../src/data/read-recordings.js';
import { stimulusSetOf } from '../../src/data/stimulus-set.js';
import { Work } from '../../src/runtime/work.js';
import { scoreFeatures } from '../../src/scoring/features/score-features.js';

/** More values than one block holds. */
const [PRESENTATIONS, NEUROIDS, BINS] = [1100, 100, 100];
const STIMULI = 110;
/** Neuroids that a benchmark keeps: with their bins more than are fitted at once. */
const KEPT = 11;

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
        'reliability',
        {
          dim: 'neuroid',
          dtype: 'float64',
          values: index(NEUROIDS).map((k) => (k < KEPT ? 0.9 : 0)),
        },
      ],
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
    return {
      take(first, values) {
        blocks++;
        means?.add(first, values);
      },
    };
  });
  expect(blocks).toBeGreaterThan(1);
  const found = (means as RunningMeans).finish();
  expect(found.stimulusIds).toEqual(wanted.stimulusIds);
  expect(found.values.data.every((value, i) => Object.is(value, wanted.values.data[i]))).toBe(true);
});

test.each(['ridge', 'ridgecv'])(
  'a file that is read in pieces is scored in blocks to the bit, %s',
  async (metric) => {
    const write = (name: string, lines: readonly string[]) =>
      writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
    write('stimuli.csv', ['stimulus_id', ...ids]);
    write('features.csv', [
      ['stimulus_id', ...Array.from({ length: 20 }, (_, u) => `u${u}`)].join(),
      ...ids.map((id, i) =>
        [id, ...Array.from({ length: 20 }, (_, u) => Math.sin(i * (u + 1)))].join(),
      ),
    ]);
    write('benchmark.yaml', [
      'identifier: made',
      'version: 1',
      'visual_degrees: 8',
      'train: { stimuli: { csv: stimuli.csv }, recordings: recordings.nc }',
      'stimuli: { csv: stimuli.csv }',
      'recordings: recordings.nc',
      'time_bins: { from: 0, to: 1000, unit: ms, as: neuroids }',
      'keep: { reliability: { above: 0.5 } }',
      `metric: { name: ${metric} }`,
      'ceiling: internal-consistency',
    ]);
    const home = join(folder, 'home');
    mkdirSync(join(home, 'tmp'), { recursive: true });
    const score = async (maxMemory: number) => {
      let files = 0;
      const progress = Work.start(() => {
        files = Math.max(files, readdirSync(join(home, 'tmp'), { recursive: true }).length);
      });
      const { scores, failures } = await scoreFeatures(
        {
          features: join(folder, 'features.csv'),
          benchmarks: [join(folder, 'benchmark.yaml')],
          detail: true,
        },
        { home, threads: 2, maxScratch: 2 ** 31, maxMemory, progress },
      );
      expect(failures).toEqual([]);
      const { seconds: _, peakRssMiB: __, ...provenance } = scores[0].provenance;
      return { score: { ...scores[0], provenance }, files };
    };
    const whole = await score(2 ** 31);
    const blocks = await score(2 ** 22);
    expect([whole.files, blocks.files > 2]).toEqual([0, true]);
    expect(whole.score.raw.neuroids?.[0]).toHaveLength(KEPT * BINS);
    expect(blocks.score).toEqual(whole.score);
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
  },
);
