/**
 * Weights of an antialiased resampling along one axis, as Pillow's Resample.c and torch's
 * `_upsample_bilinear2d_aa` compute them: the filter's support grows with the scale.
 */

/** A filter function and the distance, in source pixels at scale 1, where it ends. */
interface Kernel {
  readonly support: number;
  weight(x: number): number;
}

function sinc(x: number): number {
  if (x === 0) return 1;
  const a = x * Math.PI;
  return Math.sin(a) / a;
}

function cubic(x: number): number {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

const kernels = {
  bilinear: { support: 1, weight: (x: number) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x: number) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
} as const satisfies Record<string, Kernel>;

/** Filters with an antialiased form. */
export type AntialiasFilter = keyof typeof kernels;

/** Target pixel i sums source pixels start[i] to start[i] + count[i] − 1 with weights from i × taps on. */
export interface ResampleWeights {
  /** Room for weights of one target pixel. */
  readonly taps: number;
  readonly start: Int32Array;
  readonly count: Int32Array;
  /** target × taps; each pixel's sum is 1. */
  readonly weights: Float64Array;
}

/** Weights from `from` source pixels to `to` target pixels. */
export function resampleWeights(
  from: number,
  to: number,
  filter: AntialiasFilter,
): ResampleWeights {
  const kernel: Kernel = kernels[filter];
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = kernel.support * stretch;
  const taps = Math.ceil(support) * 2 + 1;
  const start = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Float64Array(to * taps);
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const length = Math.min(from, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let k = 0; k < length; k++) {
      // Multiplying by the inverse, as Pillow does, decides the last bit.
      const weight = kernel.weight((k + first - center + 0.5) * (1 / stretch));
      weights[i * taps + k] = weight;
      sum += weight;
    }
    if (sum !== 0) for (let k = 0; k < length; k++) weights[i * taps + k] /= sum;
    start[i] = first;
    count[i] = length;
  }
  return { taps, start, count, weights };
}
