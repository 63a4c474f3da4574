/**
 * Multinomial logistic regression with L2 weights and free intercepts, solved to convergence in
 * float64 (spec §2.8): Newton's method, each step by conjugate gradients. The weights are kept as
 * themselves where features are few, else as W = Zᵀ α with the Gram matrix K = Z Zᵀ, so that memory
 * does not grow with the number of features; the search is the same in both (see {@link Design}).
 */
import { VentralError } from '../../errors/ventral-error.js';
import { matmul } from '../algebra/gemm.js';
import { type Matrix, matrix } from '../algebra/matrix.js';

/** How coefficients represent weights, and what the search needs of the features Z. */
export interface Design {
  /** Number of coefficients a class. */
  readonly size: number;
  /** Z W: sample × class, from coefficients (size × class). */
  image(coefficients: Matrix): Promise<Matrix>;
  /** Coefficients of the weights Zᵀ A, for A sample × class. */
  pull(a: Matrix): Promise<Matrix>;
  /** The dual of W in the inner product ⟨V, W⟩ = Σ V.coefficients · dualOf(W). */
  dualOf(point: Coefficients): Matrix;
}

/** Coefficients with their image. */
export interface Coefficients {
  readonly coefficients: Matrix;
  readonly image: Matrix;
}

/** Weights as themselves (feature × class), for z-scored features Z in memory. */
export function primalDesign(z: Matrix): Design {
  // A transposed copy: the runtime takes twice as long where it has to transpose a tall factor itself.
  const across = matrix(z.cols, z.rows);
  for (let row = 0, i = 0; row < z.rows; row++) {
    for (let col = 0; col < z.cols; col++) across.data[col * z.rows + row] = z.data[i++];
  }
  return {
    size: z.cols,
    image: (weights) => matmul(z, weights),
    pull: (a) => matmul(across, a),
    dualOf: ({ coefficients }) => coefficients,
  };
}

/** Weights as Zᵀ α (α: sample × class), for the Gram matrix K = Z Zᵀ. */
export function gramDesign(k: Matrix): Design {
  return {
    size: k.rows,
    image: (alpha) => matmul(k, alpha),
    pull: async (a) => a,
    dualOf: ({ image }) => image,
  };
}

/** What is fitted: minimise ½‖W‖² + C Σᵢ cross-entropyᵢ. */
export interface LogisticProblem {
  readonly design: Design;
  /** Class of each sample, 0 … classes − 1. */
  readonly labels: ArrayLike<number>;
  readonly classes: number;
  readonly C: number;
}

/** Logits of the samples are the image of `coefficients` plus `intercept`. */
export interface LogisticFit {
  /** size of the design × class */
  readonly coefficients: Matrix;
  readonly intercept: Float64Array;
  /** Newton steps taken. */
  readonly iterations: number;
}

/** A point (or direction) of the search. */
interface Point extends Coefficients {
  readonly intercept: Float64Array;
}

const MAX_STEPS = 100;
const MAX_INNER = 1000;
/** The search ends where another step would change no logit by more than this (relative to the largest). */
const CONVERGED = 1e-9;

/** @throws VentralError `metric-failed` where there are fewer than two classes or the search does not converge */
export async function fitLogistic(problem: LogisticProblem): Promise<LogisticFit> {
  const { design, labels, classes } = problem;
  if (classes < 2)
    throw new VentralError(
      'metric-failed',
      `A read-out needs at least two labels, found ${classes}`,
    );
  const at = zeros(design.size, labels.length, classes);
  let first = 0;
  for (let iterations = 1; iterations <= MAX_STEPS; iterations++) {
    const probabilities = softmax(logits(at));
    const downhill = await negativeGradient(problem, at, probabilities);
    const size = Math.sqrt(inner(design, downhill, downhill));
    if (!Number.isFinite(size)) break;
    if (iterations === 1) first = size;
    // A tenth is enough far from the optimum; more digits than four cost more than another step.
    const accuracy = Math.max(1e-4, Math.min(0.1, size / first));
    const direction = await newtonDirection(problem, probabilities, downhill, accuracy);
    const step = lineSearch(problem, at, direction, -inner(design, downhill, direction));
    add(at, direction, step);
    const change = step * largest(logits(direction).data);
    // What the next step would change: Newton's error is quadratic, that of the inner search linear.
    const next = change ** 2 + 10 * accuracy * change;
    if (next <= CONVERGED * (1 + largest(logits(at).data)))
      return { coefficients: at.coefficients, intercept: at.intercept, iterations };
  }
  throw new VentralError(
    'metric-failed',
    `The read-out did not converge in ${MAX_STEPS} Newton steps; are the features finite?`,
  );
}

function zeros(size: number, samples: number, classes: number): Point {
  return {
    coefficients: matrix(size, classes),
    image: matrix(samples, classes),
    intercept: new Float64Array(classes),
  };
}

/** sample × class */
function logits({ image, intercept }: Omit<Point, 'coefficients'>): Matrix {
  const { rows, cols } = image;
  const data = image.data.slice();
  for (let row = 0, i = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) data[i++] += intercept[col];
  }
  return matrix(rows, cols, data);
}

/** Probabilities of each row of logits; the row's largest logit is subtracted first. */
export function softmax({ rows, cols, data }: Matrix): Matrix {
  const values = matrix(rows, cols);
  for (let row = 0; row < rows; row++) {
    const start = row * cols;
    let top = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + cols; i++) top = Math.max(top, data[i]);
    let sum = 0;
    for (let i = start; i < start + cols; i++) {
      values.data[i] = Math.exp(data[i] - top);
      sum += values.data[i];
    }
    for (let i = start; i < start + cols; i++) values.data[i] /= sum;
  }
  return values;
}

async function negativeGradient(
  { design, labels, C }: LogisticProblem,
  at: Point,
  { rows, cols, data }: Matrix,
): Promise<Point> {
  const missing = matrix(rows, cols);
  const intercept = new Float64Array(cols);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++, i++) {
      missing.data[i] = C * ((labels[row] === col ? 1 : 0) - data[i]);
      intercept[col] += missing.data[i];
    }
  }
  const coefficients = copy(await design.pull(missing));
  axpy(coefficients.data, at.coefficients.data, -1);
  return { coefficients, image: await design.image(coefficients), intercept };
}

/** Conjugate gradients on H d = downhill until the residual is `accuracy` of what it was. */
async function newtonDirection(
  problem: LogisticProblem,
  probabilities: Matrix,
  downhill: Point,
  accuracy: number,
): Promise<Point> {
  const { design, classes, labels } = problem;
  // Without it the intercepts, whose curvature is about this, would need iterations of their own.
  const curvature = (problem.C * labels.length * (1 - 1 / classes)) / classes;
  const precondition = (residual: Point): Point => ({
    ...residual,
    intercept: residual.intercept.map((value) => value / curvature),
  });
  const solution = zeros(design.size, labels.length, classes);
  let residual = downhill;
  let direction = precondition(residual);
  let size = inner(design, residual, direction);
  const enough = size * accuracy ** 2;
  for (let i = 0; i < MAX_INNER && size > enough; i++) {
    const bent = await applyHessian(problem, probabilities, direction);
    const length = size / inner(design, bent, direction);
    add(solution, direction, length);
    residual = await minus(design, residual, bent, length);
    const next = precondition(residual);
    const nextSize = inner(design, residual, next);
    const turned = { ...next, coefficients: copy(next.coefficients), image: copy(next.image) };
    add(turned, direction, nextSize / size);
    direction = turned;
    size = nextSize;
  }
  return solution;
}

/** a − factor × b, with an image of its own. */
async function minus(
  design: Design,
  a: Point,
  b: Omit<Point, 'image'>,
  factor: number,
): Promise<Point> {
  const coefficients = copy(a.coefficients);
  axpy(coefficients.data, b.coefficients.data, -factor);
  const intercept = a.intercept.slice();
  axpy(intercept, b.intercept, -factor);
  return { coefficients, image: await design.image(coefficients), intercept };
}

/** (I + C Zᵀ D Z) applied, D the softmax's second derivative; its image is not needed. */
async function applyHessian(
  { design, C }: LogisticProblem,
  { rows, cols, data: p }: Matrix,
  direction: Point,
): Promise<Omit<Point, 'image'>> {
  const bent = logits(direction);
  const intercept = new Float64Array(cols);
  for (let row = 0; row < rows; row++) {
    const start = row * cols;
    let expected = 0;
    for (let i = start; i < start + cols; i++) expected += p[i] * bent.data[i];
    for (let col = 0; col < cols; col++) {
      bent.data[start + col] = C * p[start + col] * (bent.data[start + col] - expected);
      intercept[col] += bent.data[start + col];
    }
  }
  const coefficients = copy(direction.coefficients);
  axpy(coefficients.data, (await design.pull(bent)).data, 1);
  return { coefficients, intercept };
}

/** Halves the step until the objective falls by a ten-thousandth of what its slope promises. */
function lineSearch(problem: LogisticProblem, at: Point, direction: Point, slope: number): number {
  const [from, by] = [logits(at), logits(direction)];
  const { dualOf } = problem.design;
  const square = dot(at.coefficients.data, dualOf(at).data);
  const cross = dot(at.coefficients.data, dualOf(direction).data);
  const bend = dot(direction.coefficients.data, dualOf(direction).data);
  const objective = (step: number) => {
    const moved = matrix(from.rows, from.cols, from.data.slice());
    axpy(moved.data, by.data, step);
    const penalty = (square + 2 * step * cross + step * step * bend) / 2;
    return penalty + problem.C * crossEntropy(moved, problem.labels);
  };
  const start = objective(0);
  // Near the optimum the gain is below the rounding of the objective itself.
  const rounding = 1e-12 * Math.abs(start);
  let step = 1;
  while (step > 1e-10 && !(objective(step) <= start + 1e-4 * step * slope + rounding)) step /= 2;
  return step;
}

function crossEntropy({ rows, cols, data }: Matrix, labels: ArrayLike<number>): number {
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * cols;
    let top = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + cols; i++) top = Math.max(top, data[i]);
    let total = 0;
    for (let i = start; i < start + cols; i++) total += Math.exp(data[i] - top);
    sum += Math.log(total) + top - data[start + labels[row]];
  }
  return sum;
}

function inner(design: Design, a: Omit<Point, 'image'>, b: Point): number {
  return dot(a.coefficients.data, design.dualOf(b).data) + dot(a.intercept, b.intercept);
}

function copy({ rows, cols, data }: Matrix): Matrix {
  return matrix(rows, cols, data.slice());
}

/** a += factor × b, in place. */
function add(a: Point, b: Point, factor: number): void {
  axpy(a.coefficients.data, b.coefficients.data, factor);
  axpy(a.image.data, b.image.data, factor);
  axpy(a.intercept, b.intercept, factor);
}

function axpy(a: Float64Array, b: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] += factor * b[i];
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function largest(values: Float64Array): number {
  let top = 0;
  for (const value of values) top = Math.max(top, Math.abs(value));
  return top;
}
