import type { InputSize, Region } from '../../activations/card/card.js';
import type { ModelSource } from '../../activations/model-file.js';
import type { Floors } from '../floor/floor.js';
import type { Valued } from '../measure/loaded-benchmark.js';
import type { LayerChoice, Score, UsedRuntime } from '../measure/score.js';
import type { RegionRole } from '../registry/region-benchmarks.js';
import type { TilesPlan } from './plan-tiles.js';

/** Which layers of a model against which regions or benchmarks. */
export interface LayerMapRequest {
  readonly model: ModelSource & { readonly path: string; readonly name?: string };
  /** Each resolves to the region's public Brain-Score benchmark where its data are here, else to the simulated one. */
  readonly regions?: readonly (Region | 'behavior')[];
  /** Identifiers or files, beside or in place of regions. */
  readonly benchmarks?: readonly string[];
  /** Names and globs; else the card's, else the graph's own (block outputs first). */
  readonly layers?: readonly string[];
  readonly input?: InputSize;
  /** Chooses on a seeded half of the stimuli and scores the chosen layer on the other half. */
  readonly holdout?: boolean;
  /** Chooses a layer within the training part of each split as well, and scores the test part with it (docs/statistics.md). */
  readonly nested?: boolean;
  /** Adds pooled maps as rows: `mean`, `max` or a grid such as `4x4` of every candidate that is a map of channels. */
  readonly pool?: readonly string[];
  /** Compares layers on principal components as well, and chooses by that (spec §5.8). */
  readonly pca?: {
    readonly components: number;
    /** Folder of the images that components are fitted on; by default `imagenet-val` in the home. */
    readonly images?: string;
  };
}

/** Every layer against every benchmark, as `ventral map --json` and HTTP give it (design §3). */
export interface LayerMap {
  /** `sha256:…` of the ONNX file. */
  readonly model: string;
  readonly name: string;
  /** Benchmark identifiers, the columns. */
  readonly benchmarks: readonly string[];
  readonly layers: readonly LayerRow[];
  /** By benchmark; without one where no cell has a value. */
  readonly chosen: Readonly<Record<string, ChosenLayer>>;
  /** By benchmark, with `holdout`: the chosen layer on the stimuli that it was not chosen on. */
  readonly holdout?: Readonly<Record<string, Score | { readonly reason: string }>>;
  /** By benchmark, with `nested`: the score of layers that were chosen within the training part of each split. */
  readonly nested?: Readonly<Record<string, NestedScore | { readonly reason: string }>>;
  /** With `pca`: what was chosen on principal components, as Brain-Score chooses. */
  readonly components?: ComponentsChoice;
  readonly plan: MapPlan;
  readonly provenance: MapProvenance;
}

/** A score whose layer was chosen anew in the training part of each split, and tested on the rest of it. */
export interface NestedScore extends Valued {
  /** The layer of each split. */
  readonly splits: readonly string[];
  /** In how many splits each was chosen, the most often chosen first. */
  readonly layers: readonly { readonly layer: string; readonly splits: number }[];
  readonly method: string;
  /** Digest over the inputs of all cells of the column, and of the way of choosing. */
  readonly inputs: string;
}

/** The layers that Brain-Score's rule chooses (spec §5.8). */
export interface ComponentsChoice {
  readonly count: number;
  /** Digest of the images that they were fitted on, in order. */
  readonly fitting: string;
  /** By benchmark; without one where no layer has a value. */
  readonly chosen: Readonly<Record<string, Omit<ChosenLayer, 'tied'>>>;
}

export interface LayerRow {
  readonly layer: string;
  /** Other names of the same value. */
  readonly aliases?: readonly string[];
  /** Set where a part of a layer's output, or a pooled map, is compared in place of what a hook on the module records. */
  readonly part?: string;
  /** null if the layer is not available. */
  readonly units: number | null;
  /** Convolutions and matrix products on the longest way from the input to the layer. */
  readonly depth: number | null;
  /** By benchmark: a Score, or why there is none (`24 units < 25 components`). */
  readonly cells: Readonly<Record<string, Score | { readonly reason: string }>>;
  /** The same on principal components. */
  readonly components?: LayerRow['cells'];
  /** By benchmark: the floors of cells, of `ventral map --null` alone; receipts and services do not hold them. */
  readonly floors?: Readonly<Record<string, Floors>>;
}

/** A partial map. */
export interface MapPart {
  readonly benchmarks: readonly string[];
  /** At first every row; then those in which something is new, with it. Cells to come are not there. */
  readonly layers: readonly LayerRow[];
}

/** The layer of the highest value, and those whose simultaneous 95 % interval of the difference from it contains 0. */
export interface ChosenLayer {
  readonly layer: string;
  readonly tied: readonly string[];
  /** The record of the choice for a card; `inputs` covers every cell of the column. */
  readonly choice: LayerChoice;
  /** The role that the layer was chosen for; absent if the benchmark has no region. */
  readonly role?: RegionRole;
  /** The stimuli of the choice, as a card records them in `region_layer_choice`. */
  readonly stimuli?: string;
}

/** Estimated cost of a map, reported before the work starts. */
export interface MapPlan {
  /** Layers with their units, largest first is not implied: rows in order of the map. */
  readonly layers: readonly { readonly layer: string; readonly units: number }[];
  /** One a stimulus set (or pair of sets, for a read-out). */
  readonly sets: readonly {
    readonly benchmarks: readonly string[];
    readonly stimuli: number;
    /** Images beside them in each pass, on which principal components are fitted; absent without any. */
    readonly fitting?: number;
    /** Layers of each pass of the network over the set; empty if all comes from the cache. */
    readonly passes: readonly (readonly string[])[];
    readonly cached: number;
  }[];
  /** Benchmarks whose regressions are solved in tiles, if any. */
  readonly tiles?: readonly TilesPlan[];
  /** Bytes beyond the network's own. */
  readonly memory: number;
  /** Bytes of scratch disk at the highest. */
  readonly scratch: number;
}

export interface MapProvenance {
  readonly ventral: string;
  /** Digest over the inputs of all cells. */
  readonly inputs: string;
  readonly runtime: UsedRuntime;
  readonly seconds: number;
  readonly peakRssMiB: number;
  /** How the choice was made, and how Brain-Score's differs (spec §5.8). */
  readonly selection: string;
  /** What to know where several workers computed it: parts on unlike runtimes or processors. */
  readonly warnings?: readonly string[];
}
