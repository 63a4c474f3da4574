/**
 * Cue match: how often choices follow one of two cues that each stimulus gives at once, such as the shape of one object
 * and the texture of another (Hermann et al. 2020; Brain-Score vision `benchmarks/hermann2020`; spec Appendix C).
 */
import { VentralError } from '../../errors/ventral-error.js';
import { mean, stdDdof0 } from '../../numerics/statistics/statistics.js';
import type { LabelChoices } from '../label-task.js';
import type { ChosenLabelMetric, SampledResult } from './behaviour-metric.js';

/** What each stimulus shows by either cue, one label for each choice. */
export interface Cues {
  readonly column: readonly string[];
  readonly against: readonly string[];
}

/**
 * Share of choices equal to `cues.column`, over the stimuli whose two cues differ; the error is the spread (ddof 0) of
 * the single answers. With `ratio`, matches of `column` as a share of the matches of either, without an error; NaN where
 * no choice follows either.
 * @throws VentralError `stimuli-mismatch` where the cues agree in every stimulus
 */
export function cueMatch(
  { choices }: Pick<LabelChoices, 'choices'>,
  { column, against }: Cues,
  ratio = false,
): SampledResult {
  const rows = choices.flatMap((_, row) => (column[row] === against[row] ? [] : row));
  if (rows.length === 0)
    throw new VentralError(
      'stimuli-mismatch',
      'There is no stimulus whose two cues differ, so that choices follow none of them',
      { field: 'metric.against', expected: 'stimuli whose cues differ', found: 'none' },
    );
  const matches = (cue: readonly string[]) =>
    Float64Array.from(rows, (row) => (choices[row] === cue[row] ? 1 : 0));
  const [own, other] = [matches(column), matches(against)];
  const resample = (drawn: readonly number[]) => {
    const share = mean(drawn.map((i) => own[i]));
    return ratio ? share / (share + mean(drawn.map((i) => other[i]))) : share;
  };
  const value = resample([...own.keys()]);
  return {
    value,
    error: ratio ? Number.NaN : stdDdof0(own),
    errorKind: ratio ? 'none' : 'std over stimuli',
    splits: [value],
    warnings: [],
    samples: own.length,
    sampled: 'images',
    resample,
  };
}

/** The metric `cue-match`. */
export const cueMatchMetric: ChosenLabelMetric = {
  kind: 'label',
  version: 1,
  defaults: { ratio: false },
  required: ['column', 'against'],
  columns: ['column', 'against'],
  observers: false,
  normalisation: 'raw',
  compare: (chosen, observed, { column = '', against = '', ratio }) =>
    cueMatch(chosen, { column: observed.column(column), against: observed.column(against) }, ratio),
  text: {
    name: 'Cue match',
    words:
      'The share of cue-conflict stimuli that the network’s own head classifies by one of the cues (`column`); with `ratio`, of those that it classifies by either cue: the shape bias.',
    raw: 'share of choices that match the cue',
  },
};
