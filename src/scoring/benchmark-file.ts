import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Region } from '../activations/card.js';
import { VentralError } from '../errors/ventral-error.js';
import { readCheckedYaml } from '../formats/checked-yaml.js';
import { packageRoot } from '../formats/package-root.js';
import type { CrossValidation, MetricOptions } from '../metrics/metric.js';
import { type MetricName, metrics } from '../metrics/metric-table.js';
import { type BenchmarkText, benchmarkProblems, comparesTrials } from './benchmark-rules.js';

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

/** Where stimuli come from; paths are absolute. */
export type StimulusSource =
  | { readonly kind: 'files'; readonly csv: string; readonly images?: string }
  | CatalogSource
  | GeneratedSource;

/** Where recordings or trials come from; the path is absolute. */
export type DataSource =
  | { readonly kind: 'file'; readonly path: string; readonly format: 'nc' | 'csv' }
  | CatalogSource
  | GeneratedSource;

/**
 * How raw values are normalised. `internal-consistency`: Spearman-Brown corrected halves of the
 * repetitions; `byDefault` says that the file did not ask, so that recordings without repetitions
 * are scored without a ceiling. `metric`: the behavioural metric's own.
 */
export type CeilingChoice =
  | {
      readonly name: 'internal-consistency';
      readonly splits: number;
      readonly seed: number;
      readonly byDefault: boolean;
    }
  | { readonly name: 'metric' }
  | { readonly name: 'none' }
  | { readonly name: 'fixed'; readonly value: number };

/** A metric with the options that it knows, defaults filled in. */
export interface MetricChoice extends MetricOptions {
  readonly name: MetricName;
}

/** A benchmark file (design §4), checked, with defaults filled in and paths resolved. */
export interface BenchmarkDefinition {
  /** As written: holds `{region}` exactly where `regions` is there. */
  readonly identifier: string;
  readonly version: number;
  readonly title?: string;
  /** Node of Brain-Score's tree that averages this benchmark; may hold `{region}`. */
  readonly parent?: string;
  /** True where any part of the data is made by equations. */
  readonly simulated: boolean;
  readonly regions?: readonly Region[];
  /**
   * Degrees of visual angle of the stimuli; `none`: they are not placed on the screen; absent: the
   * stimuli have a `degrees` column (see {@link checkDegrees}).
   */
  readonly visualDegrees?: number | 'none';
  readonly stimuli: StimulusSource;
  readonly fittingStimuli?: StimulusSource;
  /** Neural benchmarks have these, behavioural ones `trials`. */
  readonly recordings?: DataSource;
  /** Absolute path of the neuroid table of a recordings CSV. */
  readonly neuroids?: string;
  readonly trials?: DataSource;
  /** Values of `condition` whose trials, and stimuli shown in no other, are left out. */
  readonly excludeConditions: readonly (string | number)[];
  /** [start, end] in ms: bins with start ≥ and end ≤ are averaged. */
  readonly timeWindow?: readonly [start: number, end: number];
  readonly metric: MetricChoice;
  readonly crossValidation: CrossValidation & { readonly stratifyOn?: string };
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
}

/** JSON Schema of a benchmark file; editors complete from the same file. */
const schema = JSON.parse(
  readFileSync(join(packageRoot, 'benchmarks', 'benchmark.schema.json'), 'utf8'),
);

/**
 * Reads a benchmark file. Throws `file-missing`, or `benchmark-invalid` with line and column of
 * every problem.
 */
export function readBenchmark(file: string): BenchmarkDefinition {
  return parseBenchmark(readText(file), { file, folder: resolve(dirname(file)) });
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code !== 'ENOENT' && code !== 'EISDIR' && code !== 'ENOTDIR')
      throw VentralError.from(cause);
    const why = code === 'EISDIR' ? 'is a folder' : 'does not exist';
    throw new VentralError('file-missing', `The benchmark file ${file} ${why}`, { file, cause });
  }
}

/**
 * Reads a benchmark from YAML or JSON text. Throws `benchmark-invalid` with line and column of
 * every problem.
 * @param where name of the text in messages, and the folder that its relative paths start from
 */
export function parseBenchmark(
  text: string,
  where: { readonly file: string; readonly folder: string },
): BenchmarkDefinition {
  const { value, place } = readCheckedYaml<BenchmarkText>(text, {
    file: where.file,
    schema,
    code: 'benchmark-invalid',
  });
  const problems = benchmarkProblems(value);
  const [first] = problems;
  if (first) {
    const sentences = problems.map(({ pointer, sentence }) => `${place(pointer)} ${sentence}`);
    throw new VentralError('benchmark-invalid', sentences.join('; '), {
      file: where.file,
      field: first.pointer,
    });
  }
  return define(value, where);
}

function define(
  text: BenchmarkText,
  { file, folder }: { readonly file: string; readonly folder: string },
): BenchmarkDefinition {
  const sources = [text.stimuli, text.fitting_stimuli, text.recordings, text.trials];
  const generated = sources.some((source) => typeof source === 'object' && 'generate' in source);
  const optional = {
    title: text.title,
    parent: text.parent,
    regions: text.regions,
    visualDegrees: text.visual_degrees,
    fittingStimuli: text.fitting_stimuli && stimulusSource(text.fitting_stimuli, folder),
    recordings: text.recordings && dataSource(text.recordings, folder),
    neuroids: text.neuroids && resolve(folder, text.neuroids),
    trials: text.trials && dataSource(text.trials, folder),
    timeWindow: text.time_bins?.[0],
    reference: text.reference,
  };
  return {
    identifier: text.identifier,
    version: text.version,
    simulated: text.simulated ?? generated,
    stimuli: stimulusSource(text.stimuli, folder),
    excludeConditions: text.exclude_conditions ?? [],
    metric: { ...metrics[text.metric.name].defaults, ...text.metric },
    crossValidation: crossValidation(text),
    ceiling: ceiling(text),
    file,
    folder,
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== undefined),
    ) as Partial<BenchmarkDefinition>),
  };
}

function stimulusSource(text: BenchmarkText['stimuli'], folder: string): StimulusSource {
  if (typeof text === 'string') return { kind: 'catalog', identifier: text };
  if ('generate' in text) return { kind: 'generated', ...text };
  const images = text.images === undefined ? {} : { images: resolve(folder, text.images) };
  return { kind: 'files', csv: resolve(folder, text.csv), ...images };
}

function dataSource(text: NonNullable<BenchmarkText['trials']>, folder: string): DataSource {
  if (typeof text !== 'string') return { kind: 'generated', ...text };
  const format = /\.(nc|csv)$/i.exec(text)?.[1]?.toLowerCase() as 'nc' | 'csv' | undefined;
  if (!format) return { kind: 'catalog', identifier: text };
  return { kind: 'file', path: resolve(folder, text), format };
}

function crossValidation({ metric, cross_validation: text = {} }: BenchmarkText) {
  const unsaid = text.train_size === undefined && text.test_size === undefined;
  const chosen = metrics[metric.name];
  const ownTestSize = chosen.kind === 'neural' ? chosen.testSize : undefined;
  if (unsaid && ownTestSize !== undefined) text = { ...text, test_size: ownTestSize };
  // As scikit-learn: a size that is not given is what the other leaves.
  const byDefault = text.test_size === undefined ? { trainSize: 0.9 } : {};
  return {
    splits: text.splits ?? 10,
    seed: text.seed ?? 1,
    ...(text.train_size === undefined ? byDefault : { trainSize: text.train_size }),
    ...(text.test_size === undefined ? {} : { testSize: text.test_size }),
    ...(text.stratify_on === undefined ? {} : { stratifyOn: text.stratify_on }),
  };
}

function ceiling(text: BenchmarkText): CeilingChoice {
  const given = text.ceiling;
  if (typeof given === 'number') return { name: 'fixed', value: given };
  const asked = typeof given === 'object' ? given : { name: given };
  if (asked.name === 'none') return { name: 'none' };
  if (comparesTrials(text.metric.name)) return { name: 'metric' };
  const { splits = 10, seed = 1 } = typeof given === 'object' ? given : {};
  return { name: 'internal-consistency', splits, seed, byDefault: given === undefined };
}

/** One benchmark for each region of a definition, or the one that it is. */
export function expandRegions(definition: BenchmarkDefinition): readonly Benchmark[] {
  if (!definition.regions) return [{ ...definition, id: definition.identifier }];
  return definition.regions.map((region) => ({
    ...definition,
    ...(definition.parent ? { parent: definition.parent.replaceAll('{region}', region) } : {}),
    id: definition.identifier.replaceAll('{region}', region),
    region,
  }));
}

/**
 * Throws `benchmark-invalid` unless the degrees of the stimuli are given exactly once: by
 * `visual_degrees`, or by a `degrees` column of the stimuli (design §4).
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
