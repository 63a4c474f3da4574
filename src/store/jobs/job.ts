import type { Execution } from '../../runtime/provider.js';
import type { FloorRequest } from '../../scoring/floor/measure-floors.js';
import type { LayerMap } from '../../scoring/map/layer-map-types.js';
import type { Score } from '../../scoring/measure/score.js';
import type { Recipe } from '../../training/recipe/recipe.js';
import type { StoredDraws } from '../records/draw-store.js';

/** A provider that only some workers have. */
export type JobProvider = Execution['provider'];

/** Kind of a job: scores on benchmarks, a layer map, or a training. */
export type JobKind = 'score' | 'layer-map' | 'training';

/** State of a job. The last three are final. */
export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

/** How far a running job is. */
export interface JobProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** Of the whole job, as are the times. */
  readonly share: number;
  readonly elapsedSeconds: number;
  readonly etaSeconds: number | null;
}

/** A benchmark without a result, and why; of a training, why it failed. */
export interface JobFailure {
  readonly benchmark?: string;
  /** A problem document. */
  readonly problem: unknown;
}

/** Request of every job; model and card as of the submission. */
interface Asked {
  /** Whose job it is. */
  readonly owner: string;
  /** The model as it was named: id, digest or shipped name. */
  readonly model: string;
  /** The model's registration; null for a shipped one. */
  readonly registration: string | null;
  readonly digest: string;
  readonly modelName: string;
  /** A model card, as JSON. */
  readonly card: unknown;
  readonly benchmarks: readonly string[];
  /** Where they come from: a shipped identifier, or the id of an uploaded file that may hold several. */
  readonly sources: readonly string[];
  readonly input?: Readonly<Record<string, number>>;
}

/** Request of a score job. */
export interface ScoreJobRequest extends Asked {
  readonly kind: 'score';
  /** For each benchmark, the digest of all inputs of its score: equal keys, equal scores. */
  readonly keys: readonly string[];
  /** Layer by region. */
  readonly layers?: Readonly<Record<string, string>>;
  /** Keep the value of each neuroid, and which stimuli each split holds. */
  readonly detail?: true;
  /** The nulls whose floors stand beside the scores. */
  readonly floors?: FloorRequest;
  /** What is to run the network, where that is not the CPU. */
  readonly provider?: JobProvider;
}

/** Request of a layer map job. */
export interface LayerMapJobRequest extends Asked {
  readonly kind: 'layer-map';
  /** One, the digest of all inputs of the map: equal keys, equal maps. */
  readonly keys: readonly [string];
  /** Names and globs. */
  readonly layers?: readonly string[];
  readonly holdout: boolean;
  /** Pooled maps that are rows of their own. */
  readonly pool?: readonly string[];
  /** Principal components on which layers are compared too. */
  readonly pca?: number;
  /** Whether layers are chosen within the training part of each split, too. */
  readonly nested?: true;
  /** The nulls whose floors stand beside the cells. */
  readonly floors?: FloorRequest;
  /** What is to run the network, where that is not the CPU. */
  readonly provider?: JobProvider;
}

/** Request of a training job; `benchmarks` are all that a stage scores on. */
export interface TrainingJobRequest extends Asked {
  readonly kind: 'training';
  /** Two trainings are never one. */
  readonly keys: readonly [];
  /** With every default; names as requested. */
  readonly recipe: Recipe;
}

export type JobRequest = ScoreJobRequest | LayerMapJobRequest | TrainingJobRequest;

/** Request of a job of a kind. */
export type JobRequestOf<K extends JobKind> = Extract<JobRequest, { readonly kind: K }>;

/** State of a submitted job. */
interface Course {
  readonly id: string;
  readonly state: JobState;
  /** Counts the workers that took it; results of an earlier attempt are refused. */
  readonly attempt: number;
  /** How often a worker was lost with it, or gave it back for a fault that another try may mend. */
  readonly faults: number;
  readonly progress: JobProgress | null;
  /** Explanation of the state, if needed. */
  readonly reason: string | null;
  /** The last lines of its log. */
  readonly log: readonly string[];
  readonly failures: readonly JobFailure[];
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

/** Where scores come from that were computed elsewhere and brought here with a receipt. */
export interface Brought {
  /** Of the run in the receipt. */
  readonly digest: string;
  /** Versions that computed them. */
  readonly ventral: string;
  readonly numerics: number;
  readonly screen: number;
  readonly runtime: Readonly<Record<string, unknown>>;
  /** Benchmarks whose data are not installed here, so that the inputs of their scores could not be compared. */
  readonly unchecked: readonly string[];
}

/** A score job with its results so far. */
export interface ScoreJob extends ScoreJobRequest, Course {
  readonly results: readonly Score[];
  /** Of a job that no worker ran. */
  readonly brought?: Brought;
}

/** A layer map job. */
export interface LayerMapJob extends LayerMapJobRequest, Course {
  /** null until it has one; a list leaves it out. */
  readonly result?: LayerMap | null;
}

/** Dependencies of a training beside its recipe, and its result. */
export interface TrainingRun {
  readonly digests: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
}

/** A training job; its curves and checkpoints are in tables of their own. */
export interface TrainingJob extends TrainingJobRequest, Course {
  /** null until it has started. */
  readonly run: TrainingRun | null;
  /** Name of the final checkpoint; null if there is none yet. */
  readonly network: string | null;
}

export type Job = ScoreJob | LayerMapJob | TrainingJob;

/** A job of a kind. */
export type JobOf<K extends JobKind> = Extract<Job, { readonly kind: K }>;

/** Complete result of a worker; `usage` is its cost. */
export type JobEnd = { readonly usage?: unknown } & (
  | {
      readonly kind: 'score';
      readonly scores: readonly Score[];
      /** The draws behind their intervals. */
      readonly draws?: StoredDraws;
      readonly failures: readonly JobFailure[];
    }
  | {
      readonly kind: 'layer-map';
      readonly map: LayerMap | null;
      readonly failures: readonly JobFailure[];
    }
  | {
      readonly kind: 'training';
      /** Name of the checkpoint that came out, if there is one. */
      readonly network: string | null;
      readonly failures: readonly JobFailure[];
    }
);

/** Whether a job has not ended yet. */
export const isOpen = (job: Pick<Job, 'state'> | undefined): boolean =>
  job?.state === 'queued' || job?.state === 'running';
