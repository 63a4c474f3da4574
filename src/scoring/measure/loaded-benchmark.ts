import type { ModelCard } from '../../activations/card/card.js';
import type { Shown } from '../../activations/pictures/shown.js';
import type { Form, ReducedLayer } from '../../activations/reduced-layer.js';
import type { Id } from '../../data/ids.js';
import type { Digestible } from '../../formats/digest.js';
import type { Features } from '../../numerics/algebra/features.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import type { LayerRole } from '../benchmark/layer-role.js';
import type { Score, ScorePart } from './score.js';

/** The part of a score that the data decide, before model and provenance are written beside it. */
export type Measured = Pick<
  Score,
  | 'value'
  | 'error'
  | 'ci'
  | 'formula'
  | 'errorOf'
  | 'errorKind'
  | 'raw'
  | 'ceiling'
  | 'warnings'
  | 'splits'
  | 'distribution'
> & {
  /** The statistic of each resample behind `ci`, in the order of the draws; equal resamples for every layer and model. */
  readonly draws?: Float64Array;
};

/** What is asked of a measurement. */
export interface MeasureOptions {
  /** Keep split × neuroid values and split ids. */
  readonly detail?: boolean;
  /** The model's card, where the task needs it (labels). */
  readonly card?: ModelCard | undefined;
}

/** A benchmark with its data in hand, ready to measure any number of feature sets. */
export interface LoadedBenchmark extends PreparedBenchmark {
  /** Whether its published self-checks were reproduced here on these data. */
  readonly verified: boolean;
}

/** What the loader of each kind of benchmark makes. */
export interface PreparedBenchmark {
  readonly benchmark: Benchmark;
  /** The stimulus sets that features are needed for: one, or fitting and test. */
  readonly shown: readonly Shown[];
  /** Which of the model's layers the task reads. */
  readonly layers: LayerRole;
  /** Column of the stimuli whose classes halves of them share alike. */
  readonly stratum: string | undefined;
  /** Roughly what a measurement takes, in seconds of one core. */
  readonly seconds: number;
  /** Metric and its version, `pls@1`. */
  readonly metric: string;
  /** Everything on the benchmark's side that the number depends on, pictures apart. */
  readonly inputs: Digestible;
  /** The least that is needed of a layer of so many units. */
  form(units: number): Form;
  /** Throws where the task cannot be done with a model of this card, before the network runs. */
  refuse?(card: ModelCard): void;
  /** Compares a layer, in the form that {@link form} asks for or as features. */
  measure(layer: ReducedLayer, options?: MeasureOptions): Promise<Measured>;
  /** The ceiling, which needs no model; null where there is none. */
  ceiling(): ScorePart | null;
  /** The benchmark's own data as features of its stimuli, for the published self-checks; absent where it has none. */
  ownFeatures?(): Features;
  /**
   * The same benchmark on some of its stimuli alone (for a read-out its test stimuli): a seeded half to
   * choose on, the other to score on. Layers are still given for all stimuli of `shown`.
   */
  restrict?(keep: (stimulus: Id) => boolean): PreparedBenchmark;
}
