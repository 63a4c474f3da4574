/** Stimuli that cross the levels of several parameters, and where each combination stands. */
export interface Sweep {
  /** Levels of each parameter, ascending, the slowest first. */
  readonly levels: readonly (readonly number[])[];
  /** Row of each combination, the last parameter fastest. */
  readonly rows: Int32Array;
}

/**
 * Orders stimuli by their parameters, the first key slowest, so that a table's order has no bearing on a result.
 * @param keys the values of each parameter by row
 * @returns undefined unless every combination of levels is there exactly once
 */
export function sweepOf(keys: readonly ArrayLike<number>[]): Sweep | undefined {
  const count = keys[0].length;
  const levels = keys.map((values) =>
    [...new Set(Array.from({ length: count }, (_, row) => values[row]))].sort((a, b) => a - b),
  );
  const size = levels.reduce((product, { length }) => product * length, 1);
  if (size !== count) return undefined;
  const ranks = levels.map((own) => new Map(own.map((level, rank) => [level, rank])));
  const rows = new Int32Array(size).fill(-1);
  for (let row = 0; row < count; row++) {
    const at = keys.reduce(
      (sum, values, k) => sum * levels[k].length + (ranks[k].get(values[row]) as number),
      0,
    );
    if (rows[at] >= 0) return undefined;
    rows[at] = row;
  }
  return { levels, rows };
}

/** Sizes of the parameters of a sweep. */
export const sizesOf = ({ levels }: Pick<Sweep, 'levels'>): number[] =>
  levels.map(({ length }) => length);

/** Position of the first of the largest values; −1 where one is NaN or there is none. */
export function firstLargest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) return -1;
    if (values[i] > values[best]) best = i;
  }
  return values.length > 0 ? best : -1;
}

/** Mean of each run of `length` values. */
export function meansOfRuns(values: ArrayLike<number>, length: number): Float64Array {
  const means = new Float64Array(values.length / length);
  for (let run = 0; run < means.length; run++) {
    let sum = 0;
    for (let k = 0; k < length; k++) sum += values[run * length + k];
    means[run] = sum / length;
  }
  return means;
}

/** Amplitude of the first harmonic of each run of `length` values: 2 |Σ r e^(−2πik/n)| / n. */
export function harmonicsOfRuns(values: ArrayLike<number>, length: number): Float64Array {
  const { cos, sin } = waveOf(length);
  const harmonics = new Float64Array(values.length / length);
  for (let run = 0; run < harmonics.length; run++) {
    let real = 0;
    let imaginary = 0;
    for (let k = 0; k < length; k++) {
      real += values[run * length + k] * cos[k];
      imaginary += values[run * length + k] * sin[k];
    }
    harmonics[run] = (2 * Math.hypot(real, imaginary)) / length;
  }
  return harmonics;
}

interface Wave {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

let lastWave: Wave = { cos: new Float64Array(0), sin: new Float64Array(0) };

/** One period in `length` steps; the last one asked for is kept, since all units have as many phases. */
function waveOf(length: number): Wave {
  if (lastWave.cos.length === length) return lastWave;
  lastWave = {
    cos: Float64Array.from({ length }, (_, k) => Math.cos((2 * Math.PI * k) / length)),
    sin: Float64Array.from({ length }, (_, k) => Math.sin((2 * Math.PI * k) / length)),
  };
  return lastWave;
}
