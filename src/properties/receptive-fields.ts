import { FieldKernel, type FieldRows } from './field-kernel.js';

/** Share of the largest value above which a place belongs to the receptive field. */
const THRESHOLD = 0.05;

/** Where receptive fields are looked for: ascending coordinates in degrees; y points down. */
export interface Places {
  readonly ys: readonly number[];
  readonly xs: readonly number[];
}

/** The centre of a receptive field in degrees; NaN where a unit has none. */
export interface Centre {
  readonly y: number;
  readonly x: number;
}

/** The centres of many units, by unit. */
export interface Centres {
  readonly y: Float64Array;
  readonly x: Float64Array;
}

/** Negative values become 0; NaN stays. */
export const rectified = (value: number): number => (value < 0 ? 0 : value);

/** Units at a time: their maps stay in the cache of a processor. */
const STRIP = 512;

let kept: { readonly kernel: FieldKernel; readonly shape: string } | undefined;

/** A kernel is kept: each has memory of its own, of which a process cannot have many. */
function kernelOf(places: number, perPlace: number): FieldKernel {
  const shape = `${places} × ${perPlace}`;
  if (kept?.shape !== shape) kept = { shape, kernel: new FieldKernel(STRIP, places, perPlace) };
  return kept.kernel;
}

/**
 * The centre of every unit's receptive field (Marques2020). The map of a unit is by how much its largest response at each
 * place exceeds the blank's, 0 at least and negative responses counted as 0; the centre is the centroid over the places with
 * more than 5 % of its maximum.
 * @param rows responses by place (y slowest)
 * @param blanks response to the blank by unit
 */
export function centresOfFields(
  { data, stride, width, perPlace }: FieldRows,
  blanks: ArrayLike<number>,
  { ys, xs }: Places,
): Centres {
  const centres = { y: new Float64Array(width), x: new Float64Array(width) };
  const grounds = Float64Array.from(blanks);
  const kernel = kernelOf(ys.length * xs.length, perPlace);
  for (let from = 0; from < width; from += STRIP) {
    const units = Math.min(STRIP, width - from);
    const strip = { data: data.subarray(from), stride, width: units, perPlace };
    kernel.map(strip, grounds.subarray(from, from + units));
    // A map without a value above 0, or with NaN, keeps no place: 0 / 0 is no centre.
    const [total, rows, columns] = kernel.sums(THRESHOLD, xs.length);
    for (let unit = 0; unit < units; unit++) {
      centres.y[from + unit] = interpolated(ys, rows[unit] / total[unit]);
      centres.x[from + unit] = interpolated(xs, columns[unit] / total[unit]);
    }
  }
  return centres;
}

function interpolated(levels: readonly number[], index: number): number {
  const below = Math.min(Math.floor(index), levels.length - 1);
  const above = Math.min(below + 1, levels.length - 1);
  return levels[below] + (index - below) * (levels[above] - levels[below]);
}

/** Largest distance in degrees between the centre of a unit's receptive field and the stimulus. */
export const WINDOW = 0.15;

/** Whether a unit sees the stimulus: its receptive field has a centre within the window around it. */
export function seesStimulus(centre: Centre, stimulus: Centre): boolean {
  return Math.sqrt((centre.y - stimulus.y) ** 2 + (centre.x - stimulus.x) ** 2) <= WINDOW;
}
