import { ancestorValues } from '../onnx/expose.js';
import type { Model } from '../onnx/model.js';
import { candidateLayers } from './candidates.js';
import type { ModelCard } from './card.js';

/**
 * An output keeps the runtime from fusing operators across it, which moves the last bits of what follows.
 * So that a layer has the same bits whatever it is asked together with, and in however many passes, the
 * candidates of a model (its card's `layers`, else the graph's own; and the layers that it
 * names for regions and tasks) are outputs in every run that computes
 * them, fetched or not; any other value is computed operator by operator as the file is written, which is
 * slower and depends on no output.
 */
export interface Pass {
  readonly operators: 'fused' | 'as written';
  /** Values that are fetched. */
  readonly values: readonly string[];
}

const known = new WeakMap<Model, Map<string, ReadonlySet<string>>>();

/** Values that are computed with fused operators. */
function fusedValues(model: Model, card: ModelCard): ReadonlySet<string> {
  const ofModel = known.get(model) ?? new Map<string, ReadonlySet<string>>();
  known.set(model, ofModel);
  const written = writtenLayers(card);
  const key = JSON.stringify([card.layers, written]);
  const found = ofModel.get(key);
  if (found) return found;
  const named = [...candidateLayers(model, card), ...candidateLayers(model, { layers: written })];
  const values = new Set(named.flatMap(({ value }) => value ?? []));
  ofModel.set(key, values);
  return values;
}

/** Layers that a card's author names for tasks and regions. One that a map chose does not move the others. */
function writtenLayers(card: ModelCard): string[] {
  const { readout = [], logits, region_layer_map = {}, region_layer_choice = {} } = card;
  const regions = Object.entries(region_layer_map)
    .filter(([region]) => !(region in region_layer_choice))
    .map(([, layers]) => layers);
  const own = 'behavior' in region_layer_choice ? [] : readout;
  return [own, logits?.layer ?? [], ...regions].flat();
}

/** The passes that values need at least, each value in the one that decides its bits. */
export function passesOf(model: Model, card: ModelCard, values: readonly string[]): Pass[] {
  const fused = fusedValues(model, card);
  const passes: Pass[] = [
    { operators: 'fused', values: values.filter((value) => fused.has(value)) },
    { operators: 'as written', values: values.filter((value) => !fused.has(value)) },
  ];
  return passes.filter((pass) => pass.values.length > 0);
}

/** The outputs of the graph in a pass. */
export function outputsOf(model: Model, card: ModelCard, { operators, values }: Pass): string[] {
  if (operators === 'as written') return [...values];
  const computed = ancestorValues(model, values);
  const others = [...fusedValues(model, card)].filter((value) => computed.has(value));
  return [...new Set([...values, ...others])];
}

/** What decides the bits of a value beside the file: it belongs to the inputs of a score. */
export function computedAs(model: Model, card: ModelCard, value: string) {
  const fused = fusedValues(model, card);
  if (!fused.has(value)) return { operators: 'as written' };
  const computed = ancestorValues(model, [value]);
  return { operators: 'fused', outputs: [...fused].filter((each) => computed.has(each)).sort() };
}
