import type { ModelCard } from '../../activations/card/card.js';
import type { Execution, ProviderChoice } from '../../runtime/provider.js';
import type { FeatureFormat } from '../../scoring/features/feature-file.js';
import type { Floored } from '../../scoring/floor/floor.js';
import type { FloorRequest } from '../../scoring/floor/measure-floors.js';
import type { LayerMap } from '../../scoring/map/layer-map-types.js';
import type { MapShare } from '../../scoring/map/map-share.js';
import type { Score } from '../../scoring/measure/score.js';
import type { LayerRequest } from '../../scoring/model/layer-choice.js';
import type { ExpectedScore } from '../../scoring/receipt/expected-scores.js';
import type { PlainError } from '../child/child.js';

/** Input of the scoring process, for jobs of any kind. */
export interface TaskCore {
  readonly home: string;
  readonly maxMemory: number;
  readonly maxScratch: number;
  readonly maxCache: number;
  /** Cache scope: it hides measurements of other owners. */
  readonly cacheScope: string;
  readonly threads: number;
  readonly model: {
    /** Path of the ONNX file, or the name of a shipped model. */
    readonly reference: string;
    readonly name: string;
    readonly card: ModelCard;
    /** Of the bytes of a registered model: others are not run. */
    readonly digest?: string;
  };
  /** Identifiers, and files of uploaded ones. */
  readonly benchmarks: readonly string[];
  readonly input?: Readonly<Record<string, number>>;
  /** What is to run the network; the CPU unless said. */
  readonly provider?: ProviderChoice;
}

/** The model of a task as it is opened. */
export const modelOf = ({ reference, ...model }: TaskCore['model']) => ({
  path: reference,
  ...model,
});

/** A model to be scored. */
export interface ScoreTask extends TaskCore {
  readonly kind: 'score';
  readonly layers?: Readonly<Record<string, string>>;
  readonly detail?: true;
  readonly floors?: FloorRequest;
  /** The file is one of features in this format, and no network. */
  readonly features?: FeatureFormat;
}

/** A layer map to be made. */
export interface MapTask extends TaskCore {
  readonly kind: 'layer-map';
  readonly layers?: readonly string[];
  readonly holdout: boolean;
  /** Pooled maps that are rows of their own. */
  readonly pool?: readonly string[];
  /** Principal components on which layers are compared too, fitted on the pictures of the home. */
  readonly pca?: number;
  readonly nested?: true;
  readonly floors?: FloorRequest;
  /** Results of map parts by key, in base 64. */
  readonly cells?: readonly (readonly [key: string, bytes: string])[];
}

/** A part of a layer map. */
export interface PartTask extends Omit<MapTask, 'kind' | 'cells'> {
  readonly kind: 'map-part';
  readonly share: MapShare;
}

/** A run of a receipt whose inputs are looked at. */
export interface ReceiptTask extends Pick<TaskCore, 'home' | 'benchmarks' | 'input'> {
  readonly kind: 'receipt';
  readonly model: Pick<TaskCore['model'], 'reference' | 'card'>;
  readonly layers?: LayerRequest;
  /** What ran the network, where that was not the CPU. */
  readonly execution?: Execution;
}

/** What a score of the run says beside its numbers, or why that is not known here. */
export type ReceiptAnswer =
  | ExpectedScore
  | { readonly benchmark: string; readonly error: PlainError };

export type JobTask = ScoreTask | MapTask | PartTask;

/** Partial result of a part, one message per cell. */
export interface FoundCell {
  readonly cell: readonly [key: string, bytes: string];
}

/** Answer of the process of a part. */
export interface PartAnswer {
  readonly kind: 'map-part';
  readonly runtime: Readonly<Record<string, unknown>>;
}

/** A benchmark without a result, by identifier or, if it cannot be read, by file. */
export interface AnsweredFailure {
  readonly benchmark: string;
  readonly error: PlainError;
}

/** Resources used for an answer. */
export interface JobUsage {
  readonly peakRssMiB: number;
  /** Entries of the cache of activations that were there, and those that were not. */
  readonly cacheHits: number;
  readonly cacheMisses: number;
}

/** Answer of the scoring process. */
export type JobAnswer = { readonly usage?: JobUsage } & (
  | {
      readonly kind: 'score';
      readonly scores: readonly Floored<Score>[];
      /** By benchmark, the draws behind the interval of its score, in base 64. */
      readonly draws?: Readonly<Record<string, string>>;
      readonly failures: readonly AnsweredFailure[];
    }
  | {
      readonly kind: 'layer-map';
      readonly map: LayerMap;
      /** One for each benchmark on which no layer has a value. */
      readonly failures: readonly AnsweredFailure[];
    }
);
