import type { Id } from '../../data/ids.js';
import type { Warning } from '../../metrics/metric.js';
import type { Precision } from '../../runtime/provider.js';
import type { Optimization } from '../../runtime/session.js';
import type { Generalisation } from '../draws/score-draws.js';

/** How the layer of a score was chosen: on the command line, by the card, or by a score (design §3). */
export type LayerChoice =
  | { readonly by: 'flag' | 'card' }
  | {
      readonly by: {
        readonly benchmark: string;
        readonly version: number;
        readonly inputs: string;
        readonly method: string;
      };
    };

/** The un-ceiled side of a score, or its ceiling. */
export interface ScorePart {
  readonly value: number | null;
  readonly error: number | null;
  /** One aggregate a split, repetition or condition × subject. */
  readonly splits: readonly (number | null)[];
  /** With `--detail`: split × neuroid in ascending neuroid_id; null if r is undefined. */
  readonly neuroids?: readonly (readonly (number | null)[])[];
  readonly neuroid_ids?: readonly Id[];
}

/** The distribution of a single-neuron property, recorded and in the model: counts by bin. */
export interface ScoreDistribution {
  readonly property: string;
  readonly unit: string | null;
  /** Edges, ascending; what lies outside counts to the first or the last bin. */
  readonly bins: readonly number[];
  readonly neurons: { readonly counts: readonly number[]; readonly without_value: number };
  readonly units: {
    readonly counts: readonly number[];
    readonly without_value: number;
    /** Units whose receptive field is at the stimulus, and all of the layer. */
    readonly at_stimulus: number;
    readonly of_layer: number;
  };
}

/** The subjects, folds or bins of time whose scores a score averages. */
export interface ScoreParts {
  /** What each is one of: `subject`, `animal`, `fold`, `time_bin`. */
  readonly per: string;
  readonly values: readonly {
    readonly name: string;
    readonly value: number | null;
    readonly raw: number | null;
    readonly ceiling: number | null;
    /** Error of raw, of a bin of time. */
    readonly error?: number | null;
    /** The penalty that was chosen for it. */
    readonly alpha?: number;
  }[];
}

/** One model on one benchmark, as `ventral score --json`, HTTP and the database hold it (design §3). */
export interface Score {
  readonly benchmark: string;
  readonly version: number;
  readonly region: string | null;
  readonly simulated: boolean;
  /** True once the benchmark's published self-checks were reproduced here on the real data. */
  readonly verified: boolean;
  /** `sha256:…` of the ONNX file; null for a score of features. */
  readonly model: string | null;
  readonly name: string | null;
  readonly layer: string;
  readonly layerChoice: LayerChoice;
  readonly selection: boolean;
  readonly value: number | null;
  readonly error: number | null;
  /** 95 % interval: estimate ± t · √V (docs/statistics.md). */
  readonly ci: readonly [number, number] | null;
  /** What the interval speaks of; absent without one, and of scores of earlier versions. */
  readonly generalises?: Generalisation;
  readonly formula: string;
  readonly errorOf: string;
  readonly errorKind: string;
  readonly raw: ScorePart;
  readonly ceiling: ScorePart | null;
  /** With `--detail`: the stimulus ids of each split. */
  readonly splits?: readonly { readonly train: readonly Id[]; readonly test: readonly Id[] }[];
  /** Where subjects, folds or bins of time are scored apart. */
  readonly parts?: ScoreParts;
  /** Of benchmarks of single-neuron properties. */
  readonly distribution?: ScoreDistribution;
  readonly warnings: readonly Warning[];
  readonly provenance: Provenance;
}

/** How much of the recordings `drop` of the benchmark file left out. */
export interface Dropped {
  readonly neuroids?: number;
  readonly stimuli?: number;
}

/** The trials over which a layer was averaged. */
export interface ScoreTrials {
  readonly count: number;
  readonly seed: number;
  /** Standard deviation over trials, in parts of the mean responses (both root mean squares); null of one trial. */
  readonly spread: number | null;
}

/** What computed a number. */
export interface UsedRuntime {
  readonly ort: string;
  readonly provider: string;
  readonly threads: number;
  /** What ran the network, where that was not the CPU. */
  readonly device?: string;
  readonly precision?: Precision;
  /** How far it fused the operators of the network, where that was not as far as it can. */
  readonly optimization?: Optimization;
}

/** Provenance of a score. */
export interface Provenance {
  readonly ventral: string;
  /** Name and version of the metric, `pls@1`. */
  readonly metric: string;
  /** Digest of everything that the number depends on. */
  readonly inputs: string;
  /** Digest of units, seeds and data of the draws behind the interval: scores with the same one are paired. */
  readonly draws?: string;
  /** Principal components that the layer was projected on: of the cells of a map alone. */
  readonly components?: number;
  /** Present where the benchmark has a rule. */
  readonly dropped?: Dropped;
  /** Of a layer that depends on random numbers. */
  readonly trials?: ScoreTrials;
  readonly runtime: UsedRuntime;
  readonly seconds: number;
  readonly peakRssMiB: number;
}

/** The benchmark on which a map chose the layer of a score; undefined where a card or a person named it. */
export const chosenOn = ({
  layerChoice: { by },
}: Pick<Score, 'layerChoice'>): string | undefined =>
  typeof by === 'string' ? undefined : by.benchmark;

/** What a reader must know of how the layer was chosen; empty where a card or a person named it. */
export function choiceRemark(
  score: Pick<Score, 'benchmark' | 'layerChoice' | 'selection'>,
): string {
  const on = chosenOn(score);
  if (!score.selection) return on === undefined ? '' : `layer chosen on ${on}`;
  return on === undefined || on === score.benchmark
    ? 'selection: layer chosen on this benchmark'
    : `selection: layer chosen on ${on}, which shares stimuli`;
}

/** Over how many trials the layer was averaged, and how much it varied; empty where it draws no random numbers. */
export function trialsRemark({ provenance: { trials } }: Pick<Score, 'provenance'>): string {
  if (!trials) return '';
  const { count, spread } = trials;
  if (spread === null) return count === 1 ? 'one trial' : `${count} trials`;
  return `${count} trials, spread ${(100 * spread).toFixed(spread < 0.1 ? 1 : 0)} %`;
}

/** Why a score has no value, in a sentence. */
export function whyNoValue({ warnings }: Pick<Score, 'warnings'>): string {
  const of = (code: string) => warnings.find((warning) => warning.code === code)?.detail;
  return of('layer-constant') ?? of('not-finite') ?? 'the value is not a finite number';
}

/** The error of the raw value or of the value itself; null where it has none: one comparison, or one split. */
export function errorOf(score: Score, of: 'raw' | 'value'): number | null {
  const error = of === 'raw' ? score.raw.error : score.errorOf === 'value' ? score.error : null;
  const single = error === 0 && score.raw.splits.length < 2;
  return score.errorKind === 'none' || single ? null : error;
}

/** A number for JSON: null if it is not finite. */
export const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** A raw value or a ceiling as a score holds it, whatever else was measured with it. */
export const scorePart = ({
  value,
  error,
  splits,
}: {
  readonly value: number;
  readonly error: number;
  readonly splits: readonly number[];
}): ScorePart => ({ value: finite(value), error: finite(error), splits: splits.map(finite) });

/** A ceiling that was measured, is a number of the benchmark file, or is none. */
export function ceilingPart(
  ceiling: Parameters<typeof scorePart>[0] | number | null,
): ScorePart | null {
  if (typeof ceiling === 'number') return { value: ceiling, error: null, splits: [] };
  return ceiling && scorePart(ceiling);
}
