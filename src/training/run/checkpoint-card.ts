import { stringify } from 'yaml';
import type { ModelCard } from '../../activations/card/card.js';
import { CARD_KEY, setMetadata } from '../../onnx/metadata.js';
import { readModel, writeModel } from '../../onnx/model.js';

/** Where the file is, what it was trained on, and layers that other weights were chosen for, are not the new network's. */
const ofOthers: ReadonlySet<string> = new Set([
  ...['file', 'build', 'recipe', 'region_layer_choice'],
  ...['parameters', 'training_data', 'date', 'licence'],
]);

/** The card of what a recipe makes: that of the network that it starts with, under the recipe's name and with the classes of its data. */
export function trainedCard(
  card: ModelCard,
  { name, classes }: { readonly name: string; readonly classes: readonly string[] },
): ModelCard {
  const kept = Object.fromEntries(
    Object.entries(card).filter(([key]) => !ofOthers.has(key)),
  ) as unknown as ModelCard;
  const { logits } = card;
  // Cards that do not say it are as they were, so that recorded checkpoints keep their bytes.
  const labelled = { ...kept, name, ...(card.weights && { weights: 'trained' as const }) };
  if (!logits || logits.classes === 'imagenet-1k') return labelled;
  return { ...labelled, logits: { ...logits, classes } };
}

/** ONNX bytes with a card inside. */
export function asCheckpoint(
  bytes: Uint8Array,
  { card }: { readonly card: ModelCard },
  name: string,
): Uint8Array {
  return writeModel(setMetadata(readModel(bytes, name), CARD_KEY, stringify(card)));
}
