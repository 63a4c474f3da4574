import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { imagenetLabels } from '../../../src/metrics/imagenet-labels.js';
import { imagenetSynsets } from '../../../src/metrics/imagenet-synsets.js';
import { fitReadOut, readOutProbabilities } from '../../../src/metrics/probabilities.js';
import { denseFeatures } from '../../../src/numerics/algebra/features.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { likeliest } from '../../../src/scoring/measure/label-benchmark.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { parseBenchmark } from '../../../src/scoring/registry/benchmark-file.js';
import { expectClose } from '../../metrics/close.js';
import { numbers, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-behaviour-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Table = Record<string, readonly unknown[]>;
const csv = (table: Table) => {
  const columns = Object.values(table);
  const rows = columns[0].map((_, i) => columns.map((column) => column[i]).join());
  return [Object.keys(table).join(), ...rows, ''].join('\n');
};

/** Scores made by `ventral score --features FILE --benchmark FILE`, of a task in files. */
async function score(task: {
  stimuli: Table;
  trials: Table;
  logits: readonly (readonly number[])[];
  keys: readonly string[];
  fitting?: Table;
}): Promise<Score> {
  const ids = [...(task.fitting?.stimulus_id ?? []), ...task.stimuli.stimulus_id];
  if (task.fitting) writeFileSync(join(folder, 'fitting.csv'), csv(task.fitting));
  const units = Array.from({ length: task.logits[0].length }, (_, k) => `u${k}`);
  const rows = task.logits.map((row, i) => [ids[i], ...row].join());
  const at = (name: string) => join(folder, name);
  writeFileSync(at('features.csv'), [['stimulus_id', ...units].join(), ...rows, ''].join('\n'));
  writeFileSync(at('stimuli.csv'), csv(task.stimuli));
  writeFileSync(at('trials.csv'), csv(task.trials));
  const lines = ['identifier: made', 'version: 1', 'visual_degrees: none', ...task.keys];
  const data = ['stimuli: { csv: stimuli.csv }', 'trials: trials.csv', ''];
  writeFileSync(at('benchmark.yaml'), [...lines, ...data].join('\n'));
  const { scores, failures } = await scoreFeatures(
    { features: at('features.csv'), benchmarks: [at('benchmark.yaml')] },
    { home: at('home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 },
  );
  if (failures.length > 0) throw failures[0].error;
  return scores[0];
}

/** Logits of ImageNet's classes that make a network choose these labels. */
const choosing = (labels: readonly string[]) =>
  labels.map((label) => {
    const classes = imagenetLabels.get(label) ?? [];
    return Array.from({ length: 1000 }, (_, k) => (classes.includes(k) ? 9 : 0));
  });

describe('a whole road from logits to a score', () => {
  const bmd = oracle('17-behaviour/bmd2024_scialom2024.json').cases[0];
  const wanted = bmd.result['BMD2024.texture_1Behavioral-accuracy_distance'];
  const { stimulus_id, subject, truth, choice, condition } = bmd.trials;
  const trials = { stimulus_id, subject, truth, choice, condition };
  const stimuli = { stimulus_id: bmd.stimuli.stimulus_id };
  const values = [...numbers(bmd.logits)];
  const logits = stimuli.stimulus_id.map((_: string, i: number) =>
    values.slice(1000 * i, 1000 * (i + 1)),
  );

  test.each(['', 'ceiling: { name: pairs }'])('accuracy-distance %s', async (ceiling) => {
    const keys = ['metric: { name: accuracy-distance }', ceiling];
    const found = await score({ stimuli, trials, logits, keys });
    expect(found.value).toBeCloseTo(wanted.score, 9);
    expect(found).toMatchObject({ formula: 'clip(raw/ceiling)', errorKind: 'std over subjects' });
    expect(found.raw.value).toBeCloseTo(wanted.raw.score, 9);
    expect(found.error).toBeCloseTo(wanted.raw.error, 9);
    expect(found.ceiling?.value).toBeCloseTo(wanted.ceiling.score, 9);
    const [low, high] = found.ci as readonly [number, number];
    expect(low).toBeLessThan(found.value as number);
    expect(high).toBeLessThanOrEqual(1);
  });

  test('error-consistency is bounded, unless the file says clip: none', async () => {
    const task = { stimuli, trials, logits: choosing(truth.slice(0, 30)) };
    const keys = ['metric: { name: error-consistency }', 'ceiling: 0.001'];
    const bounded = await score({ ...task, keys });
    const free = await score({ ...task, keys: [...keys, 'clip: none'] });
    expect(bounded).toMatchObject({ value: 1, formula: 'clip(raw/ceiling)' });
    expect(free.formula).toBe('raw/ceiling');
    expect(free.value).toBe((free.raw.value as number) / 0.001);
    expect(free.provenance.inputs).not.toBe(bounded.provenance.inputs);
  });
});

test('cue-match: shape bias and matches, from trials that name the truth alone', async () => {
  const hermann = oracle('17-behaviour/hermann2020.json').cases[0];
  const { stimulus_id, original_image_category, conflict_image_category, truth } = hermann.stimuli;
  const task = {
    stimuli: { stimulus_id, original_image_category, conflict_image_category },
    trials: { stimulus_id, truth },
    logits: choosing(hermann.choices),
  };
  const cue = 'column: original_image_category, against: conflict_image_category';
  const bias = await score({ ...task, keys: [`metric: { name: cue-match, ${cue}, ratio: true }`] });
  const match = await score({ ...task, keys: [`metric: { name: cue-match, ${cue} }`] });
  const of = (name: string) => hermann.result[`Hermann2020cueconflict-${name}`];
  expect(bias.value).toBeCloseTo(of('shape_bias').score, 9);
  expect(bias).toMatchObject({ error: null, errorKind: 'none', ceiling: null, formula: 'raw' });
  expect(match.value).toBeCloseTo(of('shape_match').score, 9);
  expect(match.error).toBeCloseTo(of('shape_match').error, 9);
});

test('accuracy-drop: halves of the people, with a ceiling of halves', async () => {
  const baker = oracle('17-behaviour/baker2022.json').cases[0];
  const wanted = baker.result['Baker2022frankenstein-accuracy_delta'];
  const correct = numbers(baker.trials.correct);
  const subjects = numbers(baker.trials.subject);
  const upright = [...correct.keys()].filter((k) => baker.trials.orientation[k] === 'normal');
  const of = (column: ArrayLike<unknown>) => upright.map((k) => column[k]);
  const { stimulus_id, image_type, truth, orientation } = baker.stimuli;
  const shown = [...stimulus_id.keys()].filter((k) => orientation[k] === 'normal');
  const task = {
    stimuli: {
      stimulus_id: shown.map((k) => stimulus_id[k]),
      image_type: shown.map((k) => image_type[k]),
    },
    trials: {
      stimulus_id: of(baker.trials.stimulus_id),
      subject: of(subjects),
      truth: of(baker.trials.truth),
      choice: upright.map((k) => (correct[k] === 1 ? baker.trials.truth[k] : '')),
    },
    logits: choosing(shown.map((k) => baker.choices[baker.choices_for.indexOf(stimulus_id[k])])),
  };
  expect(new Set(truth)).toEqual(new Set(task.trials.truth));
  const metric = (column: string) =>
    `metric: { name: accuracy-drop, column: ${column}, from: w, to: f }`;
  const found = await score({ ...task, keys: [metric('image_type')] });
  expect(found.value).toBeCloseTo(wanted.score, 9);
  expect(found.error).toBeCloseTo(wanted.raw.error, 9);
  expect(found.ceiling?.value).toBeCloseTo(wanted.ceiling.score, 9);
  await expect(score({ ...task, keys: [metric('kind')] })).rejects.toMatchObject({
    code: 'benchmark-invalid',
    message: expect.stringMatching(
      /reads the column "kind" of the stimuli, which have .*image_type/,
    ),
  });
});

test('accuracy among all 1000 classes, where the truth is a synset', async () => {
  const golden = oracle('17-behaviour/imagenet.json');
  expect(imagenetSynsets).toEqual(golden.classes_in_order);
  const { image_id: stimulus_id, synset: truth, filename } = golden.stimuli;
  const logits = golden.largest_logit.map((k: number) => imagenetSynsets.map((_, i) => +(i === k)));
  const task = { stimuli: { stimulus_id }, trials: { stimulus_id, truth }, logits };
  const found = await score({ ...task, keys: ['metric: { name: accuracy }', 'ceiling: 1'] });
  expect(found.value).toBeCloseTo(golden.result.score, 9);
  expect(found.error).toBeCloseTo(golden.result.error, 9);
  expect([golden.identifier, golden.parent, golden.version]).toEqual([
    'ImageNet-top1',
    'ImageNet',
    1,
  ]);
  const positions = truth.map((synset: string) => imagenetSynsets.indexOf(synset));
  expect(Array.from(numbers(golden.stimuli.label))).toEqual(positions);
  const rows = [...filename.keys()].sort((a, b) => (filename[a] < filename[b] ? -1 : 1));
  const right = rows.map((row) => imagenetSynsets[golden.largest_logit[row]] === truth[row]);
  expect(right).toEqual(golden.result.correct_in_filename_order.values);
});

test('a read-out chooses where the task is of probabilities', async () => {
  const golden = oracle('17-behaviour/lonnqvist2024.json');
  const { stimulus_id, subject, truth, choice } = golden.trials;
  const [rows, cols] = golden.features.values.shape;
  const values = Array.from(numbers(golden.features.values));
  expect(golden.features.stimulus_id).toHaveLength(rows);
  const { image_label } = golden.fitting_stimuli;
  const layer = Float64Array.from(values);
  const first = image_label.length;
  const features = denseFeatures(first, cols, layer.subarray(0, first * cols));
  const readOut = await fitReadOut({ features, labels: image_label });
  const found = await readOutProbabilities(readOut, {
    features: denseFeatures(rows - first, cols, layer.subarray(first * cols)),
    stimulusIds: golden.stimuli.stimulus_id,
  });
  expect(found.choices).toEqual(golden.choice_order);
  expectClose(found.values.data, numbers(golden.probabilities), tolerances.endToEnd.behaviour);
  expect(likeliest(found).choices).toEqual(golden.choices);
  expect([...new Set(image_label)]).toEqual([...golden.choice_order]);
  const task = {
    stimuli: { stimulus_id: golden.stimuli.stimulus_id },
    trials: { stimulus_id, subject, truth, choice },
    fitting: { stimulus_id: golden.fitting_stimuli.stimulus_id, image_label },
    logits: Array.from({ length: rows }, (_, i) => values.slice(cols * i, cols * (i + 1))),
  };
  const keys = ['task: probabilities', 'fitting_stimuli: { csv: fitting.csv }'];
  const distance = await score({ ...task, keys: [...keys, 'metric: { name: accuracy-distance }'] });
  const results = Object.entries({ ...golden.result } as Record<string, typeof golden.result>);
  expect(results).toHaveLength(4);
  for (const [identifier, wanted] of results) {
    if (identifier.endsWith('engineering_accuracy')) {
      const found = await score({
        ...task,
        keys: [...keys, 'metric: { name: accuracy }', 'ceiling: 1'],
      });
      expect(found.value).toBeCloseTo(wanted.score, 9);
      expect(found.error).toBeCloseTo(wanted.raw.error, 9);
      continue;
    }
    expect(distance.value).toBeCloseTo(wanted.score, 9);
    expect(distance.raw.value).toBeCloseTo(wanted.raw.score, 9);
    expect(distance.error).toBeCloseTo(wanted.raw.error, 9);
    expect(distance.ceiling?.value).toBeCloseTo(wanted.ceiling.score, 9);
  }
});

test('accuracy-profile: conditions of a read-out and of people', async () => {
  const golden = oracle('17-behaviour/coggan2024_behavior.json');
  expect([golden.identifier, golden.parent]).toEqual([
    'tong.Coggan2024_behavior-ConditionWiseAccuracySimilarity',
    'behavior',
  ]);
  const { image_label, stimulus_id: fitted } = golden.fitting_stimuli;
  const { stimulus_id, subject, object_class, human_prediction, visibility } = golden.trials;
  const { occluder_type, occluder_color } = golden.trials;
  expect(golden.features.stimulus_id).toEqual([...fitted, ...stimulus_id]);
  const [rows, cols] = golden.features.values.shape;
  const values = numbers(golden.features.values);
  const first = fitted.length;
  const features = denseFeatures(first, cols, values.subarray(0, first * cols));
  const readOut = await fitReadOut({ features, labels: image_label });
  const found = await readOutProbabilities(readOut, {
    features: denseFeatures(rows - first, cols, values.subarray(first * cols)),
    stimulusIds: stimulus_id,
  });
  expect(found.choices).toEqual(golden.choice_order);
  expectClose(found.values.data, numbers(golden.probabilities), tolerances.endToEnd.behaviour);
  expect(likeliest(found).choices).toEqual(golden.choices);
  const occluder = occluder_type.map((type: string, i: number) => `${type} ${occluder_color[i]}`);
  const seen = numbers(visibility);
  const occluded = [...seen.keys()].filter((i) => seen[i] < 1);
  const of = (column: readonly string[]) => occluded.map((i) => column[i]);
  const layer = [...fitted.keys(), ...occluded.map((i) => first + i)];
  const scored = await score({
    stimuli: { stimulus_id: of(stimulus_id), occluder: of(occluder) },
    trials: {
      stimulus_id: of(stimulus_id),
      subject: of(subject),
      truth: of(object_class),
      choice: of(human_prediction),
    },
    fitting: { stimulus_id: fitted, image_label },
    logits: layer.map((i) => [...values.slice(cols * i, cols * (i + 1))]),
    keys: [
      ...[
        'task: probabilities',
        'fitting_stimuli: { csv: fitting.csv }',
        'exclude_conditions: [1]',
      ],
      'metric: { name: accuracy-profile, column: occluder }',
    ],
  });
  const { result } = golden;
  expect(scored).toMatchObject({ formula: '(raw/ceiling)²', errorKind: 'none' });
  expect(scored.value).toBeCloseTo(result.score, 9);
  expect(scored.raw.value).toBeCloseTo(result.raw, 9);
  expect(scored.ceiling?.value).toBeCloseTo(result.ceiling, 9);
  expect(scored.ceiling?.error).toBeCloseTo(result.ceiling_error, 9);
  const close = (own: readonly number[], wanted: typeof result.raw_subjects) =>
    expectClose(own, numbers(wanted), tolerances.kinds.float64);
  close(scored.raw.splits as number[], result.raw_subjects);
  close(scored.ceiling?.splits as number[], result.ceiling_subjects);
});

describe('a benchmark file is refused', () => {
  const parse = (...keys: string[]) =>
    parseBenchmark(
      ['identifier: x', 'version: 1', 'visual_degrees: none', ...keys]
        .concat('stimuli: { csv: s.csv }', 'trials: t.csv')
        .join('\n'),
      { file: 'x.yaml', folder },
    );
  test.each([
    [['metric: { name: cue-match, column: a }'], /cue-match needs the option "against"/],
    [['metric: { name: accuracy-drop, column: a, from: w }'], /needs the option "to"/],
    [['metric: { name: accuracy, column: a }'], /accuracy has no option "column"/],
    [['task: probabilities', 'metric: { name: accuracy }'], /lacks "fitting_stimuli"/],
    [['task: label', 'metric: { name: i2n }'], /task: expected only beside a metric of labels/],
    [['metric: { name: accuracy }', 'ceiling: pairs'], /accuracy computes its own/],
    [['metric: { name: accuracy }', 'clip: none'], /clip: expected only beside error-consistency/],
    [['metric: { name: accuracy }', 'clip: [0, 1]'], /clip: .* or threshold or "rdms", found/],
    [['metric: { name: accuracy-distance }', 'ceiling: nili-upper'], /expected pairs, none/],
  ])('%j', (keys, message) => {
    expect(() => parse(...keys)).toThrow(message);
  });
});
