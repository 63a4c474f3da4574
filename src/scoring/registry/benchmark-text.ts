import type { Region } from '../../activations/card/card.js';
import type { Id } from '../../data/ids.js';
import type { MetricOptions } from '../../metrics/metric.js';
import type { MetricName } from '../../metrics/table/metric-table.js';
import type { DropRule, TrialColumn } from '../benchmark/benchmark.js';

interface Generated {
  readonly generate: string;
  readonly seed: number;
}
interface JoinText {
  readonly table: string;
  readonly on: string;
}
export type StimulusText =
  | string
  | { readonly csv: string; readonly images?: string; readonly join?: JoinText }
  | { readonly catalog: string; readonly join?: JoinText }
  | { readonly gratings: 'marques2020' }
  | Generated;
export type DataText = string | Generated;

/** One file of recordings for each subject, by its name. */
export interface SubjectFilesText {
  readonly per: string;
  readonly files: Readonly<Record<string, string>>;
}

/** Bins of time that become neuroids of their own. */
export interface BinsAsNeuroidsText {
  readonly from: number;
  readonly to: number;
  readonly unit: 'ms' | 's';
  readonly as: 'neuroids';
}

/** Bins of one length, each compared for itself. */
export interface StepsText {
  readonly step: number;
  readonly unit: 'ms' | 's';
  readonly mode?: 'portion' | 'center';
}

/** Penalties as they are written: a list, or the powers of ten between two exponents. */
export type AlphasText = readonly number[] | { readonly log10: readonly [number, number] };

/** A ceiling as it is written. */
export type CeilingText =
  | number
  | CeilingName
  | {
      readonly name: CeilingName;
      readonly splits?: number;
      readonly seed?: number;
      readonly per?: string;
    }
  | {
      readonly neuroid: string;
      readonly scale?: 'percent-variance';
      readonly by?: 'median' | 'mean';
    };

type CeilingName =
  | 'internal-consistency'
  | 'predictor-consistency'
  | 'nili-upper'
  | 'leave-one-out'
  | 'between-subjects'
  | 'pairs'
  | 'none';

/** The published distribution of a property: counts by bin, or a file of values by neuron. */
export interface DistributionText {
  readonly property: string;
  readonly unit?: string;
  readonly bins: readonly number[];
  readonly counts?: readonly number[];
  readonly without_value?: number;
  readonly neurons?: string;
}

/** A benchmark file as it is written, once it follows the JSON Schema. */
export interface BenchmarkText {
  readonly identifier: string;
  readonly version: number;
  readonly title?: string;
  readonly parent?: string;
  readonly simulated?: boolean;
  readonly regions?: readonly Region[];
  readonly region?: Region | Readonly<Record<string, Region>>;
  readonly select?: Readonly<Record<string, Readonly<Record<string, Id>>>>;
  readonly prepare?: { readonly centre_per?: string; readonly average_equal?: string };
  readonly visual_degrees?: number | 'none';
  readonly stimuli: StimulusText;
  readonly fitting_stimuli?: StimulusText;
  readonly recordings?: DataText | SubjectFilesText;
  readonly train?: { readonly stimuli: StimulusText; readonly recordings: DataText };
  readonly split?: {
    readonly table: string;
    readonly column?: string;
    readonly columns?: readonly string[];
    readonly where?: Readonly<Record<string, string>>;
    readonly use?: 'both';
  };
  readonly keep?: Readonly<Record<string, { readonly above: number }>>;
  readonly fit_per?: string;
  readonly average_over?: readonly string[];
  readonly error?: { readonly bootstrap: number; readonly seed?: number };
  readonly neuroids?: string;
  readonly drop?: DropRule;
  readonly trials?: DataText;
  readonly trial_columns?: Readonly<Partial<Record<TrialColumn, string>>>;
  readonly truth?: string;
  readonly distribution?: DistributionText;
  readonly rdms?: string;
  readonly caution?: string;
  readonly exclude_conditions?: readonly (string | number)[];
  readonly time_bins?: readonly [readonly [number, number]] | BinsAsNeuroidsText | StepsText;
  readonly metric: { readonly name: MetricName; readonly alphas?: AlphasText } & Omit<
    MetricOptions,
    'alphas'
  >;
  readonly cross_validation?: {
    readonly splits?: number;
    readonly train_size?: number;
    readonly test_size?: number;
    readonly seed?: number;
    readonly stratify_on?: string;
    readonly group_by?: string;
  };
  readonly ceiling?: CeilingText;
  readonly task?: 'label' | 'probabilities' | 'odd-one-out';
  readonly clip?: 'none' | readonly [0, 1];
  readonly reference?: { readonly doi?: string; readonly url?: string; readonly bibtex?: string };
  readonly averages?: 'named';
  readonly expand?: Readonly<
    Record<
      string,
      readonly string[] | Readonly<Record<string, Readonly<Record<string, unknown>> | null>>
    >
  >;
}

/** Something wrong with a benchmark file: where (JSON pointer), and what. */
export interface BenchmarkProblem {
  readonly pointer: string;
  readonly sentence: string;
}

/** A rule that a JSON Schema cannot express: every problem with a file that it finds. */
export type Rule = (text: BenchmarkText) => BenchmarkProblem[];

export const problem = (pointer: string, sentence: string): BenchmarkProblem[] => [
  { pointer, sentence },
];
