import type { OpenOptions } from '../../activations/open-network.js';
import { expandLayers, listLayers } from '../../onnx/layers.js';
import type { Model } from '../../onnx/model.js';
import type { ComparedModel } from './comparison-types.js';
import { type OpenedModel, openCompared, refusalOf } from './placed-scores.js';

/** Candidates of a model's map; undefined: its own. */
export type CandidatesOf = (opened: OpenedModel) => readonly string[] | undefined;

/**
 * One list of candidates for compared models of one architecture, those with the same layer names: the `layers`
 * of the first whose card lists any. Else a model with a card of its own and one without would be mapped over
 * different layers. A model that cannot be opened is passed over.
 * @throws VentralError `interrupted`
 */
export async function sharedCandidates(
  models: readonly ComparedModel[],
  context: OpenOptions,
): Promise<CandidatesOf> {
  const lists = new Map<string, readonly string[]>();
  for (const model of models) {
    try {
      const { network } = await openCompared(model, context);
      const names = architectureOf(network.file.model);
      if (network.card.layers && !lists.has(names)) lists.set(names, network.card.layers);
    } catch (thrown) {
      // It has the reason in its own rows.
      refusalOf(thrown);
    }
  }
  return ({ network: { file, card } }) => {
    const layers = lists.get(architectureOf(file.model));
    if (!layers || JSON.stringify(layers) === JSON.stringify(card.layers)) return undefined;
    return layers.filter((pattern) => fits(file.model, pattern));
  };
}

function architectureOf(model: Model): string {
  const layers = listLayers(model);
  const modules = layers.filter(({ kind }) => kind === 'module');
  const names = (modules.length > 0 ? modules : layers).map(({ name }) => name);
  return JSON.stringify(names.sort());
}

function fits(model: Model, pattern: string): boolean {
  try {
    return expandLayers(model, [pattern]).length > 0;
  } catch {
    return false;
  }
}
