/**
 * Accuracy drop: how much accuracy falls from one type of stimulus to another, in the model and in halves of the people
 * (Baker and Elder 2022; Brain-Score vision `benchmarks/baker2022`; spec Appendix C).
 */
import { VentralError } from '../../errors/ventral-error.js';
import { RandomState } from '../../numerics/random/random-state.js';
import { mean, median, stdDdof0 } from '../../numerics/statistics/statistics.js';
import type { LabelChoices } from '../label-task.js';
import type { ChosenLabelMetric, Observed, SampledResult } from './behaviour-metric.js';

const HALVES = 100;

/** Which stimuli are compared: the values `from` and `to` of a label of each stimulus. */
export interface Drop {
  readonly from: string;
  readonly to: string;
  /** The label of each of `Observed.stimulusIds`. */
  readonly types: readonly string[];
}

/**
 * Mean over 100 halves of the people, half i drawn with seed i, of max(1 − |Δh − Δm| / Δh, 0): Δh is the mean over the
 * people of a half of their accuracy on `from` minus that on `to`, Δm the model's, as a mean over classes. The error is the
 * spread (ddof 0) over halves. As in the original, people are those numbered 1…N and the last is never drawn; NaN, with
 * a warning, where they have other names. Above 1 where people get better from `from` to `to`.
 * @throws VentralError `stimuli-mismatch` where a class has no stimulus of either type
 */
export function accuracyDrop(
  model: LabelChoices,
  observed: Pick<Observed, 'trials' | 'stimulusIds'>,
  drop: Drop,
): SampledResult {
  const own = modelDrop(model, observed, drop);
  const people = drops(observed, drop);
  const count = people.size;
  const halves = Array.from({ length: HALVES }, (_, seed) => half(new RandomState(seed), count));
  const scoreOf = (drawn: ReadonlyMap<string, number>) =>
    halves.map((members) => {
      const human = mean(members.map((number) => drawn.get(`${number}`) ?? Number.NaN));
      return likeness(own, human);
    });
  return result(people, scoreOf, mean);
}

/**
 * The same between the halves, the other half being everybody else: 100 halves of one random stream (seed 0), corrected
 * for their length (Spearman-Brown); the median over halves.
 */
export function accuracyDropCeiling(
  observed: Pick<Observed, 'trials' | 'stimulusIds'>,
  drop: Drop,
): SampledResult {
  const people = drops(observed, drop);
  const count = people.size;
  const random = new RandomState(0);
  const halves = Array.from({ length: HALVES }, () => {
    const first = half(random, count);
    const others = Array.from({ length: count }, (_, i) => i + 1);
    return [first, others.filter((number) => !first.includes(number))] as const;
  });
  const scoreOf = (drawn: ReadonlyMap<string, number>) =>
    halves.map((pair) => {
      const [first, second] = pair.map((members) =>
        mean(members.map((number) => drawn.get(`${number}`) ?? Number.NaN)),
      );
      const consistency = likeness(first, second);
      return (2 * consistency) / (1 + consistency);
    });
  return result(people, scoreOf, median);
}

/** Half of the people, numbers from 1; the last is never among them. */
const half = (random: RandomState, count: number): number[] =>
  count < 2 ? [] : random.choice(count - 1, Math.floor(count / 2)).map((i) => i + 1);

const likeness = (of: number, to: number): number => {
  const value = 1 - Math.abs(to - of) / to;
  return Number.isNaN(value) ? value : Math.max(value, 0);
};

function result(
  people: ReadonlyMap<string, number>,
  scoreOf: (people: ReadonlyMap<string, number>) => number[],
  aggregate: (values: readonly number[]) => number,
): SampledResult {
  const splits = scoreOf(people);
  const numbered = Array.from(people, (_, i) => people.has(`${i + 1}`)).every(Boolean);
  const known = Array.from(people.values());
  return {
    value: splits.some(Number.isNaN) ? Number.NaN : aggregate(splits),
    error: stdDdof0(splits),
    errorKind: 'std over halves of the subjects',
    splits,
    samples: people.size,
    resample: (drawn) =>
      numbered
        ? aggregate(scoreOf(new Map(drawn.map((i, k) => [`${k + 1}`, known[i]]))))
        : Number.NaN,
    warnings: numbered
      ? []
      : [
          {
            code: 'subjects-not-numbered',
            detail: `halves are drawn of subjects 1 to ${people.size}, and the trials name others`,
          },
        ],
  };
}

/** Accuracy on `from` minus that on `to`, of each subject. */
function drops(
  { trials, stimulusIds }: Pick<Observed, 'trials' | 'stimulusIds'>,
  { from, to, types }: Drop,
): ReadonlyMap<string, number> {
  const typeOf = new Map(stimulusIds.map((id, i) => [id, types[i]]));
  const counts = new Map<string, { right: [number, number]; all: [number, number] }>();
  trials.subject.forEach((subject, i) => {
    const type = typeOf.get(trials.stimulusIds[i]);
    const known = counts.get(subject) ?? { right: [0, 0], all: [0, 0] };
    counts.set(subject, known);
    if (type !== from && type !== to) return;
    const side = type === from ? 0 : 1;
    known.all[side]++;
    if (trials.choice[i] === trials.truth[i]) known.right[side]++;
  });
  return new Map(
    Array.from(counts, ([subject, { right, all }]) => [
      subject,
      right[0] / all[0] - right[1] / all[1],
    ]),
  );
}

/** Mean over classes of the accuracy on `from`, minus the same on `to`. */
function modelDrop(
  { stimulusIds: answered, choices }: LabelChoices,
  { trials, stimulusIds }: Pick<Observed, 'trials' | 'stimulusIds'>,
  { from, to, types }: Drop,
): number {
  const truthOf = new Map(trials.stimulusIds.map((id, i) => [id, trials.truth[i]]));
  const typeOf = new Map(stimulusIds.map((id, i) => [id, types[i]]));
  const [before, after] = [from, to].map((type) => {
    const right = new Map<string, number[]>();
    answered.forEach((id, i) => {
      const truth = truthOf.get(id);
      if (truth === undefined || typeOf.get(id) !== type) return;
      right.set(truth, [...(right.get(truth) ?? []), choices[i] === truth ? 1 : 0]);
    });
    if (right.size > 0) return mean([...right.values()].map(mean));
    throw new VentralError(
      'stimuli-mismatch',
      `No stimulus with trials has the type ${JSON.stringify(type)}`,
      { field: 'metric', expected: `stimuli of type ${type}`, found: 'none' },
    );
  });
  return before - after;
}

/** The metric `accuracy-drop`. */
export const accuracyDropMetric: ChosenLabelMetric = {
  kind: 'label',
  version: 1,
  defaults: {},
  required: ['column', 'from', 'to'],
  columns: ['column'],
  observers: true,
  normalisation: 'clipped',
  compare: (chosen, observed, options) => accuracyDrop(chosen, observed, dropOf(observed, options)),
  ceiling: (observed, options) => accuracyDropCeiling(observed, dropOf(observed, options)),
  text: {
    name: 'Accuracy drop',
    words:
      'Similarity between the network’s own head and people in how much accuracy drops from one type of stimulus to another: 1 − |people − network| / people, at least 0, over 100 halves of the people.',
    raw: 'mean over halves of the people',
  },
};

const dropOf = (
  observed: Observed,
  {
    column = '',
    from = '',
    to = '',
  }: { column?: string | readonly string[]; from?: string; to?: string },
): Drop => ({ from, to, types: observed.column(column) });
