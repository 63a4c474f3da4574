import type { Region } from '../../activations/card/card.js';
import type { Id } from '../../data/ids.js';
import type { BinMode } from '../../data/rebin.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { NeuroidCeilingOptions } from '../../metrics/ceilings/neuroid-ceiling.js';
import type { SubjectCeiling } from '../../metrics/ceilings/subject-ceilings.js';
import type { CrossValidation, MetricOptions } from '../../metrics/metric.js';
import type { MetricName } from '../../metrics/table/metric-table.js';

/** Data that one of our generators makes (`src/data/simulated/`). */
export interface GeneratedSource {
  readonly kind: 'generated';
  readonly generate: string;
  readonly seed: number;
}

/** Data under a name of the catalog. */
export interface CatalogSource {
  readonly kind: 'catalog';
  readonly identifier: string;
}

/** A table with more columns of stimuli. */
export interface StimulusJoin {
  /** Absolute path of a CSV. */
  readonly table: string;
  /** Column of both tables. */
  readonly on: string;
}

/** Gratings that are computed from a published design. */
export interface GratingSource {
  readonly kind: 'gratings';
  readonly gratings: 'marques2020';
}

/** Where stimuli come from; paths are absolute. */
export type StimulusSource =
  | {
      readonly kind: 'files';
      readonly csv: string;
      readonly images?: string;
      readonly join?: StimulusJoin;
    }
  | (CatalogSource & { readonly join?: StimulusJoin })
  | GeneratedSource
  | GratingSource;

/** Where recordings or trials come from; the path is absolute. */
export type DataSource =
  | { readonly kind: 'file'; readonly path: string; readonly format: 'nc' | 'csv' }
  | CatalogSource
  | GeneratedSource;

/** Columns of trials of labels. */
export type TrialColumn = 'subject' | 'truth' | 'choice' | 'correct' | 'condition';

/** How many recorded neurons have a property in each bin. */
export interface CountedNeurons {
  readonly kind: 'counts';
  readonly counts: readonly number[];
  /** Neurons that were recorded, but have no such property. */
  readonly withoutValue: number;
}

/** The published distribution of a single-neuron property. */
export interface PublishedDistribution {
  /** A property of `src/properties/property-table.ts`. */
  readonly property: string;
  /** What it is measured in. */
  readonly unit?: string;
  /** Edges of the bins, ascending; what lies outside counts to the first or the last. */
  readonly bins: readonly number[];
  readonly neurons: CountedNeurons | DataSource;
}

/**
 * How raw values are normalised. `internal-consistency`: Spearman-Brown corrected halves of the
 * repetitions; `byDefault` says that the file did not ask, so that recordings without repetitions
 * are scored without a ceiling. `predictor-consistency`: halves drawn for each image, of `reverse-pls`. `neuroid`: a number of each
 * neuroid that its coordinate `column` holds. Those of subjects: see subject-ceilings.ts. `metric`: the behavioural metric's own. `nili-upper`: each
 * subject's dissimilarities against the mean of all.
 */
export type CeilingChoice =
  | {
      readonly name: 'internal-consistency' | 'predictor-consistency';
      readonly splits: number;
      readonly seed: number;
      readonly byDefault: boolean;
    }
  | {
      readonly name: SubjectCeiling /** Coordinate of the subjects, where the metric compares one population. */;
      readonly per?: string;
    }
  | ({ readonly name: 'neuroid'; readonly column: string } & NeuroidCeilingOptions)
  | { readonly name: 'metric' }
  | { readonly name: 'nili-upper' }
  | { readonly name: 'none' }
  | { readonly name: 'fixed'; readonly value: number };

/**
 * What is left out where a value is missing after averaging over repetitions: neuroids that lack a stimulus,
 * or stimuli that lack a neuroid or were never shown.
 */
export type DropRule = 'incomplete-neuroids' | 'incomplete-stimuli';

/** One file of recordings for each subject. */
export interface SubjectRecordings {
  /** What a file is one of: `subject`. */
  readonly per: string;
  /** In the order of the benchmark file, which errors are drawn in. */
  readonly files: readonly { readonly name: string; readonly source: DataSource }[];
}

/** Stimuli and recordings that a regression is fitted on, and no other. */
export interface TrainingSet {
  readonly stimuli: StimulusSource;
  readonly recordings: DataSource;
}

/** A table that says which stimuli train and which test: `train`, `test` or nothing in each of `columns`. */
export interface SplitTable {
  /** A CSV with `stimulus_id`. */
  readonly table: DataSource;
  /** One, or one for each fold. */
  readonly columns: readonly string[];
  /** Whether `columns` are folds, even if there is one. */
  readonly folds: boolean;
  /** Rows that count, by the values of other columns; `$subject` is the name of the file of recordings. */
  readonly where: Readonly<Record<string, string>>;
  /** Whether training and test stimuli are used together, for a metric that fits nothing. */
  readonly both: boolean;
}

/** What is done to averaged recordings before populations are compared. */
export interface Preparation {
  /** Takes from each neuroid, which belongs to one value of this coordinate, its mean over stimuli. */
  readonly centrePer?: string;
  /** Averages neuroids that agree in this coordinate, over subjects. */
  readonly averageEqual?: string;
}

/** Seeded draws behind an error over subjects or folds. */
export interface BootstrapChoice {
  readonly draws: number;
  readonly seed: number;
}

/** A metric with the options that it knows, defaults filled in. */
export interface MetricChoice extends MetricOptions {
  readonly name: MetricName;
}

/** A benchmark file (design §4), checked, with defaults filled in and paths resolved. */
export interface BenchmarkDefinition {
  /** As written: holds `{region}` exactly where `regions` is there. */
  readonly identifier: string;
  /** The identifier of its file as written, where `expand` makes several benchmarks of the file. */
  readonly template?: string;
  /** `named`: it enters averages only where they name it. */
  readonly averages?: 'named';
  /** True if a shipped benchmark has this identifier, and other data. */
  readonly namesShipped?: boolean;
  readonly version: number;
  readonly title?: string;
  /** Node of Brain-Score's tree that averages this benchmark; may hold `{region}`. */
  readonly parent?: string;
  /** True where any part of the data is made by equations. */
  readonly simulated: boolean;
  readonly regions?: readonly Region[];
  /** The region of all recordings, which have no coordinate for it. */
  readonly region?: Region;
  /**
   * Degrees of visual angle of the stimuli; `none`: they are not placed on the screen; absent: the
   * stimuli have a `degrees` column (see {@link checkDegrees}).
   */
  readonly visualDegrees?: number | 'none';
  readonly stimuli: StimulusSource;
  readonly fittingStimuli?: StimulusSource;
  /** Neural benchmarks have these, behavioural ones `trials`, those of single neurons a `distribution`. */
  readonly recordings?: DataSource;
  /** In place of `recordings`. */
  readonly subjectRecordings?: SubjectRecordings;
  readonly train?: TrainingSet;
  readonly split?: SplitTable;
  /** Least values, exclusive, of coordinates of neuroids; a neuroid without a value is left out. */
  readonly keep?: Readonly<Record<string, { readonly above: number }>>;
  /** Benchmarks by the value of a coordinate of neuroids, which `identifier` names as `{column}`. */
  readonly select?: {
    readonly column: string;
    readonly values: Readonly<Record<string, Id>>;
    /** Region of each. */
    readonly regions: Readonly<Record<string, Region>>;
  };
  /** What is done to averaged recordings before populations are compared. */
  readonly prepare?: Preparation;
  /** Coordinate of neuroids: a regression of its own for each of its values. */
  readonly fitPer?: string;
  /** Coordinates in which presentations that are averaged may differ; `repetition` where it is absent. */
  readonly averageOver?: readonly string[];
  /** How the error over subjects or folds is drawn; none where it is absent. */
  readonly bootstrap?: BootstrapChoice;
  /** [start, end] in the unit of the file: bins within it are neuroids of their own. */
  readonly binsAsNeuroids?: readonly [start: number, end: number];
  /** Length of the bins of time that are compared each for itself, in the unit of the file. */
  readonly timeStep?: {
    readonly step: number;
    readonly unit: 'ms' | 's';
    /** What a bin takes of those of the file; the share that lies in it where it is absent. */
    readonly mode?: BinMode;
  };
  /** Absolute path of the neuroid table of a recordings CSV. */
  readonly neuroids?: string;
  /** Missing values are refused where it is absent. */
  readonly drop?: DropRule;
  readonly trials?: DataSource;
  /** Names in the file of columns of the trials; `correct` (0 or 1) is given in place of `choice`. */
  readonly trialColumns?: Readonly<Partial<Record<TrialColumn, string>>>;
  /** Column of the stimuli that says what each shows, in place of trials. */
  readonly truth?: string;
  readonly distribution?: PublishedDistribution;
  /** Dissimilarities between the stimuli, in place of recordings. */
  readonly rdms?: DataSource;
  /** The choices are those of a read-out, fitted on `fittingStimuli`; of the network's own head where it is absent. */
  readonly task?: 'probabilities';
  /** Whether the score over its ceiling is bounded to [0, 1], where that differs from the metric's default. */
  readonly clip?: 'none' | 'bounded';
  /** What a reader of every score should know of the data or the splits. */
  readonly caution?: string;
  /** Values of `condition` whose trials, and stimuli shown in no other, are left out. */
  readonly excludeConditions: readonly (string | number)[];
  /** [start, end] in ms: bins with start ≥ and end ≤ are averaged. */
  readonly timeWindow?: readonly [start: number, end: number];
  readonly metric: MetricChoice;
  /** `stratifyOn` and `groupBy` are columns of the stimuli; with `groupBy` the splits are folds of whole groups. */
  readonly crossValidation: CrossValidation & {
    readonly stratifyOn?: string;
    readonly groupBy?: string;
  };
  readonly ceiling: CeilingChoice;
  readonly reference?: { readonly doi?: string; readonly url?: string; readonly bibtex?: string };
  /** The file as it was named, and the absolute folder that its paths start from. */
  readonly file: string;
  readonly folder: string;
}

/** One benchmark: a definition, and the region where it has several. */
export interface Benchmark extends BenchmarkDefinition {
  /** Identifier with the region filled in; it names the score. */
  readonly id: string;
  readonly region?: Region;
  /** The name in `select` that it stands for, and the value of the coordinate. */
  readonly selected?: { readonly column: string; readonly name: string; readonly value: Id };
}

/** One benchmark for each region of a definition, or each value that it selects, or a single one without either. */
export function expandRegions(definition: BenchmarkDefinition): readonly Benchmark[] {
  const { select } = definition;
  if (select) {
    const { column, values, regions } = select;
    return Object.entries(values).map(([name, value]) => ({
      ...definition,
      id: definition.identifier.replaceAll(`{${column}}`, name),
      ...(Object.hasOwn(regions, name) ? { region: regions[name] } : {}),
      selected: { column, name, value },
    }));
  }
  if (!definition.regions) return [{ ...definition, id: definition.identifier }];
  return definition.regions.map((region) => ({
    ...definition,
    ...(definition.parent ? { parent: definition.parent.replaceAll('{region}', region) } : {}),
    id: definition.identifier.replaceAll('{region}', region),
    region,
  }));
}

/**
 * @throws VentralError `benchmark-invalid` unless the degrees of the stimuli are given exactly once: by
 *   `visual_degrees`, or by a `degrees` column of the stimuli (design §4)
 */
export function checkDegrees(definition: BenchmarkDefinition, hasColumn: boolean): void {
  const given = definition.visualDegrees !== undefined;
  if (given !== hasColumn) return;
  const found = given ? 'both' : 'neither';
  throw new VentralError(
    'benchmark-invalid',
    `${definition.file} visual_degrees: expected either visual_degrees or a column "degrees" in the stimuli, found ${found}`,
    { file: definition.file, field: '/visual_degrees', expected: 'exactly one of them', found },
  );
}
