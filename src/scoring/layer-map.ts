import { type Candidate, candidateLayers } from '../activations/candidates.js';
import { type RegionLayerChoice, withInput } from '../activations/card.js';
import type { Network } from '../activations/extract.js';
import { cardOf, openModelFile } from '../activations/model-file.js';
import { pictureDigests } from '../activations/stimulus-digest.js';
import { VentralError } from '../errors/ventral-error.js';
import { digestOf } from '../formats/digest.js';
import { packageVersion } from '../formats/package-root.js';
import { peakRssMiB } from '../runtime/peak-memory.js';
import { runtimeIdentity } from '../runtime/session.js';
import { recordStimuli } from './choice-stimuli.js';
import type { RoleChoice } from './commit-choice.js';
import { HALVES_SEED, type Half, judgedStimuli, partOf, rowsOfHalf } from './halves.js';
import type {
  ChosenLayer,
  LayerMap,
  LayerMapRequest,
  LayerRow,
  MapPlan,
} from './layer-map-types.js';
import { loadBenchmarks } from './load-benchmark.js';
import type { LoadedBenchmark } from './loaded-benchmark.js';
import { makeScore, type Origin } from './make-score.js';
import { type CellOutcome, type CellTask, computeCells, reasonOf } from './map-cells.js';
import { mapPlan } from './map-plan.js';
import { type MapShare, shareOf } from './map-share.js';
import { regionBenchmark } from './region-benchmarks.js';
import type { LayerChoice, Score } from './score.js';
import type { ScoreContext } from './score-model.js';
import { bestAndTied } from './ties.js';

/** What a map may use, and who listens. */
export interface LayerMapContext extends ScoreContext {
  /** Told what the work will take, before it starts. */
  readonly plan?: (plan: MapPlan) => void;
}

/** A layer map and what stands behind it. */
export interface MappedLayers {
  readonly map: LayerMap;
  /** The resamples behind each interval, by benchmark id, then layer; equal ones for every layer and model. */
  readonly draws: ReadonlyMap<string, ReadonlyMap<string, Float64Array>>;
  /** What was chosen for each region, as a card records it. */
  readonly choices: readonly RoleChoice[];
}

/**
 * Every candidate layer of a model against every region or benchmark: the network runs over each stimulus set
 * in as few passes as the budgets allow, and each cell equals the score of that layer. For each benchmark
 * the layer of the highest value is chosen, and those tied with it are told; with `holdout` on one half of
 * the stimuli, and the chosen layer is scored on the other. A layer or benchmark that is refused has the
 * reason in its cells.
 * Throws what concerns the model or every benchmark: `not-onnx`, `card-missing`, `card-invalid`,
 * `layer-unknown`, `benchmark-…`, `data-missing`, `bad-usage`, and `interrupted`.
 */
export async function mapLayers(
  request: LayerMapRequest,
  context: LayerMapContext,
): Promise<MappedLayers> {
  const started = performance.now();
  const { run, close } = await openMap(request, context);
  try {
    const { columns, half, network } = run;
    const cells = await cellsOf(run);
    const chosen = chooseAll(run, cells);
    const scored = scoreAll(run, cells, chosen);
    const holdout = half && (await scoreHeldOut(run, chosen));
    const { plan, outcomes } = cells;
    const map: LayerMap = {
      model: network.file.digest,
      name: request.model.name ?? network.file.name,
      benchmarks: columns.map(({ id }) => id),
      layers: scored,
      chosen: Object.fromEntries(chosen),
      ...(holdout ? { holdout } : {}),
      plan,
      provenance: {
        ventral: packageVersion,
        inputs: digestOf(outcomes.map(({ inputs }) => inputs)),
        runtime: runtimeIdentity(context.threads),
        seconds: Math.round(performance.now() - started) / 1000,
        peakRssMiB: peakRssMiB(),
        selection: selectionSentence(half),
      },
    };
    return { map, draws: drawsOf(outcomes), choices: await choicesOf(run, chosen) };
  } finally {
    await close();
  }
}

/** A benchmark of the map, or why it cannot be one. */
type Column = { readonly id: string } & (
  | { readonly loaded: LoadedBenchmark }
  | { readonly error: VentralError }
);

interface Run {
  readonly network: Network;
  readonly origin: Origin;
  readonly candidates: readonly Candidate[];
  readonly columns: readonly Column[];
  /** The half of the stimuli that layers are chosen on; all of them where undefined. */
  readonly half: Half | undefined;
  readonly context: LayerMapContext;
}

async function openMap(
  request: LayerMapRequest,
  context: LayerMapContext,
): Promise<{ run: Run; close: () => Promise<void> }> {
  const file = await openModelFile(request.model.path, request.model);
  const card = request.input ? withInput(cardOf(file), request.input) : cardOf(file);
  const candidates = candidateLayers(file.model, card, request.layers);
  if (candidates.length === 0) {
    throw new VentralError(
      'layer-unknown',
      `${file.name} names no layers to map: name some with --layers`,
      { file: file.name, field: 'layers' },
    );
  }
  const { columns, close } = await openColumns(request, context);
  const name = request.model.name ?? file.name;
  const origin: Origin = { kind: 'model', digest: file.digest, name, card };
  const half = request.holdout ? ('choice' as const) : undefined;
  return { run: { network: { file, card }, origin, candidates, columns, half, context }, close };
}

/**
 * Computes a share of the cells of a map, for `context.cells` to keep: with the shares of all parts there,
 * the map itself is made without running the network. Throws as {@link mapLayers} does.
 */
export async function computeMapShare(
  request: LayerMapRequest,
  context: LayerMapContext,
  share: MapShare,
): Promise<void> {
  const { run, close } = await openMap(request, context);
  try {
    await computeCells(shareOf(tasksOf(run), share), run.network, context);
  } finally {
    await close();
  }
}

async function openColumns(request: LayerMapRequest, context: LayerMapContext) {
  const regions = await Promise.all(
    (request.regions ?? []).map((region) => regionBenchmark(region, context.home)),
  );
  const names = new Set([...regions.map(({ id }) => id), ...(request.benchmarks ?? [])]);
  if (names.size === 0)
    throw new VentralError('bad-usage', 'A layer map needs a region or a benchmark');
  context.progress?.({ stage: 'data', done: 0, total: names.size });
  const failed: Column[] = [];
  const { loaded, close } = await loadBenchmarks([...names], context, (id, thrown) => {
    const error = VentralError.from(thrown);
    if (error.code === 'interrupted') throw error;
    failed.push({ id, error });
  });
  const columns = [...loaded.map((each) => columnOf(each, request)), ...failed];
  try {
    requireColumns(columns);
  } catch (error) {
    await close();
    throw error;
  }
  return { columns, close };
}

function columnOf(loaded: LoadedBenchmark, { holdout }: LayerMapRequest): Column {
  const { id } = loaded.benchmark;
  if (loaded.reads === 'logits') {
    const sentence = `${id} reads the logits of a model: there is no layer to choose for it`;
    return {
      id,
      error: new VentralError('bad-usage', sentence, { field: 'benchmark', found: id }),
    };
  }
  try {
    if (holdout) for (const half of ['choice', 'test'] as const) partOf(loaded, half);
    return { id, loaded };
  } catch (error) {
    return { id, error: VentralError.from(error) };
  }
}

function requireColumns(columns: readonly Column[]): void {
  const twice = columns.find(({ id }, i) => columns.findIndex((other) => other.id === id) < i);
  if (twice) {
    throw new VentralError('bad-usage', `Two of the benchmarks are called ${twice.id}`, {
      field: 'benchmark',
      found: twice.id,
    });
  }
  const [first] = columns;
  if (columns.every((column) => 'error' in column) && 'error' in first) throw first.error;
}

/** Outcomes in the order of layers and columns, and what they took. */
interface Cells {
  readonly outcomes: readonly CellOutcome[];
  readonly plan: MapPlan;
  of(layer: string, benchmark: string): CellOutcome | undefined;
}

const loadedOf = ({ columns }: Run): LoadedBenchmark[] =>
  columns.flatMap((column) => ('loaded' in column ? [column.loaded] : []));

const layersOf = (candidates: readonly Candidate[]): string[] =>
  candidates.flatMap(({ layer, value }) => (value === null ? [] : [layer]));

/** Every layer that can be had against every benchmark that can. */
const tasksOf = (run: Run): CellTask[] =>
  layersOf(run.candidates).flatMap((layer) =>
    loadedOf(run).map((loaded) => ({ layer, loaded, half: run.half })),
  );

async function cellsOf(run: Run): Promise<Cells> {
  const { network, context, candidates } = run;
  const loaded = loadedOf(run);
  const layers = layersOf(candidates);
  const tasks = tasksOf(run);
  let plan: MapPlan | undefined;
  const found = await computeCells(tasks, network, context, (cells) => {
    plan = mapPlan(layers, loaded, cells);
    context.plan?.(plan);
  });
  const at = new Map(found.map((outcome) => [outcome.task, outcome]));
  const outcomes = tasks.map((task) => at.get(task) as CellOutcome);
  const byName = new Map(
    outcomes.map((outcome) => [
      keyOf(outcome.task.layer, outcome.task.loaded.benchmark.id),
      outcome,
    ]),
  );
  return {
    outcomes,
    plan: plan as MapPlan,
    of: (layer, benchmark) => byName.get(keyOf(layer, benchmark)),
  };
}

const keyOf = (layer: string, benchmark: string) => JSON.stringify([layer, benchmark]);

type Choices = ReadonlyMap<string, ChosenLayer>;

/** By benchmark; without those for which no layer has a value. */
function chooseAll(run: Run, cells: Cells): Choices {
  const chosen = new Map<string, ChosenLayer>();
  for (const { benchmark } of loadedOf(run)) {
    const column = cells.outcomes.filter(({ task }) => task.loaded.benchmark === benchmark);
    const best = bestAndTied(
      column.flatMap((outcome) => {
        if (!('measured' in outcome)) return [];
        const { value, draws } = outcome.measured;
        return [{ layer: outcome.task.layer, value, draws }];
      }),
    );
    if (!best) continue;
    const by = {
      benchmark: benchmark.id,
      version: benchmark.version,
      inputs: digestOf(column.map(({ task, inputs }) => ({ layer: task.layer, inputs }))),
      method: methodOf(column.length, run.half),
    };
    chosen.set(benchmark.id, { ...best, choice: { by } });
  }
  return chosen;
}

const methodOf = (layers: number, half: Half | undefined) =>
  `highest value of ${layers} layers on ${half ? `a random half of the stimuli (seed ${HALVES_SEED})` : 'all stimuli'}`;

const selectionSentence = (half: Half | undefined) =>
  `The layers were chosen on ${half ? `a random half of the stimuli (seed ${HALVES_SEED})` : 'all stimuli'} by the highest value; ` +
  'tied are those whose simultaneous 95 % interval (max-T over layers, 2,000 resamples) of the difference ' +
  'contains 0. Brain-Score itself chooses on activations reduced to 1000 principal components, ventral on full ones.';

function scoreAll(run: Run, cells: Cells, chosen: Choices): LayerRow[] {
  return run.candidates.map(({ layer, aliases, depth, reason }) => {
    const found = run.columns.map((column) => {
      if ('error' in column) return [column.id, { reason: reasonOf(column.error) }] as const;
      const outcome = cells.of(layer, column.id);
      if (!outcome) return [column.id, { reason: reason ?? 'it cannot be had' }] as const;
      const best = chosen.get(column.id);
      const choice = best?.layer === layer ? best.choice : ({ by: 'flag' } as const);
      return [column.id, scoreOf(run, outcome, choice, true)] as const;
    });
    const units = run.columns.map(({ id }) => cells.of(layer, id)?.units ?? null);
    return {
      layer,
      ...(aliases.length > 0 ? { aliases } : {}),
      units: units.find((count) => count !== null) ?? null,
      depth,
      cells: Object.fromEntries(found),
    };
  });
}

function scoreOf(
  { origin, context }: Run,
  outcome: CellOutcome,
  layerChoice: LayerChoice,
  selection: boolean,
): Score | { readonly reason: string } {
  if (!('measured' in outcome)) return { reason: outcome.reason };
  const { task, measured, seconds, inputs } = outcome;
  const { loaded, layer, half } = task;
  return makeScore({ ...partOf(loaded, half), verified: loaded.verified }, measured, {
    origin,
    layer,
    layerChoice,
    selection,
    inputs: inputs as string,
    verified: loaded.verified,
    threads: context.threads,
    seconds,
  });
}

/** The chosen layers on the half of the stimuli that they were not chosen on. */
async function scoreHeldOut(run: Run, chosen: Choices): Promise<NonNullable<LayerMap['holdout']>> {
  const tasks = loadedOf(run).flatMap((loaded) => {
    const best = chosen.get(loaded.benchmark.id);
    return best ? [{ layer: best.layer, loaded, half: 'test' as const }] : [];
  });
  const outcomes = await computeCells(tasks, run.network, run.context);
  const scores = new Map(outcomes.map((outcome) => [outcome.task.loaded.benchmark.id, outcome]));
  return Object.fromEntries(
    [...chosen].map(([id, { choice }]) => [
      id,
      scoreOf(run, scores.get(id) as CellOutcome, choice, false),
    ]),
  );
}

function drawsOf(outcomes: readonly CellOutcome[]): MappedLayers['draws'] {
  const draws = new Map<string, Map<string, Float64Array>>();
  for (const outcome of outcomes) {
    if (!('measured' in outcome) || !outcome.measured.draws) continue;
    const { layer, loaded } = outcome.task;
    const column = draws.get(loaded.benchmark.id) ?? new Map<string, Float64Array>();
    draws.set(loaded.benchmark.id, column.set(layer, outcome.measured.draws));
  }
  return draws;
}

/** What was chosen for a region or for behaviour, with the pictures that the choice saw. */
async function choicesOf(run: Run, chosen: Choices): Promise<RoleChoice[]> {
  const choices: RoleChoice[] = [];
  for (const loaded of loadedOf(run)) {
    const { benchmark, reads } = loaded;
    const best = chosen.get(benchmark.id);
    const role = reads === 'readout' ? 'behavior' : benchmark.region;
    if (!best || !role || typeof best.choice.by === 'string') continue;
    const pictures = await pictureDigests(judgedStimuli(loaded));
    const seen = run.half ? rowsOfHalf(loaded, run.half).map((row) => pictures[row]) : pictures;
    const record: RegionLayerChoice = {
      layer: best.layer,
      ...best.choice.by,
      stimuli: recordStimuli(seen),
    };
    choices.push({ role, record });
  }
  return choices;
}
