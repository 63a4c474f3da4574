/** Side of an aligned silhouette. */
const alignedSide = 20;

/**
 * A silhouette brought to a common place and size: its centre in the middle, the root mean square
 * distance of its pixels from there a quarter of the side. alignedSide² values, 1 inside.
 */
export function alignSilhouette(mask: Uint8Array, side: number): Float64Array {
  let [count, sumX, sumY] = [0, 0, 0];
  mask.forEach((value, i) => {
    count += value;
    sumX += value * (i % side);
    sumY += value * Math.floor(i / side);
  });
  const [x, y] = count > 0 ? [sumX / count, sumY / count] : [side / 2, side / 2];
  let squares = 0;
  mask.forEach((value, i) => {
    squares += value * ((i % side) - x) ** 2 + value * (Math.floor(i / side) - y) ** 2;
  });
  const step = Math.max(0.1, Math.sqrt(squares / Math.max(1, count)) / (alignedSide / 4));
  return Float64Array.from({ length: alignedSide * alignedSide }, (_, i) => {
    const px = Math.round(x + ((i % alignedSide) - (alignedSide - 1) / 2) * step);
    const py = Math.round(y + (Math.floor(i / alignedSide) - (alignedSide - 1) / 2) * step);
    return px >= 0 && py >= 0 && px < side && py < side ? mask[py * side + px] : 0;
  });
}

/** Share of their union that two aligned silhouettes have in common, 0 to 1. */
export function silhouetteOverlap(a: Float64Array, b: Float64Array): number {
  let [both, either] = [0, 0];
  a.forEach((value, i) => {
    both += value * b[i];
    either += Math.max(value, b[i]);
  });
  return either > 0 ? both / either : 0;
}
