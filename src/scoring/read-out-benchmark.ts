import { featuresOf } from '../activations/reduced-layer.js';
import type { StimulusSet } from '../data/stimulus-set.js';
import type { Trials } from '../data/trials.js';
import { VentralError } from '../errors/ventral-error.js';
import type { BehaviourMetric } from '../metrics/dprime.js';
import {
  type BehaviourResult,
  behaviourCeiling,
  behaviourScore,
  ceiledBehaviour,
} from '../metrics/i1i2.js';
import type { MatchTrials } from '../metrics/match-trials.js';
import { fitReadOut, readOutProbabilities } from '../metrics/probabilities.js';
import { mean } from '../numerics/statistics.js';
import type { Benchmark } from './benchmark-file.js';
import { percentileInterval, resampleWithin } from './confidence.js';
import type { Measured, PreparedBenchmark } from './loaded-benchmark.js';
import { finite } from './score.js';
import { definitionInputs, shownAt } from './shown-stimuli.js';
import { trialColumn } from './trial-column.js';

/**
 * A benchmark of two-alternative match-to-sample choices (Rajalingham2018, spec §4): a read-out fitted
 * on one stimulus set gives the model's choices on another, and their pattern is compared with people's.
 * Throws `trials-invalid`, `stimuli-mismatch`, `benchmark-invalid`.
 */
export function loadReadOut(
  benchmark: Benchmark,
  fitting: StimulusSet,
  test: StimulusSet,
  trials: Trials,
): PreparedBenchmark {
  const name = benchmark.metric.name as BehaviourMetric;
  const { repetitions = 2, seed = 0, skipna = false } = benchmark.metric;
  const labels = labelsOf(benchmark, fitting);
  const match = matchTrials(benchmark, trials, test);
  let ceiling: BehaviourResult | number | null | undefined;
  return {
    benchmark,
    shown: [shownAt(benchmark, fitting), shownAt(benchmark, test)],
    reads: 'readout',
    metric: `${name}@1`,
    inputs: {
      ...definitionInputs(benchmark),
      fitting: fitting.ids,
      labels,
      test: test.ids,
      trials: { ...match },
    },
    form: () => 'features',
    async measure(layer) {
      const [fittingFeatures, testFeatures] = featuresOf(layer);
      // The public variant leaves cells out in the ceiling alone (spec §4.4, skipna asymmetry).
      ceiling ??=
        benchmark.ceiling.name === 'none'
          ? null
          : benchmark.ceiling.name === 'fixed'
            ? benchmark.ceiling.value
            : behaviourCeiling(name, match, { repetitions, seed, skipna });
      const readOut = await fitReadOut({ features: fittingFeatures, labels });
      const probabilities = await readOutProbabilities(readOut, {
        features: testFeatures,
        stimulusIds: test.ids,
      });
      const raw = behaviourScore(name, probabilities, match, { repetitions, seed, skipna: false });
      return measured(raw, ceiling);
    },
  };
}

function labelsOf(benchmark: Benchmark, fitting: StimulusSet): string[] {
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
      `${benchmark.file}: fitting stimulus ${fitting.ids[row]} has no image_label`,
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
      `${benchmark.file}: the trials name stimulus ${id}, which the stimuli lack`,
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
  const part = (result: BehaviourResult) => ({
    value: finite(result.value),
    error: finite(result.error),
    splits: result.splits.map(finite),
  });
  return {
    value: finite(value.value),
    error: finite(value.error),
    ci: percentileInterval((random) => {
      const images = resampleWithin(raw.imagesByObject, random);
      const drawn = raw.resample(images);
      return ceiling === null ? mean(drawn) : ceiledBehaviour(drawn, limits(images)).value;
    }),
    formula: ceiling === null ? 'raw' : 'mean(raw/sqrt(ceiling))',
    errorOf: 'value',
    errorKind: 'std over repetitions',
    raw: part(raw),
    ceiling:
      typeof ceiling === 'number'
        ? { value: ceiling, error: null, splits: [] }
        : ceiling && part(ceiling),
    warnings: [
      ...raw.warnings,
      ...(Number.isFinite(value.value)
        ? []
        : [{ code: 'not-finite', detail: 'a ceiling is not positive' }]),
    ],
  };
}
