import { VentralError } from '../errors/ventral-error.js';
import { centredGram } from '../numerics/algebra/gram.js';
import type { GramSource, Source } from './metric.js';
import { refuseNotFinite } from './pls.js';

/** A layer reduced to the products of its rows. Throws `activations-not-finite`. */
export async function gramSource({ stimulusIds, features }: Source): Promise<GramSource> {
  const gram = await centredGram(features);
  const source = { stimulusIds, units: features.cols, gram };
  if (!hasFiniteGram(source)) await refuseNotFinite(features, stimulusIds);
  return source;
}

/** Throws `activations-not-finite` where the Gram matrix says that some activation is not. */
export function requireFiniteGram(source: GramSource): void {
  if (!hasFiniteGram(source))
    throw new VentralError('activations-not-finite', 'The activations hold NaN or infinity');
}

/** Whether the products are of finite activations. */
export function hasFiniteGram({ gram: { rows, data } }: Pick<GramSource, 'gram'>): boolean {
  for (let i = 0; i < rows; i++) if (!Number.isFinite(data[i * (rows + 1)])) return false;
  return true;
}
