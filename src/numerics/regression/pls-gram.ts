import { matmul } from '../algebra/gemm.js';
import type { Matrix } from '../algebra/matrix.js';
import { type GramComponent, GramResidual } from './pls-gram-residual.js';
import { centredColumns, dot, fromColumns, type PlsCourse } from './pls-residual.js';

/**
 * The same regression as pls.ts for features wider than there are stimuli, from the Gram matrix of
 * the rows alone (spec §2.5, last points). With K = XXᵀ, G = KY and M = YᵀKY of the residuals, the
 * iteration runs on vectors c as long as there are targets: weights Xᵀ Y c, scores G c, and
 * ‖w − w_old‖² = 2 − 2 c_oldᵀ M c where cᵀMc = 1. Parity with the primal form: 1e-9 on float64
 * features, iteration counts exact; the reference's float32 rounding inside predict is not modelled.
 */

/** A fitted regression in terms of the fitting rows. */
export interface PlsGramFit extends PlsCourse {
  /** Mean of each column of the fitting rows' Gram matrix. */
  readonly gramMean: Float64Array;
  readonly yMean: Float64Array;
  /** fitting row × component: the rotations are Xᵀ dual. */
  readonly dual: Matrix;
  /** target × component */
  readonly yLoadings: Matrix;
}

/**
 * Fits `components` components on the Gram matrix of the fitting rows (of the features as they are
 * or shifted by any vector: it is centred here) and y (row × target). The caller checks that there
 * are at least as many features as components.
 * @param rows of a larger Gram matrix those that are fitted on, in the order of y; all by default
 */
export async function fitPlsGram(
  gram: Matrix,
  y: Matrix,
  components: number,
  rows: readonly number[] = Array.from({ length: gram.rows }, (_, row) => row),
): Promise<PlsGramFit> {
  const residual = await GramResidual.start({ gram, rows }, y, components);
  const found: GramComponent[] = [];
  const iterations: number[] = [];
  let converged = true;
  let stopped: PlsCourse['stopped'];
  while (found.length < components) {
    const start = residual.nextStart();
    await residual.refresh();
    const course = start < 0 || residual.exhausted() ? undefined : residual.iterate(start);
    if (!course) {
      stopped = start < 0 ? 'targets explained' : 'rank exhausted';
      break;
    }
    iterations.push(course.count);
    converged &&= course.converged;
    found.push(residual.deflate());
  }
  residual.release();
  const { gramMean, yMean } = residual;
  const yLoadings = fromColumns(
    found.map((component) => component.yLoadings),
    y.cols,
  );
  return {
    iterations,
    converged,
    stopped,
    gramMean,
    yMean,
    dual: dualOf(found, y.rows),
    yLoadings,
  };
}

/** A (PᵀW)⁻¹ for the combinations A: PᵀW is upper triangular with pⱼᵀwₖ = (K uⱼ)ᵀ aₖ / ‖tⱼ‖. */
function dualOf(components: readonly GramComponent[], rows: number): Matrix {
  const columns: Float64Array[] = [];
  for (const { combination, image, scoreNorm } of components) {
    const solved = combination.slice();
    columns.forEach((earlier, j) => {
      const share = dot(components[j].image, combination) / components[j].scoreNorm;
      for (let i = 0; i < rows; i++) solved[i] -= share * earlier[i];
    });
    const diagonal = dot(image, combination) / scoreNorm;
    columns.push(solved.map((value) => value / diagonal));
  }
  return fromColumns(columns, rows);
}

/**
 * Predictions (test row × target) from the products of the test rows with the fitting rows
 * (test row × fitting row) of the same features, shifted likewise.
 */
export async function predictPlsGram(fit: PlsGramFit, cross: Matrix): Promise<Matrix> {
  const scores = await matmul(centredColumns(cross, fit.gramMean), fit.dual);
  const prediction = await matmul(scores, fit.yLoadings, { transposeB: true });
  const { data, cols } = prediction;
  for (let at = 0; at < data.length; at++) data[at] += fit.yMean[at % cols];
  return prediction;
}
