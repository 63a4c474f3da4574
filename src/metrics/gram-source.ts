import { VentralError } from '../errors/ventral-error.js';
import { centredGram } from '../numerics/algebra/gram.js';
import type { Matrix } from '../numerics/algebra/matrix.js';
import { finiteProducts, nonFiniteRows } from '../numerics/algebra/non-finite.js';
import type { GramSource, Source } from './metric.js';

/**
 * A layer reduced to the products of its rows.
 * @throws VentralError `activations-not-finite`
 */
export async function gramSource(source: Source): Promise<GramSource> {
  const { stimulusIds, features } = source;
  const gram = await centredGram(features);
  if (!finiteProducts(gram)) await requireFinite(source);
  return { stimulusIds, units: features.cols, gram };
}

/** @throws VentralError `activations-not-finite` where a value is NaN or infinite */
export async function requireFinite({ features, stimulusIds }: Source): Promise<void> {
  const found = await nonFiniteRows(features);
  if (found)
    throw new VentralError(
      'activations-not-finite',
      `${found.count} activations are NaN or infinite, the first for stimulus ${stimulusIds[found.row]}`,
      { expected: 'finite activations', found: `${found.count} that are not` },
    );
}

/** @throws VentralError `activations-not-finite` where products of rows are of a value that is NaN or infinite */
export function requireFiniteProducts(...products: readonly Matrix[]): void {
  if (!products.every(finiteProducts))
    throw new VentralError('activations-not-finite', 'The activations hold NaN or infinity');
}
