import {
  type Form,
  featuresOf,
  inForm,
  type ReducedLayer,
} from '../../activations/reduced-layer.js';
import type { Id } from '../../data/ids.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import type { Trials } from '../../data/trials.js';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { pickRows } from '../../metrics/cross-regressed-correlation.js';
import type { BehaviourMetric } from '../../metrics/dprime.js';
import { requireFinite } from '../../metrics/gram-source.js';
import {
  type BehaviourResult,
  behaviourCeiling,
  behaviourScore,
  ceiledBehaviour,
  type Probabilities,
} from '../../metrics/i1i2.js';
import type { MatchTrials } from '../../metrics/match-trials.js';
import {
  fitReadOut,
  probabilitiesOfProducts,
  readOutProbabilities,
} from '../../metrics/probabilities.js';
import { versionedName } from '../../metrics/table/metric-table.js';
import { selectRows } from '../../numerics/algebra/features.js';
import { matrix } from '../../numerics/algebra/matrix.js';
import { finiteProducts } from '../../numerics/algebra/non-finite.js';
import { mean } from '../../numerics/statistics/statistics.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { readOutLayer } from '../benchmark/layer-role.js';
import { definitionInputs, shownAt } from '../benchmark/shown-stimuli.js';
import { trialColumn } from '../benchmark/trial-column.js';
import { drawnUnits } from '../draws/drawn-units.js';
import { estimated, oneFactorDraws } from '../draws/score-draws.js';
import type { BenchmarkKind } from './benchmark-kind.js';
import { constantLayer } from './constant-layer.js';
import type { Measured, PreparedBenchmark } from './loaded-benchmark.js';
import { ceilingPart, finite, scorePart } from './score.js';

/** Benchmarks of choices after a read-out. */
export const readOutKind: BenchmarkKind = {
  compares: 'trials',
  fits: true,
  async load(benchmark, sources) {
    const test = await sources.stimuli(benchmark.stimuli);
    const trials = await sources.trials(benchmark, test);
    if (!benchmark.fittingStimuli) {
      throw new VentralError(
        'benchmark-invalid',
        `${benchmark.file}: ${benchmark.metric.name} needs fitting_stimuli`,
        { file: benchmark.file, field: '/fitting_stimuli' },
      );
    }
    const fitting = await sources.stimuli(benchmark.fittingStimuli, 'fitting');
    return loadReadOut(benchmark, fitting, test, trials);
  },
};

/**
 * A benchmark of two-alternative match-to-sample choices (Rajalingham2018, spec §4): a read-out fitted
 * on one stimulus set gives the model's choices on another, and their pattern is compared with people's.
 * @throws VentralError `trials-invalid`, `stimuli-mismatch`, `benchmark-invalid`
 */
function loadReadOut(
  benchmark: Benchmark,
  fitting: StimulusSet,
  test: StimulusSet,
  trials: Trials,
): PreparedBenchmark {
  return onTestRows(
    {
      benchmark,
      fitting,
      test,
      labels: labelsOf(benchmark, fitting),
      trials: matchTrials(benchmark, trials, test),
    },
    test.ids.map((_, row) => row),
  );
}

/** Data of a benchmark with choices. */
interface Parts {
  readonly benchmark: Benchmark;
  readonly fitting: StimulusSet;
  readonly test: StimulusSet;
  /** Label of each fitting stimulus. */
  readonly labels: readonly string[];
  readonly trials: MatchTrials;
}

/** The benchmark on some rows of the test set, to which the trials must belong. */
function onTestRows(parts: Parts, rows: readonly number[]): PreparedBenchmark {
  const { benchmark, fitting, test, labels, trials } = parts;
  const name = benchmark.metric.name as BehaviourMetric;
  const { repetitions = 2, seed = 0 } = benchmark.metric;
  const stimulusIds = rows.map((row) => test.ids[row]);
  const form = (units: number) => readOutForm(fitting, units);
  let known: BehaviourResult | number | null | undefined;
  const ceilingOnce = () => {
    known ??= ceilingOf(benchmark, name, trials);
    return known;
  };
  return {
    benchmark,
    shown: [shownAt(benchmark, fitting), shownAt(benchmark, test)],
    layers: readOutLayer,
    stratum: benchmark.crossValidation.stratifyOn ?? 'image_label',
    // A read-out costs seven times as much as a regression.
    seconds: 7e-6 * Math.max(fitting.ids.length, test.ids.length) ** 2,
    chance: 0,
    metric: versionedName(name),
    inputs: {
      ...definitionInputs(benchmark),
      fitting: fitting.ids,
      labels,
      test: stimulusIds,
      trials: { ...trials },
    },
    check() {
      ceilingOnce();
      const chosen = evenChoices(labels, stimulusIds);
      behaviourScore(name, chosen, trials, { repetitions, seed, skipna: false });
    },
    form,
    ceiling: () => ceilingPart(ceilingOnce()),
    async measure(layer) {
      const ceiling = ceilingOnce();
      const { reduced, probabilities: chosen } = await readOutAnswers(layer, parts, rows);
      // The public variant skips cells only in the ceiling (spec §4.4, skipna asymmetry).
      const raw = behaviourScore(name, chosen, trials, { repetitions, seed, skipna: false });
      const why = Number.isFinite(raw.value) ? [] : await constantLayer(reduced);
      const found = measured(raw, ceiling);
      return { ...found, warnings: [...why, ...found.warnings] };
    },
    async measureOutputs(outputs) {
      if (!('probabilities' in outputs)) throw new TypeError('a read-out compares probabilities');
      const options = { repetitions, seed, skipna: false };
      return measured(behaviourScore(name, outputs.probabilities, trials, options), ceilingOnce());
    },
    restrict: (keep) => {
      const left = rows.filter((row) => keep(test.ids[row]));
      const known = new Set(left.map((row) => test.ids[row]));
      return onTestRows({ ...parts, trials: trialsOf(trials, known) }, left);
    },
  };
}

/** The smallest sufficient form of a layer for a read-out that is fitted on some stimuli. */
export const readOutForm = (fitting: StimulusSet, units: number): Form =>
  units > fitting.ids.length ? 'read-out' : 'features';

/**
 * What a read-out of a layer answers for some rows of the test set, and the layer in the form in which it was read.
 * @throws VentralError `activations-not-finite`, `metric-failed`
 */
export async function readOutAnswers(
  layer: ReducedLayer,
  { fitting, test, labels }: Pick<Parts, 'fitting' | 'test' | 'labels'>,
  rows: readonly number[],
): Promise<{ readonly reduced: ReducedLayer; readonly probabilities: Probabilities }> {
  const reduced = await inForm(layer, readOutForm(fitting, layer.units));
  const sound =
    reduced.form === 'read-out' && [reduced.fitting, reduced.cross].every(finiteProducts);
  if (layer.form === 'features' && !sound) {
    await requireFinite({ features: layer.features[0], stimulusIds: fitting.ids });
    await requireFinite({ features: layer.features[1], stimulusIds: test.ids });
  }
  const stimulusIds = rows.map((row) => test.ids[row]);
  return { reduced, probabilities: await probabilitiesOf(reduced, labels, { rows, stimulusIds }) };
}

/** The read-out's answers for some rows of the test set, in the order of `rows`. */
async function probabilitiesOf(
  layer: ReducedLayer,
  labels: readonly string[],
  { rows, stimulusIds }: { readonly rows: readonly number[]; readonly stimulusIds: readonly Id[] },
): Promise<Probabilities> {
  if (layer.form === 'read-out') {
    const { fitting, cross } = layer;
    return probabilitiesOfProducts(
      { fitting, cross: pickRows(cross, rows) },
      { labels, stimulusIds },
    );
  }
  const [fitting, test] = featuresOf(layer);
  const readOut = await fitReadOut({ features: fitting, labels });
  return readOutProbabilities(readOut, { features: selectRows(test, rows), stimulusIds });
}

/** The answers of a model that prefers nothing: what is refused of them is refused of every model's. */
function evenChoices(labels: readonly string[], stimulusIds: readonly Id[]): Probabilities {
  const choices = [...new Set(labels)];
  const values = matrix(stimulusIds.length, choices.length);
  values.data.fill(1 / choices.length);
  return { stimulusIds, choices, values };
}

function ceilingOf(
  benchmark: Benchmark,
  name: BehaviourMetric,
  trials: MatchTrials,
): BehaviourResult | number | null {
  const { repetitions = 2, seed = 0, skipna = false } = benchmark.metric;
  if (benchmark.ceiling.name === 'none') return null;
  if (benchmark.ceiling.name === 'fixed') return benchmark.ceiling.value;
  return behaviourCeiling(name, trials, { repetitions, seed, skipna });
}

/** The trials that show some stimuli, in file order. */
function trialsOf(trials: MatchTrials, stimuli: ReadonlySet<Id>): MatchTrials {
  const left = trials.stimulusIds.flatMap((id, i) => (stimuli.has(id) ? i : []));
  const of = <T>(column: readonly T[]) => left.map((i) => column[i]);
  return {
    stimulusIds: of(trials.stimulusIds),
    sample: of(trials.sample),
    dist: of(trials.dist),
    choice: of(trials.choice),
  };
}

/** Label of each fitting stimulus, its `image_label`. */
export function labelsOf(benchmark: Benchmark, fitting: StimulusSet): string[] {
  const column = fitting.columns.get('image_label');
  if (!column) {
    throw new VentralError(
      'benchmark-invalid',
      `${benchmark.file} fitting_stimuli: the stimuli have no column "image_label"`,
      { file: benchmark.file, field: '/fitting_stimuli' },
    );
  }
  return column.values.map((value, row) => {
    if (value !== null) return String(value);
    throw new VentralError(
      'stimuli-mismatch',
      `${benchmark.file}: fitting stimulus ${quoted(fitting.ids[row])} has no image_label`,
      { file: benchmark.file, field: 'image_label' },
    );
  });
}

function matchTrials(benchmark: Benchmark, trials: Trials, test: StimulusSet): MatchTrials {
  const known = new Map(test.ids.map((id) => [String(id), id]));
  const stimulusIds = trials.stimulusIds.map((id) => {
    const found = known.get(String(id));
    if (found !== undefined) return found;
    throw new VentralError(
      'stimuli-mismatch',
      `${benchmark.file}: the trials name stimulus ${quoted(id)}, which the stimuli lack`,
      { file: benchmark.file, field: 'stimulus_id' },
    );
  });
  return {
    stimulusIds,
    sample: trialColumn(benchmark, trials, 'sample_obj'),
    dist: trialColumn(benchmark, trials, 'dist_obj'),
    choice: trialColumn(benchmark, trials, 'choice'),
  };
}

function measured(raw: BehaviourResult, ceiling: BehaviourResult | number | null): Measured {
  const halves = typeof ceiling === 'object' ? ceiling : null;
  const limits = (images?: readonly number[]) =>
    halves
      ? images
        ? halves.resample(images)
        : halves.splits
      : raw.splits.map(() => ceiling as number);
  const value = ceiling === null ? raw : ceiledBehaviour(raw.splits, limits());
  const objects = new Map(
    raw.imagesByObject.flatMap((images, object) => images.map((image) => [image, object])),
  );
  const units = drawnUnits(
    'images',
    raw.images,
    raw.images.map((_, image) => objects.get(image)),
  );
  const draws = oneFactorDraws(units, raw.images, (images) => {
    const drawn = raw.resample(images);
    return ceiling === null ? mean(drawn) : ceiledBehaviour(drawn, limits(images)).value;
  });
  return {
    value: finite(value.value),
    error: finite(value.error),
    ...estimated(value.value, draws),
    formula: ceiling === null ? 'raw' : 'mean(raw/sqrt(ceiling))',
    errorOf: 'value',
    errorKind: 'std over repetitions',
    raw: scorePart(raw),
    ceiling: ceilingPart(ceiling),
    warnings: [
      ...raw.warnings,
      ...(Number.isFinite(value.value)
        ? []
        : [{ code: 'not-finite', detail: notFinite(raw.value) }]),
    ],
  };
}

const notFinite = (raw: number) =>
  Number.isFinite(raw)
    ? 'a ceiling is not positive'
    : 'the choices of the model do not vary, so that no correlation is defined';
