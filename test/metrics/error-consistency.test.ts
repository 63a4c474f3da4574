import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import {
  ceiledConsistency,
  errorConsistency,
  errorConsistencyCeiling,
  type ObserverTrials,
} from '../../src/metrics/error-consistency.js';
import {
  meanConsistencyDraws,
  pairConsistencyDraws,
} from '../../src/metrics/resampling/consistency-draws.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { tolerances } from '../tolerances.js';
import { expectClose } from './close.js';
import { givenDraws } from './resampling/given-draws.js';

/** Trials of several observers on stimuli 1, 2, … in given conditions. */
function observe(
  choices: Record<string, string>,
  truth: string,
  conditions: string,
): ObserverTrials {
  const subjects = Object.keys(choices);
  const words = (text: string) => text.split(' ');
  const n = words(truth).length;
  return {
    stimulusIds: subjects.flatMap(() => Array.from({ length: n }, (_, i) => i + 1)),
    subject: subjects.flatMap((subject) => Array(n).fill(subject)),
    truth: subjects.flatMap(() => words(truth)),
    choice: subjects.flatMap((subject) => words(choices[subject])),
    condition: subjects.flatMap(() => words(conditions)),
  };
}

// spec Appendix C: the nine-trial check of the reference
const nine = {
  A: 'dog cat chair cat dog dog dog dog chair',
  B: 'cat cat chair cat dog cat chair cat cat',
  C: 'dog cat chair dog cat chair dog cat chair',
};
const truth = 'dog cat chair dog cat chair dog cat chair';
const trials = observe(nine, truth, '1 1 1 2 2 2 3 3 3');
const modelA = { stimulusIds: [1, 2, 3, 4, 5, 6, 7, 8, 9], choices: nine.A.split(' ') };

function failure(run: () => unknown): VentralError {
  try {
    run();
  } catch (error) {
    if (error instanceof VentralError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('errorConsistency', () => {
  it('scores the nine trials .2', () => {
    const result = errorConsistency(modelA, trials);
    expect(Math.abs(result.value - 0.2)).toBeLessThanOrEqual(tolerances.float64);
    expect(result.subjects).toEqual(['A', 'B', 'C']);
    expect(result.conditions).toEqual(['1', '2', '3']);
    expect([result.kappa.rows, result.kappa.cols]).toEqual([3, 3]);
  });

  it('leaves out what is undefined, and takes the rest as Cohen defined it', () => {
    const { kappa, error, splits } = errorConsistency(modelA, trials);
    // By hand from the choices: right A 111 000 101, B 011 000 010, C 111 111 111.
    const want = [Number.NaN, Number.NaN, 1, 0, Number.NaN, -0.8, Number.NaN, 0, 0];
    expectClose(kappa.data, want, tolerances.float64);
    expectClose(splits, want, tolerances.float64);
    const known = want.filter((k) => !Number.isNaN(k));
    const middle = known.reduce((sum, k) => sum + k) / known.length;
    const spread = Math.sqrt(known.reduce((sum, k) => sum + (k - middle) ** 2, 0) / known.length);
    expect(Math.abs(error - spread)).toBeLessThanOrEqual(tolerances.float64);
  });

  it('counts an empty choice and na as wrong', () => {
    const [first, second] = ['na dog na dog', 'cat dog cat dog'].map((choice) =>
      errorConsistency(
        { stimulusIds: [1, 2, 3, 4], choices: ['cat', 'dog', 'cat', 'cat'] },
        observe({ A: choice }, 'dog dog dog dog', 'x x x x'),
      ),
    );
    expect(first.value).toBe(second.value);
    expect(first.value).toBeGreaterThan(0);
  });

  it('is 1 between an observer and itself, and does not see the order of trials', () => {
    const right = fc.array(fc.boolean(), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(right, fc.integer({ min: 1, max: 1000 }), (answers, seed) => {
        fc.pre(answers.includes(true) && answers.includes(false));
        const choice = answers.map((yes) => (yes ? 'dog' : 'cat'));
        const text = answers.map(() => 'dog').join(' ');
        const plain = observe({ A: choice.join(' ') }, text, answers.map(() => 'x').join(' '));
        const model = { stimulusIds: plain.stimulusIds, choices: choice };
        expectClose([errorConsistency(model, plain).value], [1], tolerances.float64);
        const order = answers
          .map((_, i) => [(i * 7919 * seed) % 1009, i])
          .sort(([a], [b]) => a - b)
          .map(([, i]) => i);
        const pick = <T>(values: readonly T[]) => order.map((i) => values[i]);
        const shuffled = {
          stimulusIds: pick(plain.stimulusIds),
          subject: plain.subject,
          truth: plain.truth,
          choice: pick(plain.choice),
          condition: plain.condition,
        };
        expectClose([errorConsistency(model, shuffled).value], [1], tolerances.float64);
      }),
    );
  });

  it.each<[string, () => unknown, string, string]>([
    [
      'a stimulus without an answer',
      () => errorConsistency({ stimulusIds: [1, 2], choices: ['dog', 'cat'] }, trials),
      'stimuli-mismatch',
      'Stimulus 3',
    ],
    [
      'an answer without a trial',
      () =>
        errorConsistency(
          { stimulusIds: [...modelA.stimulusIds, 10], choices: [...modelA.choices, 'dog'] },
          trials,
        ),
      'stimuli-mismatch',
      'Stimulus 10',
    ],
    [
      'a subject that missed a stimulus',
      () => {
        const only = <T>(values: readonly T[]) => values.slice(0, -1);
        return errorConsistencyCeiling({
          stimulusIds: only(trials.stimulusIds),
          subject: only(trials.subject),
          truth: only(trials.truth),
          choice: only(trials.choice),
          condition: only(trials.condition),
        });
      },
      'stimuli-mismatch',
      'Subject C has no trial of stimulus 9',
    ],
    [
      'two trials of one stimulus',
      () =>
        errorConsistency(modelA, {
          ...trials,
          stimulusIds: trials.stimulusIds.map((id) => (id === 2 ? 1 : id)),
        }),
      'trials-invalid',
      'two trials of stimulus 1',
    ],
    [
      'no trials',
      () =>
        errorConsistency(modelA, {
          stimulusIds: [],
          subject: [],
          truth: [],
          choice: [],
          condition: [],
        }),
      'trials-invalid',
      'no trials',
    ],
    [
      'a ceiling from one subject',
      () => errorConsistencyCeiling(observe({ A: nine.A }, truth, '1 1 1 2 2 2 3 3 3')),
      'trials-invalid',
      'two subjects',
    ],
  ])('refuses %s', (_, run, code, words) => {
    const error = failure(run);
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });
});

/** One draw of the three subjects, all nine images once. */
const drawnSubjects = (drawn: readonly number[]) => ({
  first: givenDraws([drawn], 3),
  second: givenDraws([Array.from({ length: 9 }, (_, i) => i)], 9),
});

describe('errorConsistencyCeiling', () => {
  it('pairs every two subjects once', () => {
    const { pairs, kappa, subjects, right, value } = errorConsistencyCeiling(trials);
    expect(subjects).toEqual(['A', 'B', 'C']);
    expect(pairs).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
    const want = [0, Number.NaN, -0.8, Number.NaN, 0, 0, 0, 0, 0];
    expectClose(kappa.data, want, tolerances.float64);
    const undrawn = pairConsistencyDraws(right.subjects, drawnSubjects([0, 1, 2])).first[0];
    expectClose([Math.abs(undrawn)], [value], tolerances.float64);
  });

  it('varies over draws of subjects as the jackknife of a mean over pairs', () => {
    const random = new RandomState(3);
    const n = 6;
    const subjects = Array.from({ length: n }, () => [
      Uint8Array.from(random.randomSample(40), (u) => (u < 0.6 ? 1 : 0)),
    ]);
    const images = Array.from({ length: 40 }, (_, i) => i);
    const over = (drawn: readonly number[], of = subjects) =>
      pairConsistencyDraws(of, {
        first: givenDraws([drawn], of.length),
        second: givenDraws([images], 40),
      }).first[0];
    const whole = over([0, 1, 2, 3, 4, 5]);
    const left = subjects.map((own) => {
      const others = subjects.filter((each) => each !== own);
      return over([0, 1, 2, 3, 4], others);
    });
    // Linear: a draw says what it has of each subject, (n − 1)² / n of what leaving that one out takes away.
    const drawn = [0, 0, 0, 3, 4, 4];
    const times = [3, 0, 0, 1, 2, 0];
    const away = left.map((each, a) => (times[a] - 1) * (whole - each));
    const sum = away.reduce((total, each) => total + each, 0);
    expectClose([over(drawn)], [whole + (sum * (n - 1)) / n], tolerances.float64);
  });
});

describe('resampled score', () => {
  it('is the mean over the drawn subjects', () => {
    const { right, value } = errorConsistency(modelA, trials);
    const { model = [], subjects } = right;
    const resampled = (drawn: readonly number[]) =>
      meanConsistencyDraws({ model, subjects }, drawnSubjects(drawn)).first[0];
    expectClose([resampled([0, 1, 2])], [value], tolerances.float64);
    expectClose([resampled([0, 0, 1])], [(1 + 1 - 0.4) / 3], tolerances.float64);
  });
});

describe('ceiledConsistency', () => {
  it.each([
    [0.2, 0.4, 0.5],
    [0.5, 0.4, 1],
    [-0.1, 0.4, 0],
  ])('%d over %d is %d', (raw, ceiling, want) => {
    expect(ceiledConsistency(raw, ceiling)).toBe(want);
  });
});
