import type { ModelCard } from '../../activations/card/card.js';
import { featuresOf } from '../../activations/reduced-layer.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import type { Trials } from '../../data/trials.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { type AccuracyResult, accuracy } from '../../metrics/accuracy.js';
import {
  type ChosenLabelMetric,
  type Observed,
  type SampledResult,
  singleColumn,
} from '../../metrics/behaviour/behaviour-metric.js';
import {
  type ConsistencyResult,
  ceiledConsistency,
  errorConsistency,
  errorConsistencyCeiling,
} from '../../metrics/error-consistency.js';
import type { Probabilities } from '../../metrics/i1i2.js';
import {
  choicesOf,
  coveredOutputs,
  type HeadClasses,
  type LabelChoices,
  labelTask,
} from '../../metrics/label-task.js';
import type { MetricDefinition, MetricOptions, Warning } from '../../metrics/metric.js';
import { versionedName } from '../../metrics/table/metric-table.js';
import type { Features } from '../../numerics/algebra/features.js';
import { matrix } from '../../numerics/algebra/matrix.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { logitsLayer, readOutLayer } from '../benchmark/layer-role.js';
import { definitionInputs, shownAt } from '../benchmark/shown-stimuli.js';
import { trialColumn } from '../benchmark/trial-column.js';
import { consistencyDraws } from '../draws/consistency-draws.js';
import { drawnUnits } from '../draws/drawn-units.js';
import { estimated, oneFactorDraws } from '../draws/score-draws.js';
import { chosenMetric, included, stimulusColumn } from '../observed/observed-trials.js';
import type { BenchmarkKind } from './benchmark-kind.js';
import type { Measured, PreparedBenchmark } from './loaded-benchmark.js';
import { labelsOf, readOutAnswers, readOutForm } from './read-out-benchmark.js';
import { ceilingPart, finite, scorePart } from './score.js';

/** Label tasks whose choices a read-out makes, of a layer fitted on stimuli of its own (`task: probabilities`). */
export const readOutLabelKind: BenchmarkKind = {
  compares: 'trials',
  fits: true,
  load: async (benchmark, sources) => {
    const stimuli = await sources.stimuli(benchmark.stimuli);
    const trials = await sources.trials(benchmark, stimuli);
    const { fittingStimuli } = benchmark;
    const fitting = fittingStimuli && (await sources.stimuli(fittingStimuli, 'fitting'));
    return loadLabels(benchmark, stimuli, trials, fitting);
  },
};

/** Label tasks. */
export const labelKind: BenchmarkKind = {
  compares: 'trials',
  fits: false,
  load: async (benchmark, sources) => {
    const stimuli = await sources.stimuli(benchmark.stimuli);
    return loadLabels(benchmark, stimuli, await sources.trials(benchmark, stimuli));
  },
};

/**
 * A label task (Geirhos2021, spec Appendix C): the model names each image by its classification head,
 * and its errors are compared with those of observers, or counted.
 * @throws VentralError `trials-invalid`, `stimuli-mismatch`, `benchmark-invalid`
 */
function loadLabels(
  benchmark: Benchmark,
  all: StimulusSet,
  trials: Trials,
  fitting?: StimulusSet,
): PreparedBenchmark {
  const { stimuli, observed, of } = included(benchmark, all, trials);
  const readOut = fitting && { fitting, test: stimuli, labels: labelsOf(benchmark, fitting) };
  const largest = Math.max(stimuli.ids.length, fitting?.ids.length ?? 0);
  const labels = choicesOf(observed.truth);
  const consistency = benchmark.metric.name === 'error-consistency';
  const metric = chosenMetric(benchmark);
  const data: Observed = {
    trials: observed,
    stimulusIds: stimuli.ids,
    column: (name) => stimulusColumn(benchmark, stimuli, name),
    trialColumn: (name) => of(trialColumn(benchmark, trials, name)),
  };
  const columns = metric?.columns && comparedColumns(metric, benchmark.metric).map(data.column);
  const conditions =
    metric?.ownStimuli?.(benchmark.metric) && benchmark.metric.column !== undefined
      ? data.trialColumn(singleColumn(benchmark.metric))
      : undefined;
  let known: ConsistencyResult | SampledResult | number | null | undefined;
  const ceilingOnce = () => {
    known ??= ceilingOf(benchmark, data);
    return known;
  };
  return {
    benchmark,
    shown: [...(fitting ? [shownAt(benchmark, fitting)] : []), shownAt(benchmark, stimuli)],
    layers: fitting ? readOutLayer : logitsLayer(benchmark),
    stratum: benchmark.crossValidation.stratifyOn,
    seconds: (fitting ? 7e-6 : 1e-6) * largest ** 2,
    ...present({
      chance: fitting && benchmark.metric.name === 'accuracy' ? largestShare(observed) : undefined,
    }),
    metric: versionedName(benchmark.metric.name),
    inputs: {
      ...definitionInputs(benchmark),
      stimuli: stimuli.ids,
      trials: { ...observed },
      ...present({ columns, conditions, fitting: fitting?.ids, labels: readOut?.labels }),
    },
    ...(fitting
      ? {}
      : { refuse: (card) => void coveredOutputs(classesOf(benchmark, card, undefined), labels) }),
    check() {
      ceilingOnce();
      const ids = stimuli.ids;
      const chosen = { stimulusIds: ids, choices: ids.map(() => labels[0]), labels };
      if (metric) metric.compare(chosen, data, benchmark.metric);
      else if (consistency) errorConsistency(chosen, observed);
      else accuracy(chosen, observed);
    },
    form: (units) => (fitting ? readOutForm(fitting, units) : 'features'),
    ceiling: () => ceilingPart(ceilingOnce()),
    async measure(layer, options = {}) {
      if (readOut) {
        const rows = [...stimuli.ids.keys()];
        const { probabilities } = await readOutAnswers(layer, readOut, rows);
        return compared(likeliest(probabilities), 'imagenet-1k');
      }
      const [features] = featuresOf(layer);
      const classes = classesOf(benchmark, options.card, features);
      const chosen = labelTask(
        {
          stimulusIds: stimuli.ids,
          values: await whole(features),
          // The two older metrics keep their numbers.
          ...(metric ? { dtype: features.dtype } : {}),
        },
        classes,
        labels,
      );
      return compared({ ...chosen, labels }, classes);
    },
    async measureOutputs(outputs) {
      if (!('choices' in outputs)) throw new TypeError('a label task compares choices');
      const { choices } = outputs;
      const chosen = stimuli.ids.map((id) => choices.get(id) ?? '');
      return compared({ stimulusIds: stimuli.ids, choices: chosen, labels }, 'imagenet-1k');
    },
  };

  function compared(chosen: LabelChoices, classes: HeadClasses): Measured {
    const ceiling = ceilingOnce();
    if (metric)
      return measuredBehaviour(
        metric.compare(chosen, data, benchmark.metric),
        ceiling as SampledResult | number | null,
        { normalisation: metric.normalisationOf?.(benchmark.metric) ?? metric.normalisation },
        classes,
      );
    if (!consistency)
      return measuredAccuracy(
        accuracy(chosen, observed),
        ceiling as number | null,
        classes,
        observed,
      );
    const bound = ceiling as ConsistencyResult | number | null;
    return measuredConsistency(errorConsistency(chosen, observed), bound, classes, benchmark.clip);
  }
}

/** What naming every image alike gets right, at most. */
function largestShare({ truth }: Observed['trials']): number {
  const counts = new Map<string, number>();
  for (const label of truth) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Math.max(...counts.values()) / truth.length;
}

function ceilingOf(
  benchmark: Benchmark,
  observed: Observed,
): ConsistencyResult | SampledResult | number | null {
  const { ceiling, metric } = benchmark;
  if (ceiling.name === 'none') return null;
  if (ceiling.name === 'fixed') return ceiling.value;
  const own = chosenMetric(benchmark);
  if (own) return own.ceiling?.(observed, metric) ?? null;
  return metric.name === 'error-consistency' ? errorConsistencyCeiling(observed.trials) : null;
}

/** Columns of the stimuli that a metric compares. */
const comparedColumns = ({ columns = [] }: ChosenLabelMetric, options: MetricOptions) =>
  typeof columns === 'function' ? columns(options) : columns.map((key) => options[key] ?? '');

/** Classes of the head: the card's; without a card, 1000 columns are ImageNet's. */
export function classesOf(
  benchmark: Benchmark,
  card: ModelCard | undefined,
  features: Features | undefined,
): HeadClasses {
  if (card?.logits) return card.logits.classes;
  if (!card && features?.cols === 1000) return 'imagenet-1k';
  const found = card ? 'a card without "logits"' : `${features?.cols ?? 'no'} columns and no card`;
  throw new VentralError(
    'labels-uncovered',
    `${benchmark.id} needs logits over named classes, found ${found}`,
    {
      field: 'logits.classes',
      expected: 'imagenet-1k, or class names that cover the labels',
      found,
    },
  );
}

/** The choice of the largest probability, the first of equals. */
export function likeliest({ stimulusIds, choices, values }: Probabilities): LabelChoices {
  const best = stimulusIds.map((_, row) => {
    const own = values.data.subarray(row * values.cols, (row + 1) * values.cols);
    return choices[own.indexOf(Math.max(...own))];
  });
  return { stimulusIds, choices: best, labels: choices };
}

/** All logits of all stimuli. */
export async function whole(features: Features) {
  return matrix(
    features.rows,
    features.cols,
    Float64Array.from(await features.columns(0, features.cols)),
  );
}

function remarks(classes: HeadClasses): Warning[] {
  if (classes === 'imagenet-1k') return [];
  return [
    {
      code: 'non-standard-head',
      detail: `the head has ${classes.length} named classes, not the reference's 1000 of ImageNet`,
    },
  ];
}

function measuredConsistency(
  raw: ConsistencyResult,
  ceiling: ConsistencyResult | number | null,
  classes: HeadClasses,
  clip: Benchmark['clip'],
): Measured {
  const bound = typeof ceiling === 'number' ? ceiling : ceiling?.value;
  const bounded = bound !== undefined && clip !== 'none';
  const value =
    bound === undefined
      ? raw.value
      : bounded
        ? ceiledConsistency(raw.value, bound)
        : raw.value / bound;
  const { signed, draws } = consistencyDraws(raw, ceiling);
  return {
    value: finite(value),
    error: finite(raw.error),
    ...estimated(Number.isFinite(value) ? signed : value, draws, {
      bounds: bounded ? [0, 1] : undefined,
    }),
    formula: bound === undefined ? 'raw' : clip === 'none' ? 'raw/ceiling' : 'clip(raw/ceiling)',
    errorOf: 'raw',
    errorKind: raw.errorKind,
    raw: scorePart(raw),
    ceiling: ceilingPart(ceiling),
    warnings: [
      ...raw.warnings,
      ...remarks(classes),
      ...(Number.isFinite(value) ? [] : [undefinedKappa(raw.value)]),
    ],
  };
}

/** Why there is no score: κ is 0 / 0 if both sides are always right, or always wrong. */
const undefinedKappa = (raw: number): Warning => ({
  code: 'not-finite',
  detail: Number.isFinite(raw)
    ? 'the observers agree by chance alone: there is no ceiling, or it is 0'
    : 'model and observers agree by chance alone: κ is not defined in any condition',
});

function measuredAccuracy(
  raw: AccuracyResult,
  ceiling: number | null,
  classes: HeadClasses,
  { stimulusIds, truth }: Pick<Observed['trials'], 'stimulusIds' | 'truth'>,
): Measured {
  const limit = ceiling ?? 1;
  const { correct } = raw;
  const truths = new Map(stimulusIds.map((id, i) => [id, truth[i]]));
  const units = drawnUnits(
    'images',
    raw.stimulusIds,
    raw.stimulusIds.map((id) => truths.get(id)),
  );
  const shares = oneFactorDraws(units, raw.stimulusIds, (drawn) => {
    let sum = 0;
    for (const i of drawn) sum += correct[i];
    return sum / drawn.length / limit;
  });
  const right = new Uint8Array(units.count);
  raw.stimulusIds.forEach((id, i) => {
    right[units.position(id)] = correct[i];
  });
  return {
    value: finite(raw.value / limit),
    error: finite(raw.error),
    ...estimated(raw.value / limit, shares && { ...shares, right }),
    formula: ceiling === null ? 'raw' : 'raw/ceiling',
    errorOf: 'raw',
    errorKind: raw.errorKind,
    raw: scorePart(raw),
    ceiling: ceilingPart(ceiling),
    warnings: [...raw.warnings, ...remarks(classes)],
  };
}

/** A score of a metric of behaviour, with the interval that resamples of the subjects give. */
export function measuredBehaviour(
  raw: SampledResult,
  ceiling: SampledResult | number | null,
  { normalisation }: Pick<MetricDefinition, 'normalisation'>,
  classes: HeadClasses = 'imagenet-1k',
): Measured {
  const measured = typeof ceiling === 'object' ? (ceiling ?? undefined) : undefined;
  const bound = typeof ceiling === 'number' ? ceiling : measured?.value;
  const clipped = bound !== undefined && normalisation === 'clipped';
  const squared = bound !== undefined && normalisation === 'ratio-squared';
  const unclipped = (value: number, limit = 1) => (squared ? (value / limit) ** 2 : value / limit);
  const value = clipped ? ceiledConsistency(raw.value, bound) : unclipped(raw.value, bound);
  const names = Array.from({ length: raw.samples }, (_, i) => i);
  const units = drawnUnits(raw.sampled ?? 'subjects', names);
  // A clipped draw would say less of a difference.
  const draws = oneFactorDraws(units, names, (drawn) =>
    unclipped(raw.resample(drawn), measured ? measured.resample(drawn) : bound),
  );
  return {
    value: finite(value),
    error: finite(raw.error),
    ...estimated(Number.isFinite(value) ? unclipped(raw.value, bound) : value, draws, {
      bounds: clipped ? [0, 1] : undefined,
    }),
    formula:
      bound === undefined
        ? 'raw'
        : clipped
          ? 'clip(raw/ceiling)'
          : squared
            ? '(raw/ceiling)²'
            : 'raw/ceiling',
    errorOf: 'raw',
    errorKind: raw.errorKind,
    raw: scorePart(raw),
    ceiling: ceilingPart(ceiling),
    warnings: [
      ...raw.warnings,
      ...remarks(classes),
      ...(Number.isFinite(value)
        ? []
        : [{ code: 'not-finite', detail: 'the metric is not defined for these choices' }]),
    ],
  };
}
