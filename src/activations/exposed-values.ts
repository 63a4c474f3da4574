import { ancestorValues } from '../onnx/expose.js';
import { resolveLayer } from '../onnx/layers.js';
import type { Model } from '../onnx/model.js';
import type { ModelCard } from './card.js';

/**
 * The values that become outputs of the graph in a run. An output keeps the runtime from fusing across
 * it, which moves the last bits of what follows: so that a layer has the same bits whatever it is asked
 * together with, the card's own layers are outputs in every run that computes them, fetched or not.
 */
export function exposedValues(model: Model, card: ModelCard, wanted: readonly string[]): string[] {
  const computed = ancestorValues(model, wanted);
  const own = cardLayers(card).flatMap((layer) => heldValue(model, layer) ?? []);
  return [...new Set([...wanted, ...own.filter((value) => computed.has(value))])];
}

/**
 * The values of one run each: the card's own layers, then whatever else is asked for, which would
 * otherwise move the card's.
 */
export function runsOf(model: Model, card: ModelCard, wanted: readonly string[]): string[][] {
  const own = new Set(cardLayers(card).map((layer) => heldValue(model, layer)));
  const runs = [
    wanted.filter((value) => own.has(value)),
    wanted.filter((value) => !own.has(value)),
  ];
  return runs.filter((values) => values.length > 0);
}

/** Of the exposed values, those that a layer's value depends on, sorted: they belong to the inputs of its score. */
export function exposedBefore(model: Model, exposed: readonly string[], value: string): string[] {
  const computed = ancestorValues(model, [value]);
  return exposed.filter((each) => computed.has(each)).sort();
}

function cardLayers(card: ModelCard): string[] {
  const regions = Object.values(card.region_layer_map ?? {});
  return [...regions, card.readout ?? [], card.logits?.layer ?? []].flat();
}

/** A card may name layers that this file does not hold, such as folded ones; they are not run either. */
function heldValue(model: Model, layer: string): string | undefined {
  try {
    return resolveLayer(model, layer).value;
  } catch {
    return undefined;
  }
}
