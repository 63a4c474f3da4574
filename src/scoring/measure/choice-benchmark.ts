import { featuresOf } from '../../activations/reduced-layer.js';
import type { Id } from '../../data/ids.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import type { Trials } from '../../data/trials.js';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import {
  type AgreementResult,
  type ChoiceCounts,
  choiceAgreement,
  choiceCeiling,
} from '../../metrics/choice-distribution.js';
import { choiceLabels, coveredOutputs, labelTask } from '../../metrics/label-task.js';
import { versionedName } from '../../metrics/table/metric-table.js';
import { matrix } from '../../numerics/algebra/matrix.js';
import { RandomState } from '../../numerics/random/random-state.js';
import { mean } from '../../numerics/statistics/statistics.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { logitsLayer } from '../benchmark/layer-role.js';
import { definitionInputs, shownAt } from '../benchmark/shown-stimuli.js';
import { trialColumn } from '../benchmark/trial-column.js';
import { drawnUnits } from '../draws/drawn-units.js';
import { estimated, oneFactorDraws } from '../draws/score-draws.js';
import type { BenchmarkKind } from './benchmark-kind.js';
import { classesOf, whole } from './label-benchmark.js';
import type { Measured, PreparedBenchmark } from './loaded-benchmark.js';
import { ceilingPart, finite, scorePart } from './score.js';

/** Benchmarks of how many people chose which class for each image. */
export const choiceKind: BenchmarkKind = {
  compares: 'trials',
  fits: false,
  load: async (benchmark, sources) => {
    const stimuli = await sources.stimuli(benchmark.stimuli);
    return loadChoices(benchmark, stimuli, await sources.trials(benchmark, stimuli));
  },
};

function loadChoices(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  trials: Trials,
): PreparedBenchmark {
  const people = countsOf(benchmark, stimuli, trials);
  const { labels } = people;
  let known: AgreementResult | number | null | undefined;
  const ceilingOnce = () => {
    known ??= ceilingOf(benchmark, people);
    return known;
  };
  return {
    benchmark,
    shown: [shownAt(benchmark, stimuli)],
    layers: logitsLayer(benchmark),
    stratum: undefined,
    seconds: 1e-5 * stimuli.ids.length,
    metric: versionedName(benchmark.metric.name),
    inputs: {
      ...definitionInputs(benchmark),
      stimuli: people.stimulusIds,
      choices: { labels, counts: people.counts.data },
    },
    refuse: (card) => void coveredOutputs(classesOf(benchmark, card, undefined), labels),
    check: () => void ceilingOnce(),
    form: () => 'features',
    ceiling: () => ceilingPart(ceilingOnce()),
    async measure(layer, options = {}) {
      const [features] = featuresOf(layer);
      const classes = classesOf(benchmark, options.card, features);
      const values = await whole(features);
      const { probabilities } = labelTask({ stimulusIds: stimuli.ids, values }, classes, labels);
      const raw = choiceAgreement(probabilities, people);
      return normalised(raw, ceilingOnce(), people.stimulusIds);
    },
  };
}

/** Choices counted by stimulus; `count` says how many people a row stands for, one where it is not there. */
function countsOf(benchmark: Benchmark, stimuli: StimulusSet, trials: Trials): ChoiceCounts {
  const choice = trialColumn(benchmark, trials, 'choice');
  const counted = trials.columns.get('count');
  const made = choice.map((label) => label !== '' && label.toLowerCase() !== 'na');
  const labels = choiceLabels(choice.filter((_, i) => made[i]));
  const rowOf = new Map(stimuli.ids.map((id, row) => [String(id), row]));
  const columnOf = new Map(labels.map((label, col) => [label, col]));
  const counts = matrix(stimuli.ids.length, labels.length);
  const invalid = (field: string, detail: string) =>
    new VentralError(
      field === 'count' ? 'trials-invalid' : 'stimuli-mismatch',
      `${benchmark.file}: ${detail}`,
      { file: benchmark.file, field },
    );
  choice.forEach((label, i) => {
    const row = rowOf.get(String(trials.stimulusIds[i]));
    if (row === undefined)
      throw invalid(
        'stimulus_id',
        `the trials name stimulus ${quoted(trials.stimulusIds[i])}, which the stimuli lack`,
      );
    const people = counted === undefined ? 1 : Number(counted[i]);
    if (!(Number.isInteger(people) && people >= 0 && people <= 1e6))
      throw invalid('count', `count: a number of people expected, ${quoted(counted?.[i])} found`);
    if (made[i]) counts.data[row * labels.length + (columnOf.get(label) as number)] += people;
  });
  const empty = stimuli.ids.findIndex(
    (_, row) => !counts.data.subarray(row * labels.length, (row + 1) * labels.length).some(Boolean),
  );
  if (empty >= 0)
    throw invalid('stimulus_id', `nobody chose a class for stimulus ${quoted(stimuli.ids[empty])}`);
  return { stimulusIds: stimuli.ids, labels, counts };
}

function ceilingOf(
  { ceiling, metric }: Benchmark,
  people: ChoiceCounts,
): AgreementResult | number | null {
  if (ceiling.name === 'none') return null;
  if (ceiling.name === 'fixed') return ceiling.value;
  const { repetitions = 10, seed = 0 } = metric;
  return choiceCeiling(people, repetitions, new RandomState(seed));
}

function normalised(
  raw: AgreementResult,
  ceiling: AgreementResult | number | null,
  stimulusIds: readonly Id[],
): Measured {
  const measured = typeof ceiling === 'object' ? (ceiling ?? undefined) : undefined;
  const bound = typeof ceiling === 'number' ? ceiling : (measured?.value ?? 1);
  const draws = oneFactorDraws(drawnUnits('images', stimulusIds), stimulusIds, (drawn) => {
    const of = (values: Float64Array) => mean(drawn.map((row) => values[row]));
    return of(raw.byStimulus) / (measured ? of(measured.byStimulus) : bound);
  });
  const value = raw.value / bound;
  return {
    value: finite(value),
    error: finite(raw.error),
    ...estimated(value, draws),
    formula: ceiling === null ? 'raw' : 'raw/ceiling',
    errorOf: 'raw',
    errorKind: raw.errorKind,
    raw: scorePart(raw),
    ceiling: ceilingPart(ceiling),
    warnings: raw.warnings,
  };
}
