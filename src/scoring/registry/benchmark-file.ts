import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';
import { present } from '../../formats/present.js';
import { readCheckedYaml, schemaProblems } from '../../formats/yaml/checked-yaml.js';
import { metrics } from '../../metrics/table/metric-table.js';
import type {
  BenchmarkDefinition,
  DataSource,
  MetricChoice,
  PublishedDistribution,
  StimulusSource,
} from '../benchmark/benchmark.js';
import { benchmarkProblems } from './benchmark-rules.js';
import type {
  BenchmarkProblem,
  BenchmarkText,
  DataText,
  DistributionText,
} from './benchmark-text.js';
import { type ExpandedText, expandBenchmark } from './expand-benchmark.js';
import { ceiling, subjectKeys } from './neural-keys.js';

/** JSON Schema of a benchmark file; editors complete from the same file. */
const schema = JSON.parse(
  readFileSync(join(packageRoot, 'benchmarks', 'benchmark.schema.json'), 'utf8'),
);

/** Keys that a row of `expand` may replace. */
const keys: ReadonlySet<string> = new Set(
  Object.keys(schema.properties).filter((key) => key !== 'identifier' && key !== 'expand'),
);

/**
 * Reads a benchmark file; with `expand` it holds several.
 * @throws VentralError `file-missing`, or `benchmark-invalid` with line and column of every problem
 */
export function readBenchmarks(file: string): BenchmarkDefinition[] {
  return parseBenchmarks(readText(file), { file, folder: resolve(dirname(file)) });
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

/** A text and its name in messages, and the folder that its relative paths start from. */
interface Where {
  readonly file: string;
  readonly folder: string;
}

/**
 * Reads a benchmark from YAML or JSON text without `expand`.
 * @throws VentralError `benchmark-invalid` with line and column of every problem
 */
export function parseBenchmark(text: string, where: Where): BenchmarkDefinition {
  const [definition, ...more] = parseBenchmarks(text, where);
  if (more.length === 0) return definition;
  throw new VentralError(
    'benchmark-invalid',
    `${where.file} expand: expected one benchmark here, found ${more.length + 1}`,
    { file: where.file, field: '/expand' },
  );
}

/**
 * Reads the benchmarks of YAML or JSON text: one, or with `expand` each combination of its rows.
 * @throws VentralError `benchmark-invalid` with line and column of every problem
 */
export function parseBenchmarks(text: string, where: Where): BenchmarkDefinition[] {
  const { value, place, prepared } = readCheckedYaml<BenchmarkText>(text, {
    file: where.file,
    schema,
    code: 'benchmark-invalid',
  });
  const { texts, problems } = expandBenchmark(value, keys);
  refuse(problems, where.file, place);
  return texts.map((one) => {
    // Tests read what ships as any other file.
    if (!prepared) refuse(problemsOf(one, value.expand !== undefined), where.file, place);
    const { identifier } = value;
    return define(one.text, { ...where, ...(value.expand ? { template: identifier } : {}) });
  });
}

/** The schema has seen a file as it is written, but not what its rows make of it. */
function problemsOf({ text, pointer }: ExpandedText, expanded: boolean): BenchmarkProblem[] {
  const broken = expanded ? schemaProblems(text, schema) : [];
  return (broken.length > 0 ? broken : benchmarkProblems(text)).map((one) => ({
    ...one,
    pointer: pointer(one.pointer),
  }));
}

function refuse(
  problems: readonly BenchmarkProblem[],
  file: string,
  place: (pointer: string) => string,
): void {
  const [first] = problems;
  if (!first) return;
  const sentences = problems.map(({ pointer, sentence }) => `${place(pointer)} ${sentence}`);
  throw new VentralError('benchmark-invalid', sentences.join('; '), {
    file,
    field: first.pointer,
  });
}

function define(
  text: BenchmarkText,
  { file, folder, template }: Where & { readonly template?: string },
): BenchmarkDefinition {
  const { time_bins: bins, recordings } = text;
  const sources = [
    ...[text.stimuli, text.fitting_stimuli, text.recordings, text.trials],
    ...[text.train?.stimuli, text.train?.recordings],
  ];
  const generated = sources.some((source) => typeof source === 'object' && 'generate' in source);
  const optional = {
    title: text.title,
    parent: text.parent,
    regions: text.regions,
    region: typeof text.region === 'string' ? text.region : undefined,
    visualDegrees: text.visual_degrees,
    fittingStimuli: text.fitting_stimuli && stimulusSource(text.fitting_stimuli, folder),
    recordings:
      recordings === undefined || (typeof recordings === 'object' && 'files' in recordings)
        ? undefined
        : dataSource(recordings, folder),
    train: text.train && {
      stimuli: stimulusSource(text.train.stimuli, folder),
      recordings: dataSource(text.train.recordings, folder),
    },
    ...subjectKeys(text, folder, dataSource),
    neuroids: text.neuroids && resolve(folder, text.neuroids),
    trials: text.trials && dataSource(text.trials, folder),
    trialColumns: text.trial_columns,
    truth: text.truth,
    drop: text.drop,
    rdms: text.rdms && dataSource(text.rdms, folder),
    caution: text.caution,
    task: text.task === 'probabilities' ? text.task : undefined,
    clip: clip(text),
    distribution: text.distribution && distribution(text.distribution, folder),
    timeWindow: bins && !('unit' in bins) ? bins[0] : undefined,
    binsAsNeuroids: bins && 'as' in bins ? ([bins.from, bins.to] as const) : undefined,
    timeStep: bins && 'step' in bins ? bins : undefined,
    reference: text.reference,
    averages: text.averages,
    template,
  };
  return {
    identifier: text.identifier,
    version: text.version,
    simulated: text.simulated ?? generated,
    stimuli: stimulusSource(text.stimuli, folder),
    excludeConditions: text.exclude_conditions ?? [],
    metric: metricChoice(text.metric),
    crossValidation: crossValidation(text),
    ceiling: ceiling(text),
    file,
    folder,
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== undefined),
    ) as Partial<BenchmarkDefinition>),
  };
}

/** What the file says of bounds that its metric does not do by itself. */
function clip({ clip: text, metric }: BenchmarkText): BenchmarkDefinition['clip'] {
  if (text === undefined || text === 'none') return text;
  const { normalisation } = metrics[metric.name];
  return ['clipped', 'above-chance'].includes(normalisation) ? undefined : 'bounded';
}

function stimulusSource(text: BenchmarkText['stimuli'], folder: string): StimulusSource {
  if (typeof text === 'string') return { kind: 'catalog', identifier: text };
  if ('gratings' in text) return { kind: 'gratings', ...text };
  if ('generate' in text) return { kind: 'generated', ...text };
  const join = text.join && { ...text.join, table: resolve(folder, text.join.table) };
  if ('catalog' in text) return { kind: 'catalog', identifier: text.catalog, ...present({ join }) };
  const images = text.images && resolve(folder, text.images);
  return { kind: 'files', csv: resolve(folder, text.csv), ...present({ images, join }) };
}

function dataSource(text: DataText, folder: string): DataSource {
  if (typeof text !== 'string') return { kind: 'generated', ...text };
  const format = /\.(nc|csv)$/i.exec(text)?.[1]?.toLowerCase() as 'nc' | 'csv' | undefined;
  if (!format) return { kind: 'catalog', identifier: text };
  return { kind: 'file', path: resolve(folder, text), format };
}

function distribution(text: DistributionText, folder: string): PublishedDistribution {
  const { property, unit, bins, counts = [], without_value: withoutValue = 0, neurons } = text;
  return {
    property,
    ...(unit === undefined ? {} : { unit }),
    bins,
    neurons:
      neurons === undefined
        ? { kind: 'counts', counts, withoutValue }
        : dataSource(neurons, folder),
  };
}

function metricChoice({ alphas, ...text }: BenchmarkText['metric']): MetricChoice {
  const { defaults } = metrics[text.name];
  if (alphas === undefined) return { ...defaults, ...text };
  if (!('log10' in alphas)) return { ...defaults, ...text, alphas };
  const [from, to] = alphas.log10;
  // As numpy.logspace gives them: whole powers of ten.
  const powers = Array.from({ length: to - from + 1 }, (_, i) => Number(`1e${from + i}`));
  return { ...defaults, ...text, alphas: powers };
}

function crossValidation({ metric, cross_validation: text = {} }: BenchmarkText) {
  const unsaid = text.train_size === undefined && text.test_size === undefined;
  const chosen = metrics[metric.name];
  const ownTestSize = chosen.kind === 'neural' ? chosen.testSize : undefined;
  if (unsaid && ownTestSize !== undefined) text = { ...text, test_size: ownTestSize };
  // As in scikit-learn: a missing size is the complement of the other.
  const byDefault = text.test_size === undefined ? { trainSize: 0.9 } : {};
  // Folds of groups take all that the other folds leave, and nothing is drawn.
  if (text.group_by !== undefined)
    return { splits: text.splits ?? 10, seed: 0, groupBy: text.group_by };
  return {
    splits: text.splits ?? 10,
    seed: text.seed ?? 1,
    ...(text.train_size === undefined ? byDefault : { trainSize: text.train_size }),
    ...present({ testSize: text.test_size, stratifyOn: text.stratify_on }),
  };
}
