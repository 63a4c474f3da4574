import type { ContentCache } from '../../activations/cache/content-cache.js';
import type { ModelCard, TimeStep } from '../../activations/card/card.js';
import type { Network } from '../../activations/extract.js';
import { keptValue, viewUnits } from '../../activations/layer-view.js';
import { stimulusSize } from '../../activations/stimuli/stimulus-size.js';
import { valueShapes } from '../../activations/value-shapes.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { resolveLayer } from '../../onnx/layers.js';
import type { LoadedBenchmark, PreparedBenchmark } from '../measure/loaded-benchmark.js';
import { type ChosenLayers, chooseLayers, type LayerRequest } from './layer-choice.js';

/**
 * The layers of a model that a benchmark reads, as {@link chooseLayers} has them; on recordings in bins of time the steps that
 * the card's `time_bins` gives for the region, unless layers are asked for.
 */
export function chooseSteps(
  loaded: LoadedBenchmark,
  card: ModelCard,
  asked: LayerRequest = {},
  name?: string,
): ChosenLayers {
  const steps = stepsOf(loaded, card, asked);
  if (!steps) return chooseLayers(loaded, card, asked, name);
  return {
    layers: steps.map(({ layer }) => layer),
    choice: { by: 'card' },
    steps: steps.map(({ bin }) => bin),
  };
}

/** The steps that the card's `time_bins` gives for a benchmark in bins of time; undefined where layers are asked for, or there are none. */
export function stepsOf(
  { layers: { key }, measureSteps }: PreparedBenchmark,
  { time_bins: bins = {} }: ModelCard,
  asked: LayerRequest,
): readonly TimeStep[] | undefined {
  if (!measureSteps || key === undefined || key in asked || '*' in asked) return undefined;
  return (bins as Readonly<Record<string, readonly TimeStep[]>>)[key];
}

/** What scores call the layers: `a+b` where they are joined, `a then b` where they are steps. */
export const layerLabel = ({ layers, steps }: ChosenLayers): string =>
  layers.join(steps ? ' then ' : '+');

/**
 * Steps are told apart by their equal widths once they are side by side.
 * @throws VentralError `card-invalid` for steps with unequal numbers of units
 */
export async function requireEqualSteps(
  network: Network,
  loaded: PreparedBenchmark,
  { layers, steps }: ChosenLayers,
  { threads, cache }: { readonly threads: number; readonly cache?: ContentCache | undefined },
): Promise<void> {
  if (!steps) return;
  const { file, card } = network;
  const kept = layers.map((layer) => keptValue(file.model, card, resolveLayer(file.model, layer)));
  const values = [...new Set(kept.map(({ value }) => value))];
  const size = await stimulusSize(loaded.shown[0], card);
  const options = { threads, ...present({ cache }) };
  const shapes = await valueShapes(network, values, size, options, true);
  const units = kept.map(({ value, view }, i) => {
    const { units: all = 0, dims = [] } = shapes.get(value) ?? {};
    return view ? viewUnits(view, dims, layers[i]) : all;
  });
  const other = units.findIndex((count) => count !== units[0]);
  if (other < 0) return;
  const found = `${layers[0]} with ${units[0]} and ${layers[other]} with ${units[other]}`;
  throw new VentralError(
    'card-invalid',
    `${file.name}: the steps of time_bins.${loaded.layers.key} must have equally many units, found ${found}`,
    { file: file.name, field: 'time_bins', expected: 'equally many units', found },
  );
}
