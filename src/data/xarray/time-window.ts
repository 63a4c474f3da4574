import { VentralError } from '../../errors/ventral-error.js';

/** Which time bins count: all, those from a start up to an end, or the one at a time. */
export type TimeWindow = 'all' | readonly [start: number, end: number] | number;

/**
 * Reads `all`, `70:170` or `120`.
 * @throws VentralError `bad-usage`
 */
export function parseTimeWindow(text: string): TimeWindow {
  if (text === 'all') return 'all';
  const parts = text.split(':').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const valid = parts.every(Number.isFinite) && (parts.length === 1 || parts[0] < parts[1]);
  if (valid && parts.length === 1) return parts[0];
  if (valid && parts.length === 2) return [parts[0], parts[1]];
  throw new VentralError(
    'bad-usage',
    `--window: expected START:END, one time, or all, found "${text}"`,
  );
}

/**
 * The bins of a window, by the time of each: from the start up to, without, the end.
 * @param times the coordinate of the time dimension; undefined if it has none
 * @throws VentralError `recordings-invalid`
 */
export function binsOf(
  length: number,
  times: readonly number[] | undefined,
  window: TimeWindow | undefined,
  path: string,
): number[] {
  const all = Array.from({ length }, (_, i) => i);
  if (window === 'all' || (window === undefined && length === 1)) return all;
  const refuse = (expected: string, found: string) =>
    new VentralError('recordings-invalid', `${path}: ${expected} expected, ${found} found`, {
      ...{ file: path, field: 'time', expected, found },
    });
  const found =
    times === undefined
      ? `${length} time bins without a coordinate`
      : `${length} time bins from ${Math.min(...times)} to ${Math.max(...times)}`;
  if (window === undefined) throw refuse('--window START:END, one time, or all', found);
  if (times === undefined) throw refuse('a coordinate of time (or --window all)', found);
  const chosen = all.filter((i) =>
    typeof window === 'number'
      ? times[i] === window
      : times[i] >= window[0] && times[i] < window[1],
  );
  if (chosen.length > 0) return chosen;
  const wanted = typeof window === 'number' ? `at ${window}` : `from ${window[0]} to ${window[1]}`;
  throw refuse(`time bins ${wanted}`, found);
}
