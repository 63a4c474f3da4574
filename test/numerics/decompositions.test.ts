import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cholesky, choleskySolve } from '../../src/numerics/algebra/cholesky.js';
import { symmetricEigen } from '../../src/numerics/algebra/eigen.js';
import { matmul } from '../../src/numerics/algebra/gemm.js';
import { type Matrix, matrix } from '../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { pearson } from '../../src/numerics/statistics/pearson.js';
import {
  rankCorrelation,
  ranks,
  rankVector,
  spearman,
} from '../../src/numerics/statistics/spearman.js';
import { expectClose } from '../metrics/close.js';
import { tolerances } from '../tolerances.js';

/** A positive semi-definite matrix of the given rank. */
async function gramOfRank(n: number, rank: number, seed: number): Promise<Matrix> {
  const x = matrix(n, rank, new RandomState(seed).standardNormal(n * rank));
  return matmul(x, x, { transposeB: true });
}

describe('symmetricEigen', () => {
  it('puts a matrix together again from orthonormal vectors and ascending values', async () => {
    const sizes = fc.record({
      n: fc.integer({ min: 1, max: 40 }),
      rank: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(sizes, async ({ n, rank, seed }) => {
        const a = await gramOfRank(n, rank, seed);
        const { values, vectors } = symmetricEigen(a);
        const scaled = matrix(
          n,
          n,
          vectors.data.map((value, i) => value * values[Math.floor(i / n)]),
        );
        const again = await matmul(vectors, scaled, { transposeA: true });
        expectClose(again.data, a.data, tolerances.float64);
        const identity = await matmul(vectors, vectors, { transposeB: true });
        const want = identity.data.map((_, i) => (i % (n + 1) === 0 ? 1 : 0));
        expectClose(identity.data, want, tolerances.float64);
        expect([...values]).toEqual([...values].sort((x, y) => x - y));
      }),
      { numRuns: 30 },
    );
  });

  it('knows a matrix by hand', () => {
    // Eigenvalues 1, 3 (twice as far along (1, 1) as along (1, −1)), and 7 alone.
    const { values } = symmetricEigen(matrix(3, 3, Float64Array.of(2, 1, 0, 1, 2, 0, 0, 0, 7)));
    expectClose(values, [1, 3, 7], tolerances.float64);
  });

  it('does with rows of very different sizes', async () => {
    const random = new RandomState(4);
    const x = matrix(70, 25, random.standardNormal(70 * 25));
    x.data.forEach((value, i) => {
      x.data[i] = value * 10 ** ((i % 7) - 3);
    });
    const a = await matmul(x, x, { transposeB: true });
    const { values, vectors } = symmetricEigen(a);
    const image = await matmul(vectors, a);
    const want = vectors.data.map((value, i) => value * values[Math.floor(i / 70)]);
    const scale = values[69];
    expectClose(
      image.data.map((value) => value / scale),
      want.map((value) => value / scale),
      tolerances.float64,
    );
  });

  it('does not run forever on NaN', () => {
    const a = matrix(3, 3, new Float64Array(9).fill(Number.NaN));
    expect(() => symmetricEigen(a)).toThrow(RangeError);
  });
});

describe('cholesky', () => {
  it.each([1, 5, 64, 65, 150])('solves a system of %i', async (n) => {
    const a = await gramOfRank(n, n, n);
    for (let i = 0; i < n; i++) a.data[i * (n + 1)] += 1;
    const b = matrix(n, 3, new RandomState(9).standardNormal(n * 3));
    const factor = await cholesky(a);
    const product = await matmul(factor!, factor!, { transposeB: true });
    expectClose(product.data, a.data, tolerances.float64);
    const x = await choleskySolve(factor!, b);
    expectClose((await matmul(a, x)).data, b.data, tolerances.float64);
  });

  it('refuses what is not positive definite', async () => {
    expect(await cholesky(matrix(2, 2, Float64Array.of(1, 2, 2, 1)))).toBeUndefined();
    expect(await cholesky(await gramOfRank(80, 70, 1), 1e-11)).toBeUndefined();
  });
});

describe('spearman', () => {
  it('gives ties their mean rank', () => {
    expect([...ranks(Float64Array.of(3, 1, 3, 2, 3))]).toEqual([4, 1, 4, 2, 4]);
  });

  it('ranks as counting does, however values crowd', () => {
    const random = new RandomState(7);
    const normal = random.standardNormal(1000);
    const cases = {
      normal,
      tied: normal.map(Math.round),
      'half tied': normal.map((value) => Math.max(0, value)),
      'both zeros': normal.map((value) => Math.max(-0, value) * (value < 0.5 ? -0 : 1)),
      'far apart': normal.map((value) => Math.exp(40 * value)),
      'beside one': normal.map((value, i) => (i === 9 ? 1e300 : value)),
      'beside an infinity': normal.map((value, i) => (i === 9 ? Number.NEGATIVE_INFINITY : value)),
      'wider than a number': normal.map((value) => value * 4e307),
      subnormal: normal.map((value) => value * 1e-322),
      'next to each other': normal.map((value) => 1 + Math.round(value) * Number.EPSILON),
      alone: Float64Array.of(4),
      none: new Float64Array(),
    };
    for (const [name, values] of Object.entries(cases)) {
      const sorted = values.slice().sort();
      const first = (of: number) => sorted.indexOf(of);
      const last = (of: number) => sorted.lastIndexOf(of);
      const counted = values.map((value) => 1 + (first(value) + last(value)) / 2);
      expect(ranks(values), name).toEqual(counted);
    }
  });

  it.each<[number[], number[], number]>([
    // scipy 1.15.3, scipy.stats.spearmanr
    [[1, 2, 3, 4, 5], [5, 6, 7, 8, 7], 0.8207826816681233],
    [[1, 2, 2, 4], [3, 1, 2, 0], -0.9486832980505139],
  ])('of %j and %j', (x, y, want) => {
    expectClose([spearman(Float64Array.from(x), Float64Array.from(y))], [want], tolerances.float64);
  });

  it('does not see how far values are apart', () => {
    const vector = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 4, maxLength: 20 });
    fc.assert(
      fc.property(vector, (values) => {
        const x = Float64Array.from(values);
        const y = x.map((value, i) => value * (i % 3));
        const plain = spearman(x, y);
        const bent = spearman(x.map(Math.exp), y);
        expectClose([bent], [plain], tolerances.float64);
      }),
    );
  });

  it('is NaN where a value is', () => {
    expect(spearman(Float64Array.of(1, Number.NaN, 3), Float64Array.of(1, 2, 3))).toBeNaN();
  });
});

describe('rankCorrelation', () => {
  it('is that of vectors which are ranked once, whatever is missing, constant or short', () => {
    const random = new RandomState(5);
    const vectors = [5, 5, 5, 2, 2, 1].map((n) => random.standardNormal(n));
    vectors.push(Float64Array.of(1, 1, 3, 3, 0), new Float64Array(5), Float64Array.of(2));
    vectors.push(Float64Array.of(Number.NaN, 1, 2, 3, 4), Float64Array.of(Number.NaN));
    const told = (correlate: () => number) => {
      try {
        return correlate();
      } catch (error) {
        return (error as Error).message;
      }
    };
    const plain = (x: Float64Array, y: Float64Array) =>
      [...x, ...y].some(Number.isNaN) ? Number.NaN : pearson(ranks(x), ranks(y));
    for (const x of vectors)
      for (const y of vectors) {
        const [a, b] = [rankVector(x), rankVector(y)];
        expect(told(() => rankCorrelation(a, b))).toBe(told(() => plain(x, y)));
      }
    expect(ranks(Float64Array.of(3, Number.NaN, 1)).subarray(2)).toEqual(Float64Array.of(1));
  });
});
