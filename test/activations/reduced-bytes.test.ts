import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromBytes, toBytes } from '../../src/activations/reduced-bytes.js';
import type { ReducedLayer } from '../../src/activations/reduced-layer.js';
import { denseFeatures } from '../../src/numerics/algebra/features.js';
import { matrix } from '../../src/numerics/algebra/matrix.js';

const size = fc.integer({ min: 1, max: 9 });
const numbers = (length: number) =>
  fc.array(fc.double(), { minLength: length, maxLength: length }).map((v) => Float64Array.from(v));
const symmetric = (n: number) =>
  numbers((n * (n + 1)) / 2).map((half) =>
    matrix(
      n,
      n,
      Float64Array.from({ length: n * n }, (_, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        const [high, low] = i > j ? [i, j] : [j, i];
        return half[(high * (high + 1)) / 2 + low];
      }),
    ),
  );
const features = fc
  .tuple(size, size, fc.boolean())
  .chain(([rows, cols, single]) =>
    numbers(rows * cols).map((values) =>
      denseFeatures(rows, cols, single ? Float32Array.from(values) : values),
    ),
  );

const layers: fc.Arbitrary<ReducedLayer> = fc.oneof(
  fc
    .tuple(size, size.chain(symmetric))
    .map(([units, gram]) => ({ form: 'gram' as const, units, gram })),
  fc.tuple(size, size, size).chain(([units, rows, tests]) =>
    fc.tuple(symmetric(rows), numbers(tests * rows)).map(([fitting, cross]) => ({
      form: 'read-out' as const,
      units,
      fitting,
      cross: matrix(tests, rows, cross),
    })),
  ),
  fc
    .tuple(size, fc.array(features, { minLength: 1, maxLength: 3 }))
    .map(([units, sets]) => ({ form: 'features' as const, units, features: sets })),
);

/** Numbers of a layer, with their types. */
async function content(layer: ReducedLayer) {
  if (layer.form !== 'features') return layer;
  const sets = layer.features.map(async (each) => ({
    rows: each.rows,
    values: await each.columns(0, each.cols),
  }));
  return { ...layer, features: await Promise.all(sets) };
}

test('a reduced layer comes back from its bytes, wherever they lie in a buffer', async () => {
  await fc.assert(
    fc.asyncProperty(layers, fc.constantFrom(0, 8, 13), async (layer, offset) => {
      const parts = (await toBytes(layer))!;
      const whole = Buffer.concat([new Uint8Array(offset), ...parts]);
      const bytes = new Uint8Array(whole.length);
      bytes.set(whole);
      const back = fromBytes(bytes.subarray(offset), layer.form)!;
      expect(await content(back)).toEqual(await content(layer));
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('features that are large beside the products of their rows are not kept', async () => {
  const wide = denseFeatures(2, 2 ** 19, new Float32Array(2 ** 20));
  expect(await toBytes({ form: 'features', units: wide.cols, features: [wide] })).toBeUndefined();
});
