/**
 * Linear receptive fields as differences of offset Gaussians (Parker and Hawken 1988): an even one
 * of three elongated Gaussians side by side, an odd one of two. No shipped model has such filters.
 */

/** Where a filter lies and what it prefers; lengths in pixels. */
export interface FilterShape {
  readonly x: number;
  readonly y: number;
  /** Period of the preferred grating. */
  readonly period: number;
  /** Direction across the stripes, radians. */
  readonly orientation: number;
  /** Width of a Gaussian across the stripes over the period. */
  readonly width: number;
  /** Length of a Gaussian over its width. */
  readonly elongation: number;
}

/** Weights on a rectangle of the image, rows from top, columns from left. */
export interface Patch {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly weights: Float64Array;
}

/** Samples `weight(dx, dy)` within `reach` pixels of (x, y), inside an image of `side` pixels. */
function samplePatch(
  { x, y }: { readonly x: number; readonly y: number },
  reach: number,
  side: number,
  weight: (dx: number, dy: number) => number,
): Patch {
  const left = Math.max(0, Math.floor(x - reach));
  const top = Math.max(0, Math.floor(y - reach));
  const width = Math.min(side, Math.ceil(x + reach) + 1) - left;
  const height = Math.min(side, Math.ceil(y + reach) + 1) - top;
  const weights = new Float64Array(width * height);
  for (let i = 0; i < weights.length; i++) {
    weights[i] = weight(left + (i % width) - x, top + Math.floor(i / width) - y);
  }
  return { left, top, width, height, weights };
}

/** Even and odd filter of a shape; each sums to 0 and its absolute weights to 1. */
export function filterPair(shape: FilterShape, side: number): { even: Patch; odd: Patch } {
  const across = shape.width * shape.period;
  const along = across * shape.elongation;
  const offset = shape.period / 2;
  const [c, s] = [Math.cos(shape.orientation), Math.sin(shape.orientation)];
  const gaussian = (u: number, v: number) =>
    Math.exp(-0.5 * ((u * u) / (across * across) + (v * v) / (along * along)));
  const reach = Math.max(2.5 * along, 2.5 * across + offset);
  const sample = (profile: (u: number, v: number) => number) =>
    balanced(samplePatch(shape, reach, side, (x, y) => profile(x * c + y * s, y * c - x * s)));
  return {
    even: sample(
      (u, v) => gaussian(u, v) - 0.5 * (gaussian(u - offset, v) + gaussian(u + offset, v)),
    ),
    odd: sample((u, v) => gaussian(u - offset / 2, v) - gaussian(u + offset / 2, v)),
  };
}

function balanced(patch: Patch): Patch {
  const { weights } = patch;
  const mean = weights.reduce((sum, w) => sum + w, 0) / weights.length;
  const centred = weights.map((w) => w - mean);
  const total = centred.reduce((sum, w) => sum + Math.abs(w), 0);
  return { ...patch, weights: centred.map((w) => w / total) };
}

/** A Gaussian window whose weights sum to 1. */
export function gaussianWindow(
  place: { readonly x: number; readonly y: number },
  deviation: number,
  side: number,
): Patch {
  const patch = samplePatch(place, 2.5 * deviation, side, (x, y) =>
    Math.exp((-0.5 * (x * x + y * y)) / (deviation * deviation)),
  );
  const total = patch.weights.reduce((sum, w) => sum + w, 0);
  return { ...patch, weights: patch.weights.map((w) => w / total) };
}

/** Images that are summed side by side: each sum waits for its own last addition alone. */
const BESIDE = 4;

/** Σ weights × image over the patch, for each image; every sum is added up in the order of the pixels. */
export function applyPatch(
  patch: Patch,
  pictures: readonly Float64Array[],
  side: number,
): Float64Array {
  const sums = new Float64Array(pictures.length);
  for (let from = 0; from < pictures.length; from += BESIDE)
    applyToFour(patch, pictures, { from, side, sums });
  return sums;
}

function applyToFour(
  { left, top, width, height, weights }: Patch,
  pictures: readonly Float64Array[],
  {
    from,
    side,
    sums,
  }: { readonly from: number; readonly side: number; readonly sums: Float64Array },
): void {
  // Where fewer are left the last one is summed again.
  const [p, q, r, t] = Array.from(
    { length: BESIDE },
    (_, k) => pictures[Math.min(from + k, pictures.length - 1)],
  );
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    const row = (top + y) * side + left;
    for (let x = row; x < row + width; x++) {
      const weight = weights[i++];
      a += weight * p[x];
      b += weight * q[x];
      c += weight * r[x];
      d += weight * t[x];
    }
  }
  [a, b, c, d].forEach((sum, k) => {
    if (from + k < sums.length) sums[from + k] = sum;
  });
}

/** 8-bit grey as contrast: (pixel − 128) / 127. */
export function toContrast(pixels: Uint8Array): Float64Array {
  return Float64Array.from(pixels, (value) => (value - 128) / 127);
}
