import type { Times } from './two-factor-draws.js';

/** Values that were ordered once, to be drawn many times. */
interface Ordered {
  /** Ascending, each once. */
  readonly values: Float64Array;
  /** The place of each value that was given among them; -1 of NaN. */
  readonly places: Int32Array;
}

/**
 * Medians of the same values under draws of them: copies are counted, not made and selected from. NaN is left out.
 * @param units position of each value among what is drawn
 * @param interpolated between values by how many copies they have: a value stands in the middle of its copies. Over draws that
 *   moves in small steps, where the median jumps from one of few values to the next
 */
export function copiedMedian(
  given: Float64Array,
  units: ArrayLike<number>,
  interpolated: boolean,
): (times: Times) => number {
  const { values, places } = ordered(given);
  const counts = new Uint32Array(values.length);
  const middle = interpolated ? interpolatedMiddle : plainMiddle;
  return (times) => {
    counts.fill(0);
    let n = 0;
    for (let c = 0; c < places.length; c++) {
      if (places[c] < 0) continue;
      const count = times[units[c]];
      counts[places[c]] += count;
      n += count;
    }
    return n === 0 ? Number.NaN : middle(values, counts, n);
  };
}

function ordered(given: Float64Array): Ordered {
  const order = Array.from(given.keys()).filter((c) => !Number.isNaN(given[c]));
  order.sort((a, b) => given[a] - given[b]);
  const values: number[] = [];
  const places = new Int32Array(given.length).fill(-1);
  for (const c of order) {
    if (values.length === 0 || values[values.length - 1] !== given[c]) values.push(given[c]);
    places[c] = values.length - 1;
  }
  return { values: Float64Array.from(values), places };
}

/** The value of the lower one of the middle ranks, and how many copies stand before it. */
function lowerMiddle(counts: Uint32Array, n: number): { at: number; before: number } {
  const rank = (n - 1) >> 1;
  let [at, before] = [0, 0];
  while (before + counts[at] <= rank) before += counts[at++];
  return { at, before };
}

function plainMiddle(values: Float64Array, counts: Uint32Array, n: number): number {
  const { at, before } = lowerMiddle(counts, n);
  if (n % 2 === 1 || before + counts[at] > n >> 1) return values[at];
  return (values[at] + values[neighbour(counts, at, 1)]) / 2;
}

function interpolatedMiddle(values: Float64Array, counts: Uint32Array, n: number): number {
  const { at, before } = lowerMiddle(counts, n);
  const value = values[at];
  const own = before + counts[at] / 2;
  if (own === n / 2) return value;
  const isBelow = own < n / 2;
  const other = neighbour(counts, at, isBelow ? 1 : -1);
  if (counts[other] === undefined) return value;
  const place = isBelow ? before + counts[at] + counts[other] / 2 : before - counts[other] / 2;
  return value + ((values[other] - value) * (n / 2 - own)) / (place - own);
}

/** The next place that has copies; behind an end where there is none. */
function neighbour(counts: Uint32Array, from: number, step: 1 | -1): number {
  let at = from + step;
  while (counts[at] === 0) at += step;
  return at;
}
