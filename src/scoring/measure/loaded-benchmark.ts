import type { ModelCard } from '../../activations/card/card.js';
import type { Form, ReducedLayer } from '../../activations/reduced-layer.js';
import type { MeasureRoom } from '../../activations/scratch/tile-room.js';
import type { Shown } from '../../activations/stimuli/shown.js';
import type { Id } from '../../data/ids.js';
import type { TimeBin } from '../../data/rebin.js';
import type { Digestible } from '../../formats/digest.js';
import type { Probabilities } from '../../metrics/i1i2.js';
import type { Warning } from '../../metrics/metric.js';
import type { TiledPlan } from '../../metrics/tiled/tiled-regression.js';
import type { Features } from '../../numerics/algebra/features.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import type { LayerRole } from '../benchmark/layer-role.js';
import type { ScoreDraws } from '../draws/score-draws.js';
import type { NestedLayer, SplitPart } from './nested.js';
import type { Dropped, Score, ScorePart } from './score.js';

/** A value of data with all that says how far it can be trusted. */
export type Valued = Pick<
  Score,
  | 'value'
  | 'error'
  | 'ci'
  | 'generalises'
  | 'formula'
  | 'errorOf'
  | 'errorKind'
  | 'raw'
  | 'ceiling'
  | 'warnings'
>;

/** The part of a score that the data decide, before model and provenance are written beside it. */
export type Measured = Valued &
  Pick<Score, 'splits' | 'parts' | 'distribution'> & {
    /** What is behind `ci`, equal draws for every layer and model; absent where they are not. */
    readonly draws?: ScoreDraws;
    /** Where it was asked for and the benchmark has splits with a training part. */
    readonly nested?: NestedLayer;
  };

/** What a model answered to the stimuli of a benchmark: a published file in place of a network. */
export type PublishedOutputs =
  | { readonly choices: ReadonlyMap<Id, string> }
  | { readonly probabilities: Probabilities };

/** Options of a measurement. */
export interface MeasureOptions {
  /** Keep split × neuroid values and split ids. */
  readonly detail?: boolean;
  /** Leave out what only the interval needs, where that costs more than the value: for the runs of a null. */
  readonly undrawn?: boolean;
  /** Measure within the training part of each split, too. */
  readonly nested?: boolean | undefined;
  /** The model's card, where the task needs it (labels). */
  readonly card?: ModelCard | undefined;
  /** Limits of what it keeps in memory and on scratch; all is in memory without. */
  readonly room?: MeasureRoom | undefined;
  /** Told the share of the fits that are done. */
  readonly told?: ((share: number) => void) | undefined;
}

/** A benchmark with its data in hand, ready to measure any number of feature sets. */
export interface LoadedBenchmark extends PreparedBenchmark {
  /** Whether its published self-checks were reproduced here on these data. */
  readonly verified: boolean;
}

/** Splits with a training part in which a layer can be chosen. */
export interface Nesting {
  /** Measurements that choosing in all of them takes, in parts of an ordinary one. */
  readonly work: number;
  /** The score of splits that each have a layer of their own: value, error, interval, and what stands behind them. */
  score(splits: readonly SplitPart[]): Promise<Measured>;
}

/** A benchmark with its data, as the loader of its kind returns it. */
export interface PreparedBenchmark {
  readonly benchmark: Benchmark;
  /** The stimulus sets that features are needed for: one, or fitting and test. */
  readonly shown: readonly Shown[];
  /** Which of the model's layers the task reads. */
  readonly layers: LayerRole;
  /** Column of the stimuli whose classes halves of them share alike. */
  readonly stratum: string | undefined;
  /** Column of the stimuli whose groups are whole in one half of them. */
  readonly group?: string | undefined;
  /** Estimated cost of a measurement, in seconds of one core. */
  readonly seconds: number;
  /** The most that raw is expected to be of a fit on labels that mean nothing; absent where nothing is fitted. */
  readonly chance?: number | undefined;
  /** How its regressions are solved where memory does not hold their products. */
  readonly tiled?: TiledPlan | undefined;
  /** Whether its recordings are on scratch disk, read in blocks; another thread would read them anew. */
  readonly stored?: boolean;
  /** Metric and its version, `pls@1`. */
  readonly metric: string;
  /** Everything of the benchmark that the number depends on, except images. */
  readonly inputs: Digestible;
  /** What a reader of every score on these data should know. */
  notices?(): readonly Warning[];
  /** What the benchmark's `drop` left out of the recordings. */
  readonly dropped?: Dropped | undefined;
  /** @throws what would refuse every score, whatever the model */
  check?(): void;
  /** The smallest sufficient form of a layer with this many units. */
  form(units: number): Form;
  /** @throws where the task cannot be done with a model of this card, before the network runs */
  refuse?(card: ModelCard): void;
  /** Absent where no split has recordings to choose a layer by and others to test it on. */
  readonly nesting?: Nesting | undefined;
  /** Compares a layer, in the form that {@link form} asks for or as features. */
  measure(layer: ReducedLayer, options?: MeasureOptions): Promise<Measured>;
  /**
   * Compares the layers of steps in time, side by side in equal widths, as features; absent where recordings have no time.
   * @param steps start and end of each in milliseconds, ascending
   */
  measureSteps?(
    layers: ReducedLayer,
    steps: readonly TimeBin[],
    options?: MeasureOptions,
  ): Promise<Measured>;
  /** Compares answers in place of a layer; absent where a benchmark compares layers. */
  measureOutputs?(outputs: PublishedOutputs): Promise<Measured>;
  /** The ceiling, which needs no model; null if there is none. */
  ceiling(): ScorePart | null;
  /** The benchmark's own data as features of its stimuli, for the published self-checks; absent if it has none. */
  ownFeatures?(): Features;
  /**
   * The same benchmark on a subset of its stimuli (for a read-out its test stimuli): a seeded half to
   * choose on, the other to score on. Layers are still given for all stimuli of `shown`.
   */
  restrict?(keep: (stimulus: Id) => boolean): PreparedBenchmark;
}

/** What a reader of every score on a benchmark should know. */
export function benchmarkNotices({
  benchmark,
  notices,
}: Pick<PreparedBenchmark, 'benchmark' | 'notices'>): readonly Warning[] {
  const { caution } = benchmark;
  const cautions = caution === undefined ? [] : [{ code: 'benchmark-caution', detail: caution }];
  const own = [...cautions, ...(notices?.() ?? [])];
  if (!benchmark.namesShipped) return own;
  const detail = `${benchmark.id} is a benchmark that ventral ships, and this file has other data: choose another identifier`;
  return [{ code: 'benchmark-identifier', detail }, ...own];
}
