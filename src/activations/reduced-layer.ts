import { denseFeatures, type Features, stackRows } from '../numerics/algebra/features.js';
import { centredGram } from '../numerics/algebra/gram.js';
import type { Matrix } from '../numerics/algebra/matrix.js';
import { finiteProducts } from '../numerics/algebra/non-finite.js';
import { centredProducts, zScoredProducts } from '../numerics/algebra/z-scored-products.js';
import { projectionsFromProducts } from '../numerics/regression/principal-components.js';
import type { LayerTrials } from './trials.js';
import type { UnitLayer } from './unit-layer.js';

/**
 * The least that a benchmark needs of a layer: its values, the products of its rows, those of its
 * rows z-scored on the fitting set of a read-out, or the units that see the stimulus of single-neuron studies (design §9).
 */
export type Form = 'features' | 'gram' | 'read-out' | 'units';

/** A layer over the stimulus sets of a benchmark, in one of the forms. */
export type ReducedLayer = (
  | {
      readonly form: 'features';
      readonly units: number;
      /** One a stimulus set, rows in its order. */
      readonly features: readonly Features[];
    }
  | {
      readonly form: 'gram';
      readonly units: number;
      /** Products of the rows of all stimulus sets, one set below the other, columns centred over all rows; float64. */
      readonly gram: Matrix;
    }
  | {
      readonly form: 'read-out';
      readonly units: number;
      /** Products of the fitting rows, columns z-scored on them (fitting × fitting). */
      readonly fitting: Matrix;
      /** Products of the test rows, scaled likewise, with the fitting rows (test × fitting). */
      readonly cross: Matrix;
    }
  | UnitLayer
) & {
  /** Where it depends on random numbers. */
  readonly trials?: LayerTrials;
};

/**
 * Features (one a stimulus set) projected on at most `count` principal components of the fitting features (spec §5.8); undefined
 * where a value is NaN or infinite.
 */
export async function onComponents(
  features: readonly Features[],
  fitting: Features,
  count: number,
): Promise<Extract<ReducedLayer, { readonly form: 'features' }> | undefined> {
  const { fitting: train, cross } = await centredProducts(fitting, stackRows(features));
  if (![train, cross].every(finiteProducts)) return undefined;
  const { cols, data } = await projectionsFromProducts({ train, cross }, count);
  let from = 0;
  const sets = features.map(({ rows }) => {
    const part = data.slice(from * cols, (from + rows) * cols);
    from += rows;
    return denseFeatures(rows, cols, part);
  });
  return wholeLayer(sets);
}

/** A layer as its features, one set a stimulus set. */
export function wholeLayer(
  features: readonly Features[],
): Extract<ReducedLayer, { readonly form: 'features' }> {
  return { form: 'features', units: features[0].cols, features };
}

/**
 * Features (one a stimulus set) in the form asked for; a Gram matrix is that of all rows, a read-out
 * fits on the first and tests on the second. Where a value is NaN or infinite, so is the result. Units that see a stimulus
 * are found by `unitsOfFeatures`: RangeError here.
 */
export async function reduceFeatures(
  features: readonly Features[],
  form: Form,
): Promise<Exclude<ReducedLayer, UnitLayer>> {
  const [first, second] = features;
  const units = first.cols;
  if (form === 'units')
    throw new RangeError('units are not found without the places of the stimuli');
  if (form === 'gram') return { form, units, gram: await centredGram(stackRows(features)) };
  if (form === 'read-out') return { form, units, ...(await zScoredProducts(first, second)) };
  return wholeLayer(features);
}

/** A layer in the form asked for where it comes as features; one that was reduced before stays as it is. */
export async function inForm(layer: ReducedLayer, form: Form): Promise<ReducedLayer> {
  return layer.form === 'features' ? reduceFeatures(layer.features, form) : layer;
}

/**
 * The features of a layer that was not reduced further.
 * @throws RangeError on another form
 */
export function featuresOf(layer: ReducedLayer): readonly Features[] {
  if (layer.form !== 'features')
    throw new RangeError(`features are expected, not the ${layer.form}`);
  return layer.features;
}

/** Whether the products of a layer show that its values are finite; false for features, which are not checked. */
export function knownFinite(layer: Exclude<ReducedLayer, UnitLayer>): boolean {
  if (layer.form === 'features') return false;
  return (layer.form === 'gram' ? [layer.gram] : [layer.fitting, layer.cross]).every(
    finiteProducts,
  );
}

/** Features that are not wider than there are stimuli are small: they outlive their scratch files. */
export async function inMemory(
  layer: Exclude<ReducedLayer, UnitLayer>,
): Promise<Exclude<ReducedLayer, UnitLayer>> {
  if (layer.form !== 'features' || layer.features.some(({ rows, cols }) => cols > rows))
    return layer;
  const features = await Promise.all(
    layer.features.map(async (each) => {
      const { rows, cols } = each;
      return denseFeatures(rows, cols, (await each.columns(0, cols)).slice());
    }),
  );
  return { ...layer, features };
}
