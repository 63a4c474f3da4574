import { VentralError } from '../errors/ventral-error.js';
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';

/** Start and end of a bin of time, in the unit of the file that it comes from. */
export type TimeBin = readonly [start: number, end: number];

/** What a target bin takes of a source bin: the share that lies in it, or all where it holds the centre. */
export type BinMode = 'portion' | 'center';

/** Bins of a recording beyond which steps are refused: more are a slip of the unit. */
const MOST_BINS = 1000;

/** Bins of a file beyond which it is refused: a share is computed of each for each target. */
const MOST_SOURCE_BINS = 20_000;

/** Edges in seconds are fractions that no float holds. */
export const SLACK = 1e-9;

/** @throws VentralError `recordings-invalid` where a file has more bins of time than any recording */
export function checkBins({ length }: readonly TimeBin[], file: string): void {
  if (length <= MOST_SOURCE_BINS) return;
  const [expected, found] = [`at most ${MOST_SOURCE_BINS} time bins`, String(length)];
  throw new VentralError('recordings-invalid', `${file}: ${expected} expected, ${found} found`, {
    ...{ file, field: 'time_bin', expected, found },
  });
}

/**
 * Bins of one length from 0 on, as the reference makes them: the last bin that would fit is left out, since its start is
 * an end that Python's `range` excludes (spec §1.12).
 * @param file of the recordings, for messages
 * @throws VentralError `recordings-invalid` where there are none, or more than 1000, or too many in the file
 */
export function binsOfStep(source: readonly TimeBin[], step: number, file: string): TimeBin[] {
  checkBins(source, file);
  const last = Math.max(...source.map(([, end]) => end));
  const count = Math.ceil((last - step) / step - SLACK);
  if (!(count >= 1 && count <= MOST_BINS)) {
    throw new VentralError(
      'recordings-invalid',
      `${file} time_bins.step: bins of ${step} up to ${last} are ${Math.max(0, count)}, expected 1 to ${MOST_BINS}; the unit is that of the recordings, and the last bin is left out`,
      { file, field: '/time_bins/step', expected: `1 to ${MOST_BINS} bins`, found: String(count) },
    );
  }
  return Array.from({ length: count }, (_, i) => [i * step, (i + 1) * step] as const);
}

/**
 * How much of each source bin a target bin takes: the share of the source bin that lies in it, or with `center` all of it
 * where its centre lies in [start, end) of the target; target × source. A target that is not wholly within what was
 * recorded takes nothing.
 */
export function binShares(
  source: readonly TimeBin[],
  target: readonly TimeBin[],
  mode: BinMode = 'portion',
): Matrix {
  const first = Math.min(...source.map(([start]) => start));
  const last = Math.max(...source.map(([, end]) => end));
  const shares = matrix(target.length, source.length);
  target.forEach(([start, end], i) => {
    if (start < first - SLACK || end > last + SLACK) return;
    source.forEach(([from, to], j) => {
      const share = (Math.min(end, to) - Math.max(start, from)) / (to - from);
      const centre = (from + to) / 2;
      const held = centre >= start - SLACK && centre < end - SLACK;
      if (mode === 'center') shares.data[i * source.length + j] = Number(held);
      else if (share > SLACK) shares.data[i * source.length + j] = share;
    });
  });
  return shares;
}

/**
 * Values of other bins of time: the mean of the source bins, weighted by {@link binShares}. A missing value makes every bin
 * missing that takes of it.
 * @param values … × source bin, time fastest; float32 stays float32, computed in float64
 * @throws VentralError `recordings-invalid` naming the first target that lies outside the source bins, or holds no centre
 */
export function rebinned(
  values: Float32Array | Float64Array,
  source: readonly TimeBin[],
  target: readonly TimeBin[],
  file: string,
  mode: BinMode = 'portion',
): Float32Array | Float64Array {
  const shares = binShares(source, target, mode);
  const parts = target.map((bin, i) => {
    const own = source.flatMap((_, j) => {
      const share = shares.data[i * source.length + j];
      return share > 0 ? [{ j, share }] : [];
    });
    if (own.length === 0) throw outside(bin, source, file, mode);
    return { own, total: own.reduce((sum, { share }) => sum + share, 0) };
  });
  const series = values.length / source.length;
  const length = series * target.length;
  const made = values instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
  for (let row = 0, at = 0; row < series; row++) {
    for (const { own, total } of parts) {
      let sum = 0;
      for (const { j, share } of own) sum += share * values[row * source.length + j];
      made[at++] = sum / total;
    }
  }
  return made;
}

function outside(
  [start, end]: TimeBin,
  source: readonly TimeBin[],
  file: string,
  mode: BinMode,
): VentralError {
  const first = Math.min(...source.map(([from]) => from));
  const last = Math.max(...source.map(([, to]) => to));
  return new VentralError(
    'recordings-invalid',
    `${file} time_bins: bin ${start} to ${end} lies outside what was recorded, bins from ${first} to ${last}${mode === 'center' ? ', or holds the centre of none of them' : ''}`,
    {
      file,
      field: '/time_bins',
      expected: `bins within ${first} to ${last}`,
      found: `${start} to ${end}`,
    },
  );
}
