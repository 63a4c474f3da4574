import type { Network } from '../../activations/extract.js';
import { openReducer, type Reduction } from '../../activations/reduce-layers.js';
import type { ReducedLayer } from '../../activations/reduced-layer.js';
import type { Demand, ReductionPlan } from '../../activations/reduction-plan.js';
import { LAYERS } from '../../activations/reduction-stages.js';
import { makeScratchFolder } from '../../data/scratch-folder.js';
import type { ErrorCode } from '../../errors/codes.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Stage } from '../../runtime/work.js';
import type { FittedComponents } from '../benchmark/fitting-pictures.js';
import type { Floors } from '../floor/floor.js';
import { floorsOf, keptRuns, type NullRuns, nullRuns } from '../floor/measure-floors.js';
import { type Half, partOf } from '../measure/halves.js';
import type { LoadedBenchmark } from '../measure/loaded-benchmark.js';
import type { NestedLayer } from '../measure/nested.js';
import { distinctShown, scoreInputs } from '../measure/score-inputs.js';
import { type Cell, cellKey, keepCell, readCell } from '../model/cell-cache.js';
import type { ScoreContext } from '../model/score-model.js';
import { MeasurePool, type Timed } from './measure-pool.js';
import { keepNested, readNested } from './nested-cache.js';

/** A layer against a benchmark, or against half of it. */
export interface CellTask {
  /** Name of the layer; joined layers have `+` between them. */
  readonly layer: string;
  /** The names that are joined, in this order; the layer itself unless said. */
  readonly layers?: readonly string[] | undefined;
  readonly loaded: LoadedBenchmark;
  readonly half?: Half | undefined;
  /** Where the layer is compared on its principal components. */
  readonly components?: FittedComponents | undefined;
}

/** What came of a task; `inputs` is the digest of the inputs of its score. */
export type CellOutcome = Cell & {
  readonly task: CellTask;
  /** null if the stimuli cannot be read. */
  readonly inputs: string | null;
  /** Of a measured cell on all units, where they were asked for. */
  readonly floors?: Floors | undefined;
};

/** Who listens while cells are computed. */
export interface CellListener {
  /** Told before the network runs. */
  readonly plan?: (plan: CellPlan) => void;
  /** Told each cell that was measured, as soon as it is. */
  readonly found?: (outcome: CellOutcome) => void;
  /** Told how each measured cell does within the training part of each split; they are measured there only where somebody listens. */
  readonly nested?: ((task: CellTask, nested: NestedLayer) => void) | undefined;
}

/** What computing cells will take. */
export interface CellPlan {
  /** Cells that were computed before. */
  readonly known: readonly CellOutcome[];
  /** Measurements of a layer on a benchmark: two where it is compared on components too. */
  readonly perCell: number;
  /** Images that principal components are fitted on. */
  readonly fitting: number;
  /** Cells that need the network. */
  readonly reduction: ReductionPlan;
  /** Positions in it of the stimulus sets of a benchmark. */
  positions(loaded: LoadedBenchmark): readonly number[];
  /** Bytes that measurements take beside it. */
  readonly measurements: number;
  /** Bytes that they may take. */
  readonly measureMemory: number;
}

/** Share of the memory that is left to measurements. */
const MEASUREMENTS = 1 / 3;

/** Refusals that the data decide: as good as a number, and kept like one. */
const decided: ReadonlySet<ErrorCode> = new Set([
  'units-too-few',
  'activations-not-finite',
  'input-mismatch',
  'layer-unsteady',
  'metric-failed',
  'neuroids-constant',
  'stimuli-too-few',
]);

/** Why a cell has no number, in few words where the error has them. */
export const reasonOf = ({ message, details }: VentralError): string => details.reason ?? message;

/**
 * Computes cells: cached cells are read; the other layers are computed in as few passes as the budgets allow, and
 * measured on worker threads meanwhile. A refused layer or benchmark has its reason as its outcome; throws
 * `interrupted`, and what is wrong in the code.
 */
export async function computeCells(
  tasks: readonly CellTask[],
  network: Network,
  context: ScoreContext,
  { plan, found: heard, nested }: CellListener = {},
): Promise<CellOutcome[]> {
  const known: CellOutcome[] = [];
  const jobs: Job[] = [];
  for (const task of tasks) {
    const found = await lookUp(task, network, { ...context, nested });
    if ('key' in found) jobs.push(found);
    else known.push(found);
  }
  const measurements = jobs.map(({ task }) => task.loaded);
  const { shown: compared, positions } = distinctShown(measurements);
  const [fitting] = jobs.flatMap(({ task }) => task.components ?? []);
  const shown = fitting ? [...compared, fitting.shown] : compared;
  const place = { positions, fitting: compared.length };
  const jobOf = new Map(jobs.map((job) => [demandOf(job.task, place), job]));
  const maxMemory = context.maxMemory * MEASUREMENTS;
  const scratch = await makeScratchFolder(context.home);
  const pool = new MeasurePool(measurements, {
    ...{ ...context, maxMemory },
    nested: nested !== undefined,
  });
  try {
    const reducer = await openReducer(network, shown, [...jobOf.keys()], {
      ...context,
      maxMemory: context.maxMemory - maxMemory,
      scratch: scratch.path,
    });
    const stages = metricStages(jobs, pool.workers, { ...context, nested });
    context.progress?.planned();
    const perCell = tasks.some(({ components }) => components) ? 2 : 1;
    const count = fitting?.count ?? 0;
    plan?.({
      known,
      perCell,
      fitting: count,
      reduction: reducer.plan,
      positions,
      measurements: pool.bytes,
      measureMemory: maxMemory,
    });
    const { units } = reducer.plan;
    const run = {
      ...{ network, context, pool, units, stages },
      ...{ total: jobs.length, found: heard, nested },
    };
    return [...known, ...(await measureAll(reducer.run(), jobOf, run))];
  } finally {
    await pool.close();
    await scratch.remove();
  }
}

/** A cell that is not known yet. */
interface Job {
  readonly task: CellTask;
  readonly inputs: string;
  readonly key: string;
}

async function lookUp(
  task: CellTask,
  network: Network,
  context: ScoreContext & Pick<CellListener, 'nested'>,
): Promise<CellOutcome | Job> {
  const { cache, cells = cache, threads, floors } = context;
  try {
    const part = partOf(task.loaded, task.half);
    const { digest: inputs } = await scoreInputs(network, part, layersOf(task), task);
    const key = cellKey(inputs, threads);
    const cell = await readCell(cells, key);
    if (!cell) return { task, inputs, key };
    if (context.nested && isNested(task) && 'measured' in cell) {
      const nested = await readNested(cells, key);
      if (!nested) return { task, inputs, key };
      context.nested(task, nested);
    }
    if (!floors || task.components || !('measured' in cell)) return { ...cell, task, inputs };
    const kept = await keptRuns(part, floors, { inputs, threads, cache: cells });
    if (!kept) return { task, inputs, key };
    return { ...cell, task, inputs, floors: floorsOf(part, cell.measured, kept) };
  } catch (thrown) {
    return { task, inputs: null, units: null, reason: reasonOf(refusal(thrown)) };
  }
}

/** Whether the layer of a task can be chosen within the training part of splits. */
const isNested = ({ loaded, components }: CellTask): boolean =>
  loaded.nesting !== undefined && !components;

const layersOf = ({ layer, layers = [layer] }: CellTask): readonly string[] => layers;

/** @param place where the stimulus sets stand, and the images that components are fitted on */
const demandOf = (
  task: CellTask,
  place: { positions(loaded: LoadedBenchmark): readonly number[]; readonly fitting: number },
): Demand => ({
  layer: task.layer,
  layers: layersOf(task),
  sets: place.positions(task.loaded),
  form: task.loaded.form,
  ...(task.components && { components: { count: task.components.count, set: place.fitting } }),
});

interface Run {
  readonly network: Network;
  readonly context: ScoreContext;
  readonly pool: MeasurePool;
  readonly units: ReadonlyMap<string, number>;
  readonly total: number;
  readonly found: CellListener['found'];
  readonly nested: CellListener['nested'];
  readonly stages: ReadonlyMap<LoadedBenchmark, Stage>;
}

/** The measurements on each benchmark, of which workers do several at once. */
function metricStages(
  jobs: readonly Job[],
  workers: number,
  { progress, floors, nested }: ScoreContext & Pick<CellListener, 'nested'>,
): Map<LoadedBenchmark, Stage> {
  // Nulls run on this thread.
  const nulls = floors ? floors.nulls.length * floors.runs : 0;
  const stages = new Map<LoadedBenchmark, Stage>();
  for (const { loaded } of jobs.map(({ task }) => task)) {
    if (!progress || stages.has(loaded)) continue;
    const total = jobs.filter(({ task }) => task.loaded === loaded).length;
    const inner = nested ? (loaded.nesting?.work ?? 0) : 0;
    const seconds = total * loaded.seconds * ((1 + inner) / Math.max(1, workers) + nulls);
    const plan = { stage: 'metric', kind: LAYERS, basis: 'arithmetic' as const };
    stages.set(loaded, progress.stage({ ...plan, total, seconds }));
  }
  return stages;
}

async function measureAll(
  reductions: AsyncGenerator<Reduction>,
  jobOf: ReadonlyMap<Demand, Job>,
  run: Run,
): Promise<CellOutcome[]> {
  const { signal } = run.context;
  const outcomes: Promise<CellOutcome>[] = [];
  let done = 0;
  const measured = new Map<LoadedBenchmark, number>();
  for await (const reduction of reductions) {
    const job = jobOf.get(reduction.demand) as Job;
    const { loaded } = job.task;
    const { outcome } = await start(job, reduction, run);
    outcomes.push(outcome);
    outcome.then(
      (cell) => {
        measured.set(loaded, (measured.get(loaded) ?? 0) + 1);
        const shown = { done: ++done, total: run.total };
        run.stages.get(loaded)?.at(measured.get(loaded) as number, shown);
        run.found?.(cell);
      },
      // Told by Promise.all below, or by what ended the loop.
      () => {},
    );
    if (signal?.aborted) throw VentralError.from(signal.reason);
  }
  return Promise.all(outcomes);
}

/** Starts a measurement; resolves when the reduced layer may be released. */
async function start(
  job: Job,
  reduction: Reduction,
  { network, context, pool, units, nested: heard }: Run,
): Promise<{ readonly outcome: Promise<CellOutcome> }> {
  const { task, inputs, key } = job;
  const found = { task, inputs, units: units.get(task.layer) || null };
  const outcome = async (
    answer: Promise<Timed>,
    nulls?: readonly NullRuns[],
  ): Promise<CellOutcome> => {
    let cell: Cell;
    let floors: Floors | undefined;
    try {
      const trials = 'reduced' in reduction ? reduction.reduced.trials : undefined;
      const { measured: all, seconds } = await answer;
      const { nested, ...measured } = all;
      if (nested && heard) {
        heard(task, nested);
        await keepNested(context.cells ?? context.cache, key, nested);
      }
      cell = { units: found.units, ...present({ trials }), measured, seconds };
      floors = nulls && floorsOf(task.loaded, measured, nulls);
    } catch (thrown) {
      const error = refusal(thrown);
      cell = { units: found.units, reason: reasonOf(error) };
      if (!decided.has(error.code)) return { ...cell, ...found };
    }
    await keepCell(context.cells ?? context.cache, key, cell);
    return { ...cell, ...found, ...present({ floors }) };
  };
  if ('error' in reduction) return { outcome: outcome(Promise.reject(reduction.error)) };
  const { card } = network;
  let nulls: readonly NullRuns[] | undefined;
  try {
    nulls = await runsOf(job, reduction.reduced, { context, card });
  } catch (thrown) {
    return { outcome: outcome(Promise.reject(thrown)) };
  }
  const nested = heard !== undefined && isNested(task);
  const how = { card, half: task.half, ...(nested ? { nested } : {}) };
  const { answer } = await pool.take(task.loaded, reduction.reduced, how);
  return { outcome: outcome(answer, nulls) };
}

/** The runs of the nulls of a cell, while its layer is there; undefined where none are asked for. */
async function runsOf(
  { task, inputs }: Job,
  layer: ReducedLayer,
  { context, card }: { readonly context: ScoreContext; readonly card: Network['card'] },
): Promise<readonly NullRuns[] | undefined> {
  const { cache, cells = cache, threads, signal, floors } = context;
  if (!floors || task.components) return undefined;
  return nullRuns(partOf(task.loaded, task.half), layer, floors, {
    ...{ inputs, threads, signal, cache: cells },
    options: { card, room: context },
  });
}

/** A refusal of a layer or of data; throws what ends the whole run, and what is a bug. */
function refusal(thrown: unknown): VentralError {
  const error = VentralError.from(thrown);
  if (error.code === 'interrupted' || error.code === 'internal') throw error;
  return error;
}
