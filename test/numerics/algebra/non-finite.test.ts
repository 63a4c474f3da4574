import { describe, expect, test } from 'vitest';
import { denseFeatures } from '../../../src/numerics/algebra/features.js';
import { centredGram } from '../../../src/numerics/algebra/gram.js';
import { matrix } from '../../../src/numerics/algebra/matrix.js';
import {
  finiteProducts,
  nonFinite,
  nonFiniteRows,
} from '../../../src/numerics/algebra/non-finite.js';
import { zScoredProducts } from '../../../src/numerics/algebra/z-scored-products.js';

const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** Features of 5 rows with one value changed. */
function features(cols: number, at?: number, value = Number.NaN) {
  const values = Float64Array.from({ length: 5 * cols }, (_, i) => Math.sin(i));
  if (at !== undefined) values[at] = value;
  return denseFeatures(5, cols, values);
}

test('values are counted, and the first is named', () => {
  expect(nonFinite([1, 2, 3])).toBeUndefined();
  expect(nonFinite([])).toBeUndefined();
  expect(nonFinite(Float32Array.of(1, ...bad, 2))).toEqual({ count: 3, first: 1 });
});

test('the first row of features that holds such a value is named, whatever its column', async () => {
  expect(await nonFiniteRows(features(7))).toBeUndefined();
  const values = Float64Array.from({ length: 5 * 7 }, () => 1);
  values.set([Number.NaN], 3 * 7);
  values.set([Number.NaN], 2 * 7 + 6);
  expect(await nonFiniteRows(denseFeatures(5, 7, values))).toEqual({ count: 2, row: 2 });
});

describe.each(bad)('products of rows with %s', (value) => {
  const places = [0, 8, 17, 34];

  test('a Gram matrix says so, wherever the value is', async () => {
    expect(finiteProducts(await centredGram(features(7)))).toBe(true);
    for (const at of places)
      expect(finiteProducts(await centredGram(features(7, at, value)))).toBe(false);
  });

  test('products with other rows say so, as many of them or fewer', async () => {
    const few = denseFeatures(
      2,
      7,
      Float64Array.from({ length: 14 }, (_, i) => Math.cos(i)),
    );
    expect(finiteProducts((await zScoredProducts(few, features(7))).cross)).toBe(true);
    for (const at of places)
      for (const fitting of [few, features(7)])
        expect(finiteProducts((await zScoredProducts(fitting, features(7, at, value))).cross)).toBe(
          false,
        );
  });
});

test('no products are finite', () => {
  expect(finiteProducts(matrix(0, 0))).toBe(true);
});
