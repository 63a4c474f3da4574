import { featuresOf } from '../activations/reduced-layer.js';
import { averageRepetitions } from '../data/average-repetitions.js';
import type { Id } from '../data/ids.js';
import type { Recordings } from '../data/recordings.js';
import type { StimulusSet } from '../data/stimulus-set.js';
import { VentralError } from '../errors/ventral-error.js';
import { ceilingRatio, explainedVariance } from '../metrics/ceiling-normalisation.js';
import { benchmarkSplits } from '../metrics/cross-validation.js';
import { internalConsistency } from '../metrics/internal-consistency.js';
import type { MetricResult, Target, Warning } from '../metrics/metric.js';
import { neuralMetrics } from '../metrics/neural-metrics.js';
import type { Benchmark } from './benchmark-file.js';
import {
  drawCounts,
  groupsOf,
  percentileInterval,
  resampledMedian,
  resampleWithin,
} from './confidence.js';
import type { Measured, PreparedBenchmark } from './loaded-benchmark.js';
import { finite, type ScorePart } from './score.js';
import { definitionInputs, shownAt } from './shown-stimuli.js';

/** A ceiling as a benchmark file asks for it: measured from halves, a number, or none. */
type Ceiling = MetricResult | number | null;

/**
 * A benchmark of recordings (spec §1): averaged over repetitions, compared with features by a neural
 * metric, normalised by the ceiling. Throws `recordings-invalid`, `stimuli-mismatch`, `benchmark-invalid`.
 */
export function loadNeural(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  recordings: Recordings,
): PreparedBenchmark {
  const averaged = averageRepetitions(recordings);
  const strata = strataOf(benchmark, stimuli, averaged.stimulusIds);
  const target: Target = {
    stimulusIds: averaged.stimulusIds,
    neuroidIds: averaged.neuroidIds,
    values: averaged.values,
    ...(strata ? { strata } : {}),
  };
  const metric = neuralMetrics[benchmark.metric.name];
  // A CSV of integer ids and a netCDF file of the same ids as text mean the same stimuli.
  const known = new Map(averaged.stimulusIds.map((id) => [String(id), id]));
  const sourceIds = stimuli.ids.map((id) => known.get(String(id)) ?? id);
  let ceiling: Ceiling | undefined;
  return {
    benchmark,
    shown: [shownAt(benchmark, stimuli)],
    reads: 'region',
    metric: `${benchmark.metric.name}@${metric.version}`,
    inputs: {
      ...definitionInputs(benchmark),
      stimuli: stimuli.ids,
      recordings: {
        stimuli: recordings.stimulusIds,
        repetition: recordings.repetition,
        neuroids: recordings.neuroidIds,
        animals: recordings.animals,
        values: recordings.values,
      },
      order: averaged.stimulusIds,
      strata,
    },
    form: () => 'features',
    async measure(layer, options = {}) {
      const [features] = featuresOf(layer);
      ceiling ??= ceilingOf(benchmark, recordings);
      const { crossValidation, metric: choice } = benchmark;
      const source = { stimulusIds: sourceIds, features };
      const raw = await metric.run(source, target, { ...choice, crossValidation });
      const measured = normalised(benchmark, raw, ceiling, animalsOf(recordings));
      return {
        ...measured,
        ...(options.detail ? detail(target, benchmark, measured, raw, ceiling) : {}),
      };
    },
  };
}

function strataOf(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  order: readonly Id[],
): readonly Id[] | undefined {
  const name = benchmark.crossValidation.stratifyOn;
  if (name === undefined) return undefined;
  const column = stimuli.columns.get(name);
  if (!column) {
    throw new VentralError(
      'benchmark-invalid',
      `${benchmark.file} cross_validation.stratify_on: the stimuli have no column "${name}"; they have ${[...stimuli.columns.keys()].join(', ')}`,
      { file: benchmark.file, field: '/cross_validation/stratify_on' },
    );
  }
  const byId = new Map(stimuli.ids.map((id, row) => [String(id), column.values[row]]));
  return order.map((id) => {
    const value = byId.get(String(id));
    if (value !== undefined && value !== null)
      return typeof value === 'boolean' ? Number(value) : value;
    const why = byId.has(String(id)) ? `no ${name}` : 'no row in the stimuli';
    throw new VentralError(
      'stimuli-mismatch',
      `${benchmark.file}: stimulus ${id} of the recordings has ${why}`,
      { file: benchmark.file, field: name },
    );
  });
}

function ceilingOf(benchmark: Benchmark, recordings: Recordings): Ceiling {
  const choice = benchmark.ceiling;
  if (choice.name === 'none' || choice.name === 'metric') return null;
  if (choice.name === 'fixed') return choice.value;
  const repeated = new Set(recordings.repetition ?? []).size > 1;
  if (!repeated && choice.byDefault) return null;
  return internalConsistency(recordings, { splits: choice.splits, seed: choice.seed });
}

const ratios = new Set(['rdm', 'rdm-cv', 'cka', 'cka-cv']);

function animalsOf(recordings: Recordings): ReadonlyMap<Id, string> | undefined {
  const { animals, neuroidIds } = recordings;
  return animals && new Map(neuroidIds.map((id, k) => [id, animals[k]]));
}

function normalised(
  benchmark: Benchmark,
  raw: MetricResult,
  ceiling: Ceiling,
  animals: ReadonlyMap<Id, string> | undefined,
): Measured {
  const ratio = ratios.has(benchmark.metric.name);
  const normalise = ratio ? ceilingRatio : explainedVariance;
  const bound = typeof ceiling === 'number' ? ceiling : (ceiling?.value ?? null);
  const value = bound === null ? raw.value : normalise(raw.value, bound);
  return {
    value: finite(value),
    error: finite(raw.error),
    ci: interval(raw, ceiling, normalise, animals),
    formula: bound === null ? 'raw' : ratio ? 'raw/ceiling' : 'raw^2/ceiling',
    errorOf: 'raw',
    errorKind: raw.errorKind,
    raw: part(raw),
    ceiling:
      ceiling === null
        ? null
        : typeof ceiling === 'number'
          ? { value: ceiling, error: null, splits: [] }
          : part(ceiling),
    warnings: [...raw.warnings, ...remarks(raw, bound, ratio, value)],
  };
}

function remarks(
  raw: MetricResult,
  bound: number | null,
  ratio: boolean,
  value: number,
): Warning[] {
  const found: Warning[] = [];
  if (raw.value < 0 && bound !== null && !ratio) {
    found.push({
      code: 'negative-raw',
      detail: `raw is ${raw.value.toFixed(4)}; squared it gives a positive score, as in the reference`,
    });
  }
  if (!Number.isFinite(value)) {
    found.push({
      code: 'not-finite',
      detail: Number.isFinite(raw.value)
        ? `the ceiling is ${bound}`
        : 'no neuroid has a correlation in some split',
    });
  }
  return found;
}

const part = ({ value, error, splits }: MetricResult): ScorePart => ({
  value: finite(value),
  error: finite(error),
  splits: splits.map(finite),
});

/** Neuroids are resampled within an animal; raw and ceiling see the same draw (design §3). */
function interval(
  raw: MetricResult,
  ceiling: Ceiling,
  normalise: (raw: number, ceiling: number) => number,
  animals: ReadonlyMap<Id, string> | undefined,
): readonly [number, number] | null {
  const { neuroids } = raw;
  if (!neuroids) return null;
  const measured = typeof ceiling === 'object' ? ceiling?.neuroids : undefined;
  if (measured && !sameIds(measured.ids, neuroids.ids)) return null;
  const groups = groupsOf(
    neuroids.ids.length,
    animals && neuroids.ids.map((id) => animals.get(id)),
  );
  const rawMedian = resampledMedian(neuroids.values);
  const ceilingMedian = measured && resampledMedian(measured.values);
  return percentileInterval((random) => {
    const counts = drawCounts(neuroids.ids.length, resampleWithin(groups, random));
    const value = rawMedian(counts);
    if (ceiling === null) return value;
    return normalise(value, ceilingMedian ? ceilingMedian(counts) : (ceiling as number));
  });
}

const sameIds = (a: readonly Id[], b: readonly Id[]) =>
  a.length === b.length && a.every((id, i) => id === b[i]);

function detail(
  target: Target,
  benchmark: Benchmark,
  measured: Measured,
  raw: MetricResult,
  ceiling: Ceiling,
): Partial<Measured> {
  const { stimulusIds, strata } = target;
  const splits = benchmarkSplits(stimulusIds.length, strata, benchmark.crossValidation);
  const ids = (rows: readonly number[]) => rows.map((row) => stimulusIds[row]);
  return {
    raw: { ...measured.raw, ...neuroidRows(raw) },
    ceiling:
      measured.ceiling && typeof ceiling === 'object' && ceiling
        ? { ...measured.ceiling, ...neuroidRows(ceiling) }
        : measured.ceiling,
    splits: splits.map(({ train, test }) => ({ train: ids(train), test: ids(test) })),
  };
}

function neuroidRows({ neuroids }: MetricResult): Pick<ScorePart, 'neuroids' | 'neuroid_ids'> {
  if (!neuroids) return {};
  const { rows, cols, data } = neuroids.values;
  return {
    neuroids: Array.from({ length: rows }, (_, i) =>
      Array.from(data.subarray(i * cols, (i + 1) * cols), finite),
    ),
    neuroid_ids: neuroids.ids,
  };
}
