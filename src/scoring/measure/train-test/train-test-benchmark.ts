import { setImmediate as turn } from 'node:timers/promises';
import {
  type Form,
  featuresOf,
  inForm,
  type ReducedLayer,
} from '../../../activations/reduced-layer.js';
import type { Id } from '../../../data/ids.js';
import { digestibleOf } from '../../../data/stored/recorded-values.js';
import type { RecordingStore } from '../../../data/stored/recording-store.js';
import { VentralError } from '../../../errors/ventral-error.js';
import type { Digestible } from '../../../formats/digest.js';
import { present } from '../../../formats/present.js';
import type { NeuralMetric, Regress, Source } from '../../../metrics/metric.js';
import { neuralMetric, versionedName } from '../../../metrics/table/metric-table.js';
import { tiledPlan } from '../../../metrics/tiled/tiled-regression.js';
import { stackRows } from '../../../numerics/algebra/features.js';
import type { Benchmark } from '../../benchmark/benchmark.js';
import type { DataSources } from '../../benchmark/data-sources.js';
import { regionLayer } from '../../benchmark/layer-role.js';
import { definitionInputs } from '../../benchmark/shown-stimuli.js';
import { readFixedSets, type TestedSets, withoutTraining } from '../../recorded/fixed-sets.js';
import type { BenchmarkKind } from '../benchmark-kind.js';
import { constantLayer } from '../constant-layer.js';
import type { MeasureOptions, PreparedBenchmark } from '../loaded-benchmark.js';
import { INNER_SPLITS, type NestedLayer, orReason } from '../nested.js';
import { requireComplete, requireVaried } from '../require-comparable.js';
import { ceilingPart } from '../score.js';
import { fittedOf, fittedParts, innerFits } from './nested-fits.js';
import { type CeilingRoom, fitCeilingDraws, fitDraws, trainTestUnits } from './train-test-draws.js';
import {
  type Fit,
  type FitDraws,
  type Fitted,
  fitsOf,
  predict,
  predictInTiles,
} from './train-test-fit.js';
import { overallCeiling, prepareCeilings, trainTestScore } from './train-test-score.js';

/** Benchmarks with training and test stimuli that are given: one fit, or one a subject (spec §1.11). */
export const trainTestKind: BenchmarkKind = {
  compares: 'recordings',
  fits: false,
  load: async (benchmark, sources) => loadTrainTest(benchmark, sources),
};

async function loadTrainTest(
  benchmark: Benchmark,
  sources: DataSources,
): Promise<PreparedBenchmark> {
  const metric = neuralMetric(benchmark.metric.name);
  const sets = await readFixedSets(benchmark, sources);
  const { fits, dropped } = fitsOf(benchmark, sets);
  const { store } = sources;
  const blocks = blocksOf(benchmark, metric, fits, store);
  await prepareCeilings(sources, benchmark, fits);
  const room = { fitted: store.fitted / 2, told: (share: number) => store.turn(share) };
  const loaded = { benchmark, metric, sets: withoutTraining(sets), fits, dropped, blocks };
  return prepared({ ...loaded, room });
}

interface Loaded {
  readonly benchmark: Benchmark;
  readonly metric: NeuralMetric;
  readonly sets: TestedSets;
  readonly fits: readonly Fit[];
  readonly dropped: number | undefined;
  /** Absent where the recordings are in memory. */
  readonly blocks: TargetBlocks | undefined;
  readonly room: CeilingRoom;
}

function prepared(loaded: Loaded): PreparedBenchmark {
  const { benchmark, metric, sets, fits, dropped } = loaded;
  const { shown, stimulusIds } = sets;
  const widest = Math.max(...fits.map(({ fold }) => fold.train.length));
  const targets = fits.reduce((sum, { train }) => sum + train.neuroidIds.length, 0);
  const tiled = tiledPlan(benchmark.metric, { rows: widest, targets });
  const form = (units: number): Form =>
    !tiled && metric.regression?.ofGram && units > stimulusIds.length ? 'gram' : 'features';
  let ceilingOnce: ReturnType<typeof overallCeiling> | undefined;
  const ceiling = () => {
    ceilingOnce ??= overallCeiling(benchmark, sets, fits);
    return ceilingOnce;
  };
  const units = onceMade(() => trainTestUnits(benchmark, fits));
  const ceilingOver = onceMade(() =>
    fitCeilingDraws(benchmark, fits, ceiling().fits, units(), loaded.room),
  );
  const drawn: FitDraws = (fit, predicted) => fitDraws(fit, predicted, units());
  const score = async (fitted: readonly Fitted[], detail: boolean) => {
    const over = { units: units(), ceilings: await ceilingOver() };
    return trainTestScore(benchmark, fitted, ceiling(), over, detail);
  };
  // Tiles hold the products of one fit at a time, and blocks some of its targets.
  const nests = !tiled && loaded.blocks?.width === undefined;
  return {
    benchmark,
    shown,
    layers: regionLayer(benchmark),
    stratum: undefined,
    // As a metric of ten splits takes over as many stimuli; in tiles, over as many units.
    seconds: tiled?.of(widest).seconds ?? (1e-6 * fits.length * widest ** 2) / 10,
    chance: 0,
    tiled,
    stored: loaded.blocks !== undefined,
    metric: versionedName(benchmark.metric.name),
    inputs: {
      ...definitionInputs(benchmark),
      stimuli: stimulusIds,
      ...inputsOf(fits, sets),
      // Other last bits than in memory, by the number of training stimuli alone.
      ...present({ arithmetic: tiled?.name }),
    },
    dropped: dropped === undefined ? undefined : { neuroids: dropped },
    check() {
      for (const fit of fits) checkFit(benchmark, fit);
      ceiling();
    },
    form,
    ceiling: () => ceilingPart(ceiling().total),
    nesting: nests
      ? { work: INNER_SPLITS, score: async (splits) => score(fittedOf(fits, splits), false) }
      : undefined,
    async measure(layer, options = {}) {
      const reduced = await inForm(layer, form(layer.units));
      const regress = tiled ? undefined : await regressionOf(loaded, reduced);
      const fitted = tiled
        ? await predictInTiles(
            fits,
            benchmark.metric,
            sourceOf(loaded, reduced),
            options.room,
            tiled.matrices,
            drawn,
            options.told,
          )
        : await predictEach(loaded, regress as Regress, drawn, options);
      const measured = await score(fitted, options.detail === true);
      const why = measured.raw.value === null ? await constantLayer(reduced) : [];
      const within = async (one: Regress): Promise<NestedLayer> => ({
        inner: await innerFits(benchmark, fits, ceiling().fits, one),
        splits: fittedParts(fitted),
      });
      return {
        ...measured,
        warnings: [...why, ...measured.warnings],
        ...(options.nested && nests && regress
          ? { nested: await orReason(() => within(regress)) }
          : {}),
      };
    },
    restrict: (keep) => {
      const some = fits.map((fit) => fit.restrict(keep));
      return prepared({ ...loaded, fits: some });
    },
  };
}

async function predictEach(
  { fits, blocks }: Loaded,
  regress: Regress,
  drawn: FitDraws,
  { room, told }: MeasureOptions,
): Promise<Fitted[]> {
  const fitted: Fitted[] = [];
  for (const fit of fits) {
    if (blocks) await turn();
    if (room?.signal?.aborted) throw VentralError.from(room.signal.reason);
    fitted.push(await predict(fit, regress, drawn, blocks));
    told?.(fitted.length / fits.length);
  }
  return fitted;
}

/** How targets of recordings that are not in memory are fitted. */
interface TargetBlocks {
  /** Neuroids that are fitted at a time, where some fit has more than memory holds. */
  readonly width: number | undefined;
}

/** Copies of its targets that a regression has in memory. */
const COPIES = 4;

/**
 * How the fits take their targets; undefined where these are in memory.
 * @throws VentralError `memory-exceeded` where a regression needs all neuroids of a fit together, and memory does not hold them
 */
function blocksOf(
  { file, metric: { name } }: Benchmark,
  { regression }: NeuralMetric,
  fits: readonly Fit[],
  store: RecordingStore,
): TargetBlocks | undefined {
  const stored = fits.filter(({ train, recorded }) => !train.values.data || !recorded.values.data);
  if (stored.length === 0) return undefined;
  const needed = ({ train: { values } }: Fit) => COPIES * 8 * values.rows * values.cols;
  const large = stored.toSorted((a, b) => needed(b) - needed(a))[0];
  if (needed(large) <= store.fitted) return { width: undefined };
  const { rows, cols } = large.train.values;
  if (regression?.targets === 'apart')
    return { width: Math.max(1, Math.floor(store.block / (8 * rows))) };
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  const [expected, found] = [mib(needed(large)), mib(store.fitted)];
  throw new VentralError(
    'memory-exceeded',
    `${file}: ${name} fits the ${cols} neuroids of ${large.name} together, since all of them shape its components, so they cannot be divided into blocks as for ridge: ${rows} training stimuli take ${expected}, --max-memory leaves ${found}; give more memory, or fit_per`,
    { file, field: '--max-memory', expected, found },
  );
}

/** Makes something the first time that it is wanted. */
function onceMade<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

const sourceOf = ({ sets: { stimulusIds } }: Loaded, layer: ReducedLayer): Source => ({
  stimulusIds,
  features: stackRows(featuresOf(layer)),
});

async function regressionOf(loaded: Loaded, layer: ReducedLayer): Promise<Regress> {
  const { benchmark, metric, sets } = loaded;
  const { stimulusIds } = sets;
  const { regression } = metric;
  if (!regression) throw new RangeError(`${benchmark.metric.name} fits no regression`);
  if (layer.form === 'gram' && regression.ofGram)
    return regression.ofGram(
      { stimulusIds, units: layer.units, gram: layer.gram },
      benchmark.metric,
    );
  return regression.of(sourceOf(loaded, layer), benchmark.metric);
}

/** What decides the number of the recordings; test recordings as they are, since the ceiling is made of their repetitions. */
function inputsOf(
  fits: readonly Fit[],
  { recorded }: TestedSets,
): { readonly [key: string]: Digestible } {
  const files = new Map(recorded.map(({ name, test }) => [name, test]));
  const names = (ids: readonly Id[]) => [...ids];
  return {
    training: fits.map(({ name, train }) => [
      name,
      names(train.stimulusIds),
      names(train.neuroidIds),
      digestibleOf(train.values),
    ]),
    recordings: [...files].map(([name, { stimulusIds, repetition, neuroidIds, values }]) => [
      name,
      stimulusIds,
      repetition,
      neuroidIds,
      digestibleOf(values),
    ]),
    order: fits.map(({ test }) => names(test.stimulusIds)),
    coordinates: [...files].map(([, { neuroidCoords }]) =>
      [...(neuroidCoords ?? [])].map(([name, { values }]) => [name, values]),
    ),
  };
}

/** Test stimuli below which a correlation says nothing: two points always lie on a line. */
const LEAST_TEST = 3;

function checkFit(benchmark: Benchmark, { name, train, test }: Fit): void {
  const { file, metric } = benchmark;
  requireComplete(benchmark, train);
  requireComplete(benchmark, test);
  requireVaried(benchmark, test);
  if (test.stimulusIds.length < LEAST_TEST) {
    throw new VentralError(
      'stimuli-too-few',
      `${file}: ${name} is tested on ${test.stimulusIds.length} stimuli, and a correlation over two is always 1 or −1: expected at least ${LEAST_TEST}`,
      {
        file,
        expected: `at least ${LEAST_TEST} test stimuli`,
        found: String(test.stimulusIds.length),
      },
    );
  }
  const { components } = metric;
  const most = train.stimulusIds.length - 1;
  if (components !== undefined && components > most) {
    throw new VentralError(
      'benchmark-invalid',
      `${file} metric.components: ${components} components expected of ${most + 1} training stimuli, which have ${most} at most`,
      { file, field: '/metric/components', expected: `at most ${most}`, found: String(components) },
    );
  }
}
