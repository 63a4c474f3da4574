import { symmetricEigen } from '../algebra/eigen.js';
import { matmul } from '../algebra/gemm.js';
import { type Matrix, matrix } from '../algebra/matrix.js';
import { centreKernel, type Kernel } from './ridge.js';

/** Directions of less than this share of the largest variance are rounding. */
const LEAST_VARIANCE = 1e-12;

/**
 * Projections on principal components that were fitted on other rows (scikit-learn's PCA), from products of rows alone. n rows,
 * centred, span n − 1 directions at most: a component beyond the span is rounding in scikit-learn, which gives one where n
 * are asked for; here it is left out. Components in descending order of variance, their signs as the eigenvectors
 * have them.
 * @param kernel products of the fitting rows (n × n), and of the rows to project with them (m × n)
 * @returns m × components
 */
export async function projectionsFromProducts(kernel: Kernel, components: number): Promise<Matrix> {
  const { train, cross } = centreKernel(kernel);
  const { values, vectors } = symmetricEigen(train);
  const n = train.rows;
  const descending = Array.from(values.keys()).sort((a, b) => values[b] - values[a]);
  const largest = values[descending[0]];
  const kept = descending
    .slice(0, Math.min(components, n - 1))
    .filter((k) => values[k] > LEAST_VARIANCE * largest);
  const directions = matrix(n, kept.length);
  for (let i = 0; i < n; i++)
    kept.forEach((k, column) => {
      directions.data[i * kept.length + column] = vectors.data[k * n + i] / Math.sqrt(values[k]);
    });
  return matmul(cross, directions);
}
