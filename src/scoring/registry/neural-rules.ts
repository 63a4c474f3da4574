import type { MetricDefinition, NeuralMetric } from '../../metrics/metric.js';
import { type MetricName, metrics } from '../../metrics/table/metric-table.js';
import { kindOf } from '../kinds/benchmark-kinds.js';
import { type BenchmarkProblem, type BenchmarkText, problem, type Rule } from './benchmark-text.js';

/** Rules of the keys that only benchmarks of recordings have: fixed training sets, subjects, ceilings. */

const neural = (name: MetricName): NeuralMetric | undefined => {
  const metric = metrics[name];
  return metric.kind === 'neural' ? metric : undefined;
};

const perSubjectFiles = ({ recordings }: BenchmarkText) =>
  typeof recordings === 'object' && 'files' in recordings ? recordings : undefined;

/** Keys that mean nothing without recordings. */
const recorded: Rule = (text) => {
  if (neural(text.metric.name) && text.rdms === undefined) return [];
  const keys = [
    ...(['train', 'split', 'keep', 'fit_per', 'average_over', 'error', 'region'] as const),
    ...(['select', 'prepare'] as const),
  ];
  return keys.flatMap((key) =>
    text[key] === undefined ? [] : problem(`/${key}`, `${key}: expected only beside recordings`),
  );
};

/** Training and test stimuli are given once, and to a metric that can use them. */
const fixedSets: Rule = (text) => {
  const metric = neural(text.metric.name);
  const { train, split, drop } = text;
  if (!metric || (!train && !split)) return [];
  const { name } = text.metric;
  const key = train ? 'train' : 'split';
  const found: BenchmarkProblem[] = [];
  if (train && split) found.push(...problem('/split', 'split: expected either "train" or "split"'));
  if (!metric.regression && !metric.similarity)
    found.push(...problem(`/${key}`, `${key}: metric ${name} has no fixed training stimuli`));
  if (text.cross_validation)
    found.push(
      ...problem(
        '/cross_validation',
        `cross_validation: expected none beside "${key}", which says what is tested`,
      ),
    );
  if (drop === 'incomplete-stimuli')
    found.push(...problem('/drop', `drop: expected incomplete-neuroids beside "${key}"`));
  return [...found, ...(split ? splitTable(split, metric) : [])];
};

function splitTable(
  { column, columns, use }: NonNullable<BenchmarkText['split']>,
  metric: NeuralMetric,
): BenchmarkProblem[] {
  return [
    ...((column === undefined) === (columns === undefined)
      ? problem('/split', 'split: expected either "column" or "columns"')
      : []),
    ...((use === 'both') === (metric.similarity === undefined)
      ? problem(
          '/split/use',
          metric.similarity
            ? 'split: expected "use: both", since the metric fits nothing'
            : 'split.use: expected only beside a metric that fits nothing',
        )
      : []),
    ...(use === 'both' && columns
      ? problem('/split/columns', 'split.columns: expected "column" beside "use: both"')
      : []),
  ];
}

/** What is measured subject by subject. */
const subjects: Rule = (text) => {
  const metric = neural(text.metric.name);
  if (!metric) return [];
  const { fit_per, error, train, split, metric: chosen } = text;
  const files = perSubjectFiles(text);
  const found: BenchmarkProblem[] = [];
  if (fit_per !== undefined && (!metric.regression || (!train && !split)))
    found.push(
      ...problem('/fit_per', 'fit_per: expected beside a regression with "train" or "split"'),
    );
  if (fit_per !== undefined && files)
    found.push(...problem('/fit_per', 'fit_per: expected no key where each subject has a file'));
  if (files && (metric.similarity ? chosen.per === undefined : !split))
    found.push(
      ...problem(
        '/recordings',
        metric.similarity
          ? 'recordings: files of subjects need "metric.per"'
          : 'recordings: files of subjects need "split", the table of training and test stimuli',
      ),
    );
  if (files && train)
    found.push(...problem('/train', 'train: expected no key beside files of subjects'));
  if (error && fit_per === undefined && !files && !split?.columns && chosen.per === undefined)
    found.push(...problem('/error', 'error: expected only where there are subjects or folds'));
  return found;
};

/** Benchmarks by a column of the neuroids, and what is done to populations before they are compared. */
const selected: Rule = ({ select, identifier, region, regions, prepare, metric }) => {
  const similar = neural(metric.name)?.similarity !== undefined;
  const [column, values] = Object.entries(select ?? {})[0] ?? [];
  const named = typeof region === 'object' ? Object.keys(region) : [];
  const stranger = named.find((name) => !values || !Object.hasOwn(values, name));
  return [
    ...(prepare && !similar ? problem('/prepare', 'prepare: expected only beside rdm or cka') : []),
    ...(select && regions
      ? problem('/select', 'select: expected either "select" or "regions"')
      : []),
    ...(column !== undefined && !identifier.includes(`{${column}}`)
      ? problem(
          '/identifier',
          `identifier: expected {${column}} in it because "select" is given, found "${identifier}"`,
        )
      : []),
    ...(typeof region === 'object' && !select
      ? problem('/region', 'region: expected a region, or "select" beside regions by name')
      : []),
    ...(select && stranger !== undefined
      ? problem(`/region/${stranger}`, `region: "select" has no ${stranger}`)
      : []),
  ];
};

/** Bins of time that are compared each for itself need a regression that is cross-validated. */
const inTime: Rule = (text) => {
  const metric = neural(text.metric.name);
  const { time_bins: bins, metric: chosen } = text;
  const steps = typeof bins === 'object' && 'step' in bins;
  if (!steps)
    return chosen.across === undefined
      ? []
      : problem(
          '/metric/across',
          'metric.across: expected only beside "time_bins" with a step, such as { step: 10, unit: ms }',
        );
  const found: BenchmarkProblem[] = [];
  if (!metric?.regression)
    found.push(
      ...problem(
        '/time_bins',
        `time_bins: a step needs a regression such as pls or ridge, found metric ${chosen.name}`,
      ),
    );
  for (const key of ['train', 'split'] as const)
    if (text[key] !== undefined)
      found.push(
        ...problem(`/${key}`, `${key}: expected cross_validation beside a step of time_bins`),
      );
  return found;
};

/** The ceiling belongs to what the metric compares. */
const ceilings: Rule = (text) => {
  const { ceiling, metric } = text;
  if (ceiling === undefined || typeof ceiling === 'number') return [];
  const definition = neural(metric.name);
  if (typeof ceiling === 'object' && 'neuroid' in ceiling)
    return definition
      ? []
      : problem('/ceiling', `ceiling: metric ${metric.name} compares no neuroids`);
  const name = typeof ceiling === 'object' ? ceiling.name : ceiling;
  if (name === 'none') return [];
  if (text.rdms !== undefined && name === 'leave-one-out' && metric.per !== undefined) return [];
  if (text.rdms !== undefined && name !== 'nili-upper')
    return problem(
      '/ceiling',
      `ceiling: dissimilarities have no repetitions: expected nili-upper, leave-one-out (with "metric.per"), none or a number, found ${name}`,
    );
  const { pairs }: MetricDefinition = metrics[metric.name];
  if (pairs && name === 'pairs') return [];
  if (!definition && kindOf(text).compares === 'recordings') return [];
  if (!definition)
    return problem(
      '/ceiling',
      `ceiling: metric ${metric.name} computes its own: expected ${pairs ? 'pairs, ' : ''}none, a number or no key, found ${name}`,
    );
  const per = typeof ceiling === 'object' ? ceiling.per : undefined;
  if (per !== undefined && (!definition.similarity || metric.per !== undefined))
    return problem('/ceiling', 'ceiling.per: expected only beside rdm or cka without "metric.per"');
  const wrong = wrongCeiling(
    name,
    { ...metric, ...(per === undefined ? {} : { per }) },
    definition,
  );
  return wrong ? problem('/ceiling', `ceiling: ${wrong}, found ${name}`) : [];
};

function wrongCeiling(
  name: string,
  { name: metric, per }: BenchmarkText['metric'],
  { normalisation }: NeuralMetric,
): string | undefined {
  const ofSubjects = ['nili-upper', 'leave-one-out', 'between-subjects'].includes(name);
  if (ofSubjects && per === undefined)
    return 'a ceiling that subjects give each other needs "metric.per" of rdm or cka';
  if (ofSubjects) return undefined;
  if (name === 'pairs') return 'pairs of subjects bound error-consistency and accuracy-distance';
  if (normalisation === 'ratio')
    return `metric ${metric} compares populations, which the reliability of single neuroids does not bound: expected nili-upper, between-subjects, leave-one-out, { neuroid }, a number or none`;
  if ((metric === 'reverse-pls') === (name === 'predictor-consistency')) return undefined;
  return metric === 'reverse-pls'
    ? 'reverse-pls is bounded by how consistent its predictors are: expected predictor-consistency, { neuroid }, a number or none'
    : 'predictor-consistency bounds reverse-pls: expected internal-consistency, { neuroid }, a number or none';
}

/** Dissimilarities are given by subject, not by a column of neuroids. */
const givenRdms: Rule = ({ rdms, metric: { per } }) =>
  rdms === undefined || per === undefined || per === 'subject'
    ? []
    : problem('/metric/per', `metric.per: expected subject beside "rdms", found "${per}"`);

/** In the order in which problems are told. */
export const neuralRules: readonly Rule[] = [
  ...[recorded, fixedSets, subjects, givenRdms],
  ...[selected, inTime, ceilings],
];
