import type { LayerMapContext } from '../map/layer-map.js';
import { type ComparedBenchmark, type Ground, openGround } from './comparison-ground.js';
import { comparisonRow } from './comparison-row.js';
import type {
  ComparedModel,
  ComparisonRequest,
  ComparisonRow,
  SeriesComparison,
} from './comparison-types.js';
import {
  type LayerPlaces,
  type Mapped,
  mapOf,
  openCompared,
  placedByMap,
  placesOf,
  refusalOf,
  type Sampled,
  scoreAt,
} from './placed-scores.js';
import type { SeriesCheckpoint } from './series-checkpoints.js';
import { contextsOf, shareStimuli } from './shared-stimuli.js';

/** Checkpoints in order of their epochs (`seriesCheckpoints`), and what they are scored on. */
export interface SeriesRequest extends ComparisonRequest {
  readonly models: readonly SeriesCheckpoint[];
}

/**
 * Scores every checkpoint of a series twice on each benchmark: at fixed layers, those of `mapFrom` (else of
 * the last checkpoint that has any: its card's, else those that its map chooses), and at the layer that
 * its own map chooses. Images are decoded once for all. A checkpoint that is broken has the reason in its
 * rows. What was computed before an interruption comes from the cache.
 * @throws VentralError `bad-usage`, what concerns all benchmarks or `mapFrom`, and `interrupted`
 */
export async function compareSeries(
  request: SeriesRequest,
  context: LayerMapContext,
): Promise<SeriesComparison> {
  const ground = await openGround(request, context);
  const shared = await shareStimuli(context);
  const { models, layers } = request;
  try {
    const names = models.map((_, k) => `checkpoint ${k + 1} of ${models.length}`);
    const [map, ...parts] = contextsOf(shared.context, ['the fixed map', ...names]);
    const fixed = await fixedOf(request, ground, map.context);
    map.end();
    const series: Scored[] = [];
    for (const [k, checkpoint] of models.entries()) {
      series.push(await score(checkpoint, { ground, layers, fixed, context: parts[k].context }));
      parts[k].end();
    }
    return {
      checkpoints: series.map(({ model }, k) => {
        const { checkpoint, epoch } = models[k];
        return { checkpoint, epoch, model };
      }),
      benchmarks: ground.benchmarks.map(({ id }) => id),
      fixed: fixed && { from: fixed.from, layers: layersOf(fixed.places) },
      rows: series.flatMap(({ rows }) => rows),
    };
  } finally {
    await shared.close();
    await ground.close();
  }
}

/** Where every checkpoint is scored. */
interface Fixed {
  readonly from: string;
  readonly places: LayerPlaces;
}

async function fixedOf(
  { mapFrom, models, layers }: SeriesRequest,
  ground: Ground,
  context: LayerMapContext,
): Promise<Fixed | null> {
  const from = async (model: ComparedModel) =>
    placesOf(await openCompared(model, context), ground, (open) =>
      mapOf(model, ground, layers, context, open),
    );
  if (mapFrom) return { from: mapFrom.path, places: await from(mapFrom) };
  for (const model of [...models].reverse()) {
    try {
      const places = await from(model);
      const some = [...places.values()].some((placed) => 'layers' in placed);
      if (some) return { from: model.checkpoint, places };
    } catch (thrown) {
      // A broken checkpoint has its reason in its own rows.
      refusalOf(thrown);
    }
  }
  return null;
}

const layersOf = (places: LayerPlaces): Record<string, string> =>
  Object.fromEntries(
    [...places].flatMap(([{ benchmark }, placed]) =>
      'layers' in placed ? [[benchmark.id, placed.layers.join('+')]] : [],
    ),
  );

interface Run {
  readonly ground: Ground;
  readonly layers: readonly string[] | undefined;
  readonly fixed: Fixed | null;
  readonly context: LayerMapContext;
}

/** The result of a scored checkpoint, without its data: fifty of them must not fill memory. */
interface Scored {
  readonly model: string | null;
  readonly rows: readonly ComparisonRow[];
}

async function score(model: SeriesCheckpoint, run: Run): Promise<Scored> {
  const { ground, layers, fixed, context } = run;
  try {
    const opened = await openCompared(model, context);
    const mapped = await mapOf(model, ground, layers, context);
    const maps = { fixed: fixed?.places ?? noPlaces, chosen: ownPlaces(ground, mapped) };
    const scores = {
      fixed: await scoreAt(opened, maps.fixed, mapped, context),
      chosen: await scoreAt(opened, maps.chosen, mapped, context),
    };
    const { digest } = opened.origin;
    const rows = forEachRow(ground, (benchmark, map): ComparisonRow => {
      const { loaded, reason = 'no checkpoint gives a layer' } = benchmark;
      const placed = loaded && maps[map].get(loaded);
      const sampled: Sampled = (loaded && scores[map].get(loaded)) ?? { reason };
      return comparisonRow({ ...model, model: digest, benchmark, map, placed }, sampled);
    });
    return { model: digest, rows };
  } catch (thrown) {
    const reason = refusalOf(thrown);
    const rows = forEachRow(ground, (benchmark, map) =>
      comparisonRow({ ...model, model: null, benchmark, map }, { reason }),
    );
    return { model: null, rows };
  }
}

const noPlaces: LayerPlaces = new Map();

const ownPlaces = ({ benchmarks }: Ground, mapped: Mapped): LayerPlaces =>
  new Map(
    benchmarks.flatMap(({ id, loaded }) =>
      loaded?.layers.mappable ? [[loaded, placedByMap(mapped, id)] as const] : [],
    ),
  );

/** A row at the fixed layer, and one at the chosen layer where the benchmark lets one be chosen. */
function forEachRow(
  { benchmarks }: Ground,
  row: (benchmark: ComparedBenchmark, map: ComparisonRow['map']) => ComparisonRow,
): ComparisonRow[] {
  return benchmarks.flatMap((benchmark) =>
    benchmark.loaded?.layers.mappable
      ? [row(benchmark, 'fixed'), row(benchmark, 'chosen')]
      : [row(benchmark, 'fixed')],
  );
}
