import type { Id } from '../data/ids.js';
import type { Features } from '../numerics/features.js';
import type { Matrix } from '../numerics/matrix.js';

/** Something that a reader of the score should know, but that did not stop it. */
export interface Warning {
  readonly code: string;
  readonly detail: string;
}

/** Model side of a comparison: features (presentation × neuroid), row i for `stimulusIds[i]`. */
export interface Source {
  readonly stimulusIds: readonly Id[];
  readonly features: Features;
}

/** Brain side of a comparison: recordings averaged over time and repetitions. */
export interface Target {
  /** Presentation order: splits are positional on it (spec §2.4). */
  readonly stimulusIds: readonly Id[];
  /** Column order: PLS starts from the first column (spec §2.5). */
  readonly neuroidIds: readonly Id[];
  /** presentation × neuroid; NaN where nothing was recorded. */
  readonly values: Matrix;
  /** Class of each presentation, for stratified splits. */
  readonly strata?: readonly Id[];
}

/** How the stimuli are divided; the defaults of a benchmark are 10 splits, .9, seed 1. */
export interface CrossValidation {
  readonly splits: number;
  readonly trainSize?: number;
  readonly testSize?: number;
  readonly seed: number;
}

/** The un-ceiled result of a metric. */
export interface MetricResult {
  readonly value: number;
  readonly error: number;
  readonly errorKind:
    | 'sem over splits'
    | 'std over repetitions'
    | 'std over conditions and subjects'
    | 'std over stimuli'
    | 'none';
  /** One aggregate a split (or repetition). */
  readonly splits: readonly number[];
  /** Split × neuroid, columns in ascending neuroid_id, as the reference's `raw` attribute. */
  readonly neuroids?: { readonly ids: readonly Id[]; readonly values: Matrix };
  readonly warnings: readonly Warning[];
}
