import type { ModelCard } from '../../activations/card/card.js';
import {
  type CardHints,
  type InputPreset,
  inputOf,
  inputPresets,
  openFields,
  proposedCard,
} from '../../activations/card/card-template.js';
import type { components } from '../../api/schema.js';

/**
 * A card to complete, as HTTP shows it.
 * @param card the card that the model has; null if it has none
 * @param hints what its file says
 */
export function cardDraft(
  name: string,
  card: ModelCard | null,
  hints: CardHints,
): components['schemas']['CardDraft'] {
  const { layers = [], output } = hints;
  return {
    card: { ...(card ?? proposedCard(name, hints)) },
    open: card ? [] : openFields(hints).map((field) => `/${field.replaceAll('.', '/')}`),
    layers: [...layers],
    output: output ?? null,
    presets: (Object.keys(inputPresets) as InputPreset[]).map((preset) => ({
      name: preset,
      says: inputPresets[preset].says,
      input: { ...inputOf({ ...hints, preset }) },
    })),
  };
}
