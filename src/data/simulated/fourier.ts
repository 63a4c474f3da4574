/** A complex square field, row-major; its side is a power of two. */
export interface ComplexField {
  readonly side: number;
  readonly re: Float64Array;
  readonly im: Float64Array;
}

interface Plan {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
  readonly order: Uint16Array;
}

const plans = new Map<number, Plan>();

function planOf(side: number): Plan {
  const known = plans.get(side);
  if (known) return known;
  const bits = Math.log2(side);
  const order = Uint16Array.from({ length: side }, (_, i) => {
    let reversed = 0;
    for (let b = 0; b < bits; b++) reversed |= ((i >> b) & 1) << (bits - 1 - b);
    return reversed;
  });
  const angle = (i: number) => (-2 * Math.PI * i) / side;
  const cos = Float64Array.from({ length: side / 2 }, (_, i) => Math.cos(angle(i)));
  const sin = Float64Array.from({ length: side / 2 }, (_, i) => Math.sin(angle(i)));
  const plan = { cos, sin, order };
  plans.set(side, plan);
  return plan;
}

/** In-place radix-2 transform (Cooley and Tukey 1965) of one line of the buffers. */
function transformLine(re: Float64Array, im: Float64Array, plan: Plan): void {
  const side = re.length;
  for (let i = 0; i < side; i++) {
    const j = plan.order[i];
    if (j <= i) continue;
    [re[i], re[j]] = [re[j], re[i]];
    [im[i], im[j]] = [im[j], im[i]];
  }
  for (let half = 1; half < side; half *= 2) {
    const step = side / (2 * half);
    for (let from = 0; from < side; from += 2 * half) {
      for (let k = 0, w = 0; k < half; k++, w += step) {
        const [a, b] = [from + k, from + k + half];
        const x = re[b] * plan.cos[w] - im[b] * plan.sin[w];
        const y = re[b] * plan.sin[w] + im[b] * plan.cos[w];
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}

/** The two-dimensional discrete Fourier transform, not scaled. */
function fourier(field: ComplexField): ComplexField {
  const { side } = field;
  const plan = planOf(side);
  const re = Float64Array.from(field.re);
  const im = Float64Array.from(field.im);
  for (let y = 0; y < side; y++) {
    transformLine(
      re.subarray(y * side, (y + 1) * side),
      im.subarray(y * side, (y + 1) * side),
      plan,
    );
  }
  const [lineRe, lineIm] = [new Float64Array(side), new Float64Array(side)];
  for (let x = 0; x < side; x++) {
    for (let y = 0; y < side; y++) {
      lineRe[y] = re[y * side + x];
      lineIm[y] = im[y * side + x];
    }
    transformLine(lineRe, lineIm, plan);
    for (let y = 0; y < side; y++) {
      re[y * side + x] = lineRe[y];
      im[y * side + x] = lineIm[y];
    }
  }
  return { side, re, im };
}

/** Transform of a real square image, row-major. */
export function fourierOfReal(values: Float64Array): ComplexField {
  const side = Math.sqrt(values.length);
  return fourier({ side, re: values, im: new Float64Array(values.length) });
}

/** Real part of the inverse transform, scaled by 1 / side². */
export function realInverse(field: ComplexField): Float64Array {
  // The inverse is the forward transform with re and im exchanged, twice.
  const { im } = fourier({ side: field.side, re: field.im, im: field.re });
  const scale = 1 / (field.side * field.side);
  return im.map((value) => value * scale);
}

/** Signed frequency, in cycles an image, of row or column k. */
function frequency(k: number, side: number): number {
  return k <= side / 2 ? k : k - side;
}

/** The field times a real gain of the frequency (fx, fy), both in cycles an image. */
export function filterField(
  field: ComplexField,
  gain: (fx: number, fy: number) => number,
): ComplexField {
  const { side } = field;
  const re = new Float64Array(side * side);
  const im = new Float64Array(side * side);
  for (let y = 0, i = 0; y < side; y++) {
    const fy = frequency(y, side);
    for (let x = 0; x < side; x++, i++) {
      const g = gain(frequency(x, side), fy);
      re[i] = field.re[i] * g;
      im[i] = field.im[i] * g;
    }
  }
  return { side, re, im };
}
