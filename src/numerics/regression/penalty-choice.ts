import type { ColumnSource } from '../algebra/column-source.js';
import type { Matrix } from '../algebra/matrix.js';
import type { CentredRows, Coordinates } from './centred-rows.js';
import { type PenaltyNodes, penaltyNodes } from './penalty-nodes.js';

/** The penalty that was chosen and the dual weights (row × target) of a fit with it. */
export interface ChosenPenalty {
  readonly alpha: number;
  readonly dual: Matrix;
}

/**
 * Relative errors to which penalties are compared by a few of them, one after the other; those that may still be the best
 * are then compared as they are.
 */
const ACCURACIES = [3e-2, 3e-4, 1e-6];

/** Rounding of sums of nodes, beside the error that penaltyNodes knows. */
const ROUNDING = 1e-9;

/** Times the rounding of an eigenvalue over the penalty that sums of nodes may be off by. */
const DOUBT = 100;

/** Values of dual weights that are held at once. */
const HELD = 1 << 25;

/**
 * The penalty whose leave-one-out predictions of all targets are nearest (scikit-learn's RidgeCV); the first of equals, and
 * the first of all where its error is no number. The residual of a row is its dual weight over its leverage, computed as
 * such: its difference from a prediction would be noise where the fit interpolates.
 * @param y row × target, its means taken
 */
export async function choosePenalty(
  rows: CentredRows,
  y: Matrix,
  alphas: readonly number[],
): Promise<ChosenPenalty> {
  const targets = await rows.coordinates(y);
  let best: ChosenPenalty | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const i of await contenders(rows, targets, alphas)) {
    const dual = await rows.dual(targets, alphas[i]);
    const error = squares(dual, await rows.leverages(alphas[i]));
    if (best && !(error < least)) continue;
    best = { alpha: alphas[i], dual };
    least = error;
  }
  return best as ChosenPenalty;
}

/** The same choice for targets of which some are in memory at a time. */
export async function choosePenaltyInBlocks(
  rows: CentredRows,
  y: ColumnSource,
  alphas: readonly number[],
): Promise<number> {
  const targets: SomeTargets = {
    count: y.cols,
    columns: (from, to) => rows.coordinates(y.columns(from, to)),
  };
  let best: { readonly alpha: number; readonly error: number } | undefined;
  for (const i of await contenders(rows, targets, alphas)) {
    const alpha = alphas[i];
    const leverages = await rows.leverages(alpha);
    let error = 0;
    for (const [from, to] of blocksOf(y.cols, HELD / (8 * rows.count)))
      error += squares(await rows.dual(await targets.columns(from, to), alpha), leverages);
    if (!best || error < best.error) best = { alpha, error };
  }
  return (best as { readonly alpha: number }).alpha;
}

/** Targets in the directions of rows, some at a time. */
interface SomeTargets {
  readonly count: number;
  columns(from: number, to: number): Coordinates | Promise<Coordinates>;
}

function* blocksOf(count: number, width: number): Generator<readonly [from: number, to: number]> {
  const step = Math.max(16, Math.floor(width));
  for (let from = 0; from < count; from += step) yield [from, Math.min(count, from + step)];
}

/** Positions of the penalties that may be the best, ascending. */
async function contenders(
  rows: CentredRows,
  targets: SomeTargets,
  alphas: readonly number[],
): Promise<number[]> {
  // Below the rounding of the eigenvalues nothing is known of them: the smaller the penalty, the less.
  const doubt = (alpha: number) => (DOUBT * rows.rounding) / alpha;
  let left = [...alphas.keys()];
  for (const accuracy of ACCURACIES) {
    const open = left.filter((i) => doubt(alphas[i]) < accuracy / 10);
    if (open.length === 0) return left;
    const some = open.map((i) => alphas[i]);
    const nodes = penaltyNodes(some, rows.eigenvalues, accuracy);
    if (2 * nodes.nodes.length > open.length) continue;
    const rounding = Math.max(ROUNDING, doubt(Math.min(...some)));
    const bounds = await boundsOf(rows, targets, some, { ...nodes, rounding });
    // Without numbers there is nothing to leave out.
    if (!bounds.every(([low, high]) => low <= high)) return left;
    const limit = Math.min(...bounds.map(([, high]) => high));
    const out = new Set(open.filter((_, k) => bounds[k][0] > limit));
    left = left.filter((i) => !out.has(i));
  }
  return left;
}

/** Between which numbers the root of the criterion lies, for each penalty. */
async function boundsOf(
  rows: CentredRows,
  targets: SomeTargets,
  alphas: readonly number[],
  nodes: PenaltyNodes & { readonly rounding: number },
): Promise<[low: number, high: number][]> {
  const chosen = nodes.nodes.map((i) => alphas[i]);
  const products = await productsOfNodes(rows, targets, chosen);
  const leverages: Float64Array[] = [];
  for (const alpha of chosen) leverages.push(await rows.leverages(alpha));
  return alphas.map((_, i) => {
    const weights = nodes.weights[i];
    const error = nodes.errors[i] + nodes.rounding;
    let [criterion, whole, smallest] = [0, 0, Number.POSITIVE_INFINITY];
    for (let row = 0; row < rows.count; row++) {
      const leverage = leverages.reduce((sum, of, j) => sum + weights[j] * of[row], 0);
      const square = quadratic(products, row, weights);
      criterion += square / leverage ** 2;
      whole += square;
      smallest = Math.min(smallest, leverage);
    }
    // The basis is orthonormal: the error of all dual weights together is at most this share of them.
    const spread = ((Math.sqrt(whole) / (1 - error)) * error * (1 + error)) / smallest;
    const root = Math.sqrt(criterion);
    return [(1 - error) * root - spread, (1 + error) * root + spread];
  });
}

/** Products between the dual weights of any two nodes for each row: `values[row]` is node × node. */
interface NodeProducts {
  readonly nodes: number;
  readonly values: Float64Array;
}

async function productsOfNodes(
  rows: CentredRows,
  targets: SomeTargets,
  alphas: readonly number[],
): Promise<NodeProducts> {
  const nodes = alphas.length;
  const values = new Float64Array(rows.count * nodes * nodes);
  for (const [from, to] of blocksOf(targets.count, HELD / (nodes * rows.count))) {
    const some = await targets.columns(from, to);
    const duals: Matrix[] = [];
    for (const alpha of alphas) duals.push(await rows.dual(some, alpha));
    addProducts(values, duals);
  }
  return { nodes, values };
}

function addProducts(values: Float64Array, duals: readonly Matrix[]): void {
  const nodes = duals.length;
  const [{ rows, cols }] = duals;
  for (let row = 0; row < rows; row++)
    for (let j = 0; j < nodes; j++)
      for (let k = 0; k <= j; k++) {
        const [a, b] = [duals[j].data, duals[k].data];
        let sum = 0;
        for (let t = row * cols; t < (row + 1) * cols; t++) sum += a[t] * b[t];
        values[(row * nodes + j) * nodes + k] += sum;
        if (j !== k) values[(row * nodes + k) * nodes + j] += sum;
      }
}

/** wᵀ P w, not below 0 */
function quadratic({ nodes, values }: NodeProducts, row: number, weights: Float64Array): number {
  let sum = 0;
  for (let j = 0, at = row * nodes * nodes; j < nodes; j++) {
    let own = 0;
    for (let k = 0; k < nodes; k++) own += values[at++] * weights[k];
    sum += weights[j] * own;
  }
  return Math.max(0, sum);
}

/** Squares of the leave-one-out residuals of all rows and targets. */
function squares({ rows, cols, data }: Matrix, leverages: Float64Array): number {
  let sum = 0;
  for (let row = 0, at = 0; row < rows; row++)
    for (let end = at + cols; at < end; at++) sum += (data[at] / leverages[row]) ** 2;
  return sum;
}
