/** The moves of the square attack in L2: a bump and its opposite side by side (Andriushchenko et al. 2020, algorithm 3). */

/** A square of an image. */
export interface SquareWindow {
  readonly top: number;
  readonly left: number;
  readonly side: number;
}

/** The change of a square: one shape of length 1, with a separate sign per channel. */
export interface Bump {
  /** side × side, row-major. */
  readonly shape: Float64Array;
  readonly signs: readonly number[];
}

/**
 * The upper half of a square (its left half, if turned) as a bump, the other half as its opposite.
 * @returns side × side values of length 1
 */
export function bump(side: number, turned: boolean): Float64Array {
  const half = Math.floor(side / 2);
  const shape = new Float64Array(side * side);
  shape.set(hill(half, side));
  shape.set(
    hill(side - half, side).map((value) => -value),
    half * side,
  );
  const unit = scaledTo(shape, 1);
  if (!turned) return unit;
  return unit.map((_, i) => unit[(i % side) * side + Math.floor(i / side)]);
}

/** Concentric rectangles, each weighted by the inverse square of its number (the authors' pseudo-Gaussian). */
function hill(rows: number, columns: number): Float64Array {
  const values = new Float64Array(rows * columns);
  const middle = [Math.floor(rows / 2), Math.floor(columns / 2)];
  for (let ring = 0; ring <= Math.max(...middle); ring++) {
    const [top, left] = middle.map((at) => Math.max(0, at - ring));
    const [bottom, right] = [
      Math.min(rows, middle[0] + ring + 1),
      Math.min(columns, middle[1] + ring + 1),
    ];
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++) values[y * columns + x] += 1 / (ring + 1) ** 2;
  }
  return scaledTo(values, 1);
}

function scaledTo(values: Float64Array, length: number): Float64Array {
  const now = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return now > 0 ? values.map((value) => (value * length) / now) : values;
}

/**
 * The first move: bumps side by side over the whole image, five a column.
 * @param dims [channels, height, width]
 */
export function bumpsAllOver(
  [channels, height, width]: readonly number[],
  next: (side: number) => Bump,
): Float64Array {
  const moved = new Float64Array(channels * height * width);
  const side = Math.min(Math.max(Math.floor(height / 5), 3), height, width);
  const margin = Math.max(0, Math.floor((height - side * 5) / 2));
  for (let top = margin; top + side <= height; top += side)
    for (let left = margin; left + side <= width; left += side) {
      const { shape, signs } = next(side);
      eachCell([channels, height, width], { top, left, side }, (at, channel, cell) => {
        moved[at] = signs[channel] * shape[cell];
      });
    }
  return moved;
}

/**
 * Adds a bump to one window of a move and gives it all the length that is there: that of both windows, and what
 * the whole move may still grow; the other window becomes 0. Changes `moved` in place.
 * @param dims [channels, height, width]
 */
export function moveBump(
  moved: Float64Array,
  dims: readonly number[],
  {
    to,
    from,
    bump: { shape, signs },
    epsilon,
  }: {
    readonly to: SquareWindow;
    readonly from: SquareWindow;
    readonly bump: Bump;
    readonly epsilon: number;
  },
): void {
  const [channels] = dims;
  const spare = Math.max(0, epsilon ** 2 - squareOf(moved)) / channels;
  const free = new Float64Array(channels).fill(spare);
  const old = new Float64Array(channels);
  eachCell(dims, to, (at, channel) => {
    old[channel] += moved[at] ** 2;
  });
  const fresh = new Float64Array(channels * shape.length);
  eachCell(dims, to, (at, channel, cell) => {
    free[channel] += moved[at] ** 2;
    const kept = moved[at] / (TINY + Math.sqrt(old[channel]));
    fresh[channel * shape.length + cell] = signs[channel] * shape[cell] + kept;
    moved[at] = 0;
  });
  // What both windows share is 0 by now, and counts once.
  eachCell(dims, from, (at, channel) => {
    free[channel] += moved[at] ** 2;
    moved[at] = 0;
  });
  for (let channel = 0; channel < channels; channel++) {
    const part = fresh.subarray(channel * shape.length, (channel + 1) * shape.length);
    part.set(scaledTo(part, Math.sqrt(free[channel])));
  }
  eachCell(dims, to, (at, channel, cell) => {
    moved[at] = fresh[channel * shape.length + cell];
  });
}

/** Keeps a window of length 0 finite, as the authors have it. */
const TINY = 1e-10;

function squareOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
  return sum;
}

function eachCell(
  [channels, height, width]: readonly number[],
  { top, left, side }: SquareWindow,
  work: (at: number, channel: number, cell: number) => void,
): void {
  for (let channel = 0; channel < channels; channel++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        work((channel * height + top + y) * width + left + x, channel, y * side + x);
}
