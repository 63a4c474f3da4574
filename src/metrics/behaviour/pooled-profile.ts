/**
 * Pooled profile: whether a model finds the same conditions hard as people do, taken together, where people may have seen
 * other stimuli (Maniquet et al. 2024; Brain-Score vision `benchmarks/maniquet2024`; spec Appendix C).
 */
import { compareIds } from '../../data/ids.js';
import { quoted, quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { pearson } from '../../numerics/statistics/pearson.js';
import type { LabelChoices } from '../label-task.js';
import type { MetricOptions } from '../metric.js';
import {
  type Observed,
  type SampledResult,
  sampledWhole,
  singleColumn,
} from './behaviour-metric.js';

/** The columns of the stimuli that say which of them belong to a condition. */
export const shownColumns = ({ column, shown }: MetricOptions): readonly string[] =>
  shown
    ? [...new Set(Object.values(shown).flatMap((wanted) => Object.keys(wanted)))].sort(compareIds)
    : [singleColumn({ column })];

/**
 * Pearson correlation, over the conditions of the trials, of the accuracy of all people together with that of the model on
 * the stimuli of the condition: those that `shown` describes, else those whose column has its name. A bootstrap draws people.
 * @throws VentralError `stimuli-mismatch` where a condition has no stimulus or there is only one, `benchmark-invalid` where
 *   `shown` lacks one
 */
export function pooledProfile(
  { choices }: Pick<LabelChoices, 'choices'>,
  observed: Observed,
  options: MetricOptions,
): SampledResult {
  const column = singleColumn(options);
  const { truth, choice, subject } = observed.trials;
  const conditions = observed.trialColumn(column);
  const names = [...new Set(conditions)].sort(compareIds);
  if (names.length < 2) throw mismatch('at least 2 conditions', `${names.length}`, column);
  const labels = observed.column('image_label');
  const own = names.map((name) => {
    const rows = shownIn(name, observed, options);
    return rows.filter((row) => choices[row] === labels[row]).length / rows.length;
  });
  const subjects = [...new Set(subject)].sort(compareIds);
  const place = new Map(names.map((name, i) => [name, i]));
  // Of each person the trials alone: a cell for every condition would be the square of a table of many names.
  const rowsOf = new Map<string, number[]>(subjects.map((name) => [name, []]));
  subject.forEach((name, i) => {
    rowsOf.get(name)?.push(i);
  });
  const people = [...rowsOf.values()];
  const cells = conditions.map((name) => place.get(name) as number);
  const resample = (drawn: readonly number[]) => {
    const [right, all] = [new Float64Array(names.length), new Float64Array(names.length)];
    for (const person of drawn)
      for (const i of people[person]) {
        all[cells[i]]++;
        if (choice[i] === truth[i]) right[cells[i]]++;
      }
    return pearson(
      own,
      names.map((_, cell) => right[cell] / all[cell]),
    );
  };
  return sampledWhole(subjects.length, resample);
}

/** Rows of the stimuli of a condition. */
function shownIn(name: string, observed: Observed, { shown, ...options }: MetricOptions) {
  const column = singleColumn(options);
  if (shown && !Object.hasOwn(shown, name))
    throw new VentralError(
      'benchmark-invalid',
      `metric.shown has no stimuli for ${quoted(name)}, a ${column} of the trials: it has ${quotedList(Object.keys(shown ?? {}))}`,
      { field: 'metric.shown', expected: name, found: 'none' },
    );
  const wanted = shown ? shown[name] : { [column]: name };
  const columns = Object.entries(wanted).map(
    ([key, value]) => [observed.column(key), String(value)] as const,
  );
  const rows = [...observed.stimulusIds.keys()].filter((row) =>
    columns.every(([values, value]) => values[row] === value),
  );
  if (rows.length > 0) return rows;
  throw mismatch(`stimuli of ${column} ${quoted(name)}, as in the trials`, 'none', column);
}

const mismatch = (expected: string, found: string, field: string) =>
  new VentralError(
    'stimuli-mismatch',
    `A profile of accuracies needs ${expected}, found ${found}`,
    { field, expected, found },
  );
