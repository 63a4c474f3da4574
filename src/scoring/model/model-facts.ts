import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ModelCard,
  parseCard,
  type Weights,
  weightsKinds,
} from '../../activations/card/card.js';
import { cardFolder } from '../../activations/card/choice-files.js';
import { shippedModels } from '../../activations/model-file.js';
import { packageRoot } from '../../formats/package-root.js';

/** What is known of a network beside its layers and scores; null where neither card nor graph says it. */
export interface ModelFacts {
  readonly weights: Weights | null;
  /** Numbers that were learned: as the card counts them, else all floating-point values that the graph stores. */
  readonly parameters: number | null;
  /** Kind of architecture, such as `resnet` or `vit`. */
  readonly family: string | null;
  /** Data sets that it was trained on; empty for a network that was trained on none. */
  readonly trainingData: readonly string[] | null;
  /** When it was published: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. */
  readonly date: string | null;
  /** An SPDX identifier, or its name. */
  readonly licence: string | null;
}

/** Keys of a card that describe the network, and that no number depends on. */
export const labelKeys = [
  'weights',
  'parameters',
  'family',
  'training_data',
  'date',
  'licence',
] as const satisfies readonly (keyof ModelCard)[];

/** The card without what no number depends on; its name stays. */
export function withoutLabels(card: ModelCard): Omit<ModelCard, (typeof labelKeys)[number]> {
  const kept: Record<string, unknown> = { ...card };
  for (const key of labelKeys) delete kept[key];
  return kept as unknown as ModelCard;
}

/**
 * The facts of a network that is in no database; those of registered models are columns of their table.
 * @param parameters of the graph, where it was counted
 */
export function factsOf(card: ModelCard | null, parameters?: number): ModelFacts {
  const { weights, family, training_data: trainingData, date, licence, source } = card ?? {};
  return {
    weights: weightsKinds.find((kind) => kind === weights) ?? null,
    parameters: card?.parameters ?? parameters ?? null,
    family: family ?? null,
    trainingData: trainingData ?? null,
    date: date === undefined ? null : String(date),
    licence: licence ?? source?.licence ?? null,
  };
}

let factsOfShipped: Promise<ReadonlyMap<string, ModelFacts>> | undefined;

/** What the cards of the models that come with the package say of them, by their names. */
export function shippedFacts(): Promise<ReadonlyMap<string, ModelFacts>> {
  factsOfShipped ??= readShippedFacts();
  return factsOfShipped;
}

async function readShippedFacts(): Promise<ReadonlyMap<string, ModelFacts>> {
  const found = (await shippedModels()).map(async (name) => {
    const path = join(packageRoot, 'models', name, 'model.yaml');
    const card = parseCard(await readFile(path, 'utf8'), path, cardFolder(path));
    return [name, factsOf(card)] as const;
  });
  return new Map(await Promise.all(found));
}
