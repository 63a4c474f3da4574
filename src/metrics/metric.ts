import type { Id } from '../data/ids.js';
import type { ColumnSource } from '../numerics/algebra/column-source.js';
import type { Features } from '../numerics/algebra/features.js';
import type { Matrix } from '../numerics/algebra/matrix.js';

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
  /** presentation × neuroid; NaN if nothing was recorded. */
  readonly values: Matrix;
  /** Class of each presentation, for stratified splits. */
  readonly strata?: readonly Id[];
  /** Group of each presentation, where no group may be in both sides of a split. */
  readonly groups?: readonly Id[];
}

/** How the stimuli are divided; the defaults of a benchmark are 10 splits, .9, seed 1. */
export interface CrossValidation {
  readonly splits: number;
  readonly trainSize?: number;
  readonly testSize?: number;
  readonly seed: number;
}

/** What was predicted for the test stimuli of a split. */
export interface SplitPredictions {
  readonly stimulusIds: readonly Id[];
  readonly neuroidIds: readonly Id[];
  /** Test stimulus × neuroid. */
  readonly observed: Matrix;
  readonly predicted: Matrix;
}

/** The un-ceiled result of a metric. */
export interface MetricResult {
  readonly value: number;
  readonly error: number;
  readonly errorKind:
    | 'sem over splits'
    | 'sem over pairs of subjects'
    | 'std over repetitions'
    | 'std over conditions and subjects'
    | 'std over stimuli'
    | 'std over neuroids'
    | 'std over subjects'
    | 'sem over subjects'
    | 'std over pairs of subjects'
    | 'std over halves of the subjects'
    | 'none';
  /** One aggregate a split (or repetition). */
  readonly splits: readonly number[];
  /** Split × neuroid, columns in ascending neuroid_id, as the reference's `raw` attribute. */
  readonly neuroids?: { readonly ids: readonly Id[]; readonly values: Matrix };
  readonly warnings: readonly Warning[];
}

/** What a benchmark file may set of a metric (spec §1.5, §1.10, §4.4). */
export interface MetricOptions {
  /** PLS components. */
  readonly components?: number;
  /** Ridge penalty. */
  readonly alpha?: number;
  /** Ridge penalties to choose from, in the order in which the first of equals wins. */
  readonly alphas?: readonly number[];
  /** Coordinate of the neuroids whose values are subjects, each compared apart (rdm, cka). */
  readonly per?: string;
  /** `time`: one fit for all bins of time, for recordings that have several. */
  readonly across?: 'time';
  /** Random halves of the trials. */
  readonly repetitions?: number;
  /** Seed of the halves. */
  readonly seed?: number;
  /** Squares the correlations before the mean over subjects (likewise). */
  readonly squared?: boolean;
  /** How given dissimilarities are compared (rdm); by ranks where it is absent. */
  readonly correlation?: 'spearman' | 'pearson';
  /** Units that count, by how many standard deviations their mean over stimuli is from 0; they are z-scored (likewise). */
  readonly responsive?: number;
  /** The square of raw / ceiling as the score (likewise). */
  readonly normalisation?: 'ratio-squared';
  /** Leaves cells out that are NaN on the model's side, in the ceiling. */
  readonly skipna?: boolean;
  /** Column of the stimuli that says what each shows: the cue that counts, or the type. */
  readonly column?: string | readonly string[];
  /** Column of the stimuli with the cue that conflicts. */
  readonly against?: string;
  /** Matches as a share of the matches of either cue. */
  readonly ratio?: boolean;
  /** The types between which accuracy drops. */
  readonly from?: string;
  readonly to?: string;
  /** Accuracies of all people together (accuracy-profile), who may have seen other stimuli. */
  readonly pooled?: boolean;
  /** The stimuli of a condition, by values of their columns (likewise). */
  readonly shown?: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
  /** Share of choices that are right by chance. */
  readonly chance?: number;
  /** Similarity of two stimuli (odd-one-out): the product of their activations where it is absent. */
  readonly similarity?: 'dot' | 'cosine';
  /** Share of the trials that people answer without looking (search-asymmetry). */
  readonly lapse?: number;
  /** How fast the similarity falls with the difference (search-asymmetry). */
  readonly scale?: number;
  /** Condition of the stimuli whose threshold is the unit (threshold). */
  readonly baseline?: string;
  /** The factor whose dimensions count (factor-dimensions). */
  readonly factor?: 'shape' | 'texture' | 'residual';
}

/** A metric in words, for pages and documents. */
export interface MetricText {
  readonly name: string;
  readonly words: string;
  /** The un-ceiled value. */
  readonly raw: string;
}

/**
 * How raw and ceiling become the score: raw² / ceiling, raw / ceiling, (raw / ceiling)², mean of raw / √ceiling, raw / ceiling bounded to
 * [0, 1], (raw − chance) / (ceiling − chance) bounded likewise, or raw alone.
 */
export type Normalisation =
  | 'squared'
  | 'ratio'
  | 'ratio-squared'
  | 'root'
  | 'clipped'
  | 'above-chance'
  | 'raw';

/** What every metric says of itself. */
export interface MetricDefinition {
  /** The kind of the benchmarks that it makes (`benchmark-kinds.ts`). */
  readonly kind: string;
  /** Raised whenever a number changes on equal inputs. */
  readonly version: number;
  /** The options that a benchmark file may set, with the reference's defaults. */
  readonly defaults: MetricOptions;
  /** Options that a benchmark file may set beside those that have a default. */
  readonly optional?: readonly (keyof MetricOptions)[];
  /** Options that a benchmark file has to set. */
  readonly required?: readonly (keyof MetricOptions)[];
  /** Whether its own ceiling is that of pairs of subjects. */
  readonly pairs?: true;
  readonly normalisation: Normalisation;
  readonly text: MetricText;
}

/** Options of a run of a neural metric. */
export interface NeuralOptions extends MetricOptions {
  readonly crossValidation: CrossValidation;
  /** Told what a regression predicts in each split, before the next: all splits may be too large for memory. */
  readonly predicted?: (split: SplitPredictions) => Promise<void>;
}

/** A metric between features and recordings. */
export interface NeuralMetric extends MetricDefinition {
  readonly kind: 'neural';
  /** Whether the result has a value for each neuroid of the recordings. */
  readonly perNeuroid: boolean;
  /** Whether all stimuli are compared at once, without splits. */
  readonly whole?: boolean;
  /** Share of the stimuli to test on where the benchmark file says nothing; 0.1 unless given. */
  readonly testSize?: number;
  run(source: Source, target: Target, options: NeuralOptions): Promise<MetricResult>;
  /** Of a metric of stimulus × stimulus matrices: how they are made and compared. */
  readonly similarity?: MatrixSimilarity;
  /** Of a metric that fits a regression: the regression, for training and test stimuli that are given. */
  readonly regression?: Regression;
  /** Matrices of stimuli × stimuli in float64 that {@link ofGram} has in memory at the most, the layer's own too; 3 unless given. */
  readonly matrices?: number;
  /** The same from the Gram matrix of a layer that is wider than there are stimuli. */
  ofGram?(source: GramSource, target: Target, options: NeuralOptions): Promise<MetricResult>;
}

/** MatrixSimilarity of two equally large matrices over the same stimuli. */
export type Compare = (source: Matrix, target: Matrix) => number;

/** A matrix stimulus × stimulus with the ids of its rows. */
export interface StimulusMatrix extends Pick<Source, 'stimulusIds'> {
  readonly values: Matrix;
}

/** What a metric of stimulus × stimulus matrices makes of features, and how two of them are compared. */
export interface MatrixSimilarity {
  /** @throws VentralError `activations-not-finite` */
  matrixOf(source: Source): Promise<StimulusMatrix>;
  ofGram?(source: GramSource): StimulusMatrix;
  readonly compare: Compare;
  /** How their pairs are correlated, where that is all that a comparison does: stimuli can be drawn then. */
  readonly correlation?: 'spearman' | 'pearson';
  /** Stimuli that a comparison needs. */
  readonly least: number;
}

/** Rows of the source in one split, both ascending by stimulus_id. */
export interface Fold {
  readonly train: readonly number[];
  readonly test: readonly number[];
}

/** What a regression predicts for the test rows (test × neuroid), and codes of what continued. */
export interface Prediction {
  readonly values: Matrix;
  /** The penalty that was chosen, where one was. */
  readonly alpha?: number;
  /** Remarks on the fit, such as `not-converged`: a code and a sentence that the split follows. */
  readonly remarks?: readonly Warning[];
}

/** Fits on the train rows and predicts the test rows. */
export interface Regress {
  /** @param targets train × neuroid, float64; may be written over */
  (fold: Fold, targets: Matrix): Promise<Prediction>;
  /**
   * The same of more neuroids than memory holds, at most `width` of them at a time; absent where all of them shape what each is
   * predicted from.
   */
  readonly inBlocks?: (fold: Fold, targets: ColumnSource, width: number) => Promise<Prediction>;
}

/** A regression from a layer, whatever it is fitted on. */
export interface Regression {
  /** Whether each neuroid is fitted for itself, but for a penalty that all share. */
  readonly targets?: 'apart';
  /** @throws VentralError `activations-not-finite`, `units-too-few` */
  of(source: Source, options: MetricOptions): Promise<Regress>;
  /** The same from the Gram matrix of a layer that is wider than there are stimuli. */
  ofGram?(source: GramSource, options: MetricOptions): Regress;
}

/** A metric between choices of a read-out, fitted on stimuli of its own, and people's choices. */
export interface ReadOutMetric extends MetricDefinition {
  readonly kind: 'read-out';
}

/** A metric between distributions of a property over units and over recorded neurons. */
export interface DistributionMetric extends MetricDefinition {
  readonly kind: 'properties';
}

/** A metric between the labels that a network's own head names and those of observers. */
export interface LabelMetric extends MetricDefinition {
  readonly kind: 'label';
}

/** A layer reduced to the products of its rows: gram row i is for `stimulusIds[i]`. */
export interface GramSource {
  readonly stimulusIds: readonly Id[];
  /** Width of the layer that the Gram matrix was made of. */
  readonly units: number;
  /** presentation × presentation, centred or not. */
  readonly gram: Matrix;
}
