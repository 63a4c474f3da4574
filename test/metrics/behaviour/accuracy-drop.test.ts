import { describe, expect, test } from 'vitest';
import { accuracyDrop, accuracyDropCeiling } from '../../../src/metrics/behaviour/accuracy-drop.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { numbers, type OracleArray, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';
import { expectClose } from '../close.js';

const { cases } = oracle('17-behaviour/baker2022.json');
const others = { frankenstein: 'f', fragmented: 'o' };

describe.each(Array.from({ length: cases.length }, (_, i) => [cases[i].name, i] as const))(
  '%s',
  (_, i) => {
    const { stimuli, trials, choices, choices_for, result } = cases[i];
    const upright = (trials.orientation as string[]).flatMap((o, k) => (o === 'normal' ? k : []));
    const subject: (string | number)[] = Array.isArray(trials.subject)
      ? trials.subject
      : [...numbers(trials.subject as OracleArray)];
    const correct = numbers(trials.correct);
    const of = (column: readonly unknown[]) => upright.map((k) => `${column[k]}`);
    const observed = {
      stimulusIds: stimuli.stimulus_id,
      trials: {
        stimulusIds: of(trials.stimulus_id),
        subject: of(subject),
        truth: of(trials.truth),
        choice: upright.map((k) => (correct[k] === 1 ? trials.truth[k] : '')),
        condition: upright.map(() => ''),
      },
    };
    const model = { stimulusIds: choices_for, choices };

    test.each(Object.entries(others))('%s', (name, to) => {
      const wanted = result[`Baker2022${name}-accuracy_delta`];
      const drop = { from: 'w', to, types: stimuli.image_type };
      const found = accuracyDrop(model, observed, drop);
      const bound = accuracyDropCeiling(observed, drop);
      const close = (own: number, other: number | string) =>
        expectClose([own], [Number(other)], tolerances.kinds.float64);
      close(found.value, wanted.raw.score);
      close(found.error, wanted.raw.error);
      expectClose(found.splits, numbers(wanted.raw.halves), tolerances.kinds.float64);
      close(bound.value, wanted.ceiling.score);
      close(Math.max(0, Math.min(1, found.value / bound.value)), wanted.score);
      expect(found.warnings.map(({ code }) => code)).toEqual(
        name && cases[i].name === 'string subjects' ? ['subjects-not-numbered'] : [],
      );
    });

    test('draws the same halves', () => {
      const count = new Set(subject).size;
      const half = (random: RandomState) =>
        random.choice(count - 1, Math.floor(count / 2)).map((k) => k + 1);
      const one = new RandomState(0);
      expect(Array.from({ length: 5 }, () => half(one))).toEqual(cases[i].first_5_ceiling_halves);
      expect(Array.from({ length: 5 }, (_, seed) => half(new RandomState(seed)))).toEqual(
        cases[i].first_5_score_halves,
      );
    });
  },
);
