import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { VentralError } from '../errors/ventral-error.js';
import { expandLayers } from '../onnx/layers.js';
import type { Model } from '../onnx/model.js';
import { type ModelCard, parseCard } from './card/card.js';
import { type CardWarning, cardWarnings, unfinishedLines } from './card/card-warnings.js';
import { cardFolder } from './card/choice-files.js';
import { keptValue } from './layer-view.js';
import { openModelFile } from './model-file.js';

/** A card that parses, with what is most likely wrong in it. */
export interface CheckedCard {
  readonly card: ModelCard;
  readonly warnings: readonly CardWarning[];
}

/**
 * Checks a card: its text, its values, and beside a model whether input and layers fit the graph.
 * @throws VentralError `file-missing`, `card-invalid`, and what opening the model throws
 * @param reference the model that the card is for, as `openModelFile` takes it
 */
export async function checkCard(path: string, reference?: string): Promise<CheckedCard> {
  if (!existsSync(path))
    throw new VentralError('file-missing', `The card ${path} does not exist`, { file: path });
  if (reference === undefined) {
    const text = await readFile(path, 'utf8');
    const card = parseCard(text, path, cardFolder(path));
    return { card, warnings: [...unfinishedLines(text), ...cardWarnings(card)] };
  }
  const {
    model,
    card,
    cardWarnings: warnings = [],
  } = await openModelFile(reference, { file: path });
  return {
    card: card as ModelCard,
    warnings: [...warnings, ...layerWarnings(layerFaults(model, card as ModelCard))],
  };
}

/** Faults as remarks on a card. */
export const layerWarnings = (faults: readonly LayerFault[]): CardWarning[] =>
  faults.map(({ field, detail }) => ({ code: 'card-layer', detail: `${field}: ${detail}` }));

/** A field of a card whose layer cannot be had. */
export interface LayerFault {
  /** As `region_layer_map.V1`. */
  readonly field: string;
  readonly detail: string;
}

/** Layers of the card that the graph does not have, and parts of layers that are not clear. Placeholders are told of once, as such. */
export function layerFaults(model: Model, card: ModelCard): LayerFault[] {
  const { readout = [], logits, layers = [], region_layer_map: regions = {} } = card;
  const steps = Object.entries(card.time_bins ?? {});
  const named = [
    ...[readout].flat().map((layer) => ['readout', layer] as const),
    ...(logits ? [['logits.layer', logits.layer] as const] : []),
    ...layers.map((layer) => ['layers', layer] as const),
    ...Object.entries(regions).flatMap(([region, of]) =>
      [of].flat().map((layer) => [`region_layer_map.${region}`, layer] as const),
    ),
    ...steps.flatMap(([region, of]) =>
      of.map(({ layer }) => [`time_bins.${region}`, layer] as const),
    ),
  ];
  return named.flatMap(([field, layer]): LayerFault[] => {
    if (layer === 'NAME') return [];
    try {
      for (const each of expandLayers(model, [layer])) keptValue(model, card, each);
      return [];
    } catch (thrown) {
      return [{ field, detail: VentralError.from(thrown).message }];
    }
  });
}
