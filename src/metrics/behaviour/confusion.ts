/**
 * Confusion: whether a model takes one class for another as often as people do (Maniquet et al. 2024; Brain-Score vision
 * `benchmarks/maniquet2024`; spec Appendix C). People may have seen other stimuli of the same classes.
 */
import { compareIds } from '../../data/ids.js';
import { VentralError } from '../../errors/ventral-error.js';
import { pearson } from '../../numerics/statistics/pearson.js';
import type { LabelChoices } from '../label-task.js';
import {
  type ChosenLabelMetric,
  type Observed,
  type SampledResult,
  sampledWhole,
} from './behaviour-metric.js';

/** How often each class (row) was taken for each (column), row-major. A choice that is no class is left out. */
export function confusions(
  classes: readonly string[],
  truth: readonly string[],
  choice: readonly string[],
): Float64Array {
  const counts = new Float64Array(classes.length ** 2);
  for (const cell of cellsOf(classes, truth, choice)) if (cell >= 0) counts[cell]++;
  return counts;
}

/** Which cell each choice counts to, −1 for none. */
function cellsOf(
  classes: readonly string[],
  truth: readonly string[],
  choice: readonly string[],
): Int32Array {
  const place = new Map(classes.map((name, i) => [name, i]));
  return Int32Array.from(truth, (shown, i) => {
    const [row, col] = [place.get(shown), place.get(choice[i])];
    return row === undefined || col === undefined ? -1 : row * classes.length + col;
  });
}

/**
 * Pearson correlation of the confusions of a model with those of all people together, off the diagonal. A bootstrap draws
 * people.
 * @param truth class of each of `model.stimulusIds`
 * @throws VentralError `stimuli-mismatch` with fewer than two classes, or where people or stimuli show none of them
 */
export function confusionSimilarity(
  model: LabelChoices,
  { trials }: Pick<Observed, 'trials'>,
  truth: readonly string[],
): SampledResult {
  const classes = model.labels ?? [...new Set(truth)].sort(compareIds);
  checkClasses(classes, truth, trials.truth);
  const own = offDiagonal(confusions(classes, truth, model.choices), classes.length);
  // Of each person the trials alone: all pairs of a thousand classes take 8 MB.
  const cells = cellsOf(classes, trials.truth, trials.choice);
  const cellsOfPerson = new Map<string, number[]>(
    [...new Set(trials.subject)].sort(compareIds).map((subject) => [subject, []]),
  );
  trials.subject.forEach((subject, i) => {
    if (cells[i] >= 0) cellsOfPerson.get(subject)?.push(cells[i]);
  });
  const people = [...cellsOfPerson.values()];
  const resample = (drawn: readonly number[]) => {
    const counts = new Float64Array(classes.length ** 2);
    for (const person of drawn) for (const cell of people[person]) counts[cell]++;
    return pearson(own, offDiagonal(counts, classes.length));
  };
  return sampledWhole(people.length, resample);
}

/** All pairs of them are counted; ImageNet has half as many. */
const MOST_CLASSES = 2000;

function checkClasses(
  classes: readonly string[],
  truth: readonly string[],
  shown: readonly string[],
): void {
  const known = new Set(classes);
  const empty = [truth, shown].some((column) => !column.some((name) => known.has(name)));
  if (classes.length > MOST_CLASSES)
    throw new VentralError(
      'stimuli-mismatch',
      `A confusion is of at most ${MOST_CLASSES} classes, found ${classes.length}`,
      {
        ...{ field: 'image_label', expected: `at most ${MOST_CLASSES} classes` },
        found: `${classes.length}`,
      },
    );
  if (classes.length > 1 && !empty) return;
  const found = empty ? 'none that is a choice of the network' : `${classes.length}`;
  throw new VentralError(
    'stimuli-mismatch',
    `A confusion needs at least two classes, shown to the network and to people, found ${found}`,
    { field: 'image_label', expected: 'at least 2 classes', found },
  );
}

const offDiagonal = (counts: Float64Array, classes: number): Float64Array =>
  counts.filter((_, cell) => cell % (classes + 1) !== 0);

/** The metric `confusion`. */
export const confusionMetric: ChosenLabelMetric = {
  kind: 'label',
  version: 1,
  defaults: {},
  columns: () => ['image_label'],
  ownStimuli: () => true,
  observers: true,
  normalisation: 'ratio',
  compare: (chosen, observed) =>
    confusionSimilarity(chosen, observed, observed.column('image_label')),
  text: {
    name: 'Confusions',
    words:
      'Pearson correlation, over all pairs of different classes, between how often the network and people confuse them. People may have seen other stimuli of these classes.',
    raw: 'r of the confusions off the diagonal',
  },
};
