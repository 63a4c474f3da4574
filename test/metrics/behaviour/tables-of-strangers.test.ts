import { expect, test } from 'vitest';
import { confusionSimilarity } from '../../../src/metrics/behaviour/confusion.js';
import { pooledProfile } from '../../../src/metrics/behaviour/pooled-profile.js';
import { beforeTheFall, fitCurve } from '../../../src/metrics/behaviour/psychometric-curve.js';

type Observed = Parameters<typeof pooledProfile>[1];

/** As many people, conditions and classes as there are trials, each once. */
const COUNT = 1500;
const names = (of: string) => Array.from({ length: COUNT }, (_, i) => `${of}${i}`);

function observed(conditions: readonly string[], labels: readonly string[]): Observed {
  const subject = Array.from({ length: conditions.length }, (_, i) => `person ${i}`);
  return {
    stimulusIds: labels.map((_, i) => i),
    trials: { subject, truth: labels, choice: labels.map((label, i) => (i % 3 ? label : 'other')) },
    column: () => labels,
    trialColumn: () => conditions,
  } as unknown as Observed;
}

test('people by classes are no table of their own', () => {
  const labels = names('class ');
  const wrong = labels.map((_, i) => labels[(i + 1) % COUNT]);
  const people = { subject: names('person '), truth: labels, choice: wrong };
  const model = { stimulusIds: labels, choices: wrong, labels };
  const found = confusionSimilarity(model, { trials: people } as unknown as Observed, labels);
  expect(found.value).toBeCloseTo(1, 12);
  expect(found.samples).toBe(COUNT);
  const many = Array.from({ length: 2001 }, (_, i) => `${i}`);
  expect(() =>
    confusionSimilarity(
      { ...model, labels: many },
      { trials: people } as unknown as Observed,
      many,
    ),
  ).toThrow('at most 2000 classes, found 2001');
});

test('a condition is not called as what every object has', () => {
  const conditions = ['constructor', 'toString', 'constructor'];
  const shown = { other: { kind: 'x' } };
  expect(() =>
    pooledProfile({ choices: ['a', 'b', 'c'] }, observed(conditions, ['a', 'b', 'c']), {
      column: 'kind',
      shown,
    } as never),
  ).toThrow(/metric\.shown has no stimuli for "constructor"/);
});

test('a curve of more sizes than a call takes arguments', () => {
  const x = Array.from({ length: 150_000 }, (_, i) => i);
  const rate = x.map((size) => (size < 100_000 ? 1 : 0.5));
  const kept = beforeTheFall({ x, rate });
  expect(kept.x).toHaveLength(100_000);
  expect(() => fitCurve({ x: [1, 2, 3], rate: [0.5, 0.75, 1] })).not.toThrow();
});
