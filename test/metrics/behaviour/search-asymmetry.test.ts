import { describe, expect, test } from 'vitest';
import {
  integral,
  type SearchTrials,
  searchAsymmetry,
  searchCeiling,
  searchIntegral,
  searchMeans,
  searchProfile,
  valueDelta,
} from '../../../src/metrics/behaviour/search-asymmetry.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { findBenchmark } from '../../../src/scoring/registry/registry.js';
import { numbers, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';
import { expectClose } from '../close.js';

const golden = oracle('17-behaviour/ferguson2024.json');
const DISTRACTORS = [1, 5, 11];

function peopleOf(trials: (typeof golden)['cases'][number]['trials']): SearchTrials {
  return {
    subject: trials.participant_id,
    correct: Array.from(numbers(trials.correct), Boolean),
    distractors: trials.distractor_nums.map(Number),
    block: trials.block,
    counts: trials.trial_type.map((type: string) => type === 'normal'),
  };
}

test('shipped benchmarks have the published lapses and ceilings, and people differ between blocks in all sets', () => {
  const sets = Object.keys(golden.lapse_rates);
  expect(sets).toHaveLength(14);
  for (const set of sets) {
    const [{ metric, ceiling }] = findBenchmark(`Ferguson2024${set}-value_delta`);
    expect(metric).toMatchObject({ name: 'search-asymmetry', lapse: golden.lapse_rates[set] });
    expect(ceiling).toMatchObject({ value: golden.ceilings[set][0] });
    // Published errors of the integral, for information.
    expect(golden.integral_errors_informational[set]).toBeGreaterThan(0);
  }
});

describe.each([0, 1, 2])('case %i of Ferguson2024', (at) => {
  const { experiment, ...wanted } = golden.cases[at];
  const lapse = golden.lapse_rates[experiment] as number;
  const options = { lapse, scale: 0.75 };
  const people = peopleOf(wanted.trials);
  const model: SearchTrials = {
    subject: wanted.stimuli.stimulus_id.map(() => 'model'),
    correct: Array.from(numbers(wanted.model_correct), Boolean),
    distractors: Array.from(
      numbers(wanted.stimuli.image_number),
      (number) => DISTRACTORS[Math.floor(number / 2) % 3],
    ),
    block: wanted.stimuli.block,
    counts: wanted.stimuli.stimulus_id.map(() => true),
  };

  test('accuracies corrected for lapses, and their integrals', () => {
    for (const [side, trials] of Object.entries({ human: people, model })) {
      const profile = searchProfile(trials, options);
      const means = searchMeans(profile);
      ['first', 'second'].forEach((block, i) => {
        const of = wanted.lapse_corrected_means[side][block];
        const sought = DISTRACTORS.map((count) => of[`${count}.0`]);
        expectClose(means[i], sought, tolerances.kinds.float64);
      });
      expect(searchIntegral(profile)).toBe(wanted.integral[side]);
    }
  });

  test('likeness, and that of halves of the trials', () => {
    const found = searchAsymmetry(model, people, options);
    expect(found.value).toBeCloseTo(wanted.raw, 12);
    expect(found).toMatchObject({ errorKind: 'none', samples: 7 });
    expect(found.resample([0, 1, 2, 3, 4, 5, 6])).toBe(found.value);
    const ceiling = searchCeiling(people, { ...options, repetitions: 3 });
    expect(ceiling.value).toBeCloseTo(wanted.ceiling_computed_with_3_loops.score, 12);
    expect(ceiling.error).toBeCloseTo(wanted.ceiling_computed_with_3_loops.error, 12);
    const drawn = new RandomState(0).permutation(people.subject.length);
    expect(drawn.slice(0, 12)).toEqual(wanted.seed_0_permutation_first_12);
  });
});

test('likeness of two integrals', () => {
  for (const [a, b, value] of golden.value_delta)
    expect(valueDelta(a, b, 0.75)).toBeCloseTo(value, 12);
});

test('an integral has the bits of the original', () => {
  for (const { differences_at_1_5_11, integral: wanted } of golden.integrate)
    expect(integral(DISTRACTORS, differences_at_1_5_11)).toBe(wanted);
});

test('a person without trials of a cell counts in the others', () => {
  const trials = {
    subject: ['a', 'a', 'b', 'a', 'a'],
    correct: [true, false, true, true, true],
    distractors: [1, 5, 1, 1, 5],
    block: ['first', 'first', 'first', 'second', 'second'],
    counts: [true, true, true, true, true],
  };
  const means = searchMeans(searchProfile(trials, { lapse: 0 }));
  expect(means).toEqual([
    [1, 0],
    [1, 1],
  ]);
});
