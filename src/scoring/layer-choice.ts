import type { ModelCard, RegionLayerChoice } from '../activations/card.js';
import { VentralError } from '../errors/ventral-error.js';
import type { LoadedBenchmark } from './loaded-benchmark.js';
import type { LayerChoice } from './score.js';

/** Layers asked for on the command line or in a request: by region, `behavior`, or `*` for all. */
export type LayerRequest = Readonly<Record<string, string | readonly string[]>>;

/** The layers whose units stand for the benchmark's region or task, joined in this order. */
export interface ChosenLayers {
  readonly layers: readonly string[];
  readonly choice: LayerChoice;
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
  const { benchmark, reads } = loaded;
  const key = reads === 'region' ? benchmark.region : reads === 'readout' ? 'behavior' : 'logits';
  const flag = (key === undefined ? undefined : asked[key]) ?? asked['*'];
  if (flag !== undefined) return { layers: [flag].flat(), choice: { by: 'flag' } };
  const carded = fromCard(loaded, card);
  if (carded !== undefined) return { layers: [carded].flat(), ...recorded(carded, key, card) };
  throw missing(loaded, key, card, name);
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

function fromCard(
  { benchmark, reads }: LoadedBenchmark,
  card: ModelCard,
): string | readonly string[] | undefined {
  if (reads === 'region') return benchmark.region && card.region_layer_map?.[benchmark.region];
  if (reads === 'logits') return card.logits?.layer;
  if (card.readout !== undefined) return card.readout;
  // Brain-Score reads behaviour from the last of an explicit list of layers (spec §5.9).
  const explicit = card.layers?.every((layer) => !/[*?[\]{}]/.test(layer));
  return explicit ? card.layers?.at(-1) : undefined;
}

function missing(
  { benchmark, reads }: LoadedBenchmark,
  key: string | undefined,
  card: ModelCard,
  name: string,
): VentralError {
  const details = { field: key ?? 'layer' };
  if (reads === 'logits') {
    return new VentralError(
      'labels-uncovered',
      `${benchmark.id} needs logits over named classes, and the card of ${name} has no "logits": { layer, classes }`,
      details,
    );
  }
  if (reads === 'readout') {
    const why = card.layers ? 'its layers are globs' : 'it has no readout';
    return new VentralError(
      'layer-unset',
      `${name} has no layer for behaviour: the card says no readout (${why}); give --layer behavior=NAME or a "readout", usually the penultimate layer`,
      details,
    );
  }
  const region = benchmark.region ?? '*';
  return new VentralError(
    'layer-unset',
    `${name} has no layer for ${benchmark.region ?? benchmark.id}: give --layer ${region}=NAME, or let \`ventral map --commit\` choose one`,
    details,
  );
}
