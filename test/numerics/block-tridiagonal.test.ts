import { expect, it } from 'vitest';
import {
  bandForm,
  factorPlus,
  solveBackward,
  solveForward,
} from '../../src/numerics/algebra/block-tridiagonal.js';
import { matmul } from '../../src/numerics/algebra/gemm.js';
import { type Matrix, matrix } from '../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { expectClose } from '../metrics/close.js';
import { tolerances } from '../tolerances.js';

async function gramOfRank(n: number, rank: number): Promise<Matrix> {
  const x = matrix(n, rank, new RandomState(n).standardNormal(n * rank));
  return matmul(x, x, { transposeB: true });
}

const identity = (n: number) =>
  Float64Array.from({ length: n * n }, (_, i) => +(i % (n + 1) === 0));

it.each([
  [1, 1],
  [2, 2],
  [31, 40],
  [32, 40],
  [33, 5],
  [64, 64],
  [65, 90],
  [130, 7],
  [200, 300],
  [1030, 60],
])('solves with A + α of %i rows and rank %i', async (n, rank) => {
  const a = await gramOfRank(n, rank);
  const { band, basis } = await bandForm(matrix(n, n, a.data.slice()));
  const gramOfBasis = await matmul(basis, basis, { transposeB: true });
  expectClose(gramOfBasis.data, identity(n), tolerances.float64);
  const alpha = 0.5;
  const factor = factorPlus(band, alpha);
  if (!factor) throw new Error('not positive definite');
  const solved = matrix(n, n, basis.data.slice());
  await solveForward(factor, solved);
  await solveBackward(factor, solved);
  const inverse = await matmul(basis, solved, { transposeA: true });
  for (let i = 0; i < n; i++) a.data[i * (n + 1)] += alpha;
  expectClose((await matmul(a, inverse)).data, identity(n), tolerances.float64);
});

it('says where a matrix is not positive definite', async () => {
  const { band } = await bandForm(await gramOfRank(40, 5));
  expect(factorPlus(band, -1)).toBeUndefined();
  const nan = await bandForm(matrix(40, 40, new Float64Array(1600).fill(Number.NaN)));
  expect(factorPlus(nan.band, 1)).toBeUndefined();
});
