import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openStimulusSet } from '../../../src/data/stimulus-set.js';
import { imagenetLabels } from '../../../src/metrics/imagenet-labels.js';
import { joinedStimuli } from '../../../src/scoring/benchmark/joined-stimuli.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { parseBenchmark } from '../../../src/scoring/registry/benchmark-file.js';

const folder = mkdtempSync(join(tmpdir(), 'ventral-named-trials-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const stimuli = [
  'stimulus_id,shows,kind,colour',
  'a,dog,big,red',
  'b,cat,big,blue',
  'c,dog,small,red',
  'd,cat,small,blue',
];
const trials = ['stimulus_id,who,object_class,right,answer,visibility'];
for (const who of [1, 2, 3])
  for (const [row, id] of [...'abcd'].entries()) {
    const truth = row % 2 === 0 ? 'dog' : 'cat';
    const right = (row + who) % 3 !== 0;
    const other = truth === 'dog' ? 'cat' : 'dog';
    trials.push(
      [id, who, truth, right ? '1.0' : 0, right ? truth : other, row === 3 ? 1 : 0.5].join(),
    );
  }
/** The network says dog, cat, cat, cat. */
const chosen = ['dog', 'cat', 'cat', 'cat'];

async function score(...keys: string[]): Promise<Score> {
  // The stimulus of the condition that is left out has no features.
  const shown = keys.some((key) => key.startsWith('exclude')) ? chosen.slice(0, 3) : chosen;
  const at = (name: string) => join(folder, name);
  writeFileSync(at('stimuli.csv'), `${stimuli.join('\n')}\n`);
  writeFileSync(at('trials.csv'), `${trials.join('\n')}\n`);
  const logits = shown.map((label, i) => {
    const classes = imagenetLabels.get(label) ?? [];
    return ['abcd'[i], ...Array.from({ length: 1000 }, (_, k) => +classes.includes(k))].join();
  });
  const head = ['stimulus_id', ...Array.from({ length: 1000 }, (_, k) => `u${k}`)].join();
  writeFileSync(at('features.csv'), `${[head, ...logits].join('\n')}\n`);
  const lines = ['identifier: made', 'version: 1', 'visual_degrees: none', ...keys];
  if (!keys.some((key) => key.startsWith('stimuli'))) lines.push('stimuli: { csv: stimuli.csv }');
  writeFileSync(at('made.yaml'), [...lines, ''].join('\n'));
  const { scores, failures } = await scoreFeatures(
    { features: at('features.csv'), benchmarks: [at('made.yaml')] },
    { home: at('home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 },
  );
  if (failures[0]) throw failures[0].error;
  return scores[0];
}

const own = 'trials: trials.csv';

describe('what stimuli show in place of trials', () => {
  test('is a column of theirs', async () => {
    const found = await score('truth: shows', 'metric: { name: accuracy }', 'ceiling: 1');
    expect(found).toMatchObject({ value: 0.75, ceiling: { value: 1 } });
  });

  test('has to be there', async () => {
    await expect(score('truth: label', 'metric: { name: accuracy }')).rejects.toMatchObject({
      code: 'benchmark-invalid',
      message: expect.stringMatching(
        /truth: the stimuli have no column "label"; they have .*shows/,
      ),
    });
  });

  const parse =
    (...keys: string[]) =>
    () =>
      parseBenchmark(
        [
          'identifier: x',
          'version: 1',
          'visual_degrees: none',
          'stimuli: { csv: s.csv }',
          ...keys,
        ].join('\n'),
        { file: 'x.yaml', folder },
      );
  test.each([
    [['truth: shows', 'metric: { name: error-consistency }'], /truth: metric error-consistency/],
    [['truth: shows', 'metric: { name: pls }'], /truth: metric pls compares with answers/],
    [['truth: shows', own, 'metric: { name: accuracy }'], /trials: expected no such key beside/],
    [['metric: { name: accuracy }'], /lacks "trials"/],
    [
      ['recordings: r.csv', 'trial_columns: { truth: t }', 'metric: { name: pls }'],
      /trial_columns: expected only beside trials/,
    ],
  ])('is refused: %j', (keys, message) => {
    expect(parse(...keys)).toThrow(message);
  });
});

describe('columns of trials that are called otherwise', () => {
  const names = 'subject: who, truth: object_class, condition: visibility';
  test('are read under the names that the file gives, and 0 or 1 as choices', async () => {
    const profile = 'metric: { name: accuracy-distance }';
    const said = await score(own, `trial_columns: { ${names}, choice: answer }`, profile);
    const marked = await score(own, `trial_columns: { ${names}, correct: right }`, profile);
    expect(said.value).toBeGreaterThan(0);
    expect(marked).toMatchObject({ value: said.value, raw: { value: said.raw.value } });
    const seen = ['exclude_conditions: [1]', 'metric: { name: accuracy }'];
    const excluded = await score(own, `trial_columns: { ${names}, choice: answer }`, ...seen);
    expect(excluded.value).toBeCloseTo(2 / 3, 12);
  });

  test('have to be there, and 0 or 1', async () => {
    const distance = 'metric: { name: accuracy-distance }';
    await expect(
      score(own, `trial_columns: { ${names}, choice: said }`, distance),
    ).rejects.toMatchObject({ code: 'trials-invalid', message: expect.stringContaining('"said"') });
    await expect(
      score(own, `trial_columns: { ${names}, correct: answer }`, distance),
    ).rejects.toMatchObject({
      code: 'trials-invalid',
      message: expect.stringMatching(/trial_columns\.correct: expected 0 or 1, found "?dog/),
    });
  });

  test('may make one condition of several columns of the stimuli', async () => {
    const columns = `trial_columns: { ${names}, choice: answer }`;
    const one = await score(
      own,
      columns,
      'metric: { name: accuracy-profile, column: stimulus_id }',
    );
    const two = await score(
      own,
      columns,
      'metric: { name: accuracy-profile, column: [kind, colour] }',
    );
    expect(two.raw.value).toBeCloseTo(one.raw.value as number, 12);
    expect(two.provenance.inputs).not.toBe(one.provenance.inputs);
  });
});

describe('columns of stimuli from another table', () => {
  const labels = (name: string, ...lines: string[]) =>
    writeFileSync(join(folder, name), [...lines, ''].join('\n'));
  const accuracy = ['truth: label', 'metric: { name: accuracy }'];
  const joined = (table: string, on = 'colour') =>
    `stimuli: { csv: stimuli.csv, join: { table: ${table}, on: ${on} } }`;

  test('go to each stimulus by the value of a column', async () => {
    labels('labels.csv', 'colour,label', 'blue,cat', 'red,dog', 'green,bird');
    const found = await score(joined('labels.csv'), ...accuracy);
    expect(found).toMatchObject({ value: 0.75 });
  });

  test('that is a stranger’s does not tell what private stimuli hold', async () => {
    labels('private.csv', 'stimulus_id,secret', 'a,hidden-1', 'b,hidden-2');
    labels('guess.csv', 'secret,label', 'hidden-1,x');
    const set = await openStimulusSet({ identifier: 'p', csv: join(folder, 'private.csv') });
    const table = { table: join(folder, 'guess.csv'), on: 'secret' };
    const source = { kind: 'catalog', identifier: 'ImageNet2012', join: table } as const;
    const { message } = await joinedStimuli(set, source).catch((error) => error);
    expect(message).toContain('a row for secret of stimulus 2, found none');
    expect(message).not.toContain('hidden');
  });

  test.each([
    [
      'key.csv',
      ['colours,label', 'red,dog'],
      'colour',
      /expected column "colour", found "?colours/,
    ],
    ['own.csv', ['tint,label', 'red,dog'], 'tint', /expected stimuli with the column "tint"/],
    [
      'both.csv',
      ['colour,kind', 'red,dog'],
      'colour',
      /columns that the stimuli lack, found "kind"/,
    ],
    ['twice.csv', ['colour,label', 'red,dog', 'red,cat'], 'colour', /"red" twice/],
    ['few.csv', ['colour,label', 'red,dog'], 'colour', /a row for colour "blue", found none/],
  ])('%s is refused', async (name, lines, on, message) => {
    labels(name, ...lines);
    await expect(score(joined(name, on), ...accuracy)).rejects.toMatchObject({
      code: 'benchmark-invalid',
      message: expect.stringMatching(message),
    });
  });
});

describe('a table of thresholds', () => {
  test.each(['accuracy', 'error-consistency', 'odd-one-out'])(
    'has no trials of %s, whatever else is in it',
    async (metric) => {
      const lines = ['threshold,subject,truth,choice,condition', '1,a,dog,dog,1', '2,b,cat,dog,1'];
      writeFileSync(join(folder, 'thresholds.csv'), [...lines, ''].join('\n'));
      const found = score('trials: thresholds.csv', `metric: { name: ${metric} }`);
      await expect(found).rejects.toMatchObject({ code: 'trials-invalid' });
      await expect(found).rejects.toThrow(/stimulus_id|image_1/);
    },
  );
});
