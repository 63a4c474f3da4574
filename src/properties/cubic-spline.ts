/**
 * The interpolating cubic spline with not-a-knot ends, evaluated at ascending points; beyond the knots the outer pieces go on.
 * @param x ascending knots, four at least
 */
export function cubicSpline(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  points: ArrayLike<number>,
): Float64Array {
  const slopes = knotSlopes(x, y);
  const last = x.length - 2;
  const values = new Float64Array(points.length);
  let piece = 0;
  for (let i = 0; i < points.length; i++) {
    while (piece < last && points[i] >= x[piece + 1]) piece++;
    const width = x[piece + 1] - x[piece];
    const rise = (y[piece + 1] - y[piece]) / width;
    const bend = (slopes[piece] + slopes[piece + 1] - 2 * rise) / width;
    const t = points[i] - x[piece];
    const square = (rise - slopes[piece]) / width - bend;
    values[i] = y[piece] + t * (slopes[piece] + t * (square + (t * bend) / width));
  }
  return values;
}

/** Slopes of the spline at its knots: a tridiagonal system, solved without pivoting. */
function knotSlopes(x: ArrayLike<number>, y: ArrayLike<number>): Float64Array {
  const n = x.length;
  const width = Float64Array.from({ length: n - 1 }, (_, i) => x[i + 1] - x[i]);
  const rise = Float64Array.from({ length: n - 1 }, (_, i) => (y[i + 1] - y[i]) / width[i]);
  const below = new Float64Array(n);
  const diagonal = new Float64Array(n);
  const above = new Float64Array(n);
  const right = new Float64Array(n);
  const start = x[2] - x[0];
  diagonal[0] = width[1];
  above[0] = start;
  right[0] = ((width[0] + 2 * start) * width[1] * rise[0] + width[0] * width[0] * rise[1]) / start;
  for (let i = 1; i < n - 1; i++) {
    below[i] = width[i];
    diagonal[i] = 2 * (width[i - 1] + width[i]);
    above[i] = width[i - 1];
    right[i] = 3 * (width[i] * rise[i - 1] + width[i - 1] * rise[i]);
  }
  const end = x[n - 1] - x[n - 3];
  const [w, v] = [width[n - 2], width[n - 3]];
  below[n - 1] = end;
  diagonal[n - 1] = v;
  right[n - 1] = (w * w * rise[n - 3] + (2 * end + w) * v * rise[n - 2]) / end;
  for (let i = 1; i < n; i++) {
    const share = below[i] / diagonal[i - 1];
    diagonal[i] -= share * above[i - 1];
    right[i] -= share * right[i - 1];
  }
  for (let i = n - 1; i >= 0; i--) {
    const known = i < n - 1 ? above[i] * right[i + 1] : 0;
    right[i] = (right[i] - known) / diagonal[i];
  }
  return right;
}
