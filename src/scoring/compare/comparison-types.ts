import type { Weights } from '../../activations/card/card.js';
import type { CardSource } from '../../activations/model-file.js';
import type { PairDifference } from '../draws/score-difference.js';
import type { Generalisation } from '../draws/score-draws.js';
import type { LayerMap } from '../map/layer-map-types.js';
import type { LayerChoice } from '../measure/score.js';
import type { RegionRole } from '../registry/region-benchmarks.js';

/** A model of a comparison, or a checkpoint of a series. */
export interface ComparedModel extends CardSource {
  /** Path of an ONNX file, a card or a model folder, or the name of a shipped model. */
  readonly path: string;
}

/** Which models are put side by side, and on what. */
export interface ComparisonRequest {
  readonly models: readonly ComparedModel[];
  readonly regions?: readonly RegionRole[];
  /** Identifiers or files. */
  readonly benchmarks?: readonly string[];
  /** Candidates of the maps, names and globs; else each card's, else each graph's own. */
  readonly layers?: readonly string[];
  /** Every model is scored at the layers of this one: its card's, else those that its map chooses. */
  readonly mapFrom?: ComparedModel;
}

/** One checkpoint on one benchmark at one layer, as CSV and JSON give it. */
export interface ComparisonRow {
  /** Its path without the folders that all have in common, or the name of a shipped model. */
  readonly checkpoint: string;
  readonly epoch: number | null;
  /** `sha256:…` of the ONNX file; null if it cannot be read. */
  readonly model: string | null;
  readonly benchmark: string;
  readonly region: string | null;
  readonly simulated: boolean;
  /** Whether a card or `mapFrom` gives the layer, or the checkpoint's own map chose it. */
  readonly map: 'fixed' | 'chosen';
  readonly layer: string | null;
  readonly layerChoice: LayerChoice | null;
  readonly value: number | null;
  /** 95 %. */
  readonly ci: readonly [number, number] | null;
  /** What the interval speaks of. */
  readonly generalises?: Generalisation;
  readonly raw: number | null;
  readonly ceiling: number | null;
  readonly selection: boolean;
  /** Digest of everything that the number depends on. */
  readonly inputs: string | null;
  /** Why there is no value. */
  readonly reason?: string;
}

/** Models side by side, as `ventral compare --json` gives them. */
export interface Comparison {
  readonly models: readonly {
    readonly checkpoint: string;
    readonly model: string | null;
    /** Where its weights come from, where its card says it. */
    readonly weights?: Weights;
  }[];
  readonly benchmarks: readonly string[];
  /** By benchmark, then model. */
  readonly rows: readonly ComparisonRow[];
  /** Every pair of models, on every benchmark. */
  readonly differences: readonly ScoreDifference[];
  /** Where the map of each model differs from that of the first. */
  readonly divergences: readonly MapDivergence[];
  /** In the order of the models; null if a model has none. */
  readonly maps: readonly (LayerMap | null)[];
}

/** Value of `to` minus value of `from`, over the same draws of both. */
export interface ScoreDifference extends PairDifference {
  readonly benchmark: string;
  readonly from: string;
  readonly to: string;
}

/** Two maps, layer by layer, on one benchmark. */
export interface MapDivergence {
  readonly benchmark: string;
  readonly from: string;
  readonly to: string;
  /** How layers were matched: those of the same name, or those nearest in relative depth. */
  readonly by: 'name' | 'depth';
  readonly layers: readonly {
    /** Of `from`. */
    readonly layer: string;
    /** Of `to`. */
    readonly other: string;
    /** Value in `to` minus value in `from`. */
    readonly difference: number;
    /** 95 %, simultaneous over the layers (max-T). */
    readonly ci: readonly [number, number];
    /** Whether the interval excludes 0. */
    readonly diverges: boolean;
  }[];
}

/** Checkpoints over training, as `ventral compare --series --json` gives them. */
export interface SeriesComparison {
  /** In order of epochs. */
  readonly checkpoints: readonly {
    readonly checkpoint: string;
    readonly epoch: number | null;
    readonly model: string | null;
  }[];
  readonly benchmarks: readonly string[];
  /** The layers at which every checkpoint is scored; null if no checkpoint gives any. */
  readonly fixed: FixedMap | null;
  /** By checkpoint, then benchmark, `fixed` before `chosen`. */
  readonly rows: readonly ComparisonRow[];
}

/** Where the fixed map of a series comes from. */
export interface FixedMap {
  readonly from: string;
  /** By benchmark; several layers are joined by `+`. */
  readonly layers: Readonly<Record<string, string>>;
}
