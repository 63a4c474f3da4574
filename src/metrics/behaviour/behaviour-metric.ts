import type { Id } from '../../data/ids.js';
import type { ObserverTrials } from '../error-consistency.js';
import type { LabelChoices } from '../label-task.js';
import type { MetricDefinition, MetricOptions, MetricResult } from '../metric.js';

/** A behavioural score or ceiling, with what a bootstrap needs. */
export interface SampledResult extends MetricResult {
  /** How many subjects, or stimuli, a bootstrap draws from. */
  readonly samples: number;
  /** The value for drawn samples (positions, with repeats). */
  resample(drawn: readonly number[]): number;
}

/** What choices are compared with: the trials of observers, and the columns of the stimuli. */
export interface Observed {
  readonly trials: ObserverTrials;
  readonly stimulusIds: readonly Id[];
  /** Values of a column of the stimuli, one a stimulus, or of several as one; throws `benchmark-invalid` where there is none. */
  column(name: string | readonly string[]): readonly string[];
}

/** A metric between the labels that a network's own head names and those of observers, or of the stimuli. */
export interface ChosenLabelMetric extends MetricDefinition {
  readonly kind: 'label';
  /** Options that name columns of the stimuli. */
  readonly columns?: readonly ('column' | 'against')[];
  /** Whether subjects and their choices are compared; else the trials need none. */
  readonly observers: boolean;
  /** @throws VentralError `stimuli-mismatch`, `trials-invalid` */
  compare(chosen: LabelChoices, observed: Observed, options: MetricOptions): SampledResult;
  /** The ceiling of the metric's own, where it has one. */
  ceiling?(observed: Observed, options: MetricOptions): SampledResult;
}
