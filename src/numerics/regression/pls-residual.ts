import type { Matrix } from '../algebra/matrix.js';

/** What both forms of PLS share: limits of the iteration, and the rules on the residual of Y (spec §2.5). */

/** Squared norm of the change of the weights below which the iteration has converged. */
export const PLS_TOLERANCE = 1e-6;
export const PLS_MAX_ITERATIONS = 500;

const EPSILON = 2 ** -52;

/**
 * Share of the trace of what the iteration runs on below which what earlier components left of rounding is worked out
 * again.
 */
export const REFRESH = 1e-4;

/** Squared norm of a target's residual, as a share of the first and in itself, that is looked at closely. */
export const NEARLY_EXPLAINED = 1e-10;
export const NEARLY_ZERO = 1e-26;

/**
 * Share of the norm of X (of its square, in the Gram form) below which its residual is rounding noise. The reference continues
 * to fit that noise, with results that no two machines share; here the fit stops.
 */
export const RANK_EXHAUSTED = 1e-13;

/** Share of ‖X‖ ‖Y‖ below which ‖XᵀY‖ is rounding noise. */
export const NO_COVARIANCE = 1e-14;

/** How a fit went. */
export interface PlsCourse {
  /** Iterations of each component, in order; fewer components than asked for where it stopped. */
  readonly iterations: readonly number[];
  /** Whether a component ended at the iteration limit: its last weights were used. */
  readonly converged: boolean;
  /** Why there are fewer components than requested. */
  readonly stopped?: 'targets explained' | 'rank exhausted';
}

/** What a fit takes its components out of: features and targets, centred. */
export interface PlsResidual {
  /** Zeroes targets that vanished; gives the first that still varies, or −1. */
  nextStart(): Promise<number>;
  /** Whether what is left of X, or of its products with Y, is rounding noise. */
  exhausted(): boolean;
  /** The power iteration from a target, with the reference's stopping rule. */
  iterate(start: number): PlsWeights;
  /** Takes the component of these weights out. */
  deflate(weights: Float64Array): PlsComponent;
}

/** What an iteration ended with. */
export interface PlsWeights {
  readonly weights: Float64Array;
  readonly count: number;
  readonly converged: boolean;
}

/** Vectors of one component. */
export interface PlsComponent {
  readonly weights: Float64Array;
  readonly scores: Float64Array;
  readonly xLoadings: Float64Array;
  readonly yLoadings: Float64Array;
}

/** Makes the entry of largest magnitude positive, the first of equals. */
export function flipToPositivePeak(weights: Float64Array): void {
  let peak = 0;
  for (const weight of weights) if (Math.abs(weight) > Math.abs(peak)) peak = weight;
  if (peak < 0) for (let f = 0; f < weights.length; f++) weights[f] = -weights[f];
}

/** Largest absolute value of each column. */
export function columnPeaks({ rows, cols, data }: Matrix): Float64Array {
  const peaks = new Float64Array(cols);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) {
      const size = Math.abs(data[at]);
      if (size > peaks[j]) peaks[j] = size;
    }
  }
  return peaks;
}

/** Whether a residual column of this largest magnitude counts as zero (10 ε, whatever its scale). */
export function vanishes(peak: number): boolean {
  return peak < 10 * EPSILON;
}

/** A copy with `means` subtracted from the columns. */
export function centredColumns({ rows, cols, data }: Matrix, means: Float64Array): Matrix {
  const centred = new Float64Array(rows * cols);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) centred[at] = data[at] - means[j];
  }
  return { rows, cols, data: centred };
}

/** Sum of products of two equally long vectors. */
export function dot(a: Float64Array, b: Float64Array): number {
  return dotFrom(a, 0, b);
}

/** Sum of products of `b` with as many values of `a` from position `from` on, in four partial sums. */
export function dotFrom(a: Float64Array, from: number, b: Float64Array): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const n = b.length;
  const whole = n - (n % 4);
  let i = 0;
  for (; i < whole; i += 4) {
    s0 += a[from + i] * b[i];
    s1 += a[from + i + 1] * b[i + 1];
    s2 += a[from + i + 2] * b[i + 2];
    s3 += a[from + i + 3] * b[i + 3];
  }
  for (; i < n; i++) s0 += a[from + i] * b[i];
  return s0 + s1 + (s2 + s3);
}

/** mᵀ v. */
export function transposedTimes({ rows, cols, data }: Matrix, v: Float64Array): Float64Array {
  const result = new Float64Array(cols);
  for (let i = 0, at = 0; i < rows; i++) {
    const factor = v[i];
    for (let j = 0; j < cols; j++, at++) result[j] += factor * data[at];
  }
  return result;
}

/** m ← m − u vᵀ. */
export function subtractOuter(
  { rows, cols, data }: Matrix,
  u: Float64Array,
  v: Float64Array,
): void {
  for (let i = 0, at = 0; i < rows; i++) {
    const factor = u[i];
    for (let j = 0; j < cols; j++, at++) data[at] -= factor * v[j];
  }
}

/** A matrix from its columns. */
export function fromColumns(columns: readonly Float64Array[], rows: number): Matrix {
  const data = new Float64Array(rows * columns.length);
  columns.forEach((values, k) => {
    for (let i = 0; i < rows; i++) data[i * columns.length + k] = values[i];
  });
  return { rows, cols: columns.length, data };
}
