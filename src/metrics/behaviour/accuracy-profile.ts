/**
 * Accuracy profile: whether a model finds the same conditions hard as each person does (Coggan et al. 2024; Brain-Score
 * vision `Coggan2024_behavior`; spec Appendix C).
 */
import { compareIds, type Id } from '../../data/ids.js';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { stdDdof1 } from '../../numerics/statistics/bootstrap-error.js';
import { pearson } from '../../numerics/statistics/pearson.js';
import { mean } from '../../numerics/statistics/statistics.js';
import type { LabelChoices } from '../label-task.js';
import type { ChosenLabelMetric, Observed, SampledResult } from './behaviour-metric.js';
import { pooledProfile, shownColumns } from './pooled-profile.js';

/** Accuracy in each condition, ascending, of each subject and of the model on the stimuli of that subject. */
type Profiles = readonly {
  readonly person: readonly number[];
  readonly model: readonly number[];
}[];

/**
 * Mean over subjects of the Pearson correlation, over conditions, of the subject's accuracies with the model's on the
 * same stimuli. NaN where either side is constant.
 * @param conditions the condition of each of `observed.stimulusIds`
 * @throws VentralError `stimuli-mismatch` where the model did not answer a stimulus, a subject lacks a condition, or there is only one
 */
export function accuracyProfile(
  model: LabelChoices,
  observed: Pick<Observed, 'trials' | 'stimulusIds'>,
  conditions: readonly string[],
): SampledResult {
  const values = profiles(model, observed, conditions).map(({ person, model }) =>
    pearson(person, model),
  );
  return { ...result(values), error: Number.NaN, errorKind: 'none' };
}

/**
 * Mean over subjects of the same correlation with the mean accuracies of all other subjects: the ceiling, with its standard
 * error (ddof 1).
 * @throws as {@link accuracyProfile}, and `trials-invalid` without two subjects
 */
export function accuracyProfileCeiling(
  observed: Pick<Observed, 'trials' | 'stimulusIds'>,
  conditions: readonly string[],
): SampledResult {
  const { stimulusIds } = observed;
  const nobody = { stimulusIds, choices: stimulusIds.map(() => '') };
  const people = profiles(nobody, observed, conditions).map(({ person }) => person);
  if (people.length < 2)
    throw new VentralError(
      'trials-invalid',
      `A ceiling needs at least two subjects, found ${people.length}`,
      { field: 'subject', expected: 'at least 2 subjects', found: `${people.length}` },
    );
  const values = people.map((own, i) => {
    const others = people.filter((_, k) => k !== i);
    return pearson(
      own,
      own.map((_, cell) => mean(others.map((other) => other[cell]))),
    );
  });
  const error = stdDdof1(values) / Math.sqrt(values.length);
  return { ...result(values), error, errorKind: 'sem over subjects' };
}

const result = (values: readonly number[]) => ({
  value: mean(values),
  splits: values,
  warnings: [],
  samples: values.length,
  resample: (drawn: readonly number[]) => mean(drawn.map((i) => values[i])),
});

function profiles(
  { stimulusIds: answered, choices }: LabelChoices,
  { trials, stimulusIds }: Pick<Observed, 'trials' | 'stimulusIds'>,
  conditions: readonly string[],
): Profiles {
  const chosen = new Map(answered.map((id, i) => [id, choices[i]]));
  const conditionOf = new Map<Id, string>(stimulusIds.map((id, i) => [id, conditions[i]]));
  const subjects = [...new Set(trials.subject)].sort(compareIds);
  const shown = trials.stimulusIds.map((id) => conditionOf.get(id) ?? '');
  const cells = [...new Set(shown)].sort(compareIds);
  if (cells.length < 2)
    throw new VentralError(
      'stimuli-mismatch',
      `A profile of accuracies needs at least two conditions, found ${cells.length}`,
      { field: 'metric.column', expected: 'at least 2 conditions', found: `${cells.length}` },
    );
  const right = new Map<string, { person: number; model: number; count: number }>();
  trials.stimulusIds.forEach((id, i) => {
    if (!chosen.has(id))
      throw new VentralError(
        'stimuli-mismatch',
        `Stimulus ${quoted(id)} has trials but no answer of the model`,
        { field: 'stimulus_id' },
      );
    const key = JSON.stringify([trials.subject[i], shown[i]]);
    const cell = right.get(key) ?? { person: 0, model: 0, count: 0 };
    right.set(key, cell);
    cell.count++;
    if (trials.choice[i] === trials.truth[i]) cell.person++;
    if (chosen.get(id) === trials.truth[i]) cell.model++;
  });
  return subjects.map((subject) => {
    const own = cells.map((name) => {
      const cell = right.get(JSON.stringify([subject, name]));
      if (cell) return cell;
      throw new VentralError(
        'stimuli-mismatch',
        `Subject ${quoted(subject)} has no trial of the condition ${quoted(name)}, which another subject has`,
        { field: 'metric.column', expected: 'every condition of every subject', found: 'fewer' },
      );
    });
    return {
      person: own.map(({ person, count }) => person / count),
      model: own.map(({ model, count }) => model / count),
    };
  });
}

/** The metric `accuracy-profile`. */
export const accuracyProfileMetric: ChosenLabelMetric = {
  kind: 'label',
  version: 1,
  defaults: {},
  required: ['column'],
  optional: ['pooled', 'shown'],
  columns: (options) =>
    options.pooled ? [...shownColumns(options), 'image_label'] : [options.column ?? ''],
  ownStimuli: ({ pooled = false }) => pooled,
  observers: true,
  normalisation: 'ratio-squared',
  normalisationOf: ({ pooled }) => (pooled ? 'ratio' : 'ratio-squared'),
  compare: (chosen, observed, options) =>
    options.pooled
      ? pooledProfile(chosen, observed, options)
      : accuracyProfile(chosen, observed, observed.column(options.column ?? '')),
  ceiling: (observed, { column = '', pooled }) =>
    pooled ? undefined : accuracyProfileCeiling(observed, observed.column(column)),
  text: {
    name: 'Accuracy profile',
    words:
      'Pearson correlation, over conditions (`column`), between the accuracy of the model’s choices and that of each person on the same stimuli; with `pooled`, that of all people together, who may have seen other stimuli.',
    raw: 'mean over people of r',
  },
};
