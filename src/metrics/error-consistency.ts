/**
 * Error consistency: do a model and an observer fail on the same images, beyond what their accuracies
 * make them share (Geirhos, Meding and Wichmann 2020; spec Appendix C, parity 1e-9).
 */
import { compareIds, type Id } from '../data/ids.js';
import { VentralError } from '../errors/ventral-error.js';
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';
import { nanMean, stdDdof0 } from '../numerics/statistics/statistics.js';
import type { LabelChoices } from './label-task.js';
import type { LabelMetric, MetricResult } from './metric.js';

/** Trials of observers, one entry each. A choice that is empty or `na` equals no truth: it is wrong. */
export interface ObserverTrials {
  readonly stimulusIds: readonly Id[];
  readonly subject: readonly string[];
  readonly truth: readonly string[];
  readonly choice: readonly string[];
  /** Conditions are compared and sorted as strings. */
  readonly condition: readonly string[];
}

/** Whether a model and subjects were right, by condition and image. */
export interface RightAnswers {
  /** Condition → one vector of 0 and 1 over its images. */
  readonly model: readonly ArrayLike<number>[];
  /** Subject → condition → the same. */
  readonly subjects: readonly (readonly ArrayLike<number>[])[];
}

/** A score or ceiling, with what a bootstrap over subjects and images needs. */
export interface ConsistencyResult extends MetricResult {
  readonly subjects: readonly string[];
  readonly conditions: readonly string[];
  /** κ: subject (or pair of subjects) × condition; NaN if chance alone makes them agree. */
  readonly kappa: Matrix;
  /** Positions of the two subjects of each row of a ceiling. */
  readonly pairs?: readonly (readonly [number, number])[];
  /** The stimuli of each condition, ascending. */
  readonly stimuli: readonly (readonly Id[])[];
  /** Who was right, by condition and stimulus: 0 or 1. */
  readonly right: {
    readonly model?: readonly Uint8Array[];
    readonly subjects: RightAnswers['subjects'];
  };
}

/** Whether each subject was right on each stimulus of a condition. */
interface Condition {
  readonly stimulusIds: readonly Id[];
  readonly truth: readonly string[];
  /** One vector of 0 and 1 a subject, in ascending order of stimulus_id. */
  readonly correct: readonly Uint8Array[];
}

/**
 * Mean κ between the model and each subject in each condition, absolute.
 * @throws VentralError `stimuli-mismatch` where they did not see the same stimuli, `trials-invalid` for double
 *   trials
 */
export function errorConsistency(chosen: LabelChoices, trials: ObserverTrials): ConsistencyResult {
  const { subjects, conditions } = byCondition(trials);
  const answers = new Map(chosen.stimulusIds.map((id, i) => [id, chosen.choices[i]]));
  checkAnswers(answers, [...conditions.values()]);
  const kappa = matrix(subjects.length, conditions.size);
  const model = [...conditions.values()].map(({ stimulusIds, truth }) =>
    Uint8Array.from(stimulusIds, (id, i) => (answers.get(id) === truth[i] ? 1 : 0)),
  );
  [...conditions.values()].forEach(({ correct }, col) => {
    const own = model[col];
    correct.forEach((theirs, row) => {
      kappa.data[row * kappa.cols + col] = cohensKappa(own, theirs);
    });
  });
  const right = { model, subjects: answersOf(subjects, conditions) };
  return result({ ...namesOf(subjects, conditions), kappa, right });
}

const answersOf = (
  subjects: readonly string[],
  conditions: ReadonlyMap<string, Condition>,
): RightAnswers['subjects'] =>
  subjects.map((_, s) => [...conditions.values()].map(({ correct }) => correct[s]));

const namesOf = (subjects: readonly string[], conditions: ReadonlyMap<string, Condition>) => ({
  subjects,
  conditions: [...conditions.keys()],
  stimuli: [...conditions.values()].map(({ stimulusIds }) => stimulusIds),
});

/**
 * The same between all pairs of subjects: the ceiling.
 * @throws as {@link errorConsistency}, and without two subjects
 */
export function errorConsistencyCeiling(trials: ObserverTrials): ConsistencyResult {
  const { subjects, conditions } = byCondition(trials);
  if (subjects.length < 2)
    throw new VentralError(
      'trials-invalid',
      `A ceiling needs at least two subjects, found ${subjects.length}`,
      { field: 'subject' },
    );
  const pairs = subjects.flatMap((_, a) =>
    Array.from({ length: subjects.length - a - 1 }, (_, i) => [a, a + 1 + i] as const),
  );
  const kappa = matrix(pairs.length, conditions.size);
  [...conditions.values()].forEach(({ correct }, col) => {
    pairs.forEach(([a, b], row) => {
      kappa.data[row * kappa.cols + col] = cohensKappa(correct[a], correct[b]);
    });
  });
  const right = { subjects: answersOf(subjects, conditions) };
  return { ...result({ ...namesOf(subjects, conditions), kappa, right }), pairs };
}

/** Raw over ceiling, bounded to [0, 1]. */
export function ceiledConsistency(raw: number, ceiling: number): number {
  return Math.max(0, Math.min(1, raw / ceiling));
}

function result(
  known: Pick<ConsistencyResult, 'subjects' | 'conditions' | 'stimuli' | 'kappa' | 'right'>,
): ConsistencyResult {
  const { kappa } = known;
  const finite = kappa.data.filter((k) => !Number.isNaN(k));
  return {
    ...known,
    value: value(kappa, [...Array(kappa.rows).keys()]),
    error: stdDdof0(finite),
    errorKind: 'std over conditions and subjects',
    splits: [...kappa.data],
    warnings: [],
  };
}

/** Mean over conditions, then over the given rows, then the absolute value; NaN skipped. */
function value(kappa: Matrix, rows: readonly number[]): number {
  const means = rows.map((row) =>
    nanMean(kappa.data.subarray(row * kappa.cols, (row + 1) * kappa.cols)),
  );
  return Math.abs(nanMean(means));
}

/** (observed − expected) / (1 − expected) agreement in being right or wrong. */
function cohensKappa(a: Uint8Array, b: Uint8Array): number {
  let [rightA, rightB, equal] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    rightA += a[i];
    rightB += b[i];
    if (a[i] === b[i]) equal++;
  }
  const [pA, pB] = [rightA / a.length, rightB / a.length];
  const expected = pA * pB + (1 - pA) * (1 - pB);
  return expected === 1 ? Number.NaN : (equal / a.length - expected) / (1 - expected);
}

/** Subjects and conditions in ascending order. */
function byCondition(trials: ObserverTrials): {
  readonly subjects: string[];
  readonly conditions: ReadonlyMap<string, Condition>;
} {
  const subjects = [...new Set(trials.subject)].sort(compareIds);
  const names = [...new Set(trials.condition)].sort(compareIds);
  if (names.length === 0) throw new VentralError('trials-invalid', 'There are no trials');
  const trialsOf = new Map(names.map((name) => [name, subjects.map(() => new Map<Id, number>())]));
  const position = new Map(subjects.map((subject, i) => [subject, i]));
  trials.stimulusIds.forEach((id, trial) => {
    const seen = trialsOf.get(trials.condition[trial])![position.get(trials.subject[trial])!];
    if (seen.has(id)) {
      throw new VentralError(
        'trials-invalid',
        `Subject ${trials.subject[trial]} has two trials of stimulus ${id} in condition ${trials.condition[trial]}`,
        { field: 'stimulus_id', expected: 'one trial', found: 'two' },
      );
    }
    seen.set(id, trial);
  });
  const conditions = names.map((name) => {
    const seen = trialsOf.get(name)!;
    return [name, condition(name, trials, subjects, seen)] as const;
  });
  return { subjects, conditions: new Map(conditions) };
}

function condition(
  name: string,
  trials: ObserverTrials,
  subjects: readonly string[],
  seen: readonly ReadonlyMap<Id, number>[],
): Condition {
  const stimulusIds = [...new Set(seen.flatMap((trialOf) => [...trialOf.keys()]))].sort(compareIds);
  const correct = seen.map((trialOf, subject) =>
    Uint8Array.from(stimulusIds, (id) => {
      const trial = trialOf.get(id);
      if (trial === undefined) {
        throw new VentralError(
          'stimuli-mismatch',
          `Subject ${subjects[subject]} has no trial of stimulus ${id} in condition ${name}, which another subject has`,
          {
            field: 'stimulus_id',
            expected: `${stimulusIds.length} stimuli`,
            found: `${trialOf.size}`,
          },
        );
      }
      return trials.choice[trial] === trials.truth[trial] ? 1 : 0;
    }),
  );
  const truth = stimulusIds.map((id) => trials.truth[seen[0].get(id)!]);
  return { stimulusIds, truth, correct };
}

function checkAnswers(answers: ReadonlyMap<Id, string>, conditions: readonly Condition[]): void {
  const wanted = new Set(conditions.flatMap(({ stimulusIds }) => stimulusIds));
  const missing = [...wanted].find((id) => !answers.has(id));
  const odd = missing ?? [...answers.keys()].find((id) => !wanted.has(id));
  if (odd === undefined) return;
  throw new VentralError(
    'stimuli-mismatch',
    missing === undefined
      ? `Stimulus ${odd} has an answer of the model but no trial`
      : `Stimulus ${odd} has trials but no answer of the model`,
    { field: 'stimulus_id', expected: `${wanted.size} answers`, found: `${answers.size}` },
  );
}

/** The metric `error-consistency`. */
export const errorConsistencyMetric: LabelMetric = {
  kind: 'label',
  version: 1,
  defaults: {},
  pairs: true,
  normalisation: 'clipped',
  text: {
    name: 'Error consistency',
    words:
      'Cohen’s κ between the model and each person of being right or wrong on the same stimuli, by subject and condition: (observed − expected) / (1 − expected) agreement.',
    raw: 'mean over conditions, then subjects, of κ',
  },
};
