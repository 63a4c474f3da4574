import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type InputSize, type ModelCard, withInput } from '../activations/card.js';
import { type Activations, extractActivations, type Shown } from '../activations/extract.js';
import {
  type CardSource,
  cardOf,
  type ModelFile,
  openModelFile,
} from '../activations/model-file.js';
import { wholeLayer } from '../activations/reduced-layer.js';
import { shownDigest } from '../activations/stimulus-digest.js';
import { VentralError } from '../errors/ventral-error.js';
import { digestOf } from '../formats/digest.js';
import { concatFeatures } from '../numerics/concat-features.js';
import type { Features } from '../numerics/features.js';
import { numericsVersion } from '../numerics/numerics-version.js';
import { resolveLayer } from '../onnx/layers.js';
import { type ChosenLayers, chooseLayers, type LayerRequest } from './layer-choice.js';
import { loadBenchmarks } from './load-benchmark.js';
import type { LoadedBenchmark } from './loaded-benchmark.js';
import { makeScore, type Origin } from './make-score.js';
import type { Score } from './score.js';
import { makeScratchFolder } from './scratch-folder.js';

/** One model on any number of benchmarks. */
export interface ScoreRequest {
  readonly model: CardSource & {
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

/** What a run may use, and who listens. */
export interface ScoreContext {
  readonly home: string;
  readonly threads: number;
  readonly maxMemory: number;
  readonly maxScratch: number;
  readonly signal?: AbortSignal;
  readonly progress?: (progress: Progress) => void;
  /** Called with each result as soon as it is there. */
  readonly result?: (score: Score) => void;
}

/** How far a run is. */
export interface Progress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/** The scores that exist, and why the others do not. */
export interface ScoreOutcome {
  readonly scores: readonly Score[];
  readonly failures: readonly { readonly benchmark: string; readonly error: VentralError }[];
}

/**
 * Scores a model: each stimulus set goes through the network once, with all layers that its benchmarks
 * need. A benchmark that fails is told among the failures; the others are scored.
 * Throws what concerns the model as a whole: `not-onnx`, `card-missing`, `card-invalid`, `interrupted`.
 */
export async function scoreModel(
  request: ScoreRequest,
  context: ScoreContext,
): Promise<ScoreOutcome> {
  const file = await openModelFile(request.model.path, request.model);
  const card = request.input ? withInput(cardOf(file), request.input) : cardOf(file);
  const name = request.model.name ?? file.name;
  const failures: { benchmark: string; error: VentralError }[] = [];
  const scores: Score[] = [];
  const fail = (benchmark: string, thrown: unknown) => {
    const error = VentralError.from(thrown);
    if (error.code === 'interrupted') throw error;
    failures.push({ benchmark, error });
  };
  context.progress?.({ stage: 'data', done: 0, total: request.benchmarks.length });
  const { loaded, close } = await loadBenchmarks(request.benchmarks, context, fail);
  try {
    const tasks: Task[] = [];
    for (const benchmark of loaded) {
      try {
        tasks.push(plan(benchmark, file, card, request.layers));
      } catch (error) {
        fail(benchmark.benchmark.id, error);
      }
    }
    const origin = { kind: 'model' as const, digest: file.digest, name, card };
    for (const group of groupByStimuli(tasks)) {
      await scoreGroup(group, {
        file,
        card,
        origin,
        request,
        context,
        fail,
        keep: (score) => scores.push(score),
      });
    }
  } finally {
    await close();
  }
  return { scores, failures };
}

interface Task {
  readonly loaded: LoadedBenchmark;
  readonly chosen: ChosenLayers;
}

function plan(
  loaded: LoadedBenchmark,
  file: ModelFile,
  card: ModelCard,
  layers: LayerRequest | undefined,
): Task {
  const chosen = chooseLayers(loaded, card, layers, file.name);
  loaded.refuse?.(card);
  // A layer that cannot be had fails this benchmark alone, before the network runs.
  for (const layer of chosen.layers) resolveLayer(file.model, layer);
  return { loaded, chosen };
}

/** Benchmarks that share their stimuli and degrees share a pass over the network. */
function groupByStimuli(tasks: readonly Task[]): Task[][] {
  const groups: Task[][] = [];
  for (const task of tasks) {
    const same = groups.find(([first]) => sameShown(first.loaded.shown, task.loaded.shown));
    if (same) same.push(task);
    else groups.push([task]);
  }
  return groups;
}

const sameShown = (a: readonly Shown[], b: readonly Shown[]) =>
  a.length === b.length && a.every((shown, i) => sameSet(shown, b[i]));
const sameSet = (a: Shown, b: Shown) =>
  a.stimuli === b.stimuli && String(a.degrees) === String(b.degrees);

interface GroupRun {
  readonly file: ModelFile;
  readonly card: ModelCard;
  readonly origin: Origin;
  readonly request: ScoreRequest;
  readonly context: ScoreContext;
  readonly fail: (benchmark: string, error: unknown) => void;
  readonly keep: (score: Score) => void;
}

async function scoreGroup(group: readonly Task[], run: GroupRun): Promise<void> {
  const { context } = run;
  const scratch = await makeScratchFolder(context.home);
  const passes: Pass[] = [];
  try {
    await runPasses(group, passes, run, scratch.path);
    for (const [index, task] of group.entries()) {
      context.progress?.({ stage: 'metric', done: index, total: group.length });
      try {
        const score = await scoreTask(task, passes, run);
        if (context.signal?.aborted) throw VentralError.from(context.signal.reason);
        run.keep(score);
        context.result?.(score);
      } catch (error) {
        run.fail(task.loaded.benchmark.id, error);
      }
    }
  } catch (error) {
    for (const { loaded } of group) run.fail(loaded.benchmark.id, error);
  } finally {
    for (const { activations } of passes) activations.close();
    await scratch.remove();
  }
}

interface Pass {
  readonly shown: Shown;
  readonly activations: Activations;
}

/** One pass for each distinct stimulus set; the public i2n fits and tests on one and the same. */
async function runPasses(
  group: readonly Task[],
  passes: Pass[],
  run: GroupRun,
  scratch: string,
): Promise<void> {
  const { context, file, card } = run;
  const layers = [...new Set(group.flatMap(({ chosen }) => chosen.layers))];
  const sets = group[0].loaded.shown.filter(
    (shown, i, all) => all.findIndex((other) => sameSet(shown, other)) === i,
  );
  for (const [index, shown] of sets.entries()) {
    const own = join(scratch, String(index));
    await mkdir(own);
    const activations = await extractActivations({ file, card }, shown, layers, {
      threads: context.threads,
      // Half of the memory is left to the metric and to the second stimulus set.
      maxMemory: context.maxMemory / (2 * sets.length),
      maxScratch: context.maxScratch / sets.length,
      scratch: own,
      ...(context.signal ? { signal: context.signal } : {}),
      progress: (done, total) => context.progress?.({ stage: 'activations', done, total }),
    });
    passes.push({ shown, activations });
  }
}

async function scoreTask(
  { loaded, chosen }: Task,
  passes: readonly Pass[],
  run: GroupRun,
): Promise<Score> {
  const started = performance.now();
  const features = loaded.shown.map((shown): Features => {
    const pass = passes.find((made) => sameSet(made.shown, shown)) as Pass;
    return concatFeatures(
      chosen.layers.map((layer) => pass.activations.layers.get(layer) as Features),
    );
  });
  const measured = await loaded.measure(wholeLayer(features), {
    card: run.card,
    ...(run.request.detail ? { detail: true } : {}),
  });
  const inputs = digestOf({
    ...(loaded.inputs as object),
    metric: loaded.metric,
    model: run.file.digest,
    card: inputsOfCard(run.card),
    layers: chosen.layers,
    exposed: chosen.layers.map((layer) => passes[0].activations.exposed.get(layer)),
    numerics: numericsVersion,
    shown: await Promise.all(loaded.shown.map(shownDigest)),
  });
  return makeScore(loaded, measured, {
    origin: run.origin,
    layer: chosen.layers.join('+'),
    layerChoice: chosen.choice,
    inputs,
    verified: loaded.verified,
    threads: run.context.threads,
    seconds: (performance.now() - started) / 1000,
  });
}

/** Of the card, what the number depends on: its name and candidates do not move it. */
function inputsOfCard(card: ModelCard) {
  const { input, visual_degrees, logits, assumed } = card;
  return JSON.parse(JSON.stringify({ input, visual_degrees, logits, assumed }));
}
