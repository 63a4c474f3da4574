import type { Id } from '../../data/ids.js';
import type { ObserverTrials } from '../error-consistency.js';
import type { LabelChoices } from '../label-task.js';
import type { MetricDefinition, MetricOptions, MetricResult, Normalisation } from '../metric.js';

/** A behavioural score or ceiling, with what a bootstrap needs. */
export interface SampledResult extends MetricResult {
  /** How many subjects, or stimuli, a bootstrap draws from. */
  readonly samples: number;
  /** What they are; subjects unless said. */
  readonly sampled?: 'images';
  /** The value for drawn samples (positions, with repeats). */
  resample(drawn: readonly number[]): number;
}

/** A score of samples together, without an error of its own. */
export function sampledWhole(
  samples: number,
  resample: (drawn: readonly number[]) => number,
): SampledResult {
  const value = resample(Array.from({ length: samples }, (_, i) => i));
  const none = { error: Number.NaN, errorKind: 'none', warnings: [] } as const;
  return { value, splits: [value], ...none, samples, resample };
}

/** What choices are compared with: the trials of observers, and the columns of the stimuli. */
export interface Observed {
  readonly trials: ObserverTrials;
  readonly stimulusIds: readonly Id[];
  /** Values of a column of the stimuli, one a stimulus, or of several as one; throws `benchmark-invalid` where there is none. */
  column(name: ColumnNames): readonly string[];
  /** Values of a column of the trials, one a trial; throws `trials-invalid` where there is none. */
  trialColumn(name: string): readonly string[];
}

/** A column, or several whose values together are one. */
export type ColumnNames = string | readonly string[];

/** The one column of an option that takes no other. */
export const singleColumn = ({ column = '' }: Pick<MetricOptions, 'column'>): string =>
  typeof column === 'string' ? column : '';

/** A metric between the labels that a network's own head names and those of observers, or of the stimuli. */
export interface ChosenLabelMetric extends MetricDefinition {
  readonly kind: 'label';
  /** Options that name columns of the stimuli, or these columns. */
  readonly columns?:
    | readonly ('column' | 'against')[]
    | ((options: MetricOptions) => readonly ColumnNames[]);
  /** Whether people may have seen other stimuli than the model, so that trials are not joined with stimuli. */
  ownStimuli?(options: MetricOptions): boolean;
  /** How raw and ceiling become the score with some options; as `normalisation` says where it is absent. */
  normalisationOf?(options: MetricOptions): Normalisation;
  /** Whether subjects and their choices are compared; else the trials need none. */
  readonly observers: boolean;
  /** @throws VentralError `stimuli-mismatch`, `trials-invalid` */
  compare(chosen: LabelChoices, observed: Observed, options: MetricOptions): SampledResult;
  /** The ceiling of the metric's own, where it has one. */
  ceiling?(observed: Observed, options: MetricOptions): SampledResult | undefined;
}
