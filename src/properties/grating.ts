/** A disk of a sinusoidal grating on a grey ground; positions and sizes in degrees of visual angle. */
export interface Grating {
  /** Degrees below the centre of the image: y grows downward. */
  readonly positionY: number;
  /** Degrees to the right of the centre. */
  readonly positionX: number;
  readonly contrast: number;
  readonly radius: number;
  /** Cycles per degree. */
  readonly spatialFrequency: number;
  /** Degrees; 0 modulates along x, 90 along y. */
  readonly orientation: number;
  /** Degrees. */
  readonly phase: number;
}

/** The size of an image in pixels, and the degrees that its width spans. */
export interface Canvas {
  readonly height: number;
  readonly width: number;
  readonly degrees: number;
}

/** Grey of the ground. */
export const GROUND = 128;

/** An image of the ground alone, 8-bit grey. */
export const blankPixels = ({ height, width }: Canvas): Uint8Array =>
  new Uint8Array(height * width).fill(GROUND);

/**
 * The pixels of a grating, 8-bit grey, rows from the top. The disk has a hard edge (a tie is inside), and values are
 * truncated, so that the mean of a disk is 127 on a ground of 128. The order of the operations is that of the generator of
 * Marques2020 (Marques, Schrimpf, DiCarlo 2021, bioRxiv 2021.03.01.433495): pixels are equal bit for bit.
 */
export function gratingPixels(grating: Grating, canvas: Canvas): Uint8Array {
  const { height, width, degrees } = canvas;
  const { contrast, radius, spatialFrequency } = grating;
  const pixels = blankPixels(canvas);
  const theta = (grating.orientation / 180) * Math.PI;
  const phase = (grating.phase / 180) * Math.PI;
  const cos = Math.cos(theta);
  const sin = Math.sin(theta);
  const pixelsPerDegree = width / degrees;
  const xs = coordinates(width, pixelsPerDegree, grating.positionX);
  const ys = coordinates(height, pixelsPerDegree, grating.positionY);
  const [left, right] = within(xs, radius);
  const [top, bottom] = within(ys, radius);
  for (let i = top; i < bottom; i++) {
    const y = ys[i];
    const square = y * y;
    for (let j = left; j < right; j++) {
      const x = xs[j];
      if (x * x + square > radius * radius) continue;
      const along = (x * cos + y * sin) * spatialFrequency * 2 * Math.PI + phase;
      const value = Math.sin(along) * contrast;
      pixels[i * width + j] = Math.trunc(((value + 1) / 2) * 255);
    }
  }
  return pixels;
}

/** Bounds of the coordinates that are no farther from 0 than the radius: most disks are small. */
function within(ascending: Float64Array, radius: number): readonly [number, number] {
  const from = ascending.findIndex((at) => at >= -radius);
  return from < 0 ? [0, 0] : [from, ascending.findLastIndex((at) => at <= radius) + 1];
}

/** Degrees of the left or upper edges of pixels, from the grating's centre on. */
const coordinates = (count: number, pixelsPerDegree: number, position: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => (i - count / 2) / pixelsPerDegree - position);
