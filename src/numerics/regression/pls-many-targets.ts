import {
  DenseKernel,
  fill,
  type KernelMatrix,
  kernelSize,
  withPadding,
} from '../algebra/dense-kernel.js';
import { matmul } from '../algebra/gemm.js';
import { type Matrix, matrix } from '../algebra/matrix.js';
import {
  dot,
  flipToPositivePeak,
  NEARLY_EXPLAINED,
  NEARLY_ZERO,
  NO_COVARIANCE,
  PLS_MAX_ITERATIONS,
  PLS_TOLERANCE,
  type PlsComponent,
  type PlsResidual,
  type PlsWeights,
  RANK_EXHAUSTED,
  REFRESH,
  vanishes,
} from './pls-residual.js';

/** Targets for each feature above which this form is worth its products; below, iterations on XᵀY are cheap. */
const MANY = 4;
/** Values that are held in the kernel's memory, whose addresses end at 4 GiB. */
const MOST_VALUES = 2 ** 28;

/** Whether targets outnumber features so far that a fit goes through {@link ManyTargets}; by the shapes alone. */
export function hasManyTargets(x: Matrix, y: Matrix): boolean {
  return y.cols > MANY * x.cols && valuesOf(x, y.cols) <= MOST_VALUES;
}

function valuesOf({ rows, cols }: Matrix, targets: number): number {
  const matrices = kernelSize(rows, cols) + kernelSize(cols, targets) + kernelSize(cols, cols);
  // Room for four vectors each.
  return matrices + kernelSize(1, rows) + 2 * kernelSize(1, cols) + kernelSize(1, targets);
}

/**
 * The residuals of a PLS fit whose targets far outnumber its features, as in reverse PLS: X, C = XᵀY and S = C Cᵀ
 * (feature × feature). The weights of the next iteration are S w, which is what C (Cᵀ w) is in exact arithmetic. Y stays as it
 * came: scores of components are orthogonal, so that its loadings are Cᵀ w / ‖t‖², and its residual is looked at only where
 * next to nothing is left of a target.
 */
export class ManyTargets implements PlsResidual {
  readonly #kernel = new DenseKernel();
  readonly #x: KernelMatrix;
  readonly #products: KernelMatrix; // C, feature × target
  readonly #square: KernelMatrix; // S
  readonly #vectors: ReturnType<typeof vectors>;
  readonly #y: Matrix;
  readonly #yMean: Float64Array;
  readonly #firstNorms: Float64Array; // squared, of each target
  readonly #norms: Float64Array;
  readonly #gone: Uint8Array; // 1 for targets that vanished
  readonly #total: number;
  readonly #components: PlsComponent[] = [];
  /** Trace of S when it was worked out last; NaN where it has to be. */
  #freshTrace = Number.NaN;

  private constructor(x: Matrix, y: Matrix, yMean: Float64Array) {
    this.#kernel.reset(valuesOf(x, y.cols));
    this.#x = this.#kernel.matrix(x.rows, x.cols);
    this.#products = this.#kernel.matrix(x.cols, y.cols);
    this.#square = this.#kernel.matrix(x.cols, x.cols);
    this.#vectors = vectors(this.#kernel, x, y.cols);
    fill(this.#x, x);
    this.#y = y;
    this.#yMean = yMean;
    this.#firstNorms = new Float64Array(y.cols);
    this.#norms = new Float64Array(y.cols);
    this.#gone = new Uint8Array(y.cols);
    this.#total = dot(x.data, x.data);
  }

  /** Of x, centred, and y with the means of its columns. */
  static async start(x: Matrix, y: Matrix, yMean: Float64Array): Promise<ManyTargets> {
    const residual = new ManyTargets(x, y, yMean);
    const centred = residual.#centredTargets();
    fill(residual.#products, await matmul(x, centred, { transposeA: true }));
    return residual;
  }

  #centredTargets(): Matrix {
    const { rows, cols, data } = this.#y;
    const centred = matrix(rows, cols);
    const [mean, norms] = [this.#yMean, this.#firstNorms];
    for (let i = 0, at = 0; i < rows; i++)
      for (let j = 0; j < cols; j++, at++) {
        const value = data[at] - mean[j];
        centred.data[at] = value;
        norms[j] += value * value;
      }
    this.#norms.set(norms);
    return centred;
  }

  async nextStart(): Promise<number> {
    const floor = NEARLY_ZERO * this.#y.rows;
    this.#norms.forEach((norm, j) => {
      const close = norm < Math.max(NEARLY_EXPLAINED * this.#firstNorms[j], floor);
      if (close && !this.#gone[j] && vanishes(this.#peak(j))) this.#clear(j);
    });
    if (!(trace(this.#square) >= REFRESH * this.#freshTrace)) await this.#refresh();
    return this.#gone.indexOf(0);
  }

  /** Largest absolute value of what is left of a target. */
  #peak(target: number): number {
    const { rows, cols, data } = this.#y;
    let peak = 0;
    for (let i = 0; i < rows; i++) {
      let left = data[i * cols + target] - this.#yMean[target];
      for (const { scores, yLoadings } of this.#components) left -= scores[i] * yLoadings[target];
      peak = Math.max(peak, Math.abs(left));
    }
    return peak;
  }

  #clear(target: number): void {
    const { rows, stride, values } = this.#products;
    for (let f = 0; f < rows; f++) values[f * stride + target] = 0;
    this.#norms[target] = 0;
    this.#gone[target] = 1;
    this.#freshTrace = Number.NaN;
  }

  /** S again from C. */
  async #refresh(): Promise<void> {
    const products = withPadding(this.#products);
    this.#square.values.set((await matmul(products, products, { transposeB: true })).data);
    this.#freshTrace = trace(this.#square);
  }

  exhausted(): boolean {
    const left = dot(this.#x.values, this.#x.values);
    if (left <= RANK_EXHAUSTED ** 2 * this.#total) return true;
    const targets = this.#norms.reduce((sum, norm) => sum + Math.max(0, norm), 0);
    return trace(this.#square) <= NO_COVARIANCE ** 2 * left * targets;
  }

  iterate(start: number): PlsWeights {
    const { weights: vector, next } = this.#vectors;
    const weights = vector.values;
    const { rows, stride, values } = this.#products;
    for (let f = 0; f < rows; f++) weights[f] = values[f * stride + start];
    const previous = new Float64Array(rows).fill(100);
    for (let count = 1; ; count++) {
      const norm = Math.sqrt(dot(weights, weights));
      let change = 0;
      for (let f = 0; f < rows; f++) {
        weights[f] = norm === 0 ? 0 : weights[f] / norm;
        change += (weights[f] - previous[f]) ** 2;
      }
      const converged = change < PLS_TOLERANCE || this.#y.cols === 1;
      if (converged || count === PLS_MAX_ITERATIONS) {
        const found = weights.slice();
        flipToPositivePeak(found);
        return { weights: found, count, converged };
      }
      previous.set(weights);
      this.#kernel.multiplyTransposed(this.#square, vector, next); // symmetric, and faster so
      weights.set(next.values);
    }
  }

  deflate(found: Float64Array): PlsComponent {
    const kernel = this.#kernel;
    const { weights, scores, xLoadings, yLoadings, image, share, rest, none } = this.#vectors;
    weights.values.set(found);
    kernel.multiply(this.#x, weights, scores);
    const square = dot(scores.values, scores.values);
    kernel.multiplyTransposed(this.#x, scores, xLoadings);
    kernel.multiplyTransposed(this.#products, weights, yLoadings);
    divide(xLoadings.values, square);
    divide(yLoadings.values, square);
    kernel.multiply(this.#products, yLoadings, image);
    const along = dot(yLoadings.values, yLoadings.values);
    for (let f = 0; f < found.length; f++) {
      share.values[f] = square * xLoadings.values[f];
      rest.values[f] = image.values[f] - along * share.values[f];
    }
    // With a = ‖t‖² p, b the loadings of Y and g = C b: C ← C − a bᵀ, S ← S − g aᵀ − a (g − (bᵀb) a)ᵀ.
    kernel.subtractOuters(this.#square, [image, share], [share, rest]);
    kernel.subtractOuters(this.#products, [share, yLoadings], [none.feature, yLoadings]);
    kernel.subtractOuters(this.#x, [scores, xLoadings], [none.row, xLoadings]);
    for (let j = 0; j < this.#norms.length; j++)
      this.#norms[j] -= square * yLoadings.values[j] ** 2;
    const component = {
      weights: found,
      scores: scores.values.slice(),
      xLoadings: xLoadings.values.slice(),
      yLoadings: yLoadings.values.slice(),
    };
    this.#components.push(component);
    return component;
  }
}

/** The vectors that one fit works on. */
function vectors(kernel: DenseKernel, { rows, cols }: Matrix, targets: number) {
  return {
    weights: kernel.vector(cols),
    next: kernel.vector(cols),
    scores: kernel.vector(rows),
    xLoadings: kernel.vector(cols),
    yLoadings: kernel.vector(targets),
    image: kernel.vector(cols),
    share: kernel.vector(cols),
    rest: kernel.vector(cols),
    none: { feature: kernel.vector(cols), row: kernel.vector(rows) },
  };
}

function divide(values: Float64Array, by: number): void {
  for (let i = 0; i < values.length; i++) values[i] /= by;
}

function trace({ rows, stride, values }: KernelMatrix): number {
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += values[i * (stride + 1)];
  return sum;
}
