import type { Network } from '../../activations/extract.js';
import { type OpenOptions, openNetwork } from '../../activations/open-network.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { ScoreDraws } from '../draws/score-draws.js';
import { type LayerMapContext, type MappedLayers, mapLayers } from '../map/layer-map.js';
import { type CellOutcome, type CellTask, computeCells } from '../map/map-cells.js';
import type { LoadedBenchmark } from '../measure/loaded-benchmark.js';
import { makeScore, type Origin } from '../measure/make-score.js';
import type { LayerChoice, Score } from '../measure/score.js';
import { chooseLayers } from '../model/layer-choice.js';
import { isSelection } from '../model/score-model.js';
import { type Ground, idsOf } from './comparison-ground.js';
import type { ComparedModel } from './comparison-types.js';

/** Layers for a benchmark, and how they were chosen. */
export interface LayerPlace {
  /** Whether a card gives them or a map chose them. */
  readonly by: 'card' | 'map';
  readonly layers: readonly string[];
  readonly choice: LayerChoice;
  /** Whether they were chosen on stimuli of this benchmark. */
  readonly selection: boolean;
}

/** A score with the draws behind its interval, or why there is none. */
export type Sampled =
  | { readonly score: Score; readonly draws?: ScoreDraws | undefined }
  | { readonly reason: string };

/** A network of a comparison. */
export interface OpenedModel {
  readonly network: Network;
  readonly origin: Origin & { readonly kind: 'model' };
}

/**
 * Opens a model with its card.
 * @throws what `openNetwork` throws
 */
export async function openCompared(
  model: ComparedModel,
  context: OpenOptions,
): Promise<OpenedModel> {
  const network = await openNetwork(model, context);
  const { file, card } = network;
  const { digest, name, cardWarnings: warnings = [], optimization } = file;
  const origin = {
    ...({ kind: 'model', digest, name, card, warnings } as const),
    ...present({ optimization }),
  };
  return { network, origin };
}

/** The map of a model, or why it has none. */
export type Mapped = MappedLayers | { readonly reason: string };

/**
 * The map of a model over the benchmarks for which a layer can be chosen.
 * @throws VentralError `interrupted`
 * @param only ids of the benchmarks that a map is needed for; all unless given. Those of one file are mapped together
 */
export async function mapOf(
  model: ComparedModel,
  { mappable }: Ground,
  layers: readonly string[] | undefined,
  context: LayerMapContext,
  only?: ReadonlySet<string>,
): Promise<Mapped> {
  const benchmarks = mappable.filter(
    (name) => only === undefined || idsOf(name).some((id) => only.has(id)),
  );
  if (benchmarks.length === 0) return { reason: 'there is no layer to choose' };
  try {
    const request = { model, benchmarks, ...present({ layers }) };
    return await mapLayers(request, context);
  } catch (thrown) {
    return { reason: refusalOf(thrown) };
  }
}

/** Why a model, layer or benchmark was refused; throws what ends the whole run. */
export function refusalOf(thrown: unknown): string {
  const error = VentralError.from(thrown);
  if (error.code === 'interrupted') throw error;
  return error.details.reason ?? error.message;
}

/** By benchmark: its layers, or why there are none. */
export type LayerPlaces = ReadonlyMap<LoadedBenchmark, LayerPlace | { readonly reason: string }>;

/**
 * The layers of a model: those in its card, else those that its map chooses.
 * @param map called once, with the ids of the benchmarks for which the card has no layer; not if there are none
 */
export async function placesOf(
  opened: OpenedModel,
  { benchmarks }: Ground,
  map: (open: ReadonlySet<string>) => Promise<Mapped>,
): Promise<LayerPlaces> {
  const places = new Map<LoadedBenchmark, LayerPlace | { readonly reason: string }>();
  const open = new Set<LoadedBenchmark>();
  for (const { loaded } of benchmarks) {
    if (!loaded) continue;
    try {
      const carded = await placedByCard(loaded, opened);
      places.set(loaded, carded ?? { reason: 'no layer was chosen' });
      if (!carded) open.add(loaded);
    } catch (thrown) {
      places.set(loaded, { reason: refusalOf(thrown) });
    }
  }
  if (open.size === 0) return places;
  const mapped = await map(new Set([...open].map(({ benchmark }) => benchmark.id)));
  for (const loaded of open) places.set(loaded, placedByMap(mapped, loaded.benchmark.id));
  return places;
}

/**
 * The layers in a card for a benchmark; undefined if it has none.
 * @throws VentralError `labels-uncovered`
 */
async function placedByCard(
  loaded: LoadedBenchmark,
  { network: { file, card } }: OpenedModel,
): Promise<LayerPlace | undefined> {
  try {
    const chosen = chooseLayers(loaded, card, {}, file.name);
    const { layers, choice } = chosen;
    return { by: 'card', layers, choice, selection: await isSelection(chosen, loaded) };
  } catch (thrown) {
    if (VentralError.from(thrown).code === 'layer-unset') return undefined;
    throw thrown;
  }
}

/**
 * The layer that a map chose for a benchmark, on the benchmark's own stimuli; or why it chose none.
 */
export function placedByMap(
  mapped: Mapped,
  benchmark: string,
): LayerPlace | { readonly reason: string } {
  if ('reason' in mapped) return mapped;
  const { layers, chosen } = mapped.map;
  const best = chosen[benchmark];
  if (best) return { by: 'map', layers: [best.layer], choice: best.choice, selection: true };
  const reasons = new Set(
    layers.flatMap(({ cells }) => {
      const cell = cells[benchmark];
      return cell !== undefined && 'reason' in cell ? [cell.reason] : [];
    }),
  );
  return { reason: reasons.size === 1 ? [...reasons][0] : 'no layer has a value' };
}

/**
 * Scores a model at given layers: what its map measured is taken from there, the rest goes the way of the
 * cells of a map, cache included. One that is refused has its reason.
 * @throws VentralError `interrupted`
 */
export async function scoreAt(
  opened: OpenedModel,
  places: LayerPlaces,
  mapped: Mapped,
  context: LayerMapContext,
): Promise<ReadonlyMap<LoadedBenchmark, Sampled>> {
  const found = new Map<LoadedBenchmark, Sampled>();
  const tasks: CellTask[] = [];
  for (const [loaded, placed] of places) {
    const known =
      'reason' in placed ? placed : (takenFrom(mapped, loaded, placed) ?? refused(loaded, opened));
    if (known) found.set(loaded, known);
    else if ('layers' in placed)
      tasks.push({ layer: placed.layers.join('+'), layers: placed.layers, loaded });
  }
  if (tasks.length === 0) return found;
  for (const outcome of await computeCells(tasks, opened.network, context)) {
    const { loaded } = outcome.task;
    const placed = places.get(loaded) as LayerPlace;
    found.set(loaded, sampledOf(outcome, placed, opened, context.threads));
  }
  return found;
}

function takenFrom(
  mapped: Mapped,
  { benchmark: { id } }: LoadedBenchmark,
  { layers: [layer, ...others], choice, selection }: LayerPlace,
): Sampled | undefined {
  if ('reason' in mapped || others.length > 0) return undefined;
  const cell = mapped.map.layers.find((row) => row.layer === layer)?.cells[id];
  if (cell === undefined || 'reason' in cell) return cell;
  const score = { ...cell, layerChoice: choice, selection };
  return { score, draws: mapped.draws.get(id)?.get(layer) };
}

/** Why a task cannot be done with a model of this card. */
function refused(loaded: LoadedBenchmark, { network }: OpenedModel): Sampled | undefined {
  try {
    loaded.refuse?.(network.card);
    return undefined;
  } catch (thrown) {
    return { reason: refusalOf(thrown) };
  }
}

function sampledOf(
  outcome: CellOutcome,
  { choice, selection }: LayerPlace,
  { origin }: OpenedModel,
  threads: number,
): Sampled {
  if (!('measured' in outcome)) return { reason: outcome.reason };
  const { task, measured, seconds, inputs } = outcome;
  const { loaded, layer } = task;
  const score = makeScore(loaded, measured, {
    origin,
    layer,
    layerChoice: choice,
    selection,
    inputs: inputs as string,
    verified: loaded.verified,
    threads,
    seconds,
  });
  return { score, draws: measured.draws };
}
