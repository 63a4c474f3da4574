import {
  type Form,
  featuresOf,
  inForm,
  type ReducedLayer,
} from '../../activations/reduced-layer.js';
import { ascending, type Id } from '../../data/ids.js';
import type { Recordings } from '../../data/recordings.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Digestible } from '../../formats/digest.js';
import { neuroidCeiling } from '../../metrics/ceilings/neuroid-ceiling.js';
import { subjectCeiling } from '../../metrics/ceilings/subject-ceilings.js';
import { requireSameStimuli } from '../../metrics/cross-validation.js';
import type { MatrixSimilarity, MetricResult } from '../../metrics/metric.js';
import { sortedByStimulus } from '../../metrics/similarity.js';
import { neuralMetric, versionedName } from '../../metrics/table/metric-table.js';
import { denseFeatures, selectRows, stackRows } from '../../numerics/algebra/features.js';
import { type Matrix, submatrix } from '../../numerics/algebra/matrix.js';
import { mean, nanMean } from '../../numerics/statistics/statistics.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import type { DataSources } from '../benchmark/data-sources.js';
import { regionLayer } from '../benchmark/layer-role.js';
import { definitionInputs } from '../benchmark/shown-stimuli.js';
import { estimated, type ScoreDraws } from '../draws/score-draws.js';
import type { AveragedRecordings } from '../recorded/averaged.js';
import {
  type FixedSets,
  type RecordedSets,
  readFixedSets,
  rowsOf,
  sharedColumns,
} from '../recorded/fixed-sets.js';
import { labelsOfNeuroids } from '../recorded/keep-neuroids.js';
import { averagedOverSubjects, centred } from '../recorded/prepare-neuroids.js';
import { inMemory, storedNeuroids } from '../recorded/stored-recordings.js';
import type { BenchmarkKind } from './benchmark-kind.js';
import { constantLayer } from './constant-layer.js';
import type { Measured, PreparedBenchmark } from './loaded-benchmark.js';
import { boundOf, type Ceiling } from './neural-ceiling.js';
import { neuralRemarks } from './neural-remarks.js';
import { averageParts, bootstrapped, type Part, scoreParts } from './parts.js';
import { requireComplete } from './require-comparable.js';
import { ceilingPart, finite, type ScorePart } from './score.js';
import { subjectDraws } from './subject-draws.js';

/** Benchmarks of stimulus × stimulus matrices, compared subject by subject (spec §1.10). */
export const subjectKind: BenchmarkKind = {
  compares: 'recordings',
  fits: false,
  load: async (benchmark, sources) => loadSubjects(benchmark, sources),
};

/** What one subject is compared by. */
interface Subject {
  readonly name: string;
  readonly neuroids: number;
  /** Rows and columns in ascending order of stimulus_id. */
  readonly matrix: Matrix;
  /** Its own ceiling, of published numbers of its neuroids. */
  readonly ceiling: MetricResult | undefined;
}

interface Loaded {
  readonly benchmark: Benchmark;
  readonly similarity: MatrixSimilarity;
  /** What was read of the stimuli. */
  readonly sets: Omit<FixedSets, 'recorded'>;
  /** Rows of the stimuli that are compared, and their ids, ascending. */
  readonly rows: readonly number[];
  readonly subjects: readonly Subject[];
  /** What the ceiling compares: the subjects, or those of one population. */
  readonly others: readonly Matrix[];
  readonly ceiling: Ceiling;
  readonly inputs: { readonly [key: string]: Digestible };
}

async function loadSubjects(
  benchmark: Benchmark,
  sources: DataSources,
): Promise<PreparedBenchmark> {
  const similarity = neuralMetric(benchmark.metric.name).similarity as MatrixSimilarity;
  const sets = await readFixedSets(benchmark, sources);
  const row = new Map(sets.stimulusIds.map((id, i) => [String(id), i]));
  const subjects: Subject[] = [];
  const inputs: Digestible[] = [];
  let ids: readonly Id[] | undefined;
  const others: Matrix[] = [];
  const add = async (one: Population): Promise<Matrix> => {
    requireComplete(benchmark, one);
    const stimulusIds = rowsOf(benchmark, one.stimulusIds, row).map((i) => sets.stimulusIds[i]);
    requireSameStimuli(ids ?? (benchmark.split ? stimulusIds : sets.stimulusIds), stimulusIds);
    ids ??= stimulusIds;
    const { rows, cols, data } = one.values;
    inputs.push([one.name, stimulusIds, one.neuroidIds, data, one.ceiling?.value]);
    const features = denseFeatures(rows, cols, data);
    return sortedByStimulus(await similarity.matrixOf({ stimulusIds, features }));
  };
  const { ceiling: choice, metric, prepare } = benchmark;
  for (const recorded of sets.recorded) {
    for (const one of populationsIn(benchmark, recorded, metric.per, prepare?.averageEqual)) {
      const { name, ceiling } = one;
      subjects.push({ name, neuroids: one.values.cols, matrix: await add(one), ceiling });
    }
    if ('per' in choice)
      for (const one of populationsIn(benchmark, recorded, choice.per)) others.push(await add(one));
  }
  if (others.length === 0) others.push(...subjects.map(({ matrix }) => matrix));
  const compared = ids ?? [];
  const rows = ascending(compared).map((i) => row.get(String(compared[i])) as number);
  const ceiling = ceilingOfSubjects(benchmark, similarity, others);
  return prepared({
    benchmark,
    similarity,
    sets,
    rows,
    subjects,
    others,
    ceiling,
    inputs: { subjects: inputs },
  });
}

/** Recordings that are compared together. */
interface Population extends AveragedRecordings {
  readonly name: string;
  readonly ceiling: MetricResult | undefined;
}

/**
 * The recordings of each subject over all of its stimuli, training first; without a coordinate of all together.
 * @param averageEqual coordinate in which neuroids that are averaged agree
 */
function* populationsIn(
  benchmark: Benchmark,
  recorded: RecordedSets,
  per: string | undefined,
  averageEqual?: string,
): Generator<Population> {
  const { subjectRecordings, ceiling, train } = benchmark;
  const coordinate = subjectRecordings ? undefined : per;
  for (const { name, ...columns } of sharedColumns(
    benchmark,
    recorded,
    coordinate,
    recorded.name,
  )) {
    const sides = (train ? (['train', 'test'] as const) : (['test'] as const)).map((side) => {
      const own = inMemory(storedNeuroids(recorded[side], columns[side]));
      const average = centred(benchmark, own);
      return averageEqual === undefined
        ? average
        : averagedOverSubjects(average, own, averageEqual);
    });
    yield {
      name,
      stimulusIds: sides.flatMap(({ stimulusIds }) => stimulusIds),
      neuroidIds: sides[0].neuroidIds,
      values: stacked(sides.map(({ values }) => values)),
      ceiling:
        ceiling.name === 'neuroid'
          ? publishedCeiling(labelsOfNeuroids(recorded.test, columns.test), ceiling)
          : undefined,
    };
  }
}

function publishedCeiling(
  { neuroidIds, neuroidCoords }: Pick<Recordings, 'neuroidIds' | 'neuroidCoords'>,
  ceiling: Extract<Benchmark['ceiling'], { name: 'neuroid' }>,
): MetricResult | undefined {
  const numbers = neuroidCoords?.get(ceiling.column);
  return numbers && neuroidCeiling(neuroidIds, numbers, ceiling);
}

function stacked(parts: readonly Matrix[]): Matrix {
  const [{ cols }] = parts;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const data = new Float64Array(rows * cols);
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { rows, cols, data };
}

function ceilingOfSubjects(
  { ceiling, file }: Benchmark,
  { compare }: MatrixSimilarity,
  subjects: readonly Matrix[],
): Ceiling {
  switch (ceiling.name) {
    case 'fixed':
      return ceiling.value;
    case 'nili-upper':
    case 'leave-one-out':
    case 'between-subjects': {
      if (subjects.length < 2 && ceiling.name !== 'nili-upper') {
        throw new VentralError(
          'benchmark-invalid',
          `${file} ceiling: ${ceiling.name} needs at least two subjects, found ${subjects.length}`,
          { file, field: '/ceiling', expected: 'two subjects', found: String(subjects.length) },
        );
      }
      return subjectCeiling(ceiling.name, subjects, compare);
    }
    default:
      return null;
  }
}

function prepared(loaded: Loaded): PreparedBenchmark {
  const { benchmark, similarity, sets, rows, subjects, inputs } = loaded;
  const { stimulusIds, shown } = sets;
  const ids = rows.map((row) => stimulusIds[row]);
  const drawn = subjectDraws({ ...loaded, stimulusIds: ids });
  const form = (units: number): Form =>
    similarity.ofGram && units > stimulusIds.length ? 'gram' : 'features';
  const compared = async (layer: ReducedLayer): Promise<Matrix> => {
    if (layer.form === 'gram' && similarity.ofGram) {
      const { units, gram } = layer;
      return similarity.ofGram({ stimulusIds: ids, units, gram: submatrix(gram, rows, rows) })
        .values;
    }
    const features = selectRows(stackRows(featuresOf(layer)), rows);
    return (await similarity.matrixOf({ stimulusIds: ids, features })).values;
  };
  return {
    benchmark,
    shown,
    layers: regionLayer(benchmark),
    stratum: undefined,
    seconds: 1e-6 * subjects.length * rows.length ** 2,
    metric: versionedName(benchmark.metric.name),
    inputs: { ...definitionInputs(benchmark), stimuli: ids, ...inputs },
    check() {
      if (rows.length >= similarity.least) return;
      throw new VentralError(
        'stimuli-too-few',
        `${benchmark.file}: ${benchmark.metric.name} needs at least ${similarity.least} stimuli, found ${rows.length}`,
        { file: benchmark.file, expected: String(similarity.least), found: String(rows.length) },
      );
    },
    form,
    ceiling: () => totalOf(loaded, []).ceiling,
    async measure(layer, options = {}) {
      const reduced = await inForm(layer, form(layer.units));
      const source = await compared(reduced);
      const raws = subjects.map(({ matrix }) => similarity.compare(source, matrix));
      const measured = totalOf(loaded, raws, (parts) =>
        options.undrawn ? undefined : drawn(source, parts),
      );
      const why = raws.every(Number.isFinite) ? [] : await constantLayer(reduced);
      return { ...measured, warnings: [...why, ...measured.warnings] };
    },
    // Training stimuli belong to neither half.
    ...(benchmark.train
      ? {}
      : {
          restrict: (keep: (stimulus: Id) => boolean) => {
            const left = ids.flatMap((id, i) => (keep(id) ? i : []));
            const some = subjects.map((each) => ({
              ...each,
              matrix: submatrix(each.matrix, left, left),
            }));
            const others = loaded.others.map((each) => submatrix(each, left, left));
            return prepared({
              ...loaded,
              rows: left.map((i) => rows[i]),
              subjects: some,
              others,
              ceiling: ceilingOfSubjects(benchmark, similarity, others),
            });
          },
        }),
  };
}

/** The score of a likeness to each subject; of none, what concerns the ceiling alone. */
function totalOf(
  { benchmark, subjects, ceiling }: Loaded,
  raws: readonly number[],
  drawn?: (parts: readonly Part[]) => ScoreDraws | undefined,
): Measured {
  const { bootstrap, metric, subjectRecordings } = benchmark;
  const overall = boundOf(ceiling);
  const parts: Part[] = subjects.map(({ name, ceiling: own }, s) => {
    const bound = own ? own.value : overall;
    const raw = raws[s] ?? Number.NaN;
    return { name, raw, ceiling: bound, value: bound === null ? raw : raw / bound };
  });
  const ownCeilings = subjects.every((subject) => subject.ceiling);
  const average = averageParts(parts, bootstrap);
  const raw = ownCeilings ? nanMean(raws) : raws.length > 0 ? mean(raws) : Number.NaN;
  const bound = ownCeilings ? (average.ceiling?.value ?? null) : overall;
  const value = ownCeilings ? average.value : bound === null ? raw : raw / bound;
  // Draws of raw values, divided by one ceiling, as the reference divides their error.
  const error = ownCeilings ? average.error : bootstrapped(raws, bootstrap) / (overall ?? 1);
  const per = subjectRecordings?.per ?? metric.per;
  const rawPart: ScorePart = { value: finite(raw), error: null, splits: raws.map(finite) };
  return {
    value: finite(value),
    error: finite(error),
    ...estimated(value, drawn?.(parts)),
    formula: bound === null ? 'raw' : ownCeilings ? 'mean(raw/ceiling)' : 'raw/ceiling',
    errorOf: 'value',
    errorKind: Number.isFinite(error) ? 'bootstrap over subjects' : 'none',
    raw: rawPart,
    ceiling:
      ownCeilings && average.ceiling
        ? ceilingPart({ ...average.ceiling, splits: [] })
        : ceilingPart(ceiling),
    ...(per === undefined ? {} : { parts: scoreParts(per, parts) }),
    warnings:
      raws.length === 0
        ? []
        : neuralRemarks({ raw, bound, value }, false, undefinedFor(subjects, raws)),
  };
}

/** Which subject has no likeness, and why that may be. */
function undefinedFor(subjects: readonly Subject[], raws: readonly number[]): string {
  const at = raws.findIndex(Number.isNaN);
  if (at < 0) return 'raw is no finite number';
  const { name, neuroids } = subjects[at];
  const few = neuroids < 2 ? `, which has ${neuroids} neuroid,` : '';
  return `the comparison with ${name}${few} is undefined: some stimulus has a constant response`;
}
