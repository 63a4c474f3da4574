import {
  DenseKernel,
  fill,
  fillSubmatrix,
  type KernelMatrix,
  kernelSize,
  unpadded,
  withPadding,
} from '../algebra/dense-kernel.js';
import { matmul } from '../algebra/gemm.js';
import type { Matrix } from '../algebra/matrix.js';
import { columnMeans } from '../algebra/matrix.js';
import {
  centredColumns,
  columnPeaks,
  dot,
  NEARLY_EXPLAINED,
  NEARLY_ZERO,
  NO_COVARIANCE,
  PLS_MAX_ITERATIONS,
  PLS_TOLERANCE,
  RANK_EXHAUSTED,
  REFRESH,
  vanishes,
} from './pls-residual.js';

/** One component in terms of the fitting rows. */
export interface GramComponent {
  /** Y c, scaled so that the weights Xᵀ(Y c) have length 1. */
  readonly combination: Float64Array;
  /** K u of the residual, u = t / ‖t‖. */
  readonly image: Float64Array;
  readonly scoreNorm: number;
  readonly yLoadings: Float64Array;
}

/** How the iteration of a component went; its target weights stay in the residual. */
export interface GramIteration {
  readonly count: number;
  readonly converged: boolean;
}

/** A Gram matrix, and the rows of it that are fitted on. */
export interface FittingRows {
  readonly gram: Matrix;
  readonly rows: readonly number[];
}

/** A kernel that no fit uses at the moment: its memory serves the next one. */
let idle: DenseKernel | undefined;

/**
 * The residuals of a PLS fit in Gram form, deflated one component at a time: Y, G = KY and
 * M = YᵀKY. K itself stays as it is: the residual's image of u is K u without the span of earlier u.
 */
export class GramResidual {
  readonly gramMean: Float64Array;
  readonly yMean: Float64Array;
  readonly #kernel: DenseKernel;
  readonly #gram: KernelMatrix; // K as it came
  readonly #y: KernelMatrix; // row × target
  readonly #image: KernelMatrix; // G, row × target
  readonly #inner: KernelMatrix | undefined; // M, target × target; not formed for very many targets
  readonly #basis: KernelMatrix; // component × row: u of every component
  readonly #vectors: ReturnType<typeof vectors>;
  readonly #firstNorms: Float64Array; // squared, of each target
  readonly #norms: Float64Array;
  readonly #gone: Uint8Array; // 1 for targets that vanished
  readonly #total: number;
  #components = 0;
  #left: number;
  #freshTrace = 0;

  private constructor(products: FittingRows, y: Matrix, components: number) {
    const { rows, cols } = y;
    const kernel = idle ?? new DenseKernel();
    idle = undefined;
    const innerSize = cols > 2 * rows ? 0 : cols;
    const sizes = [kernelSize(rows, rows), 2 * kernelSize(rows, cols)];
    sizes.push(kernelSize(innerSize, cols), kernelSize(components, rows));
    sizes.push(4 * kernelSize(1, rows), 7 * kernelSize(1, cols), kernelSize(1, components));
    kernel.reset(sizes.reduce((sum, size) => sum + size));
    this.#kernel = kernel;
    this.#gram = kernel.matrix(rows, rows);
    this.#y = kernel.matrix(rows, cols);
    this.#image = kernel.matrix(rows, cols);
    this.#inner = innerSize === 0 ? undefined : kernel.matrix(cols, cols);
    this.#basis = kernel.matrix(components, rows);
    this.#vectors = vectors(kernel, rows, cols, components);
    fillSubmatrix(this.#gram, products.gram, products.rows);
    this.gramMean = this.#meanOfGram();
    this.yMean = columnMeans(y);
    const centred = centredColumns(y, this.yMean);
    fill(this.#y, centred);
    this.#firstNorms = new Float64Array(cols);
    for (let at = 0; at < centred.data.length; at++)
      this.#firstNorms[at % cols] += centred.data[at] ** 2;
    this.#norms = this.#firstNorms.slice();
    this.#gone = new Uint8Array(cols);
    this.#total = trace(this.#gram);
    this.#left = this.#total - this.gramMean.reduce((sum, value) => sum + value, 0);
  }

  /** Residuals before the first of at most `components` components. End with {@link release}. */
  static async start(products: FittingRows, y: Matrix, components: number): Promise<GramResidual> {
    const residual = new GramResidual(products, y, components);
    await residual.#recompute();
    return residual;
  }

  /** Gives the memory back; the residual is of no use afterwards. */
  release(): void {
    idle = this.#kernel;
  }

  #meanOfGram(): Float64Array {
    const { u, image } = this.#vectors;
    u.values.fill(1);
    this.#kernel.multiplyTransposed(this.#gram, u, image);
    return image.values.map((sum) => sum / u.values.length);
  }

  /** G and M again from K and the residual of Y. */
  async #recompute(): Promise<void> {
    const y = unpadded(this.#y);
    const raw = trimmed(await matmul(withPadding(this.#gram), withPadding(this.#y)), y);
    const image = centredColumns(raw, columnMeans(raw));
    if (this.#components > 0) {
      const basis = unpadded(this.#basis);
      const spanned = await matmul(basis, await matmul(basis, image), { transposeA: true });
      for (let at = 0; at < spanned.data.length; at++) image.data[at] -= spanned.data[at];
    }
    fill(this.#image, image);
    if (this.#inner) fill(this.#inner, await matmul(y, image, { transposeA: true }));
    this.#freshTrace = this.#trace();
  }

  #trace(): number {
    return this.#inner ? trace(this.#inner) : dot(this.#y.values, this.#image.values);
  }

  /** Recomputes G and M where so little is left of M that earlier rounding would show. */
  async refresh(): Promise<void> {
    if (this.#trace() < REFRESH * this.#freshTrace) await this.#recompute();
  }

  /** Zeroes targets that vanished; gives the first that still varies, or −1. */
  nextStart(): number {
    const floor = NEARLY_ZERO * this.#y.rows;
    const close = this.#norms.some(
      (norm, j) => norm < Math.max(NEARLY_EXPLAINED * this.#firstNorms[j], floor) && !this.#gone[j],
    );
    // Far from zero there is nothing to look for, and looking costs a pass over Y.
    if (close) {
      columnPeaks(unpadded(this.#y)).forEach((peak, j) => {
        if (vanishes(peak)) this.#clear(j);
      });
    }
    return this.#gone.indexOf(0);
  }

  #clear(target: number): void {
    for (const { rows, stride, values } of [this.#y, this.#image])
      for (let i = 0; i < rows; i++) values[i * stride + target] = 0;
    const { rows = 0, stride = 0, values = new Float64Array() } = this.#inner ?? {};
    for (let k = 0; k < rows; k++) {
      values[target * stride + k] = 0;
      values[k * stride + target] = 0;
    }
    this.#norms[target] = 0;
    this.#gone[target] = 1;
  }

  /** Whether what is left of X, or of its products with Y, is rounding noise. */
  exhausted(): boolean {
    if (!(this.#left > RANK_EXHAUSTED * this.#total)) return true;
    const targets = this.#norms.reduce((sum, norm) => sum + Math.max(0, norm), 0);
    return !(this.#trace() > NO_COVARIANCE * this.#left * targets);
  }

  /**
   * The power iteration from target `start`, with the reference's stopping rule: c with cᵀMc = 1.
   * Nothing where M vanishes along it to rounding.
   */
  iterate(start: number): GramIteration | undefined {
    const q = this.#y.cols;
    const product = this.#vectors.product.values;
    const previous = this.#vectors.previous.values;
    const yWeights = this.#vectors.yWeights.values;
    yWeights.fill(0);
    yWeights[start] = 1;
    for (let count = 1; ; count++) {
      this.#multiply();
      const square = dot(yWeights, product);
      if (!(square > 0)) return undefined;
      const scale = 1 / Math.sqrt(square);
      let overlap = 0;
      for (let j = 0; j < q; j++) {
        yWeights[j] *= scale;
        product[j] *= scale;
        overlap += previous[j] * yWeights[j];
      }
      // ‖w − w_old‖² of unit weights; the reference's first w_old is a constant that never passes.
      const converged = q === 1 || (count > 1 && 2 - 2 * overlap < PLS_TOLERANCE);
      if (converged || count === PLS_MAX_ITERATIONS) return { count, converged };
      previous.set(product);
      yWeights.set(product);
    }
  }

  /** M c. */
  #multiply(): void {
    const { yWeights, product, combination } = this.#vectors;
    if (this.#inner) {
      this.#kernel.multiplyTransposed(this.#inner, yWeights, product); // symmetric, and faster so
      return;
    }
    this.#kernel.multiply(this.#y, yWeights, combination);
    this.#kernel.multiplyTransposed(this.#image, combination, product);
  }

  /** Takes the component that {@link iterate} found out of the residuals. */
  deflate(): GramComponent {
    const kernel = this.#kernel;
    const { yWeights, combination, u, image, yShare, imageShare, rest } = this.#vectors;
    kernel.multiply(this.#y, yWeights, combination);
    kernel.multiply(this.#image, yWeights, u);
    const scoreNorm = Math.sqrt(dot(u.values, u.values));
    for (let i = 0; i < u.values.length; i++) u.values[i] /= scoreNorm;
    this.#imageOfU();
    const along = dot(u.values, image.values);
    kernel.multiplyTransposed(this.#y, u, yShare);
    kernel.multiplyTransposed(this.#image, u, imageShare);
    for (let j = 0; j < yShare.values.length; j++) {
      rest.values[j] = imageShare.values[j] - along * yShare.values[j];
      this.#norms[j] -= yShare.values[j] ** 2;
    }
    // With a = Yᵀu, b = Gᵀu, κ = uᵀKu: Y ← Y − u aᵀ, G ← G − u (b − κa)ᵀ − (Ku) aᵀ,
    // M ← M − a (b − κa)ᵀ − b aᵀ.
    kernel.subtractOuters(this.#image, [u, rest], [image, yShare]);
    if (this.#inner) kernel.subtractOuters(this.#inner, [yShare, rest], [imageShare, yShare]);
    kernel.subtractOuters(this.#y, [u, yShare], [u, this.#vectors.nothing]);
    this.#left -= along;
    this.#basis.values.set(u.values, this.#components++ * this.#basis.stride);
    return {
      combination: combination.values.slice(),
      image: image.values.slice(),
      scoreNorm,
      yLoadings: yShare.values.map((value) => value / scoreNorm),
    };
  }

  /** K u of the residual: centred, and without the span of earlier components. */
  #imageOfU(): void {
    const { u, image, shares, spanned } = this.#vectors;
    this.#kernel.multiplyTransposed(this.#gram, u, image); // symmetric
    this.#kernel.multiply(this.#basis, image, shares);
    this.#kernel.multiplyTransposed(this.#basis, shares, spanned);
    const mean = image.values.reduce((sum, value) => sum + value, 0) / image.values.length;
    for (let i = 0; i < image.values.length; i++) image.values[i] -= mean + spanned.values[i];
  }
}

/** The head of a padded product, as large as `like`. */
function trimmed({ cols, data }: Matrix, like: Pick<Matrix, 'rows' | 'cols'>): Matrix {
  return unpadded({ ...like, stride: cols, values: data });
}

/** The vectors that one fit works on. */
function vectors(kernel: DenseKernel, rows: number, cols: number, components: number) {
  return {
    yWeights: kernel.vector(cols),
    product: kernel.vector(cols),
    previous: kernel.vector(cols),
    yShare: kernel.vector(cols),
    imageShare: kernel.vector(cols),
    rest: kernel.vector(cols),
    nothing: kernel.vector(cols),
    combination: kernel.vector(rows),
    u: kernel.vector(rows),
    image: kernel.vector(rows),
    spanned: kernel.vector(rows),
    shares: kernel.vector(components),
  };
}

function trace({ rows, stride, values }: Pick<KernelMatrix, 'rows' | 'stride' | 'values'>): number {
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += values[i * (stride + 1)];
  return sum;
}
