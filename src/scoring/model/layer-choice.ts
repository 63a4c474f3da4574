import type { ModelCard, RegionLayerChoice } from '../../activations/card/card.js';
import type { TimeBin } from '../../data/rebin.js';
import type { LoadedBenchmark } from '../measure/loaded-benchmark.js';
import type { LayerChoice } from '../measure/score.js';

/** Layers given on the command line or in a request: by region, `behavior`, or `*` for all. */
export type LayerRequest = Readonly<Record<string, string | readonly string[]>>;

/** The layers for the benchmark's region or task, joined in this order. */
export interface ChosenLayers {
  readonly layers: readonly string[];
  readonly choice: LayerChoice;
  /** Where they are not joined but steps of a recurrent network: when each is, in milliseconds. */
  readonly steps?: readonly TimeBin[];
  /** The card's record of how it came by them, where a map chose them (see `sharesStimuli`). */
  readonly record?: RegionLayerChoice;
}

/**
 * The layers of a model that a benchmark reads: those asked for, else the card's (design §2). Never a
 * silent choice: throws `layer-unset`, naming `--layer` and `ventral map --commit`; `labels-uncovered`
 * for a label task with a model whose card has no logits.
 */
export function chooseLayers(
  loaded: LoadedBenchmark,
  card: ModelCard,
  asked: LayerRequest = {},
  name = 'the model',
): ChosenLayers {
  const { key, fromCard, missing } = loaded.layers;
  const flag = (key === undefined ? undefined : asked[key]) ?? asked['*'];
  if (flag !== undefined) return { layers: [flag].flat(), choice: { by: 'flag' } };
  const carded = fromCard(card);
  if (carded !== undefined) return { layers: [carded].flat(), ...recorded(carded, key, card) };
  throw missing(card, name);
}

/** A record of the card counts for the very layer that it names. */
function recorded(
  carded: string | readonly string[],
  key: string | undefined,
  card: ModelCard,
): Pick<ChosenLayers, 'choice' | 'record'> {
  const records: Readonly<Record<string, RegionLayerChoice>> = card.region_layer_choice ?? {};
  const record = key === undefined ? undefined : records[key];
  if (record?.layer !== carded) return { choice: { by: 'card' } };
  const { benchmark, version, inputs, method } = record;
  return { choice: { by: { benchmark, version, inputs, method } }, record };
}
