import { featuresOf } from '../../activations/reduced-layer.js';
import type { Id } from '../../data/ids.js';
import type { SubjectRdms } from '../../data/rdms/read-rdms.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { requireSameStimuli } from '../../metrics/cross-validation.js';
import { requireFinite } from '../../metrics/gram-source.js';
import type { MetricResult } from '../../metrics/metric.js';
import {
  aboveDiagonal,
  dissimilarities,
  leaveOneOut,
  meanOf,
  niliUpper,
  type RdmComparison,
  type RdmSimilarity,
  rdmSimilarity,
} from '../../metrics/rdm.js';
import { versionedName } from '../../metrics/table/metric-table.js';
import { type Features, selectRows } from '../../numerics/algebra/features.js';
import { responsiveColumns } from '../../numerics/statistics/responsive-columns.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { regionLayer } from '../benchmark/layer-role.js';
import { definitionInputs, shownAt } from '../benchmark/shown-stimuli.js';
import { estimated } from '../draws/score-draws.js';
import type { BenchmarkKind } from './benchmark-kind.js';
import { constantLayer } from './constant-layer.js';
import type { Measured, PreparedBenchmark } from './loaded-benchmark.js';
import { rdmScoreDraws, type SimilarityBound } from './rdm-score-draws.js';
import { ceilingPart, finite, scorePart } from './score.js';

/** Benchmarks of dissimilarities that are given as data: one matrix, or one a subject. */
export const rdmKind: BenchmarkKind = {
  compares: 'rdms',
  fits: false,
  options: ['per', 'squared', 'correlation', 'responsive', 'normalisation'],
  load: async (benchmark, sources) => {
    const stimuli = await sources.stimuli(benchmark.stimuli);
    return loadRdms(benchmark, stimuli, await sources.rdms(benchmark, stimuli));
  },
};

function loadRdms(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  rdms: SubjectRdms,
): PreparedBenchmark {
  requireSameStimuli(stimuli.ids, rdms.stimulusIds);
  return onRdms(benchmark, stimuli, rdms);
}

/** The benchmark on the stimuli that some dissimilarities are of. */
function onRdms(benchmark: Benchmark, stimuli: StimulusSet, rdms: SubjectRdms): PreparedBenchmark {
  const rowOf = new Map(stimuli.ids.map((id, row) => [id, row]));
  const rows = rdms.stimulusIds.map((id) => rowOf.get(id) as number);
  const { per, squared = false, correlation, responsive: above } = benchmark.metric;
  const comparison: RdmComparison = {
    perSubject: per === 'subject',
    squared,
    ...present({ correlation }),
  };
  const bound = boundOf(benchmark, rdms, comparison);
  return {
    benchmark,
    shown: [shownAt(benchmark, stimuli)],
    layers: regionLayer(benchmark),
    stratum: undefined,
    seconds: 1e-6 * rows.length ** 2,
    metric: versionedName(benchmark.metric.name),
    inputs: {
      ...definitionInputs(benchmark),
      rdms: { stimuli: rdms.stimulusIds, subjects: rdms.subjects, pairs: rdms.pairs },
    },
    form: () => 'features',
    ceiling: () => ceilingPart(bound?.part ?? null),
    async measure(layer) {
      const features = selectRows(featuresOf(layer)[0], rows);
      await requireFinite({ features, stimulusIds: rdms.stimulusIds });
      const units = above === undefined ? features : await responsive(features, above);
      const model = aboveDiagonal(await dissimilarities(units));
      const raw = { ...rdmSimilarity(model, rdms.pairs, comparison), model };
      const measured = normalised(raw, bound, { benchmark, rdms, comparison });
      const why = Number.isFinite(raw.value) ? [] : await constantLayer(layer);
      return { ...measured, warnings: [...why, ...measured.warnings] };
    },
    restrict: (keep) => onRdms(benchmark, stimuli, restricted(rdms, keep)),
  };
}

/** @throws VentralError `units-too-few` where no unit is left */
async function responsive(features: Features, above: number): Promise<Features> {
  const units = await responsiveColumns(features, above);
  if (units.cols > 0) return units;
  throw new VentralError(
    'units-too-few',
    `none of ${features.cols} units has a mean response of more than ${above} standard deviations`,
    { field: 'metric.responsive', expected: 'a unit at least', found: 'none' },
  );
}

function restricted(rdms: SubjectRdms, keep: (stimulus: Id) => boolean): SubjectRdms {
  const { stimulusIds, subjects, pairs } = rdms;
  const kept = stimulusIds.map(keep);
  const chosen: number[] = [];
  let at = 0;
  for (let i = 0; i < kept.length; i++) {
    for (let j = i + 1; j < kept.length; j++, at++) if (kept[i] && kept[j]) chosen.push(at);
  }
  return {
    stimulusIds: stimulusIds.filter((_, i) => kept[i]),
    subjects,
    pairs: pairs.map((vector) => Float64Array.from(chosen, (pair) => vector[pair])),
  };
}

interface Bound extends SimilarityBound {
  readonly part: MetricResult | number;
}

function boundOf(
  { ceiling, file }: Benchmark,
  { pairs }: SubjectRdms,
  comparison: RdmComparison,
): Bound | undefined {
  if (ceiling.name === 'fixed') return { value: ceiling.value, part: ceiling.value };
  if (ceiling.name === 'leave-one-out') {
    if (pairs.length < 2) throw oneSubject(file);
    const others = leaveOneOut(pairs, comparison);
    const against = pairs.map((own) => meanOf(pairs.filter((other) => other !== own)));
    return { value: others.value, measured: { ...others, against }, part: single(others.value) };
  }
  if (ceiling.name !== 'nili-upper') return undefined;
  const upper = niliUpper(pairs, comparison.squared, comparison.correlation);
  const all = meanOf(pairs);
  const against = pairs.map(() => all);
  return { value: upper.value, measured: { ...upper, against }, part: single(upper.value) };
}

const oneSubject = (file: string) =>
  new VentralError(
    'benchmark-invalid',
    `${file} ceiling: leave-one-out needs at least two subjects, found 1`,
    { file, field: '/ceiling', expected: 'two subjects', found: '1' },
  );

/** One comparison over all stimuli: the reference has no error for it. */
const single = (value: number): MetricResult => ({
  value,
  error: 0,
  errorKind: 'none',
  splits: [value],
  warnings: [],
});

/** What a model is compared with, and how. */
interface Compared {
  readonly benchmark: Benchmark;
  readonly rdms: SubjectRdms;
  readonly comparison: RdmComparison;
}

function normalised(
  raw: RdmSimilarity & { readonly model: Float64Array },
  bound: Bound | undefined,
  { benchmark: { metric, clip }, ...compared }: Compared,
): Measured {
  const squared = metric.normalisation === 'ratio-squared';
  const unclipped = (ratio: number) => (bound !== undefined && squared ? ratio ** 2 : ratio);
  const clipped = clip === 'bounded' && bound !== undefined;
  const formula = squared ? '(raw/ceiling)²' : 'raw/ceiling';
  // The interval is that of the whole value, and clipped after.
  const whole = unclipped(bound === undefined ? raw.value : raw.value / bound.value);
  const value = clipped ? Math.min(1, Math.max(0, whole)) : whole;
  return {
    value: finite(value),
    error: 0,
    ...estimated(whole, rdmScoreDraws({ ...raw, ...compared, bound }, unclipped), {
      bounds: clipped ? [0, 1] : undefined,
    }),
    formula: bound === undefined ? 'raw' : clipped ? `clip(${formula})` : formula,
    errorOf: 'raw',
    errorKind: 'none',
    raw: scorePart(single(raw.value)),
    ceiling: ceilingPart(bound?.part ?? null),
    warnings: Number.isFinite(value)
      ? []
      : [{ code: 'not-finite', detail: 'the dissimilarities of the layer do not vary' }],
  };
}
