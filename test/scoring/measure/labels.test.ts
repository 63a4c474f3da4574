import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ModelCard } from '../../../src/activations/card/card.js';
import { extractActivations } from '../../../src/activations/extract.js';
import { imagenetLabels } from '../../../src/metrics/imagenet-labels.js';
import { Work } from '../../../src/runtime/work.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { scoreModel } from '../../../src/scoring/model/score-model.js';
import { madeStimuli, modelFile } from '../../activations/made-networks.js';
import {
  cardWithHead,
  conditionOf,
  LABELS,
  madeLabels,
  networkWithHead,
  PICTURES,
  truthOf,
} from '../made-labels.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-labels-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);

async function score(
  outputs: number,
  card: ModelCard,
  benchmarks: readonly string[],
  stages: string[] = [],
) {
  writeFileSync(at('net.onnx'), networkWithHead(outputs).build());
  const { scores, failures } = await scoreModel(
    { model: { path: at('net.onnx'), card }, benchmarks },
    {
      home: at('home'),
      threads: 1,
      maxMemory: 2 ** 30,
      maxScratch: 2 ** 30,
      progress: Work.start(({ stage }) => stages.push(stage)),
    },
  );
  if (failures.length > 0) throw failures[0].error;
  return scores;
}

/** Logits of every image (image × output), by the network alone. */
async function logits(outputs: number): Promise<number[][]> {
  const shown = { stimuli: await madeStimuli(PICTURES, 24), degrees: undefined };
  const found = await extractActivations(
    { file: modelFile(networkWithHead(outputs)), card: cardWithHead('imagenet-1k') },
    shown,
    ['logits'],
    { threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30, scratch: folder },
  );
  const store = found.layers.get('logits');
  return Array.from({ length: PICTURES }, (_, row) => [...(store?.readRows(row, 1) ?? [])]);
}

const largest = (values: readonly number[]) => values.indexOf(Math.max(...values));
const share = (choices: readonly string[], rows = choices.map((_, i) => i)) =>
  rows.filter((row) => choices[row] === truthOf(row)).length / rows.length;

describe('a head of 1000 outputs', () => {
  test('names a picture by the mean probability over the classes of each label', async () => {
    const file = await madeLabels(at('task'), { metric: 'accuracy' });
    const [found] = await score(1000, cardWithHead('imagenet-1k'), [file]);
    const choices = (await logits(1000)).map((row) => {
      const top = Math.max(...row);
      const means = LABELS.map((label) => {
        const members = imagenetLabels.get(label) ?? [];
        return members.reduce((sum, k) => sum + Math.exp(row[k] - top), 0) / members.length;
      });
      return LABELS[largest(means)];
    });
    expect(new Set(choices).size).toBeGreaterThan(1);
    expect(found).toMatchObject({
      value: share(choices),
      raw: { value: share(choices) },
      formula: 'raw',
      ceiling: null,
      layer: 'logits',
      layerChoice: { by: 'card' },
      warnings: [],
    });
  });

  test('has no other number of outputs', async () => {
    const file = await madeLabels(at('task'), { metric: 'accuracy' });
    await expect(score(999, cardWithHead('imagenet-1k'), [file])).rejects.toMatchObject({
      code: 'labels-uncovered',
      message: expect.stringContaining('999 outputs where its classes are 1000'),
    });
  });
});

describe('a head with names', () => {
  test('chooses among them, and is marked', async () => {
    const file = await madeLabels(at('task'), { metric: 'accuracy', more: ['ceiling: 0.5'] });
    const [found] = await score(4, cardWithHead(LABELS), [file]);
    const choices = (await logits(4)).map((row) => LABELS[largest(row)]);
    expect(new Set(choices).size).toBeGreaterThan(1);
    expect(found.raw.value).toBe(share(choices));
    expect(found.value).toBe(share(choices) / 0.5);
    expect(found.warnings.map(({ code }) => code)).toEqual(['non-standard-head']);
  });

  test('may have more names than the task, and another order', async () => {
    const file = await madeLabels(at('task'), { metric: 'accuracy' });
    const names = ['truck', 'zebra', 'dog', 'bottle', 'cup', 'bear'];
    const [found] = await score(6, cardWithHead(names), [file]);
    const choices = (await logits(6)).map((row) => {
      const known = row.map((value, k) => (LABELS.includes(names[k]) ? value : -Infinity));
      return names[largest(known)];
    });
    expect(found.raw.value).toBe(share(choices));
    const [other] = await score(6, cardWithHead([...names].reverse()), [file]);
    expect(other.provenance.inputs).not.toBe(found.provenance.inputs);
  });

  test.each([
    [['bear', 'bottle', 'dog'], /lacks labels.*: truck$/],
    ['imagenet-1k', /ImageNet classes lacks labels.*: zebra$/],
  ] as const)('that lacks labels (%j) is refused before the network runs', async (classes, why) => {
    const labels = classes === 'imagenet-1k' ? ['dog', 'zebra'] : LABELS;
    const file = await madeLabels(at('task'), { metric: 'error-consistency', labels });
    const stages: string[] = [];
    const outputs = classes === 'imagenet-1k' ? 1000 : 3;
    await expect(score(outputs, cardWithHead(classes), [file], stages)).rejects.toMatchObject({
      code: 'labels-uncovered',
      message: expect.stringMatching(why),
    });
    expect(stages).not.toContain('activations');
  });

  test('is needed', async () => {
    const file = await madeLabels(at('task'), { metric: 'accuracy' });
    const { logits: _, ...card } = cardWithHead(LABELS);
    await expect(score(4, card, [file])).rejects.toMatchObject({
      code: 'labels-uncovered',
      message: expect.stringMatching(/the card of .* has no "logits"/),
    });
  });
});

describe('error consistency', () => {
  test('is ceiled by the observers, with an interval over them', async () => {
    const file = await madeLabels(at('task'), { metric: 'error-consistency' });
    const [found] = await score(4, cardWithHead(LABELS), [file]);
    const [value, raw, ceiling] = [found.value, found.raw.value, found.ceiling?.value].map(Number);
    expect(found.formula).toBe('clip(raw/ceiling)');
    expect(ceiling).toBeGreaterThan(0);
    expect(value).toBe(Math.min(1, Math.abs(raw) / ceiling));
    expect(found.raw.splits).toHaveLength(2 * 4);
    const [low, high] = found.ci as readonly [number, number];
    expect(low).toBeLessThanOrEqual(value);
    expect(high).toBeGreaterThanOrEqual(value);
  });

  test('without a ceiling is null, with the reason', async () => {
    const file = await madeLabels(at('task'), { metric: 'error-consistency', mistakes: 0 });
    const [found] = await score(4, cardWithHead(LABELS), [file]);
    expect(found).toMatchObject({ value: null, ci: null, ceiling: { value: null } });
    expect(found.warnings).toContainEqual({
      code: 'not-finite',
      detail: expect.stringContaining('there is no ceiling'),
    });
  });

  test.each(['error-consistency', 'accuracy'] as const)(
    '%s: a condition left out is as one never shown',
    async (metric) => {
      const easy = Array.from({ length: PICTURES }, (_, row) => row).filter(
        (row) => conditionOf(row) === 'easy',
      );
      const files = [
        await madeLabels(at('left-out'), { metric, more: ['exclude_conditions: [hard]'] }),
        await madeLabels(at('never'), { metric, rows: easy }),
        await madeLabels(at('all'), { metric }),
      ];
      const found: Score[] = [];
      for (const file of files) found.push(...(await score(4, cardWithHead(LABELS), [file])));
      const numbers = ({ value, error, ci, raw, ceiling }: Score) => ({
        value,
        error,
        ci,
        raw,
        ceiling,
      });
      expect(numbers(found[0])).toEqual(numbers(found[1]));
      expect(numbers(found[0])).not.toEqual(numbers(found[2]));
    },
  );
});
