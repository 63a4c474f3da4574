import type { Id } from './ids.js';
import type { Recordings } from './recordings.js';

/** The presentations of some stimuli alone, with all their repetitions, in the order they stand in. */
export function selectPresentations(
  recordings: Recordings,
  keep: (stimulus: Id) => boolean,
): Recordings {
  const { values } = recordings;
  const rows = presentationsOf(recordings, keep);
  const cols = recordings.neuroidIds.length;
  const picked =
    values instanceof Float32Array
      ? new Float32Array(rows.length * cols)
      : new Float64Array(rows.length * cols);
  rows.forEach((row, i) => {
    picked.set(values.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  return { ...recordings, ...labelsOfPresentations(recordings, rows), values: picked };
}

/** Rows of the presentations of some stimuli. */
export const presentationsOf = (
  { stimulusIds }: Pick<Recordings, 'stimulusIds'>,
  keep: (stimulus: Id) => boolean,
): number[] => stimulusIds.flatMap((id, row) => (keep(id) ? row : []));

/** What recordings say of some presentations. */
export function labelsOfPresentations(
  { stimulusIds, repetition, coords }: Omit<Recordings, 'values'>,
  rows: readonly number[],
): Pick<Recordings, 'stimulusIds' | 'repetition' | 'coords'> {
  const of = <T>(column: readonly T[]) => rows.map((row) => column[row]);
  return {
    stimulusIds: of(stimulusIds),
    ...(repetition ? { repetition: of(repetition) } : {}),
    ...(coords
      ? {
          coords: new Map(
            Array.from(coords, ([name, level]) => [name, { ...level, values: of(level.values) }]),
          ),
        }
      : {}),
  };
}
