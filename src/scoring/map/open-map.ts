import { type Candidate, mapCandidates, withPools } from '../../activations/card/candidates.js';
import type { ModelCard } from '../../activations/card/card.js';
import type { Network } from '../../activations/extract.js';
import { openNetwork } from '../../activations/open-network.js';
import { onProvider } from '../../activations/provider/choose-provider.js';
import { takesOneClip } from '../../activations/stimuli/input-plan.js';
import { valueShapes } from '../../activations/value-shapes.js';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { isPool, type Selection, selectionOf } from '../../onnx/layers.js';
import { modelInputs } from '../../onnx/model-inputs.js';
import { channelLayout } from '../../onnx/tokens/channel-layout.js';
import {
  type FittedComponents,
  fittedComponents,
  picturesFolder,
} from '../benchmark/fitting-pictures.js';
import { refuseUnits } from '../floor/exchanges.js';
import { type Half, partOf } from '../measure/halves.js';
import type { LoadedBenchmark } from '../measure/loaded-benchmark.js';
import type { Origin } from '../measure/make-score.js';
import type { ScoreContext } from '../model/score-model.js';
import { stepsOf } from '../model/time-steps.js';
import { loadBenchmarks } from '../registry/load-benchmark.js';
import { benchmarkNames } from '../registry/region-benchmarks.js';
import type { LayerMapRequest, MapPart, MapPlan } from './layer-map-types.js';
import type { CellTask } from './map-cells.js';

/** Limits and listeners of a map. */
export interface LayerMapContext extends ScoreContext {
  /** Called with the plan before the work starts. */
  readonly plan?: (plan: MapPlan) => void;
  /** Called with the known cells at the start, then with each measured cell. */
  readonly part?: (part: MapPart) => void;
}

/** A benchmark of the map, or why it cannot be one. */
export type BenchmarkColumn = { readonly id: string } & (
  | { readonly loaded: LoadedBenchmark }
  | { readonly error: VentralError }
);

/** A map that is being made. */
export interface OpenMap {
  readonly network: Network;
  readonly origin: Origin;
  readonly candidates: readonly Candidate[];
  readonly columns: readonly BenchmarkColumn[];
  /** The half of the stimuli that layers are chosen on; all of them where undefined. */
  readonly half: Half | undefined;
  /** Whether layers are chosen within the training part of each split, too. */
  readonly nested: boolean;
  /** The components on which layers are compared as well. */
  readonly components: FittedComponents | undefined;
  readonly context: LayerMapContext;
}

/**
 * Opens the model and the benchmarks of a map.
 * @throws what concerns the model or every benchmark
 */
export async function openMap(
  request: LayerMapRequest,
  context: LayerMapContext,
): Promise<{ run: OpenMap; close: () => Promise<void> }> {
  refuseNested(request);
  const opened = await openNetwork(request.model, { ...context, input: request.input });
  const { file, card } = opened;
  const named = mapCandidates(file.model, card, request.layers);
  const candidates = await pooled(opened, named, poolsOf(request), context);
  if (candidates.length === 0) {
    throw new VentralError(
      'layer-unknown',
      `${file.name} has no layers to map: name some with --layers`,
      { file: file.name, field: 'layers' },
    );
  }
  const components = await componentsOf(request, context);
  const { columns, close } = await openColumns(request, card, context);
  const network = await placed(opened, columns, context).catch(async (error) => {
    await close();
    throw error;
  });
  const name = request.model.name ?? file.name;
  const { digest, cardWarnings: warnings = [], optimization, execution } = network.file;
  const origin: Origin = {
    ...{ kind: 'model', digest, name, card, warnings },
    ...present({ optimization, execution }),
  };
  const half = request.holdout ? ('choice' as const) : undefined;
  const nested = request.nested === true;
  const run = { network, origin, candidates, columns, half, nested, components, context };
  return { run, close };
}

/** The network on what is to run it. */
function placed(
  network: Network,
  columns: readonly BenchmarkColumn[],
  context: LayerMapContext,
): Promise<Network> {
  const shown = columns.flatMap((column) => ('loaded' in column ? column.loaded.shown : []));
  return onProvider(network, shown, context.provider, context);
}

/** @throws VentralError `bad-usage` beside another way to choose */
function refuseNested({ nested, holdout, pca }: LayerMapRequest): void {
  const other = holdout ? 'holdout' : pca ? 'pca' : undefined;
  if (!nested || other === undefined) return;
  throw new VentralError(
    'bad-usage',
    `nested and ${other} exclude each other: each chooses layers in its own way`,
    { field: 'nested', found: other },
  );
}

/** Candidates, with pooled maps where they are asked for. */
async function pooled(
  network: Network,
  candidates: readonly Candidate[],
  pools: readonly Selection[],
  { threads, cache }: LayerMapContext,
): Promise<readonly Candidate[]> {
  if (pools.length === 0) return candidates;
  const values = [...new Set(candidates.flatMap(({ value }) => value ?? []))];
  const shapes = await valueShapes(network, values, undefined, { threads, cache }, true);
  const { model } = network.file;
  const inputs = modelInputs(model);
  // Frames as rows are no maps of one stimulus.
  const alone = takesOneClip(inputs);
  const clips = inputs.some(({ dims }) => dims?.length === 5);
  return withPools(model, candidates, pools, (value) => {
    const [first, ...own] = shapes.get(value)?.dims ?? [];
    if (alone && first !== 1) return false;
    // Of a clip's map, channel × frame × row × column, places are pooled and frames stay.
    if (own.length === 4)
      return clips && own[2] * own[3] > 1 && channelLayout(model, value) === 'NCHW';
    return own.length === 3 && own.filter((size) => size > 1).length > 1;
  });
}

/** @throws VentralError `bad-usage` for what is no pool */
function poolsOf({ pool = [] }: LayerMapRequest): Selection[] {
  return [...new Set(pool)].map((name) => {
    const selection = selectionOf(name);
    if (selection && isPool(selection)) return selection;
    throw new VentralError(
      'bad-usage',
      `pool: expected mean, max or a grid such as 4x4, found ${quoted(name)}`,
      { field: 'pool', expected: 'mean, max or a grid such as 4x4', found: name.slice(0, 40) },
    );
  });
}

async function componentsOf(
  { pca, holdout }: LayerMapRequest,
  { home }: LayerMapContext,
): Promise<FittedComponents | undefined> {
  if (!pca) return undefined;
  if (holdout)
    throw new VentralError(
      'bad-usage',
      'pca and holdout exclude each other: Brain-Score chooses on all stimuli of a public benchmark and scores on a private one',
      { field: 'pca' },
    );
  return fittedComponents(pca.components, pca.images ?? picturesFolder(home));
}

async function openColumns(request: LayerMapRequest, card: ModelCard, context: LayerMapContext) {
  const names = new Set(await benchmarkNames(request, context.home));
  if (names.size === 0)
    throw new VentralError('bad-usage', 'A layer map needs a region or a benchmark');
  const failed: BenchmarkColumn[] = [];
  const { loaded, close } = await loadBenchmarks([...names], context, (id, thrown) => {
    const error = VentralError.from(thrown);
    if (error.code === 'interrupted') throw error;
    failed.push({ id, error });
  });
  const columns = [...loaded.map((each) => columnOf(each, request, card, context)), ...failed];
  try {
    requireColumns(columns);
  } catch (error) {
    await close();
    throw error;
  }
  return { columns, close };
}

function columnOf(
  loaded: LoadedBenchmark,
  { holdout, layers }: LayerMapRequest,
  card: ModelCard,
  { floors }: LayerMapContext,
): BenchmarkColumn {
  const { id } = loaded.benchmark;
  if (stepsOf(loaded, card, layers ? { '*': layers } : {})) {
    const { key } = loaded.layers;
    const sentence = `${id}: time_bins.${key} of the card gives a step of the network for each bin, which a map of single layers cannot read; ventral score reads them, and --layers names layers to map in their place`;
    return {
      id,
      error: new VentralError('bad-usage', sentence, { field: 'time_bins', found: id }),
    };
  }
  if (!loaded.layers.mappable) {
    const sentence = `${id} reads the ${loaded.layers.key} of a model: it has no layer to choose`;
    return {
      id,
      error: new VentralError('bad-usage', sentence, { field: 'benchmark', found: id }),
    };
  }
  try {
    for (const kind of floors?.nulls ?? []) refuseUnits(loaded, kind);
    if (holdout) for (const half of ['choice', 'test'] as const) partOf(loaded, half);
    return { id, loaded };
  } catch (error) {
    return { id, error: VentralError.from(error) };
  }
}

function requireColumns(columns: readonly BenchmarkColumn[]): void {
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

/** The benchmarks that can be columns. */
export const loadedOf = ({ columns }: Pick<OpenMap, 'columns'>): LoadedBenchmark[] =>
  columns.flatMap((column) => ('loaded' in column ? [column.loaded] : []));

/** Available layers. */
export const layersOf = (candidates: readonly Candidate[]): string[] =>
  candidates.flatMap(({ layer, value }) => (value === null ? [] : [layer]));

/** Whether a benchmark compares layers on their components: single units have none. */
export const hasComponents = ({ form }: LoadedBenchmark): boolean => form(1) !== 'units';

/** Every available layer against every loaded benchmark, and on components where they are asked for. */
export const tasksOf = ({ candidates, columns, half, components }: OpenMap): CellTask[] =>
  layersOf(candidates).flatMap((layer) =>
    loadedOf({ columns }).flatMap((loaded) => [
      { layer, loaded, half },
      ...(components && hasComponents(loaded) ? [{ layer, loaded, half, components }] : []),
    ]),
  );
