import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { thresholdCeiling, thresholdScore } from '../../../src/metrics/behaviour/threshold.js';
import { fitReadOut, readOutProbabilities } from '../../../src/metrics/probabilities.js';
import { denseFeatures } from '../../../src/numerics/algebra/features.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { compareModels } from '../../../src/scoring/compare/compare.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { answeredRight } from '../../../src/scoring/kinds/search-benchmark.js';
import { mapLayers } from '../../../src/scoring/map/layer-map.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { describeBenchmarks } from '../../../src/scoring/model/describe-benchmark.js';
import { scoreModel } from '../../../src/scoring/model/score-model.js';
import { verifyReceipt } from '../../../src/scoring/receipt/verify-receipt.js';
import { writeReceipt } from '../../../src/scoring/receipt/write-receipt.js';
import { parseBenchmark } from '../../../src/scoring/registry/benchmark-file.js';
import { findBenchmark } from '../../../src/scoring/registry/registry.js';
import { madeNetwork, madeStimuli, plainCard } from '../../activations/made-networks.js';
import { expectClose } from '../../metrics/close.js';
import { numbers, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-answers-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const context = { home: join(root, 'home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };

type Table = Record<string, ArrayLike<unknown>>;
const csv = (table: Table) => {
  const columns = Object.values(table);
  const rows = Array.from(columns[0], (_, i) => columns.map((column) => column[i]).join());
  return [Object.keys(table).join(), ...rows, ''].join('\n');
};

let made = 0;
/** A folder with tables and a benchmark file of these lines. */
function folder(tables: Readonly<Record<string, Table>>, lines: readonly string[]): string {
  const path = join(root, `made-${made++}`);
  mkdirSync(path);
  for (const [name, table] of Object.entries(tables))
    writeFileSync(join(path, `${name}.csv`), csv(table));
  const head = lines.some((line) => line.startsWith('version')) ? [] : ['version: 1'];
  writeFileSync(join(path, 'benchmark.yaml'), [...head, ...lines, ''].join('\n'));
  return path;
}

async function score(path: string, more: { readonly features?: string } = {}): Promise<Score[]> {
  const { scores, failures } = await scoreFeatures(
    {
      features: join(path, more.features ?? 'features.csv'),
      benchmarks: [join(path, 'benchmark.yaml')],
    },
    context,
  );
  if (failures.length > 0) throw failures[0].error;
  return [...scores];
}

const matrixTable = (ids: readonly string[], values: ArrayLike<number>, cols: number): Table => ({
  stimulus_id: ids,
  ...Object.fromEntries(
    Array.from({ length: cols }, (_, unit) => [
      `u${unit}`,
      ids.map((_, row) => values[row * cols + unit]),
    ]),
  ),
});

const search = [
  'visual_degrees: 8',
  'task: probabilities',
  'fitting_stimuli: { csv: fitting.csv }',
  'stimuli: { csv: stimuli.csv }',
  'trials: trials.csv',
];

describe('search-asymmetry, from features to a score', () => {
  const golden = oracle('17-behaviour/ferguson2024.json');

  test('people by numbers of distractors are bounded', async () => {
    const ids = Array.from({ length: 202 }, (_, i) => `s${i}`);
    const label = ids.map((_, i) => (i % 2 ? 'same' : 'oddball'));
    const block = ids.map((_, i) => (i % 2 ? 'first' : 'second'));
    const distractor_nums = ids.map((_, i) => Math.floor(i / 2));
    const stimuli = { stimulus_id: ids, image_label: label, block, distractor_nums };
    const path = folder(
      {
        features: matrixTable(ids, new Float64Array(202), 1),
        fitting: stimuli,
        stimuli,
        trials: { ...stimuli, subject: ids, correct: ids.map(() => 1) },
      },
      ['identifier: lab-search', ...search, 'metric: { name: search-asymmetry, lapse: 0 }'],
    );
    await expect(score(path)).rejects.toMatchObject({
      code: 'trials-invalid',
      message: expect.stringMatching(/distractor_nums .*at most 100 distinct values expected, 101/),
    });
  });

  test.each([0, 1, 2])('case %i of Ferguson2024', async (at) => {
    const wanted = golden.cases[at];
    const { trials, features, fitting_stimuli: fitting, stimuli } = wanted;
    const values = numbers(features.values);
    const [rows, cols] = features.values.shape;
    expect(features.stimulus_id).toEqual([...fitting.stimulus_id, ...stimuli.stimulus_id]);
    const [ceiling, error] = golden.ceilings[wanted.experiment];
    expect([ceiling, error]).toEqual([wanted.ceiling, wanted.ceiling_error]);
    const lapse = golden.lapse_rates[wanted.experiment];
    const path = folder(
      {
        features: matrixTable(features.stimulus_id, values, cols),
        fitting: { ...fitting, image_number: numbers(fitting.image_number) },
        stimuli: { ...stimuli, image_number: numbers(stimuli.image_number) },
        trials: {
          ...trials,
          correct: numbers(trials.correct),
          target_present: numbers(trials.target_present),
        },
      },
      [
        `identifier: ${wanted.identifier}`,
        `parent: ${wanted.parent}`,
        ...search,
        `metric: { name: search-asymmetry, lapse: ${lapse}, scale: 0.75 }`,
        `ceiling: ${ceiling}`,
        'clip: [0, 1]',
      ],
    );
    const [found] = await score(path);
    expect(found.value).toBeCloseTo(wanted.score, 9);
    expect(found.raw.value).toBeCloseTo(wanted.raw, 9);
    expect(found).toMatchObject({
      benchmark: wanted.identifier,
      formula: 'clip(raw/ceiling)',
      ceiling: { value: ceiling },
    });
    // The golden case has the identifier of a shipped benchmark, and data of its own.
    const told = found.warnings.filter(({ code }) => code !== 'benchmark-identifier');
    expect(told.map(({ code }) => code)).toEqual(
      wanted.choice_order[0] === 'oddball' ? [] : ['answers-exchanged'],
    );
    const first = fitting.stimulus_id.length;
    const labels = Array.from(numbers(fitting.image_number), (n) => (n % 2 ? 'same' : 'oddball'));
    const readOut = await fitReadOut({
      features: denseFeatures(first, cols, values.subarray(0, first * cols)),
      labels,
    });
    const answers = await readOutProbabilities(readOut, {
      features: denseFeatures(rows - first, cols, values.subarray(first * cols)),
      stimulusIds: stimuli.stimulus_id,
    });
    expect(answers.choices).toEqual(wanted.choice_order);
    expectClose(answers.values.data, numbers(wanted.probabilities), tolerances.readout.default);
    const odd = Array.from(numbers(stimuli.image_number), (n) => n % 2 === 0);
    const right = answeredRight(answers, odd);
    expect(right).toEqual(Array.from(numbers(wanted.model_correct), Boolean));
    expect(right.map((is, row) => (is === odd[row] ? 'oddball' : 'same'))).toEqual(
      wanted.model_labels,
    );
    expect(wanted.benchmark_ceiling_property.type).toBe('TypeError');
  });

  test('a ceiling of its own is that of halves of the trials; the published error is not asserted', async () => {
    expect(Object.keys(golden.integral_errors_informational)).toEqual(
      Object.keys(golden.lapse_rates),
    );
    for (const [name, [ceiling]] of Object.entries({ ...golden.ceilings } as Record<
      string,
      number[]
    >)) {
      const { identifier, ceiling: read } = parseBenchmark(
        [`identifier: Ferguson2024${name}-value_delta`, 'version: 1', ...search]
          .concat(`metric: { name: search-asymmetry, lapse: ${golden.lapse_rates[name]} }`)
          .concat(`ceiling: ${ceiling}`)
          .join('\n'),
        { file: 'x.yaml', folder: root },
      );
      expect([identifier, read]).toEqual([
        `Ferguson2024${name}-value_delta`,
        { name: 'fixed', value: ceiling },
      ]);
    }
  });
});

/** Pictures of two kinds, left and right, by size; a unit follows the side as far as the size goes. */
function vernier(reach: number) {
  const sizes = [10, 30, 50, 70, 90, 110, 130, 150];
  const random = new RandomState(5);
  const rows = (conditions: readonly string[], repeats: number) =>
    conditions.flatMap((condition) =>
      sizes.flatMap((offset) =>
        Array.from({ length: 2 * repeats }, (_, i) => ({
          condition,
          offset,
          image_label: i % 2 ? 'right' : 'left',
          signal: (i % 2 ? 1 : -1) * (offset / (condition === 'alone' ? reach : 2 * reach)),
        })),
      ),
    );
  const fit = rows(['alone'], 6);
  const test = rows(['alone', 'flanked'], 10);
  const all = [...fit, ...test];
  const noise = random.standardNormal(all.length * 3);
  const values = all.flatMap(({ signal }, row) => [
    signal + noise[3 * row] / 2,
    noise[3 * row + 1],
    noise[3 * row + 2],
  ]);
  const ids = all.map((_, row) => `p${row}`);
  const table = (from: readonly (typeof all)[number][], at: number): Table => ({
    stimulus_id: from.map((_, row) => ids[at + row]),
    condition: from.map((row) => row.condition),
    offset: from.map((row) => row.offset),
    image_label: from.map((row) => row.image_label),
  });
  return {
    features: matrixTable(ids, values, 3),
    fitting: table(fit, 0),
    stimuli: table(test, fit.length),
  };
}

const people = {
  subject: ['a', 'a', 'b', 'b', 'c', 'c', 'd'],
  condition: ['alone', 'flanked', 'alone', 'flanked', 'alone', 'flanked', 'alone'],
  threshold: [20, 60, 30, 75, 25, '', 40],
};

describe('threshold, from features to a score', () => {
  const lines = ['identifier: lab-vernier', ...search];
  const metric = 'metric: { name: threshold, column: offset, baseline: alone }';

  test('as a multiple of a baseline, by people who have both', async () => {
    const path = folder({ ...vernier(60), trials: people }, [...lines, metric]);
    const [found] = await score(path);
    expect(found.warnings).toEqual([]);
    expect(found).toMatchObject({ formula: 'raw/ceiling', errorKind: 'std over subjects' });
    expect(found.raw.splits).toHaveLength(2);
    expect(found.ceiling?.value).toBe(thresholdCeiling([3, 2.5]).value);
    // What the model's elevation is, the two likenesses tell together.
    const [first, second] = found.raw.splits as number[];
    const [elevation] = [3 * first, 3 * (2 - first)].filter(
      (value) => Math.abs(thresholdScore(value, [2.5]).value - second) < tolerances.float64,
    );
    const again = thresholdScore(elevation, [3, 2.5]);
    expectClose(again.splits, found.raw.splits as number[], tolerances.float64);
    expect(found.value).toBeCloseTo(again.value / thresholdCeiling([3, 2.5]).value, 12);
    const bounded = folder({ ...vernier(60), trials: people }, [
      ...lines,
      metric,
      'clip: [0, 1]',
      'ceiling: 0.0001',
    ]);
    const [one] = await score(bounded);
    expect(one).toMatchObject({ value: 1, formula: 'clip(raw/ceiling)' });
    expect(one.provenance.inputs).not.toBe(found.provenance.inputs);
  });

  test('alone: thresholds of everybody', async () => {
    const alone = people.condition.flatMap((name, i) => (name === 'alone' ? i : []));
    const of = (column: readonly unknown[]) => alone.map((i) => column[i]);
    const trials = { subject: of(people.subject), threshold: of(people.threshold) };
    const { stimuli, ...tables } = vernier(60);
    const rows = tables.features.stimulus_id.length - stimuli.stimulus_id.length / 2;
    const features = Object.fromEntries(
      Object.entries(tables.features).map(([name, column]) => [
        name,
        Array.from(column).slice(0, rows),
      ]),
    );
    const kept = Array.from(stimuli.condition, (name, i) => (name === 'alone' ? i : -1)).filter(
      (i) => i >= 0,
    );
    const some = Object.fromEntries(
      Object.entries(stimuli).map(([name, column]) => [name, kept.map((i) => column[i])]),
    );
    const path = folder({ ...tables, features, stimuli: some, trials }, [
      ...lines,
      'metric: { name: threshold, column: offset }',
    ]);
    const [found] = await score(path);
    expect(found.raw.splits).toHaveLength(4);
    expect(found.warnings).toEqual([]);
    const [description] = await describeBenchmarks(
      findBenchmark(join(path, 'benchmark.yaml')),
      root,
    );
    expect(description.trials).toMatchObject({ trials: 4, subjects: 4 });
  });

  test('a model without a threshold has 0, and the reason', async () => {
    const path = folder({ ...vernier(1e6), trials: people }, [...lines, metric]);
    const [found] = await score(path);
    expect(found).toMatchObject({ value: 0, error: 0 });
    expect(found.warnings[0]).toMatchObject({
      code: 'threshold-unmeasured',
      detail: expect.stringMatching(/no threshold in the condition "(alone|flanked)", scored 0: /),
    });
  });

  test.each([
    [
      { ...people, threshold: [20, 60, 30, 75, 25, 'x', 40] },
      'trials-invalid',
      /above 0, or nothing expected, "x"/,
    ],
    [{ ...people, threshold: [20, 60, 30, 75, 25, -1, 40] }, 'trials-invalid', /above 0/],
    [{ ...people, condition: people.condition.map(() => 'alone') }, 'trials-invalid', /two of "a"/],
    [
      { subject: ['a', 'b'], condition: ['alone', 'flanked'], threshold: [1, 2] },
      'trials-invalid',
      /thresholds of one person in "flanked", "alone"/,
    ],
    [
      { subject: ['a', 'a'], condition: ['alone', 'flanked'], threshold: [1, 2] },
      'trials-invalid',
      /at least 2 people/,
    ],
    [{ subject: ['a'], threshold: [1] }, 'trials-invalid', /no column "condition"/],
    [
      {
        subject: Array.from({ length: 2002 }, (_, i) => Math.floor(i / 2)),
        condition: Array.from({ length: 2002 }, (_, i) => people.condition[i % 2 ? 0 : 1]),
        threshold: Array.from({ length: 2002 }, (_, i) => i + 1),
      },
      'trials-invalid',
      /at most 1000 people expected, 1001 found/,
    ],
    [{ subject: ['a'], answer: [1] }, 'trials-invalid', /stimulus_id expected/],
  ] as [Table, string, RegExp][])('people %#', async (trials, code, message) => {
    const path = folder({ ...vernier(60), trials }, [...lines, metric]);
    await expect(score(path)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test('stimuli that do not fit the metric', async () => {
    const tables = { ...vernier(60), trials: people };
    const wrong = (how: string) => score(folder(tables, [...lines, how]));
    await expect(
      wrong('metric: { name: threshold, column: size, baseline: alone }'),
    ).rejects.toThrow(/reads the column "size" of the stimuli/);
    await expect(wrong('metric: { name: threshold, column: image_label }')).rejects.toThrow(
      /image_label of the stimuli: a number expected, "(left|right)" found/,
    );
    await expect(
      wrong('metric: { name: threshold, column: offset, baseline: other }'),
    ).rejects.toThrow(/"other" and one other expected, "alone", "flanked" found/);
  });
});

test('factor-dimensions, of a region and from a card', async () => {
  const golden = oracle('17-behaviour/islam2021.json');
  const { values, cols } = {
    values: numbers(golden.activations_stimulus_by_unit),
    cols: golden.activations_stimulus_by_unit.shape[1],
  };
  for (const factor of ['shape', 'texture', 'residual']) {
    const path = folder(
      {
        features: matrixTable(golden.stimuli.stimulus_id, values, cols),
        stimuli: golden.stimuli,
      },
      [
        `identifier: Islam2021-{region}_${factor}_dimensionality`,
        'regions: [V1, IT]',
        'parent: Islam2021',
        'visual_degrees: none',
        'stimuli: { csv: stimuli.csv }',
        `metric: { name: factor-dimensions, factor: ${factor}, seed: 1751 }`,
      ],
    );
    for (const found of await score(path)) {
      expect(found.value).toBe(golden.result[found.benchmark].score);
      expect(found).toMatchObject({
        formula: 'raw',
        errorKind: 'none',
        ceiling: null,
        error: null,
      });
      const [low, high] = found.ci as readonly [number, number];
      expect(low).toBeLessThanOrEqual(high);
    }
  }
});

test('a network is scored, and its layers are mapped, on each of the kinds', async () => {
  const side = 16;
  const count = 96;
  const pictures = await madeStimuli(count, side);
  const images = join(root, 'pictures');
  mkdirSync(images);
  for (let row = 0; row < count; row++)
    writeFileSync(join(images, pictures.filename(row)), await pictures.read(row));
  const names = (from: number, to: number): Table => ({
    stimulus_id: pictures.ids.slice(from, to),
    filename: Array.from({ length: to - from }, (_, i) => pictures.filename(from + i)),
  });
  const cycle = <T>(values: readonly T[], n: number) =>
    Array.from({ length: n }, (_, i) => values[i % values.length]);
  const label = cycle(['oddball', 'same'], 48);
  const block = Array.from({ length: 48 }, (_, i) => (i < 24 ? 'first' : 'second'));
  const distractors = Array.from({ length: 48 }, (_, i) => [1, 5, 11][Math.floor(i / 2) % 3]);
  const trials = {
    stimulus_id: [...pictures.ids.slice(48), ...pictures.ids.slice(48)],
    subject: Array.from({ length: 96 }, (_, i) => (i < 48 ? 'a' : 'b')),
    correct: cycle([1, 1, 0, 1, 1, 1, 1], 96),
    distractor_nums: [...distractors, ...distractors],
    block: [...block, ...block],
  };
  const shown = (text: string) => text.replace('.csv }', `.csv, images: ${images} }`);
  const searchPath = folder(
    {
      fitting: { ...names(0, 48), image_label: label },
      stimuli: { ...names(48, 96), image_label: label, block, distractor_nums: distractors },
      trials,
    },
    [
      'identifier: lab-search',
      ...search.map(shown),
      'metric: { name: search-asymmetry, lapse: 0.05, repetitions: 20 }',
    ],
  );
  const vernierPath = folder(
    {
      fitting: { ...names(0, 48), image_label: cycle(['left', 'right'], 48) },
      stimuli: {
        ...names(48, 96),
        image_label: cycle(['left', 'right'], 48),
        offset: Array.from({ length: 48 }, (_, i) => 10 + Math.floor(i / 8)),
      },
      trials: { subject: ['a', 'b'], threshold: [12, 14] },
    },
    [
      'identifier: lab-vernier',
      ...search.map(shown),
      'metric: { name: threshold, column: offset }',
    ],
  );
  const factors = Array.from({ length: 96 }, (_, i) => [i % 3, Math.floor(i / 3) % 4]);
  const factorPath = folder(
    {
      stimuli: {
        ...names(0, 96),
        shape: factors.map(([, shape]) => `s${shape}`),
        texture: factors.map(([texture]) => `t${texture}`),
        original_image_id: factors.map(([, shape], i) => `o${shape}-${Math.floor(i / 12)}`),
      },
    },
    [
      'identifier: lab-{region}-shape',
      'regions: [V1]',
      'visual_degrees: none',
      shown('stimuli: { csv: stimuli.csv }'),
      'metric: { name: factor-dimensions, factor: shape }',
    ],
  );
  const benchmarks = [searchPath, vernierPath, factorPath].map((path) =>
    join(path, 'benchmark.yaml'),
  );
  writeFileSync(join(root, 'net.onnx'), madeNetwork().build());
  const card = {
    ...plainCard({ resize: { to: side, mode: 'square', filter: 'bilinear', library: 'pillow' } }),
    name: 'made',
    readout: 'relu',
    region_layer_map: { V1: 'relu' },
    layers: ['conv', 'relu', 'pool'],
  };
  const model = { path: join(root, 'net.onnx'), card };
  const { scores, failures } = await scoreModel({ model, benchmarks }, context);
  expect(failures.map(({ error }) => error.message)).toEqual([]);
  expect(scores.map(({ benchmark, layer }) => [benchmark, layer])).toEqual([
    ['lab-search', 'relu'],
    ['lab-vernier', 'relu'],
    ['lab-V1-shape', 'relu'],
  ]);
  for (const { value, provenance } of scores) {
    expect(value).not.toBeNull();
    expect(provenance.inputs).toMatch(/^sha256:/);
  }
  const { map } = await mapLayers({ model, benchmarks }, context);
  expect(map.layers.map(({ layer }) => layer)).toEqual(['conv', 'relu', 'pool']);
  for (const { benchmark, value } of scores) {
    const cells = map.layers.map(({ cells }) => cells[benchmark]);
    expect(cells.map((cell) => 'value' in cell && cell.value !== null)).toEqual([true, true, true]);
    const [, own] = cells as readonly Score[];
    expect(own.value).toBe(value);
  }
  await expect(mapLayers({ model, benchmarks, holdout: true }, context)).rejects.toThrow(
    'lab-search cannot be divided into a half to choose on and a half to score on',
  );
  const models = ['a', 'b'].map((name) => ({ ...model, name }));
  const { rows } = await compareModels({ models, benchmarks }, context);
  expect(rows.map(({ benchmark, value }) => [benchmark, value])).toEqual(
    scores.flatMap(({ benchmark, value }) => [
      [benchmark, value],
      [benchmark, value],
    ]),
  );
  const receipt = join(root, 'receipt.json');
  const request = { model, benchmarks };
  await writeReceipt(receipt, [{ kind: 'score', request, scores }], context);
  const report = await verifyReceipt(receipt, [], context);
  expect([report.verdict, report.inputs, report.values]).toEqual(['equal', [], []]);
});

describe('a benchmark file is refused', () => {
  const parse = (...lines: string[]) =>
    parseBenchmark(
      [
        'identifier: x',
        'version: 1',
        'visual_degrees: 8',
        'stimuli: { csv: s.csv }',
        ...lines,
      ].join('\n'),
      { file: 'x.yaml', folder: root },
    );
  const trials = ['trials: t.csv', 'fitting_stimuli: { csv: f.csv }'];
  test.each([
    [
      ['metric: { name: search-asymmetry }', ...trials],
      /search-asymmetry needs the option "lapse"/,
    ],
    [['metric: { name: threshold }', ...trials], /threshold needs the option "column"/],
    [['metric: { name: threshold, column: x }', 'trials: t.csv'], /lacks "fitting_stimuli"/],
    [
      ['metric: { name: threshold, column: x }', 'task: label', ...trials],
      /task: expected probabilities/,
    ],
    [['metric: { name: threshold, column: x }', 'clip: none', ...trials], /clip: expected only/],
    [['metric: { name: factor-dimensions, factor: colour }'], /factor/],
    [
      ['metric: { name: factor-dimensions, factor: shape }', 'trials: t.csv'],
      /compares with nothing; remove "trials"/,
    ],
    [
      ['metric: { name: factor-dimensions, factor: shape }', 'fitting_stimuli: { csv: f.csv }'],
      /fits no read-out/,
    ],
    [
      ['metric: { name: threshold, column: x }', 'exclude_conditions: [a]', ...trials],
      /exclude_conditions: expected only beside trials with conditions/,
    ],
    [['metric: { name: factor-dimensions, factor: shape }', 'drop: incomplete-neuroids'], /drop: /],
  ])('%j', (lines, message) => {
    expect(() => parse(...lines)).toThrow(message);
  });
});
