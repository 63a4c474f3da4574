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

/**
 * Maps of receptive fields, place × unit: by how much a unit's largest response at each place exceeds the blank's, 0 at
 * least.
 * @param peaks largest activation at each place (y slowest), place × unit; negative activations count as 0
 * @param blanks activation to the blank by unit
 * @param maps where they are written; `peaks` may be it
 */
export function receptiveFieldMaps(
  peaks: ArrayLike<number>,
  blanks: ArrayLike<number>,
  maps: Float64Array = new Float64Array(peaks.length),
): Float64Array {
  const width = blanks.length;
  const grounds = Float64Array.from(blanks, rectified);
  for (let first = 0; first < maps.length; first += width)
    for (let unit = 0; unit < width; unit++) {
      const peak = peaks[first + unit];
      const above = peak * +(peak > 0) - grounds[unit];
      maps[first + unit] = above * +(above > 0);
    }
  return maps;
}

/**
 * The larger of two finite numbers; NaN where one is NaN. Without a branch: half of the time a processor would guess wrong,
 * which costs more than the arithmetic.
 */
export function larger(a: number, b: number): number {
  const first = +(a > b);
  return a * first + b * (1 - first);
}

/** Negative values become 0; NaN stays. */
export const rectified = (value: number): number => (value < 0 ? 0 : value);

/**
 * The centroid of each map over the places with more than 5 % of its maximum (Marques2020).
 * @param maps place × unit
 */
export function receptiveFieldCentres(
  maps: Float64Array,
  width: number,
  { ys, xs }: Places,
): Centres {
  const largest = new Float64Array(width);
  for (let first = 0; first < maps.length; first += width)
    for (let unit = 0; unit < width; unit++)
      largest[unit] = larger(maps[first + unit], largest[unit]);
  const thresholds = largest.map((value) => THRESHOLD * value);
  const total = new Float64Array(width);
  const rows = new Float64Array(width);
  const columns = new Float64Array(width);
  for (let first = 0, place = 0; first < maps.length; first += width, place++) {
    const row = Math.floor(place / xs.length);
    const column = place % xs.length;
    for (let unit = 0; unit < width; unit++) {
      const value = maps[first + unit];
      const kept = value * +(value > thresholds[unit]);
      total[unit] += kept;
      rows[unit] += kept * row;
      columns[unit] += kept * column;
    }
  }
  // A map without a value above 0, or with NaN, keeps no place: 0 / 0 is no centre.
  return {
    y: rows.map((sum, unit) => interpolated(ys, sum / total[unit])),
    x: columns.map((sum, unit) => interpolated(xs, sum / total[unit])),
  };
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
