import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { readCheckedYaml } from '../../formats/checked-yaml.js';
import { packageRoot } from '../../formats/package-root.js';
import { present } from '../../formats/present.js';
import { metrics } from '../../metrics/metric-table.js';
import type {
  BenchmarkDefinition,
  CeilingChoice,
  DataSource,
  PublishedDistribution,
  StimulusSource,
} from '../benchmark/benchmark.js';
import { kindOf } from '../measure/benchmark-kinds.js';
import { type BenchmarkText, benchmarkProblems, type DistributionText } from './benchmark-rules.js';

/** JSON Schema of a benchmark file; editors complete from the same file. */
const schema = JSON.parse(
  readFileSync(join(packageRoot, 'benchmarks', 'benchmark.schema.json'), 'utf8'),
);

/**
 * Reads a benchmark file.
 * @throws VentralError `file-missing`, or `benchmark-invalid` with line and column of every problem
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
 * Reads a benchmark from YAML or JSON text.
 * @throws VentralError `benchmark-invalid` with line and column of every problem
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
    drop: text.drop,
    rdms: text.rdms && dataSource(text.rdms, folder),
    caution: text.caution,
    distribution: text.distribution && distribution(text.distribution, folder),
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
  if ('gratings' in text) return { kind: 'gratings', ...text };
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

function ceiling(text: BenchmarkText): CeilingChoice {
  const given = text.ceiling;
  if (typeof given === 'number') return { name: 'fixed', value: given };
  const asked = typeof given === 'object' ? given : { name: given };
  if (asked.name === 'none') return { name: 'none' };
  const { compares } = kindOf(text);
  if (asked.name === 'nili-upper') return { name: 'nili-upper' };
  // Without subjects there is nothing to bound a model by.
  if (compares === 'rdms') return { name: text.metric.per === 'subject' ? 'nili-upper' : 'none' };
  if (compares !== 'recordings') return { name: 'metric' };
  const { splits = 10, seed = 1 } = typeof given === 'object' ? given : {};
  return { name: 'internal-consistency', splits, seed, byDefault: given === undefined };
}
