import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { type BehaviourMetric, dprime, responseMatrix } from '../../src/metrics/dprime.js';
import {
  type BehaviourOptions,
  behaviourCeiling,
  behaviourScore,
  ceiledBehaviour,
  type Probabilities,
  sharesOfModel,
} from '../../src/metrics/i1i2.js';
import {
  codeTrials,
  type MatchTrials,
  sharesOfHalf,
  trialHalves,
} from '../../src/metrics/match-trials.js';
import { matrix } from '../../src/numerics/algebra/matrix.js';
import { numbers, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';
import { expectClose } from './close.js';

const options: BehaviourOptions = { repetitions: 2, seed: 0, skipna: false };
const file = (name: string) => oracle(`05-i2n/${name}.json`);

/** Probabilities and trials of a golden case. */
// biome-ignore lint/suspicious/noExplicitAny: golden files have no common type.
function read(golden: any): { probabilities: Probabilities; trials: MatchTrials } {
  const { stimulus_id, choice, values } = golden.probabilities;
  const at = (names: string[], index: Parameters<typeof numbers>[0]) =>
    Array.from(numbers(index), (i) => names[i]);
  return {
    probabilities: {
      stimulusIds: stimulus_id,
      choices: choice,
      values: matrix(stimulus_id.length, choice.length, numbers(values)),
      dtype: values.dtype,
    },
    trials: {
      stimulusIds: at(golden.trials.images, golden.trials.image),
      sample: at(golden.objects, golden.trials.sample),
      dist: at(golden.objects, golden.trials.dist),
      choice: at(golden.objects, golden.trials.choice),
    },
  };
}

/** The trials of a case agree with what else it says of them. */
// biome-ignore lint/suspicious/noExplicitAny: golden files have no common type.
function expectReading(golden: any, trials: MatchTrials): void {
  const { n, encoding } = golden.trials;
  expect(trials.choice.length).toBe(n);
  expect(encoding).toContain('index into images');
  const { images, objects, truth } = codeTrials(trials);
  const object = new Map(images.map((id, i) => [id, objects[truth[i]]]));
  const { stimulus_id, truth: shown } = golden.probabilities;
  expect(stimulus_id.map((id: string) => object.get(id))).toEqual(shown);
}

function failure(run: () => unknown): VentralError {
  try {
    run();
  } catch (error) {
    if (error instanceof VentralError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const cases = ['standard', 'odd_trials_float32_model', 'sparse_missing_cells', 'saturated_model'];

describe.each(cases)('%s', (name) => {
  const golden = file(name);
  const { probabilities, trials } = read(golden);
  const metrics = Object.keys(golden.metrics);

  it.each(metrics)('%s: raw, ceilings and ceiled', (key) => {
    const want = golden.metrics[key];
    const metric = key.toLowerCase() as BehaviourMetric;
    const raw = behaviourScore(metric, probabilities, trials, options);
    expectClose(raw.splits, numbers(want.raw.raw.values), tolerances.float64);
    expectClose([raw.value, raw.error], [want.raw.score, want.raw.error], tolerances.float64);
    for (const skipna of [false, true]) {
      const wanted = want[`ceiling_skipna_${skipna}`];
      const run = () => behaviourCeiling(metric, trials, { ...options, skipna });
      if ('error' in wanted && typeof wanted.error === 'object') {
        expect(failure(run).code).toBe('metric-failed');
        continue;
      }
      const ceiling = run();
      expectClose(ceiling.splits, numbers(wanted.raw.values), tolerances.float64);
      expectClose([ceiling.value, ceiling.error], [wanted.score, wanted.error], tolerances.float64);
      const ceiled = ceiledBehaviour(raw.splits, ceiling.splits);
      const final = want[`ceiled_skipna_${skipna}`];
      expectClose(ceiled.splits, numbers(final.per_split), tolerances.float64);
      expectClose([ceiled.value, ceiled.error], [final.score, final.error], tolerances.float64);
    }
  });

  it('the registered i2n', () => {
    const { value } = behaviourScore('i2n', probabilities, trials, options);
    expectClose([value], [golden.registry_i2n_score], tolerances.float64);
  });

  it.each(metrics.filter((key) => golden.metrics[key].intermediate))('%s: matrices', (key) => {
    const metric = key.toLowerCase() as BehaviourMetric;
    const steps = golden.metrics[key].intermediate;
    const coded = codeTrials(trials);
    const once = new Float64Array(coded.images.length).fill(1);
    /** Values of a golden matrix in the order of the coded trials. */
    // biome-ignore lint/suspicious/noExplicitAny: golden files have no common type.
    const inOrder = (table: any) => {
      const values = numbers(table.values);
      const choices = table.choice ?? [''];
      const cols = table.choice ? coded.objects.map((o) => choices.indexOf(o)) : [0];
      return coded.images.flatMap((id) =>
        cols.map((col) => values[table.stimulus_id.indexOf(id) * choices.length + col]),
      );
    };
    const source = sharesOfModel(probabilities, coded);
    expectClose(source.shares, inOrder(steps.source_target_distractor_scores), tolerances.float64);
    expectClose(
      dprime(metric, source, once),
      inOrder(steps.source_dprime_unclipped),
      tolerances.float64,
    );
    expectClose(
      responseMatrix(metric, source, once),
      inOrder(steps.source_response_matrix_final),
      tolerances.float64,
    );
    const halves = trialHalves(trials.choice.length, 2, 0);
    for (const [repetition, want] of steps.repetitions.entries()) {
      const [first, second] = halves[repetition];
      expect(first.slice(0, 20)).toEqual([...numbers(want.half0_trial_indices_first_20)]);
      expect([first.length, second.length]).toEqual([want.half0_length, want.half1_length]);
      for (const [i, half] of [first, second].entries()) {
        if (!want[`half${i}_response_matrix`]) continue;
        const human = sharesOfHalf(coded, half);
        expectClose(human.shares, inOrder(want[`half${i}_response_matrix`]), tolerances.float64);
        expectClose(
          dprime(metric, human, once),
          inOrder(want[`half${i}_dprime_unclipped`]),
          tolerances.float64,
        );
        expectClose(
          responseMatrix(metric, human, once),
          inOrder(want[`half${i}_final`]),
          tolerances.float64,
        );
      }
    }
  });

  it('reads the case as it was written', () => {
    expectReading(golden, trials);
    expect(golden.name).toBe(name);
    expect(typeof golden.note).toBe('string');
  });
});

describe('trials that the metric is not defined on', () => {
  const golden = file('error_object_never_chosen');
  const { probabilities, trials } = read(golden);

  it('names the object that is never chosen', () => {
    expectReading(golden, trials);
    expect(golden.name).toBe('error_object_never_chosen');
    expect(golden.note).toContain('never chosen');
    expect(golden.registry_i2n_score).toBe('KeyError');
    for (const key of ['raw', 'ceiling_skipna_false', 'ceiling_skipna_true', 'intermediate'])
      expect(golden.metrics.I2n[key].error.type).toBe('KeyError');
    for (const run of [
      () => behaviourScore('i2n', probabilities, trials, options),
      () => behaviourCeiling('i2n', trials, options),
      () => behaviourCeiling('i2n', trials, { ...options, skipna: true }),
    ]) {
      const error = failure(run);
      expect(error.code).toBe('metric-failed');
      expect(error.message).toContain('bee');
    }
  });

  it.each<[string, (given: ReturnType<typeof read>) => ReturnType<typeof read>, string]>([
    [
      'an image without trials',
      ({ probabilities: p, trials: t }) => ({
        probabilities: { ...p, stimulusIds: ['other', ...p.stimulusIds.slice(1)] },
        trials: t,
      }),
      'stimuli-mismatch',
    ],
    [
      'an image twice',
      ({ probabilities: p, trials: t }) => ({
        probabilities: { ...p, stimulusIds: [...p.stimulusIds, p.stimulusIds[0]] },
        trials: t,
      }),
      'stimuli-mismatch',
    ],
    [
      'a choice of another name',
      ({ probabilities: p, trials: t }) => ({
        probabilities: { ...p, choices: ['cat', ...p.choices.slice(1)] },
        trials: t,
      }),
      'labels-uncovered',
    ],
    [
      'a choice too many',
      ({ probabilities: p, trials: t }) => ({
        probabilities: { ...p, choices: [...p.choices, 'cat'] },
        trials: t,
      }),
      'labels-uncovered',
    ],
    [
      'an image that shows two objects',
      ({ probabilities: p, trials: t }) => ({
        probabilities: p,
        trials: {
          ...t,
          sample: t.sample.map((object, i) => (i === 0 ? t.dist[0] : object)),
        },
      }),
      'trials-invalid',
    ],
    [
      'an image with a single trial',
      ({ probabilities: p, trials: t }) => {
        const first = t.stimulusIds.indexOf(t.stimulusIds[0]);
        const keep = t.stimulusIds.map((id, i) => id !== t.stimulusIds[0] || i === first);
        const only = <T>(values: readonly T[]) => values.filter((_, i) => keep[i]);
        return {
          probabilities: p,
          trials: {
            stimulusIds: only(t.stimulusIds),
            sample: only(t.sample),
            dist: only(t.dist),
            choice: only(t.choice),
          },
        };
      },
      'trials-invalid',
    ],
    [
      'a choice that no image shows',
      ({ probabilities: p, trials: t }) => ({
        probabilities: {
          ...p,
          choices: [...p.choices, 'yak'],
          values: matrix(p.values.rows, p.choices.length + 1),
        },
        trials: { ...t, choice: t.choice.map((choice, i) => (i % 50 === 0 ? 'yak' : choice)) },
      }),
      'metric-failed',
    ],
    [
      'no trial at all',
      ({ probabilities: p }) => ({
        probabilities: p,
        trials: { stimulusIds: [], sample: [], dist: [], choice: [] },
      }),
      'trials-invalid',
    ],
  ])('refuses %s', (_, change, code) => {
    const given = change(read(file('standard')));
    expect(failure(() => i2nBoth(given)).code).toBe(code);
  });

  function i2nBoth(given: ReturnType<typeof read>) {
    behaviourScore('i2n', given.probabilities, given.trials, options);
    behaviourCeiling('i2n', given.trials, options);
  }
});

describe('invariants', () => {
  const { probabilities, trials } = read(file('standard'));
  const plain = behaviourScore('i2n', probabilities, trials, options);

  it('the order of images and choices of the model changes nothing', () => {
    const { rows, cols, data } = probabilities.values;
    const order = (n: number) => fc.shuffledSubarray([...Array(n).keys()], { minLength: n });
    fc.assert(
      fc.property(order(rows), order(cols), (byRow, byCol) => {
        const shuffled = {
          stimulusIds: byRow.map((row) => probabilities.stimulusIds[row]),
          choices: byCol.map((col) => probabilities.choices[col]),
          values: matrix(
            rows,
            cols,
            Float64Array.from(byRow.flatMap((row) => byCol.map((col) => data[row * cols + col]))),
          ),
        };
        expect(behaviourScore('i2n', shuffled, trials, options).splits).toEqual(plain.splits);
      }),
      { numRuns: 10 },
    );
  });

  it('every image once is the score itself', () => {
    const all = plain.imagesByObject.flat();
    expectClose(plain.resample(all), plain.splits, tolerances.float64);
  });

  it('a resample is the score on repeated images', () => {
    const ceiling = behaviourCeiling('i2n', trials, options);
    const [twice, ...rest] = ceiling.imagesByObject[0];
    const picked = [twice, twice, ...rest.slice(1), ...ceiling.imagesByObject.slice(1).flat()];
    const coded = codeTrials(trials);
    const left = rest[0];
    /** The same trials in place: those of the image left out become those of the image drawn twice. */
    const halves = trialHalves(trials.choice.length, 2, 0);
    const want = halves.map(([first, second]) => {
      const [a, b] = [sharesOfHalf(coded, first), sharesOfHalf(coded, second)].map((human) => {
        const repeat = (values: Float64Array) =>
          values.map((value, i) =>
            Math.floor(i / 6) === left ? values[twice * 6 + (i % 6)] : value,
          );
        const once = new Float64Array(coded.images.length).fill(1);
        const doubled = { ...human, shares: repeat(human.shares), hits: repeat(human.hits) };
        return responseMatrix('i2n', doubled, once);
      });
      const cells = [...a.keys()].filter((i) => !Number.isNaN(a[i]) && !Number.isNaN(b[i]));
      return pearsonOf(
        cells.map((i) => a[i]),
        cells.map((i) => b[i]),
      );
    });
    expectClose(ceiling.resample(picked), want, tolerances.float64);
  });

  function pearsonOf(x: number[], y: number[]): number {
    const centred = (values: number[]) => {
      const middle = values.reduce((sum, value) => sum + value) / values.length;
      return values.map((value) => value - middle);
    };
    const [dx, dy] = [centred(x), centred(y)];
    const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    return dot(dx, dy) / Math.sqrt(dot(dx, dx) * dot(dy, dy));
  }
});
