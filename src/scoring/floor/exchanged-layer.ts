import type { ReducedLayer } from '../../activations/reduced-layer.js';
import { selectRows } from '../../numerics/algebra/features.js';
import { submatrix } from '../../numerics/algebra/matrix.js';

/**
 * A layer whose rows changed places. Products of rows do too: neither centring nor z-scoring over the rows of a set
 * depends on their order.
 * @param from for each row of all stimulus sets, one below the other, the row whose values it gets; of the same set
 * @throws RangeError for units, which have no rows
 */
export function exchangedLayer(layer: ReducedLayer, from: Int32Array): ReducedLayer {
  const rows = (count: number, before: number) =>
    Array.from(from.subarray(before, before + count), (row) => row - before);
  if (layer.form === 'units') throw new RangeError('units have no rows');
  if (layer.form === 'gram') {
    const order = rows(layer.gram.rows, 0);
    return { ...layer, gram: submatrix(layer.gram, order, order) };
  }
  if (layer.form === 'read-out') {
    const fitted = rows(layer.fitting.rows, 0);
    const tested = rows(layer.cross.rows, fitted.length);
    return {
      ...layer,
      fitting: submatrix(layer.fitting, fitted, fitted),
      cross: submatrix(layer.cross, tested, fitted),
    };
  }
  let before = 0;
  const features = layer.features.map((set) => {
    const picked = selectRows(set, rows(set.rows, before));
    before += set.rows;
    return picked;
  });
  return { ...layer, features };
}
