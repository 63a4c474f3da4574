import type { ModelCard, Region } from '../../activations/card/card.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Benchmark } from './benchmark.js';

/** Which layers of a model a task reads, and what to say where the model has none. */
export interface LayerRole {
  /** Key of layers in options and cards: a region, `behavior`, `logits`. */
  readonly key: Region | 'behavior' | 'logits' | undefined;
  /** Whether a layer map may choose the layer. */
  readonly mappable: boolean;
  /** The layers in a card; undefined if it has none. */
  fromCard(card: ModelCard): string | readonly string[] | undefined;
  /** The error for a model that gives none: `layer-unset`, or `labels-uncovered` for a label task. */
  missing(card: ModelCard, name: string): VentralError;
}

/** The layer that represents the region of a benchmark. */
export const regionLayer = ({ id, region }: Benchmark): LayerRole => ({
  key: region,
  mappable: true,
  fromCard: (card) => region && card.region_layer_map?.[region],
  missing: (_card, name) =>
    new VentralError(
      'layer-unset',
      `${name} has no layer for ${region ?? id}: give --layer ${region ?? '*'}=NAME, or let \`ventral map --commit\` choose one`,
      { field: region ?? 'layer' },
    ),
});

/** The layer that a behavioural read-out is fitted on. */
export const readOutLayer: LayerRole = {
  key: 'behavior',
  mappable: true,
  fromCard(card) {
    if (card.readout !== undefined) return card.readout;
    // Brain-Score reads behaviour from the last of an explicit list of layers (spec §5.9).
    const explicit = card.layers?.every((layer) => !/[*?[\]{}]/.test(layer));
    return explicit ? card.layers?.at(-1) : undefined;
  },
  missing(card, name) {
    const why = card.layers ? 'its layers are globs' : 'it has no readout';
    return new VentralError(
      'layer-unset',
      `${name} has no layer for behaviour: the card has no readout (${why}); give --layer behavior=NAME or a "readout", usually the penultimate layer`,
      { field: 'behavior' },
    );
  },
};

/** The classification head of a model. */
export const logitsLayer = ({ id }: Benchmark): LayerRole => ({
  key: 'logits',
  mappable: false,
  fromCard: (card) => card.logits?.layer,
  missing: (_card, name) =>
    new VentralError(
      'labels-uncovered',
      `${id} needs logits over named classes, and the card of ${name} has no "logits": { layer, classes }; a network that was imported without its head has none to give`,
      { field: 'logits' },
    ),
});
