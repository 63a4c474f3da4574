import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Coordinate, writeAssembly } from '../../../src/data/assembly.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { type Progress, Work } from '../../../src/runtime/work.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import type { ScoreContext } from '../../../src/scoring/model/score-model.js';

const TRAIN = 30;
const TEST = 12;
const ids = Array.from({ length: TRAIN + TEST }, (_, i) => `s${(i * 17) % 43}`);

let folder: string;
let home: string;

const along = (
  dim: string,
  values: Coordinate['values'],
  dtype: Coordinate['dtype'] = 'string',
): Coordinate => ({
  dim,
  dtype,
  values,
});

/** What a file of recordings is made of. */
interface Made {
  readonly stimuli: readonly string[];
  readonly repetitions: number;
  /** Subject of each neuroid, in the order of the file. */
  readonly subjects: readonly string[];
  readonly dtype?: 'float32' | 'float64';
  /** Missing values, by stimulus, repetition and position of the neuroid. */
  readonly missing?: (stimulus: string, repetition: number, neuroid: number) => boolean;
}

/** Presentations of one repetition after those of another, so that no mean is whole before the last; four bins of time. */
async function write(name: string, { stimuli, repetitions, subjects, missing, ...of }: Made) {
  const { dtype = 'float64' } = of;
  const shown = Array.from({ length: repetitions }, () => stimuli).flat();
  const shape = [shown.length, subjects.length, BINS];
  const noise = new RandomState(subjects.length).standardNormal(shape[0] * shape[1] * shape[2]);
  // Ids restart with each subject.
  const own = subjects.map(
    (subject, k) => subjects.slice(0, k).filter((s) => s === subject).length,
  );
  const values = Float64Array.from(noise, (e, i) => {
    const [bin, k] = [i % BINS, Math.floor(i / BINS) % subjects.length];
    const row = Math.floor(i / BINS / subjects.length);
    const repetition = Math.floor(row / stimuli.length);
    if (missing?.(shown[row], repetition, k)) return Number.NaN;
    const phase = own[k] + subjects[k].charCodeAt(0) + bin;
    return Math.sin(ids.indexOf(shown[row]) * (1 + (phase % 7))) + e / 2;
  });
  await writeAssembly(join(folder, name), {
    dims: ['presentation', 'neuroid', 'time_bin'],
    shape,
    dtype,
    values: dtype === 'float32' ? Float32Array.from(values) : values,
    attributes: {},
    coords: new Map([
      ['stimulus_id', along('presentation', shown)],
      [
        'session',
        along(
          'presentation',
          shown.map(() => 'one'),
        ),
      ],
      [
        'repetition',
        along(
          'presentation',
          shown.map((_, i) => Math.floor(i / stimuli.length)),
          'int64',
        ),
      ],
      ['neuroid_id', along('neuroid', own, 'int64')],
      ['subject', along('neuroid', subjects)],
      [
        'reliability',
        along(
          'neuroid',
          own.map((k) => (k === 1 ? 0.1 : 0.5)),
          'float64',
        ),
      ],
      ['time_bin_start', along('time_bin', [0, 10, 20], 'int64')],
      ['time_bin_end', along('time_bin', [10, 20, 30], 'int64')],
    ]),
  });
}
/** Bins of time, each a neuroid of its own. */
export const BINS = 3;

const [trained, tested] = [ids.slice(0, TRAIN), ids.slice(TRAIN)];
/** Subjects of different size; in the test file in another order. */
const people = [...'aaaaabbbbbbbccc'];
const turned = [...people].reverse();
/** Subjects of more neuroids than are fitted at once. */
export const crowd = Array.from({ length: 400 }, (_, k) => (k < 150 ? 'a' : 'b'));

/** Makes the files that the benchmarks of {@link benchmark} name. */
export async function makeStored(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'ventral-stored-'));
  home = join(folder, 'home');
  mkdirSync(join(home, 'tmp'), { recursive: true });
  const lines = (name: string, rows: readonly string[]) =>
    writeFileSync(join(folder, name), `${rows.join('\n')}\n`);
  lines('train.csv', ['stimulus_id', ...trained]);
  lines('test.csv', ['stimulus_id', ...tested]);
  lines('all.csv', ['stimulus_id', ...ids]);
  lines('splits.csv', [
    'stimulus_id,one,two',
    ...ids.map((id, i) => {
      const [first, second] = [i < TRAIN, i % 3 > 0].map((train) => (train ? 'train' : 'test'));
      return `${id},${first},${second}`;
    }),
  ]);
  for (const units of [6, 50]) {
    const noise = new RandomState(units).standardNormal(ids.length * units);
    const row = (i: number) =>
      Array.from(
        { length: units },
        (_, u) => Math.sin(i * (1 + (u % 7))) + noise[i * units + u] / 2,
      );
    lines(`features-${units}.csv`, [
      ['stimulus_id', ...Array.from({ length: units }, (_, u) => `u${u}`)].join(),
      ...ids.map((id, i) => [id, ...row(i)].join()),
    ]);
  }
  await write('train.nc', { stimuli: trained, repetitions: 2, subjects: people });
  await write('test.nc', { stimuli: tested, repetitions: 4, subjects: turned });
  await write('train-32.nc', {
    ...{ stimuli: trained, repetitions: 3, subjects: people, dtype: 'float32' },
    missing: (id, repetition, k) => repetition === 1 && k % 4 === 0 && id.endsWith('2'),
  });
  await write('test-32.nc', {
    ...{ stimuli: tested, repetitions: 4, subjects: turned, dtype: 'float32' },
    missing: (id, repetition, k) => repetition === 2 && k % 4 === 0 && id.endsWith('2'),
  });
  await write('all.nc', { stimuli: ids, repetitions: 3, subjects: people });
  await write('crowd-train.nc', { stimuli: trained, repetitions: 1, subjects: crowd });
  await write('crowd-test.nc', { stimuli: tested, repetitions: 3, subjects: crowd });
  // Subject c was tested once: what its other repetitions would be is missing.
  await write('once.nc', {
    ...{ stimuli: tested, repetitions: 4, subjects: turned },
    missing: (_id, repetition, k) => repetition > 0 && turned[k] === 'c',
  });
  await write('holes.nc', {
    ...{ stimuli: tested, repetitions: 4, subjects: turned },
    missing: (id, _repetition, k) => turned[k] === 'b' && k % 3 === 0 && id === tested[5],
  });
}

/** Takes them away. */
export const removeStored = () => rmSync(folder, { recursive: true, force: true });

/** Two sets of stimuli and their recordings. */
export const pair = (train = 'train.nc', of = 'test.nc') => [
  `train: { stimuli: { csv: train.csv }, recordings: ${train} }`,
  'stimuli: { csv: test.csv }',
  `recordings: ${of}`,
];
/** One set, for a table to divide. */
export const divided = ['stimuli: { csv: all.csv }', 'recordings: all.nc'];
/** A fit and a ceiling for each subject. */
export const bySubject = ['fit_per: subject', 'ceiling: internal-consistency'];

let files = 0;
/** Writes a benchmark file. */
export function benchmark(lines: readonly string[]): string {
  const path = join(folder, `benchmark-${files++}.yaml`);
  const first = ['identifier: made', 'version: 1', 'visual_degrees: 8'];
  const bins = 'time_bins: { from: 0, to: 30, unit: ms, as: neuroids }';
  writeFileSync(path, [...first, bins, ...lines, ''].join('\n'));
  return path;
}

/** What came of a run. */
export interface Run {
  readonly score: Score | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
  readonly told: readonly Progress[];
  /** The most bytes that were seen on scratch disk. */
  readonly scratch: number;
}

/** Scores features, and looks on scratch disk whenever progress is told. */
export async function run(
  file: string,
  limits: Partial<ScoreContext>,
  { units = 6, told = () => {} }: { units?: number; told?: (progress: Progress) => void } = {},
): Promise<Run> {
  const all: Progress[] = [];
  let scratch = 0;
  const progress = Work.start((each) => {
    all.push(each);
    scratch = Math.max(scratch, scratchBytes());
    told(each);
  });
  const { scores, failures } = await scoreFeatures(
    { features: join(folder, `features-${units}.csv`), benchmarks: [file], detail: true },
    { home, threads: 1, maxMemory: 2 ** 31, maxScratch: 2 ** 31, progress, ...limits },
  ).finally(() => expect(readdirSync(join(home, 'tmp'))).toEqual([]));
  return { score: scores[0], error: failures[0]?.error, told: all, scratch };
}

function scratchBytes(): number {
  let bytes = 0;
  const tmp = join(home, 'tmp');
  for (const name of readdirSync(tmp))
    for (const each of readdirSync(join(tmp, name))) bytes += statSync(join(tmp, name, each)).size;
  return bytes;
}

/** A score without what differs between two runs of it. */
export function lasting(score: Score | undefined) {
  if (!score) throw new Error('no score');
  const { seconds: _, peakRssMiB: __, ...provenance } = score.provenance;
  return { ...score, provenance };
}

/** Both runs: everything in memory, and next to nothing. */
export async function both(file: string, maxMemory: number, units?: number): Promise<[Run, Run]> {
  const whole = await run(file, {}, { units });
  const stored = await run(file, { maxMemory }, { units });
  expect(whole.scratch).toBe(0);
  expect(stored.scratch).toBeGreaterThan(0);
  return [whole, stored];
}

/** Less than any recordings here take. */
export const LITTLE = 40 * 1024;
