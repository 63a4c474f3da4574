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

const NONE: Centre = { y: Number.NaN, x: Number.NaN };

/**
 * The map of a unit's receptive field: by how much its largest response at each place exceeds the blank's, 0 at least.
 * @param peaks largest activation at each place (y slowest); negative activations count as 0
 */
export function receptiveFieldMap(peaks: ArrayLike<number>, blank: number): Float64Array {
  const ground = rectified(blank);
  return Float64Array.from({ length: peaks.length }, (_, place) =>
    rectified(rectified(peaks[place]) - ground),
  );
}

/** Negative values become 0; NaN stays. */
export const rectified = (value: number): number => (value < 0 ? 0 : value);

/** The centroid of a map over the places with more than 5 % of its maximum (Marques2020). */
export function receptiveFieldCentre(map: ArrayLike<number>, { ys, xs }: Places): Centre {
  let largest = 0;
  for (let place = 0; place < map.length; place++) {
    if (Number.isNaN(map[place])) return NONE;
    if (map[place] > largest) largest = map[place];
  }
  if (!(largest > 0)) return NONE;
  let total = 0;
  let rows = 0;
  let columns = 0;
  for (let place = 0; place < map.length; place++) {
    const value = map[place];
    if (!(value > THRESHOLD * largest)) continue;
    total += value;
    rows += value * Math.floor(place / xs.length);
    columns += value * (place % xs.length);
  }
  return { y: interpolated(ys, rows / total), x: interpolated(xs, columns / total) };
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
