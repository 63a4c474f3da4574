import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { checkBenchmark } from '../../../src/scoring/registry/check-benchmark.js';
import { findBenchmark } from '../../../src/scoring/registry/registry.js';

let root: string;
let home: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-check-'));
  home = join(root, 'home');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Made {
  readonly stimuli?: number;
  readonly repetitions?: number;
  readonly neuroids?: number;
  /** Keys of the YAML file beside or in place of the usual ones. */
  readonly keys?: Readonly<Record<string, string>>;
  /** Changes a cell of the recordings; `row` counts presentations. */
  readonly cell?: (row: number, neuroid: number, value: string) => string;
  readonly files?: Readonly<Record<string, string>>;
}

let made = 0;
/** A benchmark of random recordings in a folder of its own, with features that it can be scored from. */
function benchmark({
  stimuli = 60,
  repetitions = 2,
  neuroids = 4,
  keys = {},
  cell = (_row, _neuroid, value) => value,
  files = {},
}: Made) {
  const folder = join(root, `b${made++}`);
  mkdirSync(folder);
  const ids = Array.from({ length: stimuli }, (_, i) => `s${i}`);
  const random = new RandomState(7);
  const names = Array.from({ length: neuroids }, (_, k) => `n${k}`);
  let row = 0;
  const lines = ids.flatMap((id) =>
    Array.from({ length: repetitions }, (_, r) => {
      const values = [...random.standardNormal(neuroids)].map((value, k) =>
        cell(row, k, value.toFixed(3)),
      );
      row++;
      return [id, ...(repetitions > 1 ? [r + 1] : []), ...values].join();
    }),
  );
  const head = ['stimulus_id', ...(repetitions > 1 ? ['repetition'] : []), ...names].join();
  const features = ids.map((id) => [id, ...random.standardNormal(30)].join());
  const named = Array.from({ length: 30 }, (_, k) => `u${k}`);
  const written: Record<string, string> = {
    'stimuli.csv': ['stimulus_id', ...ids, ''].join('\n'),
    'recordings.csv': [head, ...lines, ''].join('\n'),
    'features.csv': [['stimulus_id', ...named].join(), ...features, ''].join('\n'),
    'benchmark.yaml': Object.entries({
      identifier: 'made',
      version: '1',
      visual_degrees: '8',
      stimuli: '{ csv: stimuli.csv }',
      recordings: 'recordings.csv',
      metric: '{ name: ridge }',
      ...keys,
    })
      .map(([key, value]) => `${key}: ${value}\n`)
      .join(''),
    ...files,
  };
  for (const [name, text] of Object.entries(written)) writeFileSync(join(folder, name), text);
  return { file: join(folder, 'benchmark.yaml'), features: join(folder, 'features.csv') };
}

const context = () => ({
  home,
  threads: 1,
  maxMemory: 2 ** 30,
  maxScratch: 2 ** 30,
});

const scored = async ({ file, features }: ReturnType<typeof benchmark>) => {
  const { scores, failures } = await scoreFeatures({ features, benchmarks: [file] }, context());
  if (failures[0]) throw failures[0].error;
  return scores[0];
};

const refusal = (work: Promise<unknown>): Promise<VentralError> =>
  work.then(
    () => expect.fail('expected a refusal'),
    (thrown) => VentralError.from(thrown),
  );

/** The check and a score refuse in the same words. */
async function refusedTwice(files: ReturnType<typeof benchmark>): Promise<VentralError> {
  const checked = await refusal(checkBenchmark(files.file, { home }));
  const score = await refusal(scored(files));
  expect([score.code, score.message]).toEqual([checked.code, checked.message]);
  return checked;
}

describe('the check refuses what a score refuses, in the same words:', () => {
  test('regions of a CSV that no table tells apart', async () => {
    const keys = { identifier: 'made.{region}', regions: '[V4, IT]' };
    const { code, message } = await refusedTwice(benchmark({ keys }));
    expect(code).toBe('benchmark-invalid');
    expect(message).toMatch(/regions: expected "neuroids".*in V4 and which in IT/);
  });

  test('a ceiling above 1', async () => {
    const { code, message } = await refusedTwice(benchmark({ keys: { ceiling: '2' } }));
    expect(code).toBe('benchmark-invalid');
    expect(message).toMatch(/ceiling.*1.*2/);
  });

  test('splits that test on two stimuli', async () => {
    const { code, message } = await refusedTwice(benchmark({ stimuli: 20 }));
    expect(code).toBe('stimuli-too-few');
    expect(message).toMatch(/tests on 2 of 20 stimuli.*always 1 or −1/);
  });

  test('the identifier of a shipped benchmark on other data', async () => {
    const keys = { identifier: 'MajajHong2015public.IT-pls' };
    const { notices } = await checkBenchmark(benchmark({ keys }).file, { home });
    expect(notices).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          code: 'benchmark-identifier',
          detail: expect.stringMatching(/other data/),
        }),
      ]),
    );
  });

  test('more components than the training stimuli have', async () => {
    const keys = { metric: '{ name: pls, components: 500 }' };
    const { code, message } = await refusedTwice(benchmark({ stimuli: 200, keys }));
    expect(code).toBe('benchmark-invalid');
    expect(message).toMatch(/500 components .* 180 training stimuli .*179 at most/);
  });

  test('a missing value, with the way to leave it out', async () => {
    const { code, message } = await refusedTwice(
      benchmark({ repetitions: 1, cell: (row, k, value) => (row === 7 && k === 2 ? '' : value) }),
    );
    expect(code).toBe('recordings-invalid');
    expect(message).toMatch(/neuroid n2 .* stimulus s7.*drop: incomplete-neuroids/);
  });

  test('constant neuroids', async () => {
    const { code } = await refusedTwice(benchmark({ cell: () => '1' }));
    expect(code).toBe('neuroids-constant');
  });

  test('a stimulus without recordings', async () => {
    const ids = Array.from({ length: 61 }, (_, i) => `s${i}`);
    const files = { 'stimuli.csv': ['stimulus_id', ...ids, ''].join('\n') };
    const made = benchmark({ files });
    const checked = await refusal(checkBenchmark(made.file, { home }));
    expect(checked).toMatchObject({ code: 'stimuli-mismatch' });
    expect(checked.message).toContain('s60');
  });

  test('behaviour with an object that no fitting stimulus shows', async () => {
    const ids = Array.from({ length: 8 }, (_, i) => `s${i}`);
    const labelled = (label: (i: number) => string) =>
      ['stimulus_id,image_label', ...ids.map((id, i) => `${id},${label(i)}`), ''].join('\n');
    const trials = ids.flatMap((id, i) =>
      Array.from({ length: 8 }, (_, k) => {
        const [own, other] = i % 2 ? ['dog', 'cat'] : ['cat', 'dog'];
        return [id, own, other, k % 3 ? own : other].join();
      }),
    );
    const files = {
      'stimuli.csv': labelled((i) => (i % 2 ? 'dog' : 'cat')),
      'fitting.csv': labelled((i) => (i % 2 ? 'car' : 'cat')),
      'trials.csv': ['stimulus_id,sample_obj,dist_obj,choice', ...trials, ''].join('\n'),
      'benchmark.yaml': `identifier: choices
version: 1
visual_degrees: 8
stimuli: { csv: stimuli.csv }
fitting_stimuli: { csv: fitting.csv }
trials: trials.csv
metric: { name: i2n }
`,
    };
    const checked = await refusal(checkBenchmark(benchmark({ files }).file, { home }));
    expect(checked.message).toContain('dog');
  });

  test('an image that cannot be decoded', async () => {
    const ids = Array.from({ length: 60 }, (_, i) => `s${i}`);
    const files = {
      'stimuli.csv': ['stimulus_id,filename', ...ids.map((id) => `${id},a.png`), ''].join('\n'),
      'a.png': 'no image',
    };
    const keys = { stimuli: '{ csv: stimuli.csv, images: . }' };
    const checked = await refusal(checkBenchmark(benchmark({ files, keys }).file, { home }));
    expect(checked).toMatchObject({ code: 'image-corrupt' });
  });
});

describe('what is allowed is', () => {
  test('one region of a CSV without a table', async () => {
    const keys = { identifier: 'made.{region}', regions: '[V4]' };
    expect((await checkBenchmark(benchmark({ keys }).file, { home })).ids).toEqual(['made.V4']);
  });

  test('a copy of a shipped file, which names the same data', () => {
    const folder = join(root, 'copy');
    mkdirSync(folder);
    const text = readFileSync('benchmarks/simulated-textures/benchmark.yaml', 'utf8');
    writeFileSync(join(folder, 'benchmark.yaml'), text);
    const ids = findBenchmark(join(folder, 'benchmark.yaml')).map(({ id }) => id);
    expect(ids).toContain('Simulated.V1-pls');
  });
});

describe('averaged recordings without a ceiling', () => {
  test('say so in the check and in every score', async () => {
    const files = benchmark({ repetitions: 1 });
    const { notices } = await checkBenchmark(files.file, { home });
    expect(notices).toContainEqual(expect.objectContaining({ code: 'benchmark-no-ceiling' }));
    const score = await scored(files);
    expect(score.warnings).toContainEqual(
      expect.objectContaining({
        code: 'benchmark-no-ceiling',
        detail: expect.stringMatching(/no repetitions.*ceiling: none/),
      }),
    );
  });

  test('are meant where the file says `ceiling: none`', async () => {
    const files = benchmark({ repetitions: 1, keys: { ceiling: 'none' } });
    expect((await scored(files)).warnings).not.toContainEqual(
      expect.objectContaining({ code: 'benchmark-no-ceiling' }),
    );
  });
});

describe('drop', () => {
  const cell = (row: number, k: number, value: string) => (row === 7 && k === 2 ? '' : value);

  test('leaves incomplete neuroids out, and the score counts them', async () => {
    const keys = { ceiling: 'none', drop: 'incomplete-neuroids' };
    const score = await scored(benchmark({ repetitions: 1, cell, keys }));
    expect(score.provenance.dropped).toEqual({ neuroids: 1 });
    const others = await scored(benchmark({ repetitions: 1, cell, keys: { ...keys } }));
    expect(score.provenance.inputs).toBe(others.provenance.inputs);
  });

  test('leaves incomplete stimuli out, and the score counts them', async () => {
    const keys = { ceiling: 'none', drop: 'incomplete-stimuli' };
    const score = await scored(benchmark({ repetitions: 1, cell, keys }));
    expect(score.provenance.dropped).toEqual({ stimuli: 1 });
    expect(score.value).not.toBeNull();
  });

  test('gives the numbers of a file that never had the neuroid', async () => {
    const keys = { ceiling: 'none', drop: 'incomplete-neuroids' };
    const last = (row: number, k: number, value: string) => (row === 7 && k === 3 ? '' : value);
    const files = benchmark({ repetitions: 1, cell: last, keys });
    const text = readFileSync(join(files.file, '..', 'recordings.csv'), 'utf8');
    const narrow = text
      .trim()
      .split('\n')
      .map((line) => line.split(',').slice(0, -1).join());
    const without = benchmark({
      repetitions: 1,
      keys: { ceiling: 'none' },
      files: { 'recordings.csv': `${narrow.join('\n')}\n` },
    });
    const [a, b] = [await scored(files), await scored(without)];
    expect([a.value, a.raw.splits]).toEqual([b.value, b.raw.splits]);
    expect(b.provenance.dropped).toBeUndefined();
  });

  test('is refused where nothing is left', async () => {
    const keys = { ceiling: 'none', drop: 'incomplete-neuroids' };
    const row = (at: number, _k: number, value: string) => (at === 7 ? '' : value);
    const { code, message } = await refusedTwice(benchmark({ repetitions: 1, cell: row, keys }));
    expect(code).toBe('recordings-invalid');
    expect(message).toMatch(/drop: incomplete-neuroids leaves no neuroid/);
  });
});
