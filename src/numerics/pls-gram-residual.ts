import { matmul } from './gemm.js';
import { type Matrix, matrix } from './matrix.js';
import {
  centredColumns,
  columnMeans,
  columnPeaks,
  dot,
  dotFrom,
  fromColumns,
  NO_COVARIANCE,
  PLS_MAX_ITERATIONS,
  PLS_TOLERANCE,
  RANK_EXHAUSTED,
  residualColumns,
  subtractOuter,
  transposedProduct,
} from './pls-residual.js';

/** Share of M's trace below which what earlier components left of rounding is worked out anew. */
const REFRESH = 1e-4;

/** One component in terms of the fitting rows. */
export interface GramComponent {
  /** Y c, scaled so that the weights Xᵀ(Y c) have length 1. */
  readonly combination: Float64Array;
  /** K u of the residual, u = t / ‖t‖. */
  readonly image: Float64Array;
  readonly scoreNorm: number;
  readonly yLoadings: Float64Array;
}

/** Target weights c with cᵀMc = 1 and the steps that they took. */
export interface GramIteration {
  readonly yWeights: Float64Array;
  readonly count: number;
  readonly converged: boolean;
}

/**
 * The residuals of a PLS fit in Gram form, deflated one component at a time: Y, G = KY and
 * M = YᵀKY. K itself stays as it is: the residual's image of u is K u without the span of earlier u.
 */
export class GramResidual {
  readonly gramMean: Float64Array;
  readonly yMean: Float64Array;
  readonly #gram: Matrix;
  readonly #y: Matrix; // row × target
  #image: Matrix; // G, row × target
  #inner: Matrix | undefined; // M, target × target; not formed for very many targets
  #freshTrace = 0;
  readonly #basis: Float64Array[] = [];
  readonly #total: number;
  #left: number;

  private constructor(gram: Matrix, y: Matrix) {
    this.#gram = gram;
    this.gramMean = columnMeans(gram);
    this.yMean = columnMeans(y);
    this.#y = centredColumns(y, this.yMean);
    this.#image = matrix(y.rows, y.cols);
    this.#total = trace(gram);
    this.#left = this.#total - this.gramMean.reduce((sum, value) => sum + value, 0);
  }

  /** Residuals before the first component. */
  static async start(gram: Matrix, y: Matrix): Promise<GramResidual> {
    const residual = new GramResidual(gram, y);
    await residual.#recompute();
    return residual;
  }

  /** G and M anew from K and the residual of Y. */
  async #recompute(): Promise<void> {
    const image = await matmul(this.#gram, this.#y);
    this.#image = centredColumns(image, columnMeans(image));
    if (this.#basis.length > 0) {
      const basis = fromColumns(this.#basis, image.rows);
      const shares = await matmul(basis, this.#image, { transposeA: true });
      const spanned = await matmul(basis, shares);
      for (let at = 0; at < spanned.data.length; at++) this.#image.data[at] -= spanned.data[at];
    }
    const { rows, cols } = this.#y;
    this.#inner =
      cols > 2 * rows ? undefined : await matmul(this.#y, this.#image, { transposeA: true });
    this.#freshTrace = this.#trace();
  }

  #trace(): number {
    return this.#inner ? trace(this.#inner) : dot(this.#y.data, this.#image.data);
  }

  /** Recomputes G and M where so little is left of M that earlier rounding would show. */
  async refresh(): Promise<void> {
    if (this.#trace() < REFRESH * this.#freshTrace) await this.#recompute();
  }

  /** Zeroes targets that vanished; gives the first that still varies, or −1. */
  nextStart(): number {
    const { vanish, start } = residualColumns(columnPeaks(this.#y));
    for (const j of vanish) {
      for (const { rows, cols, data } of [this.#y, this.#image])
        for (let i = 0; i < rows; i++) data[i * cols + j] = 0;
      const { rows: q = 0, data = [] } = this.#inner ?? {};
      for (let k = 0; k < q; k++) data[j * q + k] = data[k * q + j] = 0;
    }
    return start;
  }

  /** Whether what is left of X, or of its products with Y, is rounding noise. */
  exhausted(): boolean {
    if (!(this.#left > RANK_EXHAUSTED * this.#total)) return true;
    return !(this.#trace() > NO_COVARIANCE * this.#left * dot(this.#y.data, this.#y.data));
  }

  /**
   * The power iteration from target `start`, with the reference's stopping rule; nothing where M
   * vanishes along it to rounding.
   */
  iterate(start: number): GramIteration | undefined {
    const q = this.#y.cols;
    const product = new Float64Array(q);
    const previous = new Float64Array(q);
    const yWeights = new Float64Array(q);
    yWeights[start] = 1;
    for (let count = 1; ; count++) {
      this.#multiply(yWeights, product);
      const square = dot(yWeights, product);
      if (!(square > 0)) return undefined;
      const scale = 1 / Math.sqrt(square);
      for (let j = 0; j < q; j++) {
        yWeights[j] *= scale;
        product[j] *= scale;
      }
      // ‖w − w_old‖² of unit weights; the reference's first w_old is a constant that never passes.
      const change = count === 1 ? 1 : 2 - 2 * dot(previous, yWeights);
      const converged = q === 1 || change < PLS_TOLERANCE;
      if (converged || count === PLS_MAX_ITERATIONS) return { yWeights, count, converged };
      previous.set(product);
      yWeights.set(product);
    }
  }

  #multiply(c: Float64Array, product: Float64Array): void {
    if (this.#inner) symmetricProduct(this.#inner.data, c, product);
    else product.set(transposedProduct(this.#image, rowProducts(this.#y, c)));
  }

  /** Takes the component of these target weights (cᵀMc = 1) out of the residuals. */
  deflate(yWeights: Float64Array): GramComponent {
    const combination = rowProducts(this.#y, yWeights);
    const u = rowProducts(this.#image, yWeights);
    const scoreNorm = Math.sqrt(dot(u, u));
    for (let i = 0; i < u.length; i++) u[i] /= scoreNorm;
    const image = this.#imageOf(u);
    const along = dot(u, image);
    const yShare = transposedProduct(this.#y, u);
    const imageShare = transposedProduct(this.#image, u);
    // With Y' = Y − u aᵀ, b = Gᵀu, κ = uᵀKu: G' = G − u (b − κa)ᵀ − (Ku) aᵀ, M' = M − a(b − κa)ᵀ − b aᵀ.
    const rest = imageShare.map((value, j) => value - along * yShare[j]);
    subtractTwoOuters(this.#image, [u, rest], [image, yShare]);
    if (this.#inner) subtractTwoOuters(this.#inner, [yShare, rest], [imageShare, yShare]);
    subtractOuter(this.#y, u, yShare);
    this.#left -= along;
    this.#basis.push(u);
    return { combination, image, scoreNorm, yLoadings: yShare.map((value) => value / scoreNorm) };
  }

  /** K u of the residual: centred, and without the span of earlier components. */
  #imageOf(u: Float64Array): Float64Array {
    const image = new Float64Array(u.length);
    symmetricProduct(this.#gram.data, u, image);
    const mean = image.reduce((sum, value) => sum + value, 0) / image.length;
    for (let i = 0; i < image.length; i++) image[i] -= mean;
    for (const earlier of this.#basis) {
      const share = dot(earlier, image);
      for (let i = 0; i < image.length; i++) image[i] -= share * earlier[i];
    }
    return image;
  }
}

function trace({ rows, data }: Matrix): number {
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += data[i * (rows + 1)];
  return sum;
}

/** m v. */
function rowProducts({ rows, cols, data }: Matrix, v: Float64Array): Float64Array {
  const result = new Float64Array(rows);
  for (let i = 0; i < rows; i++) result[i] = dotFrom(data, i * cols, v);
  return result;
}

/** m ← m − u vᵀ − s tᵀ in one pass. */
function subtractTwoOuters(
  { rows, cols, data }: Matrix,
  [u, v]: readonly [Float64Array, Float64Array],
  [s, t]: readonly [Float64Array, Float64Array],
): void {
  for (let i = 0, at = 0; i < rows; i++) {
    const first = u[i];
    const second = s[i];
    for (let j = 0; j < cols; j++, at++) data[at] -= first * v[j] + second * t[j];
  }
}

/** out ← m v for a square m, four rows at a time: the innermost loop of the metric. */
function symmetricProduct(m: Float64Array, v: Float64Array, out: Float64Array): void {
  const n = v.length;
  const whole = n - (n % 4);
  for (let i = 0; i < whole; i += 4) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    const r0 = i * n;
    const r1 = r0 + n;
    const r2 = r1 + n;
    const r3 = r2 + n;
    for (let j = 0; j < n; j++) {
      const x = v[j];
      s0 += m[r0 + j] * x;
      s1 += m[r1 + j] * x;
      s2 += m[r2 + j] * x;
      s3 += m[r3 + j] * x;
    }
    out[i] = s0;
    out[i + 1] = s1;
    out[i + 2] = s2;
    out[i + 3] = s3;
  }
  for (let i = whole; i < n; i++) out[i] = dotFrom(m, i * n, v);
}
