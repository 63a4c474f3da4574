/**
 * Accuracy distance: how far a model's accuracy is from that of each person, as a share of how far it could be
 * (Brain-Score vision `metrics/accuracy_distance`; spec Appendix C).
 */
import { compareIds, type Id } from '../../data/ids.js';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { mean, stdDdof0 } from '../../numerics/statistics/statistics.js';
import type { ObserverTrials } from '../error-consistency.js';
import type { LabelChoices } from '../label-task.js';
import type { ChosenLabelMetric, Observed, SampledResult } from './behaviour-metric.js';

/** Whether each subject was right, subjects ascending, one 0 or 1 a stimulus in the order of `stimulusIds`. */
interface Answers {
  readonly stimulusIds: readonly Id[];
  readonly truth: readonly string[];
  readonly correct: readonly Uint8Array[];
}

/**
 * Mean over subjects of 1 − |a − s| / max(s, 1 − s), where a is the model's accuracy and s the subject's, over the
 * same stimuli; the error is the spread (ddof 0) over subjects.
 * @param by the groups of stimuli within which accuracies are compared before the mean, one label a stimulus of
 *   `observed.stimulusIds`; all stimuli are one group without it
 * @throws VentralError `stimuli-mismatch` where a subject or the model did not answer a stimulus, `trials-invalid`
 *   where a subject answered one twice
 */
export function accuracyDistance(
  model: LabelChoices,
  observed: Pick<Observed, 'trials' | 'stimulusIds'>,
  by?: readonly string[],
): SampledResult {
  const { stimulusIds, truth, correct } = answersOf(observed.trials);
  const chosen = new Map(model.stimulusIds.map((id, i) => [id, model.choices[i]]));
  const missing = stimulusIds.find((id) => !chosen.has(id));
  if (missing !== undefined)
    throw new VentralError(
      'stimuli-mismatch',
      `Stimulus ${quoted(missing)} has trials but no answer of the model`,
      { field: 'stimulus_id', expected: `${stimulusIds.length} answers`, found: `${chosen.size}` },
    );
  const own = Uint8Array.from(stimulusIds, (id, i) => (chosen.get(id) === truth[i] ? 1 : 0));
  const groupOf = new Map(by && observed.stimulusIds.map((id, i) => [id, by[i]]));
  const groups = grouped(stimulusIds.map((id) => groupOf.get(id) ?? ''));
  const distances = correct.map((subject) => distance(own, subject, groups));
  return {
    ...result(distances, 'std over subjects'),
    samples: distances.length,
    resample: (drawn) => mean(drawn.map((i) => distances[i])),
  };
}

/**
 * The same between all pairs of subjects, the first in ascending order in place of the model: the ceiling.
 * @throws as {@link accuracyDistance}, and `trials-invalid` without two subjects
 */
export function accuracyDistanceCeiling(trials: ObserverTrials): SampledResult {
  const { correct } = answersOf(trials);
  const count = correct.length;
  if (count < 2)
    throw new VentralError(
      'trials-invalid',
      `A ceiling needs at least two subjects, found ${count}`,
      { field: 'subject', expected: 'at least 2 subjects', found: `${count}` },
    );
  const all = grouped(Array.from(correct[0], () => ''));
  const between = correct.map((first) => correct.map((second) => distance(first, second, all)));
  const pairs = between.flatMap((row, a) => row.slice(a + 1));
  return {
    ...result(pairs, 'std over pairs of subjects'),
    samples: count,
    // A subject is never paired with itself.
    resample: (drawn) =>
      mean(
        drawn.flatMap((a, i) =>
          drawn
            .slice(i + 1)
            .flatMap((b) => (a === b ? [] : between[Math.min(a, b)][Math.max(a, b)])),
        ),
      ),
  };
}

function distance(
  model: Uint8Array,
  subject: Uint8Array,
  groups: readonly (readonly number[])[],
): number {
  return mean(
    groups.map((rows) => {
      const [a, s] = [model, subject].map((correct) => mean(rows.map((row) => correct[row])));
      return 1 - Math.abs(a - s) / Math.max(s, 1 - s);
    }),
  );
}

function result(values: readonly number[], errorKind: SampledResult['errorKind']) {
  return {
    value: mean(values),
    error: stdDdof0(values),
    errorKind,
    splits: values,
    warnings: [],
  };
}

function grouped(labels: readonly string[]): number[][] {
  const groups = new Map<string, number[]>();
  labels.forEach((label, row) => {
    const group = groups.get(label);
    if (group) group.push(row);
    else groups.set(label, [row]);
  });
  return [...groups.values()];
}

function answersOf({ stimulusIds, subject, truth, choice }: ObserverTrials): Answers {
  const ids = [...new Set(stimulusIds)].sort(compareIds);
  const truthOf = new Map(stimulusIds.map((id, i) => [id, truth[i]]));
  const bySubject = new Map<string, Map<Id, number>>();
  stimulusIds.forEach((id, trial) => {
    const name = subject[trial];
    const answers = bySubject.get(name) ?? new Map<Id, number>();
    bySubject.set(name, answers);
    if (answers.has(id))
      throw new VentralError(
        'trials-invalid',
        `Subject ${quoted(name)} has two trials of stimulus ${quoted(id)}`,
        { field: 'stimulus_id', expected: 'one trial', found: 'two' },
      );
    answers.set(id, choice[trial] === truth[trial] ? 1 : 0);
  });
  const correct = [...bySubject.keys()].sort(compareIds).map((name) =>
    Uint8Array.from(ids, (id) => {
      const answer = bySubject.get(name)?.get(id);
      if (answer !== undefined) return answer;
      throw new VentralError(
        'stimuli-mismatch',
        `Subject ${quoted(name)} has no trial of stimulus ${quoted(id)}, which another subject has`,
        { field: 'stimulus_id', expected: `${ids.length} stimuli`, found: 'fewer' },
      );
    }),
  );
  return { stimulusIds: ids, truth: ids.map((id) => truthOf.get(id) as string), correct };
}

/** The metric `accuracy-distance`. */
export const accuracyDistanceMetric: ChosenLabelMetric = {
  kind: 'label',
  version: 1,
  defaults: {},
  observers: true,
  pairs: true,
  normalisation: 'clipped',
  compare: (chosen, observed) => accuracyDistance(chosen, observed),
  ceiling: ({ trials }) => accuracyDistanceCeiling(trials),
  text: {
    name: 'Accuracy distance',
    words:
      'Similarity between the accuracy of the network’s own head and that of each person on the same stimuli: 1 − |model − person| / max(person, 1 − person).',
    raw: 'mean over people of 1 − distance',
  },
};
