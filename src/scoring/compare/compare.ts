import type { Weights } from '../../activations/card/card.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { type PairDifference, scoreDifference } from '../draws/score-difference.js';
import type { LayerMapContext } from '../map/layer-map.js';
import { type Ground, openGround } from './comparison-ground.js';
import { comparisonRow } from './comparison-row.js';
import type {
  ComparedModel,
  Comparison,
  ComparisonRequest,
  ComparisonRow,
  MapDivergence,
  ScoreDifference,
} from './comparison-types.js';
import { mapsApart } from './maps-apart.js';
import {
  type LayerPlaces,
  type Mapped,
  mapOf,
  type OpenedModel,
  openCompared,
  placesOf,
  refusalOf,
  type Sampled,
  scoreAt,
} from './placed-scores.js';
import { type NamedModel, namedModels } from './series-checkpoints.js';
import { type CandidatesOf, sharedCandidates } from './shared-candidates.js';
import { contextsOf, shareStimuli } from './shared-stimuli.js';

/** Models that one comparison takes. */
const MOST = 8;

/**
 * Puts two to eight models side by side: the score of each on every benchmark, at the layer that its card
 * (or the one of `mapFrom`) gives, else at the one that its own map chooses; the differences of all
 * pairs with paired intervals; the map of each, and where it differs from the first one's. A model
 * that cannot be opened, mapped or scored has the reason in its rows.
 * @throws VentralError `bad-usage`, what concerns all benchmarks or `mapFrom`, and `interrupted`
 */
export async function compareModels(
  request: ComparisonRequest,
  context: LayerMapContext,
): Promise<Comparison> {
  const models = namedModels(request.models);
  if (models.length < 2 || models.length > MOST) {
    throw new VentralError(
      'bad-usage',
      `compare takes 2 to ${MOST} models, or any number with --series; found ${models.length}`,
      { field: 'models', expected: `2 to ${MOST}`, found: String(models.length) },
    );
  }
  const ground = await openGround(request, context);
  const shared = await shareStimuli(context);
  try {
    const names = models.map((_, k) => `model ${k + 1} of ${models.length}`);
    const [map, ...parts] = contextsOf(shared.context, ['the map to score by', ...names]);
    const fixed = await fixedPlaces(request, ground, map.context);
    map.end();
    const candidates = await sharedCandidates(request.mapFrom ? [] : models, context);
    const compared: Compared[] = [];
    for (const [k, model] of models.entries()) {
      const { context: here, end } = parts[k];
      const run = { ground, layers: request.layers, candidates, fixed, context: here };
      compared.push(await measure(model, run));
      end();
    }
    return comparisonOf(compared, ground);
  } finally {
    await shared.close();
    await ground.close();
  }
}

async function fixedPlaces(
  { mapFrom, layers }: ComparisonRequest,
  ground: Ground,
  context: LayerMapContext,
): Promise<LayerPlaces | undefined> {
  if (!mapFrom) return undefined;
  return placesOf(await openCompared(mapFrom, context), ground, (open) =>
    mapOf(mapFrom, ground, layers, context, open),
  );
}

/** A model with its map and its scores by benchmark; without them if it cannot be opened. */
interface Compared {
  readonly checkpoint: string;
  readonly digest: string | null;
  readonly weights?: Weights;
  readonly mapped: Mapped;
  readonly rows: readonly ComparisonRow[];
  readonly sampled: ReadonlyMap<string, Sampled>;
}

interface Run {
  readonly ground: Ground;
  /** Candidates that the request names. */
  readonly layers: readonly string[] | undefined;
  /** Candidates of a model where the request names none. */
  readonly candidates: CandidatesOf;
  /** The layers at which every model is scored, where one of them says so. */
  readonly fixed: LayerPlaces | undefined;
  readonly context: LayerMapContext;
}

async function measure(model: NamedModel, run: Run): Promise<Compared> {
  const { ground, fixed, context } = run;
  const of = { checkpoint: model.checkpoint, epoch: null, model: null };
  try {
    const opened = await openCompared(model, context);
    const { mapped, places } = await placed(model, opened, run);
    const scores = await scoreAt(opened, places, mapped, context);
    const { digest, card } = opened.origin;
    const sampled = new Map<string, Sampled>();
    const rows = ground.benchmarks.map((benchmark) => {
      const { id, loaded, reason = '' } = benchmark;
      const placed = loaded && places.get(loaded);
      const chosen = !fixed && placed && 'layers' in placed && placed.by === 'map';
      const found = (loaded && scores.get(loaded)) ?? { reason };
      sampled.set(id, found);
      const map = chosen ? 'chosen' : 'fixed';
      return comparisonRow({ ...of, model: digest, benchmark, map, placed }, found);
    });
    const weights = present({ weights: card.weights });
    return { checkpoint: model.checkpoint, digest, ...weights, mapped, rows, sampled };
  } catch (thrown) {
    const reason = { reason: refusalOf(thrown) };
    const rows = ground.benchmarks.map((benchmark) =>
      comparisonRow({ ...of, benchmark, map: 'fixed' }, reason),
    );
    const sampled = new Map(ground.benchmarks.map(({ id }) => [id, reason]));
    return { checkpoint: model.checkpoint, digest: null, mapped: reason, rows, sampled };
  }
}

/**
 * Where a model is scored, and its map: over every benchmark where candidates were asked for, else over those
 * for which neither `mapFrom` nor the card gives a layer.
 */
async function placed(
  model: ComparedModel,
  opened: OpenedModel,
  { ground, layers, candidates, fixed, context }: Run,
): Promise<{ readonly mapped: Mapped; readonly places: LayerPlaces }> {
  const asked = layers && (await mapOf(model, ground, layers, context));
  if (asked)
    return { mapped: asked, places: fixed ?? (await placesOf(opened, ground, async () => asked)) };
  let mapped: Mapped = { reason: 'its layers are given' };
  const map = async (open: ReadonlySet<string>) => {
    mapped = await mapOf(model, ground, candidates(opened), context, open);
    return mapped;
  };
  const places = fixed ?? (await placesOf(opened, ground, map));
  return { mapped, places };
}

function comparisonOf(compared: readonly Compared[], { benchmarks }: Ground): Comparison {
  const ids = benchmarks.map(({ id }) => id);
  const [first, ...others] = compared;
  const pairs = compared.flatMap((from, i) => compared.slice(i + 1).map((to) => ({ from, to })));
  return {
    models: compared.map(({ checkpoint, digest, weights }) => ({
      ...{ checkpoint, model: digest },
      ...present({ weights }),
    })),
    benchmarks: ids,
    rows: ids.flatMap((_, i) => compared.map(({ rows }) => rows[i])),
    differences: ids.flatMap((id) => pairs.map(({ from, to }) => differenceOf(id, from, to))),
    divergences: others.flatMap((other) => ids.flatMap((id) => divergenceOf(id, first, other))),
    maps: compared.map(({ mapped }) => ('reason' in mapped ? null : mapped.map)),
  };
}

const nowhere: Sampled = { reason: 'it was not scored' };

function differenceOf(benchmark: string, from: Compared, to: Compared): ScoreDifference {
  const [a, b] = [from, to].map(({ sampled }) => sampled.get(benchmark) ?? nowhere);
  const pair = { benchmark, from: from.checkpoint, to: to.checkpoint };
  return { ...pair, ...pairedDifference(a, b) };
}

/** The difference b − a of two scores (see {@link scoreDifference}), or why there is none. */
export function pairedDifference(a: Sampled, b: Sampled): PairDifference {
  const none = { difference: null, ci: null, paired: false, p: null };
  if ('reason' in a) return { ...none, reason: a.reason };
  if ('reason' in b) return { ...none, reason: b.reason };
  return scoreDifference(a, b);
}

function divergenceOf(benchmark: string, from: Compared, to: Compared): MapDivergence[] {
  if ('reason' in from.mapped || 'reason' in to.mapped) return [];
  const { by, layers } = mapsApart(from.mapped, to.mapped, benchmark);
  if (layers.length === 0) return [];
  return [{ benchmark, from: from.checkpoint, to: to.checkpoint, by, layers }];
}
