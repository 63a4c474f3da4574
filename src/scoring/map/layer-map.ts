import type { Candidate } from '../../activations/card/candidates.js';
import type { RegionLayerChoice, Weights } from '../../activations/card/card.js';
import { shownDigest, stimulusDigests } from '../../activations/stimuli/stimulus-digest.js';
import { digestOf } from '../../formats/digest.js';
import { packageVersion } from '../../formats/package-root.js';
import { present } from '../../formats/present.js';
import { peakRssMiB } from '../../runtime/peak-memory.js';
import { runtimeIdentity } from '../../runtime/session.js';
import { traced } from '../../runtime/traced.js';
import type { ScoreDraws } from '../draws/score-draws.js';
import type { Floors } from '../floor/floor.js';
import { judgedStimuli, partOf, rowsOfHalf } from '../measure/halves.js';
import { makeScore } from '../measure/make-score.js';
import type { LayerChoice, Score } from '../measure/score.js';
import { recordStimuli } from '../model/choice-stimuli.js';
import type { RoleChoice } from '../model/commit-choice.js';
import { type ComponentsChosen, chooseOnComponents } from './components-choice.js';
import { type FailedRows, failedRows } from './failed-rows.js';
import type {
  ChosenLayer,
  LayerMap,
  LayerMapRequest,
  LayerRow,
  MapPlan,
} from './layer-map-types.js';
import { type CellOutcome, computeCells, reasonOf } from './map-cells.js';
import { mapPlan } from './map-plan.js';
import { NestedChoice } from './nested-choice.js';
import {
  type BenchmarkColumn,
  hasComponents,
  type LayerMapContext,
  layersOf,
  loadedOf,
  type OpenMap,
  openMap,
  tasksOf,
} from './open-map.js';
import { methodOf, selectionSentence } from './selection-words.js';
import { bestAndTied } from './ties.js';

export type { LayerMapContext } from './open-map.js';

/** A layer map and the data for its receipt. */
export interface MappedLayers {
  readonly map: LayerMap;
  /** The draws behind each interval, by benchmark id, then layer; equal ones for every layer and model. */
  readonly draws: ReadonlyMap<string, ReadonlyMap<string, ScoreDraws>>;
  /** The floors of each cell on all units, by benchmark id, then layer, where they were asked for. */
  readonly floors?: ReadonlyMap<string, ReadonlyMap<string, Floors>>;
  /** The choice for each region, as a card records it: on principal components where the map has them. */
  readonly choices: readonly RoleChoice[];
  /** Layers without a value that somebody should know of. */
  readonly failed: readonly FailedRows[];
  /** Where the weights of the model come from, where its card says it. */
  readonly weights?: Weights;
}

/**
 * Every candidate layer of a model against every region or benchmark: the network runs over each stimulus set
 * in as few passes as the budgets allow, and each cell equals the score of that layer. For each benchmark
 * the layer of the highest value is chosen, and those tied with it are told; with `holdout` on one half of
 * the stimuli, and the chosen layer is scored on the other. A layer or benchmark that is refused has the
 * reason in its cells.
 * @throws what concerns the model or every benchmark: `not-onnx`, `card-missing`, `card-invalid`,
 *   `layer-unknown`, `benchmark-…`, `data-missing`, `bad-usage`, and `interrupted`
 */
export async function mapLayers(
  request: LayerMapRequest,
  context: LayerMapContext,
): Promise<MappedLayers> {
  return traced('ventral.layer-map', {}, () => mapTraced(request, context));
}

async function mapTraced(
  request: LayerMapRequest,
  context: LayerMapContext,
): Promise<MappedLayers> {
  const started = performance.now();
  const { run, close } = await openMap(request, context);
  try {
    const { columns, half, network } = run;
    const choice = run.nested ? new NestedChoice(layersOf(run.candidates)) : undefined;
    const cells = await cellsOf(run, choice);
    const chosen = chooseAll(run, cells);
    const onComponents = chooseOnComponents(
      loadedOf(run),
      cells.outcomes.filter(({ task }) => task.components),
    );
    const scored = rowsOf(run, run.candidates, cells.of, { full: chosen, onComponents });
    const holdout = half && (await scoreHeldOut(run, chosen));
    const nested = choice && (await choice.all(loadedOf(run), cells.outcomes));
    const choices = await choicesOf(run, chosen);
    const committed = await choicesOf(run, onComponents);
    const { plan, outcomes } = cells;
    const map: LayerMap = {
      model: network.file.digest,
      name: request.model.name ?? network.file.name,
      benchmarks: columns.map(({ id }) => id),
      layers: scored,
      chosen: Object.fromEntries(recorded(chosen, choices)),
      ...present({ holdout, nested }),
      ...(run.components && {
        components: {
          count: run.components.count,
          fitting: await shownDigest(run.components.shown),
          chosen: Object.fromEntries(recorded(onComponents, committed)),
        },
      }),
      plan,
      provenance: {
        ventral: packageVersion,
        inputs: digestOf([
          ...outcomes.map(({ inputs }) => inputs),
          // Of the way of choosing, too.
          ...Object.values(nested ?? {}).map((each) =>
            'inputs' in each ? each.inputs : each.reason,
          ),
        ]),
        runtime: {
          ...runtimeIdentity(context.threads, network.file.execution),
          ...present({ optimization: network.file.optimization }),
        },
        seconds: Math.round(performance.now() - started) / 1000,
        peakRssMiB: peakRssMiB(),
        selection: selectionSentence(run),
      },
    };
    const named = (request.layers ?? network.card.layers) !== undefined;
    return {
      map,
      draws: drawsOf(outcomes.filter(({ task }) => !task.components)),
      ...(context.floors ? { floors: floorsIn(outcomes) } : {}),
      choices: run.components ? committed : choices,
      failed: failedRows(map, named),
      ...present({ weights: network.card.weights }),
    };
  } finally {
    await close();
  }
}

/** Outcomes in the order of layers and columns, and their cost. */
interface Cells {
  readonly outcomes: readonly CellOutcome[];
  readonly plan: MapPlan;
  of(layer: string, benchmark: string, on?: Ground): CellOutcome | undefined;
}

/** What a layer is compared by. */
type Ground = 'units' | 'components';

async function cellsOf(run: OpenMap, choice: NestedChoice | undefined): Promise<Cells> {
  const { network, context, candidates } = run;
  const loaded = loadedOf(run);
  const layers = layersOf(candidates);
  const tasks = tasksOf(run);
  let plan: MapPlan | undefined;
  const found = await computeCells(tasks, network, context, {
    plan: (cells) => {
      plan = mapPlan(layers, loaded, cells);
      context.plan?.(plan);
      reportPart(run, candidates, cells.known);
    },
    found: (outcome) => {
      const { layer } = outcome.task;
      reportPart(
        run,
        candidates.filter((candidate) => candidate.layer === layer),
        [outcome],
      );
    },
    nested: choice && ((task, nested) => choice.see(task, nested)),
  });
  const at = new Map(found.map((outcome) => [outcome.task, outcome]));
  const outcomes = tasks.map((task) => at.get(task) as CellOutcome);
  return { outcomes, plan: plan as MapPlan, of: byName(outcomes) };
}

function byName(outcomes: readonly CellOutcome[]): Cells['of'] {
  const found = new Map(
    outcomes.map((outcome) => [
      keyOf(
        outcome.task.layer,
        outcome.task.loaded.benchmark.id,
        outcome.task.components ? 'components' : 'units',
      ),
      outcome,
    ]),
  );
  return (layer, benchmark, on = 'units') => found.get(keyOf(layer, benchmark, on));
}

const keyOf = (layer: string, benchmark: string, on: Ground) =>
  JSON.stringify([layer, benchmark, on]);

/** Which layer is chosen is not known yet. */
function reportPart(
  run: OpenMap,
  candidates: readonly Candidate[],
  outcomes: readonly CellOutcome[],
): void {
  if (!run.context.part) return;
  const benchmarks = run.columns.map(({ id }) => id);
  const layers = rowsOf(run, candidates, byName(outcomes), {
    full: new Map(),
    onComponents: new Map(),
  });
  run.context.part({ benchmarks, layers });
}

type Choices = ReadonlyMap<string, ChosenLayer>;
/** A choice of either kind. */
type Chosen = Omit<ChosenLayer, 'tied'>;
/** Both by benchmark. */
interface BothChoices {
  readonly full: Choices;
  readonly onComponents: ComponentsChosen;
}

/** By benchmark; without those for which no layer has a value. */
function chooseAll(run: OpenMap, cells: Cells): Choices {
  const chosen = new Map<string, ChosenLayer>();
  for (const { benchmark } of loadedOf(run)) {
    const column = cells.outcomes.filter(
      ({ task }) => task.loaded.benchmark === benchmark && !task.components,
    );
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
      method: methodOf(column.length, run),
    };
    chosen.set(benchmark.id, { ...best, choice: { by } });
  }
  return chosen;
}

/** Rows with the cells that are known. */
function rowsOf(
  run: OpenMap,
  candidates: readonly Candidate[],
  of: Cells['of'],
  chosen: BothChoices,
): LayerRow[] {
  return candidates.map((candidate) => {
    const { layer, aliases, depth, selection } = candidate;
    const cellsOn = (on: Ground, choices: ReadonlyMap<string, Chosen>) =>
      run.columns.flatMap((column) => {
        const cell = cellOf(run, candidate, column, {
          outcome: of(layer, column.id, on),
          best: choices.get(column.id),
          on,
        });
        return cell ? [[column.id, cell] as const] : [];
      });
    const units = run.columns.map(({ id }) => of(layer, id)?.units ?? null);
    return {
      layer,
      ...(aliases.length > 0 ? { aliases } : {}),
      ...(selection ? { part: selection } : {}),
      units: units.find((count) => count !== null) ?? null,
      depth,
      cells: Object.fromEntries(cellsOn('units', chosen.full)),
      ...(run.components && {
        components: Object.fromEntries(cellsOn('components', chosen.onComponents)),
      }),
    };
  });
}

function cellOf(
  run: OpenMap,
  { layer, value, reason = 'it is not available' }: Candidate,
  column: BenchmarkColumn,
  {
    outcome,
    best,
    on,
  }: {
    readonly outcome: CellOutcome | undefined;
    readonly best: Chosen | undefined;
    readonly on: Ground;
  },
): LayerRow['cells'][string] | undefined {
  if ('error' in column) return { reason: reasonOf(column.error) };
  if (value === null) return { reason };
  if (on === 'components' && !hasComponents(column.loaded))
    return { reason: 'single units are compared, not components' };
  if (!outcome) return undefined;
  return scoreOf(run, outcome, best?.layer === layer ? best.choice : { by: 'flag' }, true);
}

function scoreOf(
  { origin, context }: OpenMap,
  outcome: CellOutcome,
  layerChoice: LayerChoice,
  selection: boolean,
): Score | { readonly reason: string } {
  if (!('measured' in outcome)) return { reason: outcome.reason };
  const { task, measured, seconds, inputs, trials } = outcome;
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
    trials,
    ...present({ components: task.components?.count }),
  });
}

/** The chosen layers on the half of the stimuli that they were not chosen on. */
async function scoreHeldOut(
  run: OpenMap,
  chosen: Choices,
): Promise<NonNullable<LayerMap['holdout']>> {
  const tasks = loadedOf(run).flatMap((loaded) => {
    const best = chosen.get(loaded.benchmark.id);
    return best ? [{ layer: best.layer, loaded, half: 'test' as const }] : [];
  });
  const { floors: _, ...context } = run.context;
  const outcomes = await computeCells(tasks, run.network, context);
  const scores = new Map(outcomes.map((outcome) => [outcome.task.loaded.benchmark.id, outcome]));
  return Object.fromEntries(
    [...chosen].map(([id, { choice }]) => [
      id,
      scoreOf(run, scores.get(id) as CellOutcome, choice, false),
    ]),
  );
}

function drawsOf(outcomes: readonly CellOutcome[]): MappedLayers['draws'] {
  const draws = new Map<string, Map<string, ScoreDraws>>();
  for (const outcome of outcomes) {
    if (!('measured' in outcome) || !outcome.measured.draws) continue;
    const { layer, loaded } = outcome.task;
    const column = draws.get(loaded.benchmark.id) ?? new Map<string, ScoreDraws>();
    draws.set(loaded.benchmark.id, column.set(layer, outcome.measured.draws));
  }
  return draws;
}

function floorsIn(outcomes: readonly CellOutcome[]): NonNullable<MappedLayers['floors']> {
  const floors = new Map<string, Map<string, Floors>>();
  for (const { floors: own, task } of outcomes) {
    if (!own) continue;
    const { id } = task.loaded.benchmark;
    const column = floors.get(id) ?? new Map<string, Floors>();
    floors.set(id, column.set(task.layer, own));
  }
  return floors;
}

/** The choices with the record for a card. */
const recorded = <T extends Chosen>(
  chosen: ReadonlyMap<string, T>,
  choices: readonly RoleChoice[],
) =>
  [...chosen].map(([id, best]): [string, T] => {
    const made = choices.find(({ record }) => record.benchmark === id);
    return [id, made ? { ...best, role: made.role, stimuli: made.record.stimuli } : best];
  });

/** The choice for a region or for behaviour, with the stimuli of the choice. */
async function choicesOf(run: OpenMap, chosen: ReadonlyMap<string, Chosen>): Promise<RoleChoice[]> {
  const choices: RoleChoice[] = [];
  for (const loaded of loadedOf(run)) {
    const { benchmark, layers } = loaded;
    const best = chosen.get(benchmark.id);
    const role = layers.key;
    if (!best || !role || role === 'logits' || typeof best.choice.by === 'string') continue;
    const pictures = await stimulusDigests(judgedStimuli(loaded));
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
