import { describe, expect, test } from 'vitest';
import {
  accuracyProfile,
  accuracyProfileCeiling,
} from '../../../src/metrics/behaviour/accuracy-profile.js';

const stimulusIds = ['p', 'q', 'r', 's'];
const conditions = ['easy', 'easy', 'hard', 'hard'];

/** Trials of everybody on every stimulus, whose truth is `a`. */
function observed(answers: Record<string, string>) {
  const subjects = Object.keys(answers);
  const of = (value: (subject: string) => string[]) => subjects.flatMap(value);
  return {
    stimulusIds,
    trials: {
      stimulusIds: of(() => stimulusIds),
      subject: of((subject) => stimulusIds.map(() => subject)),
      truth: of(() => stimulusIds.map(() => 'a')),
      choice: of((subject) => [...answers[subject]]),
      condition: of(() => stimulusIds.map(() => '')),
    },
  };
}
const model = (choices: string) => ({ stimulusIds, choices: [...choices] });

describe('a profile of accuracies', () => {
  const people = observed({ ann: 'aaab', bob: 'abbb' });

  test('is alike where the same condition is hard, and opposite where the other is', () => {
    expect(accuracyProfile(model('aabb'), people, conditions).value).toBeCloseTo(1, 12);
    expect(accuracyProfile(model('bbaa'), people, conditions).value).toBeCloseTo(-1, 12);
    expect(accuracyProfileCeiling(people, conditions).value).toBeCloseTo(1, 12);
  });

  test('is not defined where all conditions are equally hard', () => {
    expect(accuracyProfile(model('aaaa'), people, conditions).value).toBeNaN();
  });

  test('needs two conditions, of every subject, and two subjects for a ceiling', () => {
    const mismatch = expect.objectContaining({ code: 'stimuli-mismatch' });
    const same = stimulusIds.map(() => 'easy');
    expect(() => accuracyProfile(model('aabb'), people, same)).toThrow(/at least two conditions/);
    const half = { ...model('aabb'), stimulusIds: ['p', 'q'] };
    expect(() => accuracyProfile(half, people, conditions)).toThrow(mismatch);
    const { trials } = people;
    const lacking = Object.fromEntries(
      Object.entries(trials).map(([name, column]) => [name, column.slice(0, 6)]),
    ) as typeof trials;
    const fewer = { stimulusIds, trials: lacking };
    expect(() => accuracyProfile(model('aabb'), fewer, conditions)).toThrow(/no trial of the/);
    const one = observed({ ann: 'aaab' });
    expect(() => accuracyProfileCeiling(one, conditions)).toThrow(/at least two subjects/);
  });
});
