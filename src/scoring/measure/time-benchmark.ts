import {
  type Form,
  featuresOf,
  inForm,
  type ReducedLayer,
} from '../../activations/reduced-layer.js';
import type { Id } from '../../data/ids.js';
import type { TimeBin } from '../../data/rebin.js';
import type { Recordings } from '../../data/recordings.js';
import { selectPresentations } from '../../data/select-presentations.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { overSplits } from '../../metrics/aggregate.js';
import { explainedVariance } from '../../metrics/ceiling-normalisation.js';
import { targetSplits } from '../../metrics/cross-validation.js';
import type { MetricOptions, MetricResult, NeuralMetric, Regress } from '../../metrics/metric.js';
import { neuralMetric, versionedName } from '../../metrics/table/metric-table.js';
import { type BinResult, poolBins } from '../../metrics/time/pool-bins.js';
import {
  acrossTime,
  binByBin,
  correlationOverTime,
  penaltyAcrossTime,
  type TimedRegress,
  type TimedTarget,
} from '../../metrics/time/time-regression.js';
import { denseFeatures, selectRows } from '../../numerics/algebra/features.js';
import { submatrix } from '../../numerics/algebra/matrix.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { regionLayer } from '../benchmark/layer-role.js';
import { definitionInputs, shownAt } from '../benchmark/shown-stimuli.js';
import { recordingsOfBin } from '../recorded/bins-of-time.js';
import { keepNeuroids } from '../recorded/keep-neuroids.js';
import type { BenchmarkKind } from './benchmark-kind.js';
import { constantLayer } from './constant-layer.js';
import { dropIncomplete } from './drop-incomplete.js';
import type { Measured, MeasureOptions, PreparedBenchmark } from './loaded-benchmark.js';
import {
  type ComparedRows,
  INNER_SPLITS,
  innerValues,
  type NestedLayer,
  orReason,
  rowsOfPart,
  type SplitPart,
} from './nested.js';
import { ceilingInputs, recordingInputs, targetOf } from './neural-benchmark.js';
import {
  boundOf,
  type Ceiling,
  ceilingsOverTime,
  isRepeated,
  pooledCeiling,
  prepareCeiling,
} from './neural-ceiling.js';
import { neuralRemarks } from './neural-remarks.js';
import { scoreParts } from './parts.js';
import { noticesOn, requireComparable } from './require-comparable.js';
import { ceilingPart, type Dropped, finite, scorePart } from './score.js';
import { steppedRegress, stepsOfBins } from './stepped-time.js';

/** Benchmarks of recordings in bins of time (spec §1.12): a correlation and a ceiling a bin, from features without time. */
export const timeKind: BenchmarkKind = {
  compares: 'recordings',
  fits: false,
  load: async (benchmark, sources) => {
    const stimuli = await sources.stimuli(benchmark.stimuli);
    const passing = keepNeuroids(benchmark, await sources.recordings(benchmark, stimuli));
    const { rows, dropped, recordings } = dropIncomplete(benchmark, stimuli, passing);
    for (const bin of (recordings.timeBins ?? []).keys())
      await prepareCeiling(sources.cache, benchmark, recordingsOfBin(recordings, bin));
    return onRows({ benchmark, stimuli, recordings, dropped }, rows);
  },
};

interface Parts {
  readonly benchmark: Benchmark;
  readonly stimuli: StimulusSet;
  readonly recordings: Recordings;
  readonly dropped: Dropped | undefined;
}

/** The benchmark on some rows of the stimuli, to which the recordings must belong. */
function onRows(parts: Parts, rows: readonly number[]): PreparedBenchmark {
  const { benchmark, stimuli, recordings, dropped } = parts;
  const { timeBins = [] } = recordings;
  const metric = neuralMetric(benchmark.metric.name);
  const target: TimedTarget = {
    ...targetOf(benchmark, stimuli, recordings),
    bins: timeBins.length,
  };
  // A CSV of integer ids and a netCDF file of the same ids as text mean the same stimuli.
  const known = new Map(target.stimulusIds.map((id) => [String(id), id]));
  const ids = rows.map((row) => known.get(String(stimuli.ids[row])) ?? stimuli.ids[row]);
  const form = (units: number): Form =>
    metric.regression?.ofGram && units > stimuli.ids.length ? 'gram' : 'features';
  let measuredOnce: readonly Ceiling[] | undefined;
  const ceilings = () => {
    measuredOnce ??= ceilingsOverTime(benchmark, recordings);
    return measuredOnce;
  };
  const fits = benchmark.metric.across ? 1 : timeBins.length;
  const together = (raw: readonly MetricResult[]) =>
    overTime(timeBins, raw, ceilings(), benchmark.timeStep?.unit ?? 'ms');
  const compared = async (
    layer: ReducedLayer,
    timed: TimedRegress,
    { detail, nested }: MeasureOptions,
    within?: (raw: readonly MetricResult[]) => Promise<NestedLayer>,
  ) => {
    const raw = await correlationOverTime(ids, target, benchmark.crossValidation, timed);
    const measured = together(raw);
    const why = measured.raw.value === null ? await constantLayer(layer) : [];
    return {
      ...measured,
      warnings: [...why, ...measured.warnings],
      ...(detail ? { splits: splitIds(target, benchmark) } : {}),
      ...(nested && within ? { nested: await orReason(() => within(raw)) } : {}),
    };
  };
  return {
    benchmark,
    shown: [shownAt(benchmark, stimuli)],
    layers: regionLayer(benchmark),
    stratum: benchmark.crossValidation.stratifyOn,
    group: benchmark.crossValidation.groupBy,
    seconds: 1e-6 * fits * stimuli.ids.length ** 2,
    metric: versionedName(benchmark.metric.name),
    inputs: {
      ...definitionInputs(benchmark),
      stimuli: rows.map((row) => stimuli.ids[row]),
      ...recordingInputs(recordings, target),
      ...ceilingInputs(recordings),
      timeBins: timeBins.map((bin) => [...bin]),
    },
    notices: () => noticesOn(benchmark, metric, target, isRepeated(recordings)),
    dropped,
    check() {
      requireComparable(benchmark, metric, ids, target);
      ceilings();
    },
    form,
    ceiling: () => pooledCeiling(ceilings()),
    nesting: { work: INNER_SPLITS, score: async (splits) => together(ofSplits(splits)) },
    async measure(layer, options = {}) {
      const reduced = await inForm(layer, form(layer.units));
      const { metric: chosen } = benchmark;
      const { across } = chosen;
      const one = across ? { ...chosen, ...penaltyOf(chosen, timeBins.length) } : chosen;
      const timed = async ({ rows: own, stimulusIds }: ComparedRows) => {
        const regress = await regressionOn(metric, reduced, { rows: own, ids: stimulusIds }, one);
        return across ? acrossTime(regress) : binByBin([regress]);
      };
      const all = { rows, stimulusIds: ids };
      const within = async (raw: readonly MetricResult[]): Promise<NestedLayer> => {
        const inner = await innerValues(
          target,
          benchmark.crossValidation,
          async (part, divided) => {
            const some = rowsOfPart(all, part);
            const regress = await timed(some);
            const found = await correlationOverTime(some.stimulusIds, part, divided, regress);
            return together(found).value ?? Number.NaN;
          },
        );
        return { inner, splits: splitsOf(raw) };
      };
      return compared(reduced, await timed(all), options, within);
    },
    async measureSteps(layers, steps, options = {}) {
      const { metric: chosen, timeStep } = benchmark;
      const unit = timeStep?.unit === 's' ? 1000 : 1;
      const timed = await steppedRegress(featuresOf(layers)[0], steps.length, {
        stepOf: stepsOfBins(timeBins, steps, unit),
        across: chosen.across !== undefined,
        rows,
        form: (units, count) => (metric.regression?.ofGram && units > count ? 'gram' : 'features'),
        regress: (layer, own) => {
          const each = own.length / ids.length;
          const named = own.map((_, i) => ids[Math.floor(i / each)]);
          return regressionOn(metric, layer, { rows: own, ids: named }, chosen);
        },
      });
      return compared(layers, timed, options);
    },
    restrict: (keep) => {
      const left = rows.filter((row) => keep(stimuli.ids[row]));
      const names = new Set(left.map((row) => String(stimuli.ids[row])));
      const some = selectPresentations(recordings, (id) => names.has(String(id)));
      return onRows({ ...parts, recordings: some }, left);
    },
  };
}

/** What a layer gives in each split: a value a bin. */
const splitsOf = (raw: readonly MetricResult[]): SplitPart[] =>
  raw[0].splits.map((_, split) => ({ values: raw.map(({ splits }) => splits[split]), draws: [] }));

/** The bins of splits that each have a layer of their own. */
const ofSplits = (splits: readonly SplitPart[]): MetricResult[] =>
  (splits[0]?.values ?? []).map((_, bin) => ({
    ...overSplits(splits.map(({ values }) => values[bin])),
    warnings: [],
  }));

/** A ridge penalty counts once for the rows of all bins; regressions without one are the same either way. */
const penaltyOf = ({ alpha }: MetricOptions, bins: number): MetricOptions =>
  alpha === undefined ? {} : { alpha: penaltyAcrossTime(alpha, bins) };

async function regressionOn(
  { regression }: NeuralMetric,
  layer: ReducedLayer,
  { rows, ids }: { readonly rows: readonly number[]; readonly ids: readonly Id[] },
  options: MetricOptions,
): Promise<Regress> {
  if (!regression) throw new RangeError('a benchmark in time needs a regression');
  if (layer.form === 'gram' && regression.ofGram) {
    const { units, gram } = layer;
    return regression.ofGram(
      { stimulusIds: ids, units, gram: submatrix(gram, rows, rows) },
      options,
    );
  }
  const features = selectRows(featuresOf(layer)[0], rows);
  const { cols } = features;
  // The reference repeats features over bins, which makes them float64.
  const values = Float64Array.from(await features.columns(0, cols));
  return regression.of(
    { stimulusIds: ids, features: denseFeatures(rows.length, cols, values) },
    options,
  );
}

/** The score of all bins, with what each bin scored. */
function overTime(
  timeBins: readonly TimeBin[],
  raw: readonly MetricResult[],
  ceilings: readonly Ceiling[],
  unit: string,
): Measured {
  const bounds = ceilings.map(boundOf);
  const none = bounds.some((bound) => bound === null);
  const pooled = poolBins(raw, none ? null : (ceilings as readonly (BinResult | number)[]));
  const bound = pooled.ceiling?.value ?? null;
  const parts = timeBins.map(([start, end], bin) => {
    const { value, error } = raw[bin];
    const own = bounds[bin];
    return {
      name: `${edge(start)} to ${edge(end)} ${unit}`,
      raw: value,
      ceiling: own,
      value: own === null ? value : explainedVariance(value, own),
      error,
    };
  });
  const left = timeBins.length - pooled.counted.length;
  const uncounted = {
    code: 'time-bins-uncounted',
    detail: `${left} of ${timeBins.length} bins have no ${none ? '' : 'positive ceiling or no '}correlation and do not count`,
  };
  return {
    value: finite(pooled.value),
    error: finite(pooled.raw.error),
    ci: null,
    formula: none ? 'mean(raw)' : 'sum(raw^2)/sum(ceiling)',
    errorOf: 'raw',
    errorKind: 'sem over splits',
    raw: scorePart(pooled.raw),
    ceiling: pooled.ceiling && ceilingPart(pooled.ceiling),
    parts: scoreParts('time_bin', parts),
    warnings: [
      ...raw[0].warnings,
      ...(left > 0 ? [uncounted] : []),
      ...neuralRemarks({ raw: pooled.raw.value, bound, value: pooled.value }, true),
    ],
  };
}

/** An edge without the noise of fractions of seconds. */
const edge = (value: number) => Number(value.toPrecision(10));

function splitIds(target: TimedTarget, { crossValidation }: Benchmark): Measured['splits'] {
  const ids = (rows: readonly number[]) => rows.map((row) => target.stimulusIds[row]);
  return targetSplits(target, crossValidation).map(({ train, test }) => ({
    train: ids(train),
    test: ids(test),
  }));
}
