import { didYouMean } from '../../errors/closest-names.js';
import type { MetricDefinition } from '../../metrics/metric.js';
import { metrics } from '../../metrics/table/metric-table.js';
import { properties } from '../../properties/property-table.js';
import { kindOf } from '../kinds/benchmark-kinds.js';
import { type BenchmarkProblem, type BenchmarkText, problem, type Rule } from './benchmark-text.js';
import { namesRule } from './names-rule.js';
import { neuralRules } from './neural-rules.js';

/** The identifier contains `{region}` exactly if there are regions. */
const regionInIdentifier: Rule = ({ identifier, regions, region, metric, select }) => {
  const known = ['region', ...Object.keys(select ?? {})];
  const unknown = [...identifier.matchAll(/\{(\w+)\}/g)].find(([, name]) => !known.includes(name));
  if (unknown)
    return problem(
      '/identifier',
      `identifier: expected only {region} or the column of "select" in braces, found "${identifier}"`,
    );
  const has = identifier.includes('{region}');
  // A property of single neurons, or a factor of a layer, belongs to one region, which its name need not say.
  const { kind } = metrics[metric.name];
  const ofOne = kind === 'properties' || kind === 'factors';
  if (!has && regions?.length === 1 && ofOne) return [];
  if (region !== undefined && regions !== undefined)
    return problem('/region', 'region: expected either "region" or "regions"');
  if (has === (regions !== undefined)) return [];
  return has
    ? problem('/identifier', `identifier: {region} needs the key "regions"`)
    : problem(
        '/identifier',
        `identifier: expected {region} in it because "regions" is given, found "${identifier}"`,
      );
};

/** Recordings for a neural metric, trials for a behavioural one, a distribution for properties; one of them alone. */
const comparedData: Rule = (text) => {
  const { name } = text.metric;
  const wanted = kindOf(text).compares;
  if (text.truth !== undefined) return truthRule(text);
  const others = (['recordings', 'trials', 'distribution', 'rdms'] as const).filter(
    (key) => key !== wanted,
  );
  const what = wanted === 'stimuli' ? 'nothing' : wanted;
  return [
    ...(text[wanted] === undefined
      ? problem('', `the document lacks "${wanted}", which metric ${name} compares with`)
      : []),
    ...others.flatMap((other) =>
      text[other] === undefined
        ? []
        : problem(`/${other}`, `${other}: metric ${name} compares with ${what}; remove "${other}"`),
    ),
  ];
};

/** What the stimuli show stands in place of trials where nobody's answers are compared. */
function truthRule({ metric: { name }, trials, trial_columns }: BenchmarkText): BenchmarkProblem[] {
  const metric: MetricDefinition = metrics[name];
  const alone =
    name === 'accuracy' || (metric.kind === 'label' && 'observers' in metric && !metric.observers);
  const beside = trials !== undefined ? 'trials' : trial_columns ? 'trial_columns' : undefined;
  return [
    ...(alone
      ? []
      : problem(
          '/truth',
          `truth: metric ${name} compares with answers: expected "trials" in place of "truth"`,
        )),
    ...(beside
      ? problem(
          `/${beside}`,
          `${beside}: expected no such key beside "truth", which stands in place of trials`,
        )
      : []),
  ];
}

/** A read-out needs stimuli to be fitted on, and nothing else does. */
const fitting: Rule = (text) => {
  const { metric, fitting_stimuli } = text;
  const { fits } = kindOf(text);
  if (fits === 'may' || fits === (fitting_stimuli !== undefined)) return [];
  return fits
    ? problem('', `the document lacks "fitting_stimuli", which metric ${metric.name} needs`)
    : problem(
        '/fitting_stimuli',
        `fitting_stimuli: metric ${metric.name} fits no read-out; remove the key`,
      );
};

/** Keys that have a meaning only beside others. */
const company: Rule = (text) => {
  const csv = recordingFiles(text).some((path) => /\.csv$/i.test(path));
  const { compares } = kindOf(text);
  const behavioural = compares === 'trials';
  const { kind } = metrics[text.metric.name];
  const unconditional = text.trials === undefined || kind === 'search' || kind === 'threshold';
  return [
    ...(text.neuroids !== undefined && !csv
      ? problem('/neuroids', 'neuroids: expected only beside a recordings CSV')
      : []),
    ...(csv && !text.neuroids && (text.regions?.length ?? 0) > 1
      ? problem(
          '/regions',
          `regions: expected "neuroids", a table that says which neuroid of the recordings CSV is in ${text.regions?.join(' and which in ')}, found none`,
        )
      : []),
    ...(text.rdms && text.drop ? problem('/drop', 'drop: expected only beside recordings') : []),
    ...(text.rdms && (text.regions?.length ?? 0) > 1
      ? problem('/regions', 'regions: dissimilarities are of one region, expected one')
      : []),
    ...(text.rdms && text.cross_validation
      ? problem('/cross_validation', 'cross_validation: nothing is fitted to dissimilarities')
      : []),
    ...((behavioural || compares === 'stimuli') && text.drop
      ? problem('/drop', 'drop: expected only beside recordings')
      : []),
    ...(text.recordings === undefined && text.time_bins
      ? problem('/time_bins', 'time_bins: expected only beside recordings')
      : []),
    ...(behavioural && text.regions
      ? problem('/regions', `regions: metric ${text.metric.name} is behavioural and has no regions`)
      : []),
    ...(unconditional && text.exclude_conditions
      ? problem(
          '/exclude_conditions',
          `exclude_conditions: expected only beside trials with conditions, found metric ${text.metric.name}`,
        )
      : []),
    ...(text.trial_columns && !behavioural
      ? problem('/trial_columns', 'trial_columns: expected only beside trials')
      : []),
  ];
};

/** A property that can be measured, over bins that ascend, with one account of the neurons. */
const distributionRule: Rule = ({ distribution, regions, metric, fitting_stimuli }) => {
  if (metrics[metric.name].kind !== 'properties') return [];
  if (!regions) return problem('', 'the document lacks "regions": the units of which region count');
  if (!distribution) return [];
  const { property, bins, counts, neurons, without_value } = distribution;
  const textures = properties.get(property)?.set === 'texture';
  const at = '/distribution';
  const descending = bins.findIndex((edge, i) => i > 0 && !(edge > bins[i - 1]));
  return [
    ...(properties.has(property)
      ? []
      : problem(
          `${at}/property`,
          `distribution.property: expected one of ${[...properties.keys()].join(', ')}, found "${property}"${didYouMean(property, properties.keys())}`,
        )),
    ...(properties.has(property) && textures !== (fitting_stimuli !== undefined)
      ? problem(
          textures ? '' : '/fitting_stimuli',
          textures
            ? `the document lacks "fitting_stimuli", the gratings that find the units whose ${property} is measured on textures`
            : `fitting_stimuli: ${property} is measured on the gratings that find the units, expected no such key`,
        )
      : []),
    ...(descending < 0
      ? []
      : problem(
          `${at}/bins/${descending}`,
          `distribution.bins: expected ascending edges, found ${bins[descending]} after ${bins[descending - 1]}`,
        )),
    ...((counts === undefined) === (neurons === undefined)
      ? problem(at, 'distribution: expected either "counts" or "neurons"')
      : []),
    ...(counts && counts.length !== bins.length - 1
      ? problem(
          `${at}/counts`,
          `distribution.counts: expected ${bins.length - 1}, one a bin, found ${counts.length}`,
        )
      : []),
    ...(counts?.every((count) => count === 0)
      ? problem(`${at}/counts`, 'distribution.counts: expected a neuron in some bin, found none')
      : []),
    ...(neurons !== undefined && without_value !== undefined
      ? problem(`${at}/without_value`, 'distribution.without_value: expected only beside "counts"')
      : []),
  ];
};

/** The recordings that are named, not generated. */
const recordingFiles = ({ recordings, train }: BenchmarkText): string[] => [
  ...(typeof recordings === 'string' ? [recordings] : []),
  ...(typeof recordings === 'object' && 'files' in recordings
    ? Object.values(recordings.files)
    : []),
  ...(typeof train?.recordings === 'string' ? [train.recordings] : []),
];

const metricOptions: Rule = (text) => {
  const { metric } = text;
  const { defaults, optional = [], required = [] }: MetricDefinition = metrics[metric.name];
  const { options = [] } = kindOf(text);
  const known = [...new Set([...Object.keys(defaults), ...optional, ...required, ...options])];
  const lacking = required.filter((key) => metric[key] === undefined);
  const unknown = Object.keys(metric)
    .filter((key) => key !== 'name' && !known.includes(key))
    .flatMap((key) =>
      problem(
        `/metric/${key}`,
        `metric: ${metric.name} has no option "${key}"${known.length > 0 ? `; its options are ${known.join(', ')}` : ''}`,
      ),
    );
  return [
    ...lacking.flatMap((key) =>
      problem('/metric', `metric: ${metric.name} needs the option "${key}", found none`),
    ),
    ...unknown,
  ];
};

/**
 * Who makes the choices is a question of label metrics; triplets have a task of their own, search and thresholds always a
 * read-out.
 */
const taskRule: Rule = ({ task, metric }) => {
  const { kind } = metrics[metric.name];
  const wrong = (expected: string) =>
    problem('/task', `task: expected ${expected}, found ${metric.name}`);
  if (task === undefined) return [];
  if (task === 'odd-one-out') return kind === 'triplets' ? [] : wrong('the metric odd-one-out');
  if (kind === 'triplets') return problem('/task', `task: expected odd-one-out, found ${task}`);
  if (kind === 'search' || kind === 'threshold') {
    if (task === 'probabilities') return [];
    return problem(
      '/task',
      `task: expected probabilities with metric ${metric.name}, found ${task}`,
    );
  }
  return kind === 'label' ? [] : wrong('only beside a metric of labels');
};

/** Metrics whose score is bounded to [0, 1] by default, and may be left as it is. */
const bounded: readonly string[] = ['error-consistency', 'odd-one-out'];

/**
 * A score over a ceiling that is bounded by default can be left as it is; one of thresholds or of given dissimilarities can be
 * bounded.
 */
const clipping: Rule = ({ clip, metric, rdms }) => {
  const { name } = metric;
  const bounds = (name === 'threshold' || rdms !== undefined) && clip !== 'none';
  if (clip === undefined || bounded.includes(name) || bounds) return [];
  // Where the bounds are those of the metric, saying them changes nothing.
  if (clip !== 'none' && metrics[name].normalisation === 'clipped') return [];
  const beside = clip === 'none' ? bounded : [...bounded, 'threshold', '"rdms"'];
  return problem('/clip', `clip: expected only beside ${beside.join(' or ')}, found ${name}`);
};

/** Several columns are one condition of the stimuli; trials and sizes have one column. */
const oneColumn: Rule = ({ metric: { name, column, pooled: given = false } }) =>
  Array.isArray(column) && (given || name === 'threshold')
    ? problem(
        '/metric/column',
        `metric.column: expected one name with ${given ? '"pooled: true"' : name}, found ${column.length}`,
      )
    : [];

/** Which stimuli belong to a condition is asked only where the trials name it. */
const pooled: Rule = ({ metric: { pooled: given = false, shown } }) =>
  shown && !given
    ? problem('/metric/shown', 'metric.shown: expected only beside "pooled: true"')
    : [];

/** A ceiling that chance reaches bounds nothing. */
const chance: Rule = ({ metric, ceiling }) => {
  if (metrics[metric.name].kind !== 'triplets' || typeof ceiling !== 'number') return [];
  const { chance: given = metrics[metric.name].defaults.chance ?? 0 } = metric;
  return ceiling > given
    ? []
    : problem('/ceiling', `ceiling: expected more than chance (${given}), found ${ceiling}`);
};

const window: Rule = ({ time_bins }) => {
  const [start, end] =
    time_bins === undefined || 'step' in time_bins
      ? [0, 1]
      : 'as' in time_bins
        ? [time_bins.from, time_bins.to]
        : time_bins[0];
  if (start < end) return [];
  return problem(
    time_bins && 'as' in time_bins ? '/time_bins' : '/time_bins/0',
    `time_bins: expected a start before the end, found [${start}, ${end}]`,
  );
};

const sizes: Rule = ({ cross_validation: { train_size = 0, test_size = 0 } = {} }) =>
  train_size + test_size <= 1
    ? []
    : problem(
        '/cross_validation/test_size',
        `cross_validation: expected train_size and test_size of at most 1 together, found ${train_size} and ${test_size}`,
      );

/** Folds of whole groups are neither sized nor drawn. */
const groups: Rule = ({ cross_validation: validation = {} }) =>
  validation.group_by === undefined
    ? []
    : (['train_size', 'test_size', 'seed', 'stratify_on'] as const).flatMap((key) =>
        validation[key] === undefined
          ? []
          : problem(
              `/cross_validation/${key}`,
              `cross_validation.${key}: with group_by every split tests on whole groups and nothing is drawn; remove the key`,
            ),
      );

const simulatedRule: Rule = (text) => {
  const sources = [
    ...[text.stimuli, text.fitting_stimuli, text.recordings, text.trials],
    ...[text.train?.stimuli, text.train?.recordings],
  ];
  const generated = sources.some((source) => typeof source === 'object' && 'generate' in source);
  return generated && text.simulated === false
    ? problem('/simulated', 'simulated: expected true because data are generated, found false')
    : [];
};

const rules: readonly Rule[] = [
  regionInIdentifier,
  comparedData,
  fitting,
  company,
  distributionRule,
  metricOptions,
  clipping,
  oneColumn,
  pooled,
  chance,
  taskRule,
  window,
  sizes,
  groups,
  ...neuralRules,
  simulatedRule,
  namesRule,
];

/**
 * Rules of a benchmark file that a JSON Schema cannot express (design §4): every problem, in the order of the
 * rules; empty for a valid file.
 */
export function benchmarkProblems(text: BenchmarkText): BenchmarkProblem[] {
  return rules.flatMap((rule) => rule(text));
}
