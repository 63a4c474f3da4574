import type { Id } from '../../data/ids.js';
import type { Warning } from '../../metrics/metric.js';

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
  /** With `--detail`: split × neuroid in ascending neuroid_id; null where r is undefined. */
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

/** One model on one benchmark, as `ventral score --json`, HTTP and the database hold it (design §3). */
export interface Score {
  readonly benchmark: string;
  readonly version: number;
  readonly region: string | null;
  readonly simulated: boolean;
  /** True once the benchmark's published self-checks were reproduced here on the real data. */
  readonly verified: boolean;
  /** `sha256:…` of the ONNX file; null with features alone. */
  readonly model: string | null;
  readonly name: string | null;
  readonly layer: string;
  readonly layerChoice: LayerChoice;
  readonly selection: boolean;
  readonly value: number | null;
  readonly error: number | null;
  /** 95 % percentile interval over neuroids, images within object, or subjects. */
  readonly ci: readonly [number, number] | null;
  readonly formula: string;
  readonly errorOf: string;
  readonly errorKind: string;
  readonly raw: ScorePart;
  readonly ceiling: ScorePart | null;
  /** With `--detail`: the stimulus ids of each split. */
  readonly splits?: readonly { readonly train: readonly Id[]; readonly test: readonly Id[] }[];
  /** Of benchmarks of single-neuron properties. */
  readonly distribution?: ScoreDistribution;
  readonly warnings: readonly Warning[];
  readonly provenance: Provenance;
}

/** What a score was made with. */
export interface Provenance {
  readonly ventral: string;
  /** Name and version of the metric, `pls@1`. */
  readonly metric: string;
  /** Digest of everything that the number depends on. */
  readonly inputs: string;
  readonly runtime: { readonly ort: string; readonly provider: string; readonly threads: number };
  readonly seconds: number;
  readonly peakRssMiB: number;
}

/** A number for JSON: null where it is not finite. */
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
