import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { confusionSimilarity, confusions } from '../../../src/metrics/behaviour/confusion.js';
import { fitReadOut, readOutProbabilities } from '../../../src/metrics/probabilities.js';
import { denseFeatures } from '../../../src/numerics/algebra/features.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { likeliest } from '../../../src/scoring/measure/label-benchmark.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { describeBenchmarks } from '../../../src/scoring/model/describe-benchmark.js';
import { parseBenchmark } from '../../../src/scoring/registry/benchmark-file.js';
import { findBenchmark } from '../../../src/scoring/registry/registry.js';
import { expectClose } from '../../metrics/close.js';
import { numbers, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-confusion-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

type Table = Record<string, readonly unknown[]>;
const csv = (table: Table) => {
  const columns = Object.values(table);
  const rows = columns[0].map((_, i) => columns.map((column) => column[i]).join());
  return [Object.keys(table).join(), ...rows, ''].join('\n');
};

const golden = oracle('17-behaviour/maniquet2024.json');
const { fitting_stimuli: fitting, stimuli, features, human, task_mapping: mapping } = golden;

/** What the network saw of each task of the people, as the original reads it from their names. */
const shown = Object.fromEntries(
  mapping.map(([task, manipulation, details]: (string | null)[]) => [
    task,
    {
      ...(manipulation === null ? {} : { manipulation }),
      manipulation_details: details,
    },
  ]),
);
const missing = {
  clutter_light: { manipulation: 'clutter', manipulation_details: 'light' },
  occlusion_many_small_deletion_low: {
    manipulation: 'occluder',
    manipulation_details: 'manysmall-low',
  },
  scrambling_highpass: { manipulation: 'phasescrambling', manipulation_details: 'highpass' },
};

const people: Table = {
  stimulus_id: human.stimulus_id,
  subject: human.subject_id,
  truth: human.image_label,
  choice: human.prediction,
  task: human.task,
};

/** Writes the task with other keys, people or stimuli, and gives its file. */
function write(keys: readonly string[], trials: Table = people, more: Table = {}): string {
  const { stimulus_id, manipulation, manipulation_details, image_label } = stimuli;
  const shownStimuli = { stimulus_id, manipulation, manipulation_details, image_label, ...more };
  writeFileSync(at('stimuli.csv'), csv(shownStimuli));
  const { stimulus_id: fitted, image_label: labels } = fitting;
  writeFileSync(at('fitting.csv'), csv({ stimulus_id: fitted, image_label: labels }));
  writeFileSync(at('trials.csv'), csv(trials));
  const [, cols] = features.values.shape;
  const values = numbers(features.values);
  const units = Array.from({ length: cols }, (_, k) => `u${k}`);
  const rows = features.stimulus_id.map((id: string, i: number) =>
    [id, ...values.subarray(cols * i, cols * (i + 1))].join(),
  );
  writeFileSync(at('features.csv'), [['stimulus_id', ...units].join(), ...rows, ''].join('\n'));
  const lines = [
    ...['identifier: made', 'version: 1', 'visual_degrees: 8', 'stimuli: { csv: stimuli.csv }'],
    ...['fitting_stimuli: { csv: fitting.csv }', 'trials: trials.csv', 'task: probabilities'],
    ...[...keys, ''],
  ];
  writeFileSync(at('benchmark.yaml'), lines.join('\n'));
  return at('benchmark.yaml');
}

async function score(...asked: Parameters<typeof write>): Promise<Score> {
  const { scores, failures } = await scoreFeatures(
    { features: at('features.csv'), benchmarks: [write(...asked)] },
    { home: at('home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 },
  );
  if (failures.length > 0) throw failures[0].error;
  return scores[0];
}

const confusion = ['metric: { name: confusion }', 'ceiling: 0.53526'];
const profile = (more: string, ceiling = 'ceiling: 0.99810') => [
  `metric: { name: accuracy-profile, column: task, pooled: true${more} }`,
  ceiling,
];

test('what was shown is what its names say', () => {
  const { manipulation, manipulation_details, exemplar_number } = fitting;
  expect(new Set([...manipulation, ...manipulation_details])).toEqual(new Set(['control']));
  fitting.stimulus_id.forEach((id: string, i: number) => {
    expect(id).toBe(`tr_${fitting.image_label[i]}_${numbers(exemplar_number)[i]}`);
  });
  stimuli.stimulus_id.forEach((id: string, i: number) => {
    expect(id.startsWith(`${numbers(stimuli.exemplar_number)[i]}_`)).toBe(true);
    expect(id.endsWith(`_${stimuli.image_label[i]}`)).toBe(true);
  });
  for (const name of ['confusion_similarity', 'tasks_consistency'])
    expect(golden.result[`Maniquet2024-${name}`]).toMatchObject({
      parent: 'Maniquet2024',
      version: 1,
    });
});

test('the read-out and both matrices are those of the original', async () => {
  const [rows, cols] = features.values.shape;
  const values = numbers(features.values);
  const first = fitting.stimulus_id.length;
  expect(features.stimulus_id).toEqual([...fitting.stimulus_id, ...stimuli.stimulus_id]);
  const of = (from: number, to: number) =>
    denseFeatures(to - from, cols, values.subarray(from * cols, to * cols));
  const readOut = await fitReadOut({ features: of(0, first), labels: fitting.image_label });
  const found = await readOutProbabilities(readOut, {
    features: of(first, rows),
    stimulusIds: stimuli.stimulus_id,
  });
  const labels = golden.choice_order;
  expect(found.choices).toEqual(labels);
  expectClose(found.values.data, numbers(golden.probabilities), tolerances.endToEnd.behaviour);
  const chosen = likeliest(found);
  expect(chosen).toEqual({ stimulusIds: stimuli.stimulus_id, choices: golden.choices, labels });
  expect(confusions(labels, stimuli.image_label, golden.choices)).toEqual(
    numbers(golden.confusion_model),
  );
  expect(confusions(labels, human.image_label, human.prediction)).toEqual(
    numbers(golden.confusion_human),
  );
  const right = human.prediction.map(
    (label: string, i: number) => +(label === human.image_label[i]),
  );
  expect(Float64Array.from(right)).toEqual(numbers(human.acc));
});

describe('a whole road from features to a score', () => {
  const of = (name: string) => golden.result[`Maniquet2024-${name}`];

  test('confusion: off the diagonal, over a published ceiling, negative where it is', async () => {
    const wanted = of('confusion_similarity');
    const found = await score(confusion);
    expect(found).toMatchObject({ formula: 'raw/ceiling', error: null, errorKind: 'none' });
    expect(found.value).toBeCloseTo(wanted.score, 9);
    expect(found.raw.value).toBeCloseTo(wanted.raw.score, 9);
    expect(found.ceiling?.value).toBe(wanted.ceiling.score);
    const [low, high] = found.ci as readonly [number, number];
    expect(low).toBeLessThan(found.value as number);
    expect(high).toBeGreaterThan(found.value as number);
  });

  test('accuracy-profile of all people together: the stimuli of each of their tasks', async () => {
    const wanted = of('tasks_consistency');
    const found = await score(profile(`, shown: ${JSON.stringify({ ...shown, ...missing })}`));
    expect(found).toMatchObject({ formula: 'raw/ceiling', error: null, errorKind: 'none' });
    expect(found.value).toBeCloseTo(wanted.score, 9);
    expect(found.raw.value).toBeCloseTo(wanted.raw.score, 9);
    expect(found.ceiling?.value).toBe(wanted.ceiling.score);
  });

  test('the stimuli may name the tasks themselves, in a column of that name', async () => {
    const all = Object.entries({ ...shown, ...missing }) as [string, Record<string, string>][];
    const task = stimuli.stimulus_id.map(
      (_: string, i: number) =>
        all.find(
          ([, wanted]) =>
            wanted.manipulation === stimuli.manipulation[i] &&
            wanted.manipulation_details === stimuli.manipulation_details[i],
        )?.[0],
    );
    const found = await score(profile(''), people, { task });
    expect(found.value).toBeCloseTo(of('tasks_consistency').score, 9);
    const without = await score(profile('', ''), people, { task });
    expect(without).toMatchObject({ formula: 'raw', ceiling: null, value: found.raw.value });
  });

  test('depends on the people, their tasks and the classes of the stimuli', async () => {
    const first = await score(profile(`, shown: ${JSON.stringify({ ...shown, ...missing })}`));
    const swapped = { ...people, task: [...human.task].reverse() };
    const other = await score(
      profile(`, shown: ${JSON.stringify({ ...shown, ...missing })}`),
      swapped,
    );
    expect(other.provenance.inputs).not.toBe(first.provenance.inputs);
  });

  test('people are counted where a benchmark describes itself', async () => {
    const [told] = await describeBenchmarks(findBenchmark(write(confusion)), at('home'));
    expect(told.trials).toMatchObject({ trials: 288, subjects: 4 });
    expect(told.ceiling).toEqual({ name: 'fixed', value: 0.53526 });
  });
});

describe('is refused', () => {
  test.each([
    [
      'a task whose stimuli nothing says',
      profile(', shown: { control: { manipulation: control } }'),
      /metric\.shown has no stimuli for "clutter_heavy"/,
    ],
    ['a column that the stimuli lack', profile(''), /reads the column "task" of the stimuli/],
    [
      'a column that the trials lack',
      profile(', shown: { a: { manipulation: b } }').map((key) => key.replace('task', 'kind')),
      /no column "kind"/,
    ],
  ])('%s', async (_, keys, message) => {
    await expect(score(keys)).rejects.toThrow(message);
  });

  test('a task that no stimulus belongs to', async () => {
    const made = { ...shown, ...missing, control: { manipulation: 'none' } };
    await expect(score(profile(`, shown: ${JSON.stringify(made)}`))).rejects.toMatchObject({
      code: 'stimuli-mismatch',
      message: expect.stringMatching(/stimuli of task "control".*found none/),
    });
  });

  test('stimuli whose classes people never saw', async () => {
    const truth = human.image_label.map(() => 'zebra');
    await expect(score(confusion, { ...people, truth })).rejects.toMatchObject({
      code: 'stimuli-mismatch',
    });
  });

  test('"shown" where people are not pooled', () => {
    const text = [
      ...['identifier: x', 'version: 1', 'visual_degrees: 8', 'stimuli: { csv: s.csv }'],
      ...['trials: t.csv', 'metric: { name: accuracy-profile, column: a, shown: { a: { b: c } } }'],
    ].join('\n');
    expect(() => parseBenchmark(text, { file: 'x.yaml', folder })).toThrow(/beside "pooled: true"/);
  });
});

test('a choice that is no class is left out, and people are drawn whole', () => {
  const observed = {
    trials: {
      stimulusIds: [1, 2, 3, 4, 5, 6],
      subject: ['a', 'a', 'a', 'b', 'b', 'b'],
      truth: ['x', 'y', 'z', 'x', 'y', 'z'],
      choice: ['y', 'z', 'na', 'y', 'x', 'x'],
      condition: ['', '', '', '', '', ''],
    },
  };
  const model = { stimulusIds: [7, 8, 9], choices: ['y', 'z', 'x'], labels: ['x', 'y', 'z'] };
  const found = confusionSimilarity(model, observed, ['x', 'y', 'z']);
  expect(found.samples).toBe(2);
  expect(found.resample([0, 1])).toBe(found.value);
  expect(found.resample([0, 0])).not.toBe(found.resample([1, 1]));
});
