import {
  type Form,
  featuresOf,
  inForm,
  type ReducedLayer,
} from '../../activations/reduced-layer.js';
import type { Id } from '../../data/ids.js';
import type { Recordings } from '../../data/recordings.js';
import { selectPresentations } from '../../data/select-presentations.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { quoted, quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Digestible } from '../../formats/digest.js';
import { present } from '../../formats/present.js';
import { overSplits } from '../../metrics/aggregate.js';
import { targetSplits } from '../../metrics/cross-validation.js';
import { requireFinite } from '../../metrics/gram-source.js';
import type { MetricResult, NeuralMetric, NeuralOptions, Target } from '../../metrics/metric.js';
import { neuralMetric, versionedName } from '../../metrics/table/metric-table.js';
import { denseFeatures, type Features, selectRows } from '../../numerics/algebra/features.js';
import { submatrix } from '../../numerics/algebra/matrix.js';
import { finiteProducts } from '../../numerics/algebra/non-finite.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { regionLayer } from '../benchmark/layer-role.js';
import { definitionInputs, shownAt } from '../benchmark/shown-stimuli.js';
import { estimated, type ScoreDraws } from '../draws/score-draws.js';
import { averaged } from '../recorded/averaged.js';
import { keepNeuroids } from '../recorded/keep-neuroids.js';
import type { BenchmarkKind } from './benchmark-kind.js';
import { constantLayer } from './constant-layer.js';
import { dropIncomplete } from './drop-incomplete.js';
import type { Measured, Nesting, PreparedBenchmark } from './loaded-benchmark.js';
import {
  INNER_SPLITS,
  innerValues,
  type NestedLayer,
  orReason,
  rowsOfPart,
  type SplitPart,
} from './nested.js';
import { boundOf, type Ceiling, ceilingOf, isRepeated, prepareCeiling } from './neural-ceiling.js';
import {
  ceilingDraws,
  DrawnSplits,
  nestedDraws,
  normaliserOf,
  type RecordedUnits,
  recordedUnits,
  scoreDraws,
  splitParts,
} from './neural-draws.js';
import { neuralRemarks, neuroidRows } from './neural-remarks.js';
import { noticesOn, requireComparable } from './require-comparable.js';
import { ceilingPart, type Dropped, finite, scorePart } from './score.js';

/** Benchmarks of recordings. */
export const neuralKind: BenchmarkKind = {
  compares: 'recordings',
  fits: false,
  load: async (benchmark, sources) => {
    const stimuli = await sources.stimuli(benchmark.stimuli);
    const recordings = await sources.recordings(benchmark, stimuli);
    const { parts, rows } = partsOf(benchmark, stimuli, recordings);
    await prepareCeiling(sources.cache, benchmark, parts.recordings);
    return onRows(parts, rows);
  },
};

/**
 * A benchmark of recordings (spec §1): averaged over repetitions, compared with features by a neural
 * metric, normalised by the ceiling.
 * @throws VentralError `recordings-invalid`, `stimuli-mismatch`, `benchmark-invalid`
 */
function partsOf(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  recordings: Recordings,
): { readonly parts: Parts; readonly rows: readonly number[] } {
  const metric = neuralMetric(benchmark.metric.name);
  const passing = keepNeuroids(benchmark, recordings);
  const { rows, dropped, recordings: kept } = dropIncomplete(benchmark, stimuli, passing);
  return { parts: { benchmark, metric, stimuli, recordings: kept, dropped }, rows };
}

/** Data of a benchmark with recordings. */
interface Parts {
  readonly benchmark: Benchmark;
  readonly metric: NeuralMetric;
  readonly stimuli: StimulusSet;
  readonly recordings: Recordings;
  readonly dropped?: Dropped | undefined;
}

/** The benchmark on some rows of the stimuli, to which the recordings must belong. */
function onRows(parts: Parts, rows: readonly number[]): PreparedBenchmark {
  const { benchmark, metric, stimuli, recordings, dropped } = parts;
  const target = targetOf(benchmark, stimuli, recordings);
  // A CSV of integer ids and a netCDF file of the same ids as text mean the same stimuli.
  const known = new Map(target.stimulusIds.map((id) => [String(id), id]));
  const compared = {
    rows,
    stimulusIds: rows.map((row) => known.get(String(stimuli.ids[row])) ?? stimuli.ids[row]),
  };
  const form = (units: number): Form =>
    metric.ofGram && units > stimuli.ids.length ? 'gram' : 'features';
  let measuredOnce: Ceiling | undefined;
  const ceilingOnce = () => {
    measuredOnce ??= ceilingOf(benchmark, recordings);
    return measuredOnce;
  };
  let units: RecordedUnits | undefined;
  let ceilingDrawn: ReturnType<typeof ceilingDraws> | undefined;
  const ceilingOver = () => {
    const { neuroids, images } = units as RecordedUnits;
    ceilingDrawn ??= ceilingDraws(benchmark, recordings, ceilingOnce(), [neuroids, images]);
    return ceilingDrawn;
  };
  const within = async (
    layer: ReducedLayer,
    splits: readonly SplitPart[],
  ): Promise<NestedLayer> => {
    const { crossValidation, metric: choice } = benchmark;
    const bound = boundOf(ceilingOnce());
    const inner = await innerValues(target, crossValidation, async (part, divided) => {
      const { value } = await compare(metric, layer, rowsOfPart(compared, part), part, {
        ...{ ...choice, crossValidation: divided },
      });
      return bound === null ? value : normaliserOf(metric)(value, bound);
    });
    return { inner, splits };
  };
  const nesting: Nesting = {
    work: INNER_SPLITS,
    async score(splits) {
      const ceiling = ceilingOnce();
      units ??= recordedUnits(recordings, target);
      const raw = { ...overSplits(splits.map(({ values }) => values[0])), warnings: [] };
      const draws = await nestedDraws(metric, splits, ceiling, { units, ceilingOver });
      return normalised(metric, raw, ceiling, { draws, animals: units.animals });
    },
  };
  return {
    benchmark,
    ...(metric.whole ? {} : { nesting }),
    shown: [shownAt(benchmark, stimuli)],
    layers: regionLayer(benchmark),
    stratum: benchmark.crossValidation.stratifyOn,
    group: benchmark.crossValidation.groupBy,
    // 0.1 s at 315 stimuli, 10 s at 3,200.
    seconds: 1e-6 * stimuli.ids.length ** 2,
    ...present({ chance: metric.perNeuroid ? 0 : undefined }),
    metric: versionedName(benchmark.metric.name),
    inputs: {
      ...definitionInputs(benchmark),
      stimuli: rows.map((row) => stimuli.ids[row]),
      ...recordingInputs(recordings, target),
      ...ceilingInputs(recordings),
    },
    notices: () => noticesOn(benchmark, metric, target, isRepeated(recordings)),
    dropped,
    check() {
      requireComparable(benchmark, metric, compared.stimulusIds, target);
      ceilingOnce();
    },
    form,
    ceiling: () => ceilingPart(ceilingOnce()),
    ownFeatures: () => ownFeatures(benchmark, stimuli, target),
    async measure(layer, options = {}) {
      const ceiling = ceilingOnce();
      const { crossValidation, metric: choice } = benchmark;
      const reduced = await inForm(layer, form(layer.units));
      if (layer.form === 'features' && reduced.form === 'gram' && !finiteProducts(reduced.gram))
        await requireFinite({ features: layer.features[0], stimulusIds: stimuli.ids });
      units ??= recordedUnits(recordings, target);
      const own = units;
      const { animals } = own;
      const splits = new DrawnSplits(own);
      const raw = await compare(metric, reduced, compared, target, {
        ...{ ...choice, crossValidation },
        ...(metric.perNeuroid && !options.undrawn
          ? { predicted: async (split) => splits.add(split) }
          : {}),
      });
      const draws = options.undrawn
        ? undefined
        : await scoreDraws(metric, raw, ceiling, { units: own, splits, ceilingOver });
      const { draws: kept, ...measured } = normalised(metric, raw, ceiling, { draws, animals });
      const why = Number.isFinite(raw.value) ? [] : await constantLayer(reduced);
      return {
        ...measured,
        warnings: [...why, ...measured.warnings],
        // Units of a layer are drawn for that layer alone.
        ...(kept && metric.perNeuroid ? { draws: kept } : {}),
        ...(options.nested && !metric.whole
          ? {
              nested: await orReason(async () =>
                within(reduced, await splitParts(metric, raw, splits, own)),
              ),
            }
          : {}),
        ...(options.detail ? detail(target, benchmark, measured, raw, ceiling) : {}),
      };
    },
    restrict: (keep) => {
      const left = rows.filter((row) => keep(stimuli.ids[row]));
      const names = new Set(left.map((row) => String(stimuli.ids[row])));
      const some = selectPresentations(recordings, (id) => names.has(String(id)));
      return onRows({ ...parts, recordings: some }, left);
    },
  };
}

/** What of the recordings decides the number: as they are, and the order and classes that splits go by. */
export function recordingInputs(
  { stimulusIds, repetition, neuroidIds, animals, values }: Recordings,
  target: Target,
): { readonly [key: string]: Digestible } {
  return {
    recordings: { stimuli: stimulusIds, repetition, neuroids: neuroidIds, animals, values },
    order: target.stimulusIds,
    strata: target.strata,
    // Digests of benchmarks without groups stay what they were.
    ...present({ groups: target.groups }),
  };
}

/** Numbers of neuroids that the ceiling is made of, and that a digest without them stays what it was. */
export const ceilingInputs = ({
  neuroidCoords,
}: Pick<Recordings, 'neuroidCoords'>): { readonly [key: string]: Digestible } =>
  neuroidCoords && neuroidCoords.size > 0
    ? { coordinates: [...neuroidCoords].map(([name, { values }]) => [name, values]) }
    : {};

/** The metric on some rows of a layer, which `stimulusIds` name. */
async function compare(
  metric: NeuralMetric,
  layer: ReducedLayer,
  { rows, stimulusIds }: { readonly rows: readonly number[]; readonly stimulusIds: readonly Id[] },
  target: Target,
  options: NeuralOptions,
): Promise<MetricResult> {
  if (layer.form === 'gram' && metric.ofGram) {
    const { units, gram } = layer;
    const picked = rows.length === gram.rows ? gram : submatrix(gram, rows, rows);
    return metric.ofGram({ stimulusIds, units, gram: picked }, target, options);
  }
  const [features] = featuresOf(layer);
  const picked = rows.length === features.rows ? features : selectRows(features, rows);
  return metric.run({ stimulusIds, features: picked }, target, options);
}

/** The recordings as they are compared: averaged, with the classes that splits go by. */
export function targetOf(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  recordings: Recordings,
): Target {
  const { stimulusIds, neuroidIds, values } = averaged(benchmark, recordings);
  const { stratifyOn, groupBy } = benchmark.crossValidation;
  const of = (key: string, name: string | undefined) =>
    name === undefined ? undefined : classesOf({ key, name }, benchmark, stimuli, stimulusIds);
  const classes = { strata: of('stratify_on', stratifyOn), groups: of('group_by', groupBy) };
  return { stimulusIds, neuroidIds, values, ...present(classes) };
}

/** The value of a column of the stimuli, which `key` of `cross_validation` names, for each averaged presentation. */
function classesOf(
  { key, name }: { readonly key: string; readonly name: string },
  benchmark: Benchmark,
  stimuli: StimulusSet,
  order: readonly Id[],
): readonly Id[] {
  const column = stimuli.columns.get(name);
  if (!column) {
    throw new VentralError(
      'benchmark-invalid',
      `${benchmark.file} cross_validation.${key}: the stimuli have no column "${name}"; they have ${quotedList(stimuli.columns.keys())}`,
      { file: benchmark.file, field: `/cross_validation/${key}` },
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
      `${benchmark.file}: stimulus ${quoted(id)} of the recordings has ${why}`,
      { file: benchmark.file, field: name },
    );
  });
}

/** The averaged recordings in the order of the stimuli: a model that is the brain itself. */
function ownFeatures(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  { stimulusIds, values }: Target,
): Features {
  const rows = new Map(stimulusIds.map((id, row) => [String(id), row]));
  const order = stimuli.ids.map((id) => {
    const row = rows.get(String(id));
    if (row !== undefined) return row;
    throw new VentralError(
      'stimuli-mismatch',
      `${benchmark.file}: stimulus ${quoted(id)} has no recordings`,
      { file: benchmark.file, field: 'stimulus_id' },
    );
  });
  return selectRows(denseFeatures(values.rows, values.cols, values.data), order);
}

function normalised(
  metric: NeuralMetric,
  raw: MetricResult,
  ceiling: Ceiling,
  drawn: { readonly draws: ScoreDraws | undefined; readonly animals: number | undefined },
): Measured {
  const ratio = metric.normalisation === 'ratio';
  const normalise = normaliserOf(metric);
  const bound = boundOf(ceiling);
  const value = bound === null ? raw.value : normalise(raw.value, bound);
  return {
    value: finite(value),
    error: finite(raw.error),
    ...estimated(value, drawn.draws, { animals: drawn.animals }),
    formula: bound === null ? 'raw' : ratio ? 'raw/ceiling' : 'raw^2/ceiling',
    errorOf: 'raw',
    errorKind: raw.errorKind,
    raw: scorePart(raw),
    ceiling: ceilingPart(ceiling),
    warnings: [...raw.warnings, ...neuralRemarks({ raw: raw.value, bound, value }, !ratio)],
  };
}

function detail(
  target: Target,
  benchmark: Benchmark,
  measured: Measured,
  raw: MetricResult,
  ceiling: Ceiling,
): Partial<Measured> {
  const { stimulusIds } = target;
  const splits = targetSplits(target, benchmark.crossValidation);
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
