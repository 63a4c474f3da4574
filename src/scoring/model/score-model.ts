import type { ContentCache } from '../../activations/cache/content-cache.js';
import type { InputSize, Weights } from '../../activations/card/card.js';
import type { Network } from '../../activations/extract.js';
import type { ModelSource } from '../../activations/model-file.js';
import { openNetwork } from '../../activations/open-network.js';
import { onProvider, type ProviderRequest } from '../../activations/provider/choose-provider.js';
import { openReducer } from '../../activations/reduce-layers.js';
import type { ReducedLayer } from '../../activations/reduced-layer.js';
import type { Demand } from '../../activations/reduction-plan.js';
import type { PreparedStimuli } from '../../activations/stimuli/prepared-stimuli.js';
import { stimulusDigests } from '../../activations/stimuli/stimulus-digest.js';
import { makeScratchFolder } from '../../data/scratch-folder.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { resolveLayer } from '../../onnx/layers.js';
import { traced } from '../../runtime/traced.js';
import type { Stage, Work } from '../../runtime/work.js';
import type { ScoreDraws } from '../draws/score-draws.js';
import { refuseUnits } from '../floor/exchanges.js';
import type { Floors } from '../floor/floor.js';
import { type FloorRequest, floorsOf, nullRuns } from '../floor/measure-floors.js';
import { judgedStimuli } from '../measure/halves.js';
import type { LoadedBenchmark } from '../measure/loaded-benchmark.js';
import { makeScore, type Origin } from '../measure/make-score.js';
import type { Score } from '../measure/score.js';
import { distinctShown, scoreInputs } from '../measure/score-inputs.js';
import { loadBenchmarks } from '../registry/load-benchmark.js';
import type { CellCache } from './cell-cache.js';
import { sharesStimuli } from './choice-stimuli.js';
import type { ChosenLayers, LayerRequest } from './layer-choice.js';
import { chooseSteps, layerLabel, requireEqualSteps } from './time-steps.js';

/** One model on any number of benchmarks. */
export interface ScoreRequest {
  readonly model: ModelSource & {
    /** Path of an ONNX file, a card or a model folder, or the name of a shipped model. */
    readonly path: string;
    /** Display name in place of the card's. */
    readonly name?: string;
  };
  /** Identifiers or files; a file with regions is one benchmark a region. */
  readonly benchmarks: readonly string[];
  readonly layers?: LayerRequest;
  readonly input?: InputSize;
  readonly detail?: boolean;
}

/** Limits and listeners of a run. */
export interface ScoreContext {
  readonly home: string;
  readonly threads: number;
  readonly maxMemory: number;
  readonly maxScratch: number;
  /** Where reduced layers are looked up and kept. */
  readonly cache?: ContentCache | undefined;
  /** Where cells are looked up and kept; the cache unless said. */
  readonly cells?: CellCache | undefined;
  /** Nulls whose floors stand beside the scores; none unless said. */
  readonly floors?: FloorRequest | undefined;
  /** What is to run the network; the CPU unless said. */
  readonly provider?: ProviderRequest | undefined;
  /** Images that earlier runs over the same stimuli decoded. */
  readonly pictures?: PreparedStimuli | undefined;
  readonly signal?: AbortSignal;
  readonly progress?: Work | undefined;
  /** Called with each result as soon as it is there, and its draws. */
  readonly result?: (score: Score, draws: ScoreDraws | undefined) => void;
}

/** The scores that exist, and why the others do not. */
export interface ScoreOutcome {
  readonly scores: readonly Score[];
  readonly failures: readonly { readonly benchmark: string; readonly error: VentralError }[];
  /** The draws behind the interval of a score, equal ones for every model and layer. */
  readonly draws?: ReadonlyMap<Score, ScoreDraws>;
  /** The floors of each score, where they were asked for. */
  readonly floors?: ReadonlyMap<Score, Floors>;
  /** Where the weights of the model come from, where its card says it. */
  readonly weights?: Weights;
}

/**
 * Scores a model: each stimulus set goes through the network once, with all layers that its benchmarks
 * need. A benchmark that fails is reported among the failures; the others are scored.
 * @throws what concerns the model as a whole: `not-onnx`, `card-missing`, `card-invalid`, `interrupted`
 */
export async function scoreModel(
  request: ScoreRequest,
  context: ScoreContext,
): Promise<ScoreOutcome> {
  return traced('ventral.score', { benchmarks: [...request.benchmarks] }, () =>
    scoreTraced(request, context),
  );
}

async function scoreTraced(request: ScoreRequest, context: ScoreContext): Promise<ScoreOutcome> {
  const opened = await openNetwork(request.model, { ...context, input: request.input });
  const name = request.model.name ?? opened.file.name;
  const failures: { benchmark: string; error: VentralError }[] = [];
  const fail = (benchmark: string, thrown: unknown) => {
    const error = VentralError.from(thrown);
    if (error.code === 'interrupted') throw error;
    failures.push({ benchmark, error });
  };
  const { loaded, close } = await loadBenchmarks(request.benchmarks, context, fail);
  const scores = new Map<LoadedBenchmark, Score>();
  const draws = new Map<Score, ScoreDraws>();
  const floors = new Map<Score, Floors>();
  try {
    const seen = loaded.flatMap(({ shown }) => shown);
    const network = await onProvider(opened, seen, context.provider, context);
    const tasks: Task[] = [];
    for (const benchmark of loaded) {
      try {
        for (const kind of context.floors?.nulls ?? []) refuseUnits(benchmark, kind);
        const task = plan(benchmark, network, request.layers);
        await requireEqualSteps(network, benchmark, task.chosen, context);
        tasks.push(task);
      } catch (error) {
        fail(benchmark.benchmark.id, error);
      }
    }
    const { digest, cardWarnings: warnings = [], optimization, execution } = network.file;
    const origin = {
      ...{ kind: 'model' as const, digest, name, card: network.card, warnings },
      ...present({ optimization, execution }),
    };
    const run = { network, origin, request, context };
    for await (const { loaded: benchmark, ...done } of scoreTasks(tasks, run)) {
      if ('error' in done) fail(benchmark.benchmark.id, done.error);
      else {
        scores.set(benchmark, done.score);
        if (done.draws) draws.set(done.score, done.draws);
        if (done.floors) floors.set(done.score, done.floors);
        context.result?.(done.score, done.draws);
      }
    }
  } finally {
    await close();
  }
  return {
    scores: loaded.flatMap((benchmark) => scores.get(benchmark) ?? []),
    failures,
    draws,
    ...(context.floors ? { floors } : {}),
    ...present({ weights: opened.card.weights }),
  };
}

interface Task {
  readonly loaded: LoadedBenchmark;
  readonly chosen: ChosenLayers;
}

function plan(
  loaded: LoadedBenchmark,
  { file, card }: Network,
  layers: LayerRequest | undefined,
): Task {
  const chosen = chooseSteps(loaded, card, layers, file.name);
  loaded.refuse?.(card);
  // A missing layer fails only this benchmark, before the network runs.
  for (const layer of chosen.layers) resolveLayer(file.model, layer);
  return { loaded, chosen };
}

interface Run {
  readonly network: Network;
  readonly origin: Origin;
  readonly request: ScoreRequest;
  readonly context: ScoreContext;
}

type Done = { readonly loaded: LoadedBenchmark } & (
  | {
      readonly score: Score;
      readonly draws: ScoreDraws | undefined;
      readonly floors?: Floors | undefined;
    }
  | { readonly error: unknown }
);

async function* scoreTasks(tasks: readonly Task[], run: Run): AsyncGenerator<Done> {
  const { context, network } = run;
  const { shown, positions } = distinctShown(tasks.map(({ loaded }) => loaded));
  const taskOf = new Map<Demand, Task>();
  for (const task of tasks) {
    const { loaded, chosen } = task;
    const demand: Demand = {
      layer: layerLabel(chosen),
      layers: chosen.layers,
      sets: positions(loaded),
      // Products of joined steps would not be those of each.
      form: chosen.steps ? () => 'features' : loaded.form,
    };
    taskOf.set(demand, task);
  }
  const scratch = await makeScratchFolder(context.home);
  try {
    const reducer = await openReducer(network, shown, [...taskOf.keys()], {
      threads: context.threads,
      maxMemory: context.maxMemory,
      maxScratch: context.maxScratch,
      scratch: scratch.path,
      cache: context.cache,
      pictures: context.pictures,
      ...present({ signal: context.signal }),
      progress: context.progress,
    });
    const perTask = 1 + runsOf(context.floors);
    const metrics = metricStages(tasks, perTask, context.progress);
    context.progress?.planned();
    let measured = 0;
    for await (const { demand, ...met } of reducer.run()) {
      const task = taskOf.get(demand) as Task;
      taskOf.delete(demand);
      const stage = metrics.get(task);
      stage?.at(0, { done: measured, total: tasks.length });
      if ('error' in met) yield { loaded: task.loaded, error: met.error };
      else
        yield await scoreTask(task, met.reduced, {
          ...run,
          ran: (runs) => stage?.at(runs, { done: measured, total: tasks.length }),
        });
      stage?.at(perTask, { done: ++measured, total: tasks.length });
      if (context.signal?.aborted) throw VentralError.from(context.signal.reason);
    }
  } catch (error) {
    for (const { loaded } of taskOf.values()) yield { loaded, error };
  } finally {
    await scratch.remove();
  }
}

/** Measurements of nulls beside that of a score. */
export const runsOf = (floors: FloorRequest | undefined): number =>
  floors ? floors.nulls.length * floors.runs : 0;

/** A stage for each score and its nulls; those of one metric are corrected together. */
function metricStages(
  tasks: readonly Task[],
  total: number,
  progress: Work | undefined,
): Map<Task, Stage> {
  return new Map(
    tasks.flatMap((task) => {
      const { seconds, metric } = task.loaded;
      const plan = {
        stage: 'metric',
        total,
        seconds: total * seconds,
        kind: metric,
        basis: 'arithmetic' as const,
      };
      return progress ? [[task, progress.stage(plan)] as const] : [];
    }),
  );
}

async function scoreTask(
  { loaded, chosen }: Task,
  layer: ReducedLayer,
  { network, origin, request, context, ran }: Run & { readonly ran: (runs: number) => void },
): Promise<Done> {
  const started = performance.now();
  try {
    const options = {
      card: network.card,
      room: context,
      ...(request.detail ? { detail: true } : {}),
    };
    const { steps } = chosen;
    const inSteps = steps && loaded.measureSteps;
    const measured = inSteps
      ? await inSteps(layer, steps, options)
      : await loaded.measure(layer, { ...options, told: ran });
    const { digest } = await scoreInputs(network, loaded, chosen.layers, chosen);
    const score = makeScore(loaded, measured, {
      origin,
      layer: layerLabel(chosen),
      layerChoice: chosen.choice,
      selection: await isSelection(chosen, loaded),
      inputs: digest,
      verified: loaded.verified,
      threads: context.threads,
      seconds: (performance.now() - started) / 1000,
      trials: layer.trials,
    });
    let done = 1;
    ran(done);
    const floors =
      context.floors &&
      floorsOf(
        loaded,
        measured,
        await nullRuns(loaded, layer, context.floors, {
          ...{ inputs: digest, threads: context.threads, options, signal: context.signal },
          cache: context.cells ?? context.cache,
          ran: () => ran(++done),
          ...(inSteps && {
            measure: (exchanged: ReducedLayer) =>
              inSteps(exchanged, steps, { ...options, detail: false }),
          }),
        }),
      );
    return { loaded, score, draws: measured.draws, floors };
  } catch (error) {
    return { loaded, error };
  }
}

/** Whether the layer was chosen by a score on some of the same stimuli (design §3). */
export async function isSelection(
  { record }: ChosenLayers,
  loaded: LoadedBenchmark,
): Promise<boolean> {
  return (
    record !== undefined && sharesStimuli(record, await stimulusDigests(judgedStimuli(loaded)))
  );
}
