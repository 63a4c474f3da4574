import type { Id } from './ids.js';
import type { Recordings } from './recordings.js';

/** The presentations of some stimuli alone, with all their repetitions, in the order they stand in. */
export function selectPresentations(
  recordings: Recordings,
  keep: (stimulus: Id) => boolean,
): Recordings {
  const { stimulusIds, repetition, neuroidIds, values, coords } = recordings;
  const rows = stimulusIds.flatMap((id, row) => (keep(id) ? row : []));
  const cols = neuroidIds.length;
  const picked =
    values instanceof Float32Array
      ? new Float32Array(rows.length * cols)
      : new Float64Array(rows.length * cols);
  rows.forEach((row, i) => {
    picked.set(values.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  const of = <T>(column: readonly T[]) => rows.map((row) => column[row]);
  return {
    ...recordings,
    stimulusIds: of(stimulusIds),
    ...(repetition ? { repetition: of(repetition) } : {}),
    values: picked,
    ...(coords
      ? {
          coords: new Map(
            Array.from(coords, ([name, level]) => [name, { ...level, values: of(level.values) }]),
          ),
        }
      : {}),
  };
}
