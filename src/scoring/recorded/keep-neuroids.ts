import type { Coordinate } from '../../data/assembly.js';
import type { RecordingLabels } from '../../data/average-repetitions.js';
import type { Recordings } from '../../data/recordings.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Benchmark } from '../benchmark/benchmark.js';

/** Some neuroids alone, in the order of `kept`; in the type of the recordings unless said. */
export function selectNeuroids(
  recordings: Recordings,
  kept: readonly number[],
  dtype = recordings.values instanceof Float32Array ? 'float32' : 'float64',
): Recordings {
  const { stimulusIds, neuroidIds, values } = recordings;
  const [cols, length] = [neuroidIds.length, stimulusIds.length * kept.length];
  const picked = dtype === 'float32' ? new Float32Array(length) : new Float64Array(length);
  for (let row = 0, i = 0; row < stimulusIds.length; row++)
    for (const col of kept) picked[i++] = values[row * cols + col];
  return { ...recordings, ...labelsOfNeuroids(recordings, kept), values: picked };
}

/** What recordings say of some neuroids. */
export function labelsOfNeuroids(
  { neuroidIds, animals, neuroidCoords }: RecordingLabels,
  kept: readonly number[],
): Pick<RecordingLabels, 'neuroidIds' | 'animals' | 'neuroidCoords'> {
  const of = <T>(column: readonly T[]) => kept.map((col) => column[col]);
  return {
    neuroidIds: of(neuroidIds),
    ...(animals ? { animals: of(animals) } : {}),
    ...(neuroidCoords
      ? {
          neuroidCoords: new Map(
            Array.from(neuroidCoords, ([name, each]) => [
              name,
              { ...each, values: of(each.values) },
            ]),
          ),
        }
      : {}),
  };
}

/**
 * Leaves out the neuroids that `keep` of the benchmark does not let pass.
 * @throws VentralError `recordings-invalid` where none is left
 */
export function keepNeuroids(benchmark: Benchmark, recordings: Recordings): Recordings {
  const { keep, file, selected } = benchmark;
  if (selected) recordings = ofSelected(benchmark, recordings, selected);
  if (!keep) return recordings;
  let kept = recordings.neuroidIds.map((_, k) => k);
  for (const [name, { above }] of Object.entries(keep)) {
    const passes = new Set(
      positionsAbove(recordings.neuroidCoords?.get(name) as Coordinate, above),
    );
    const left = kept.filter((k) => passes.has(k));
    if (left.length === 0) {
      throw new VentralError(
        'recordings-invalid',
        `${file} keep: none of ${kept.length} neuroids has ${name} above ${above}`,
        { file, field: `/keep/${name}`, expected: 'at least one such neuroid', found: 'none' },
      );
    }
    kept = left;
  }
  // The reference's filter makes float64 of what it keeps, whatever the file holds.
  return selectNeuroids(recordings, kept, 'float64');
}

function ofSelected(
  { file }: Benchmark,
  recordings: Recordings,
  { column, name, value }: NonNullable<Benchmark['selected']>,
): Recordings {
  const values = recordings.neuroidCoords?.get(column)?.values ?? [];
  const kept = values.flatMap((own, k) => (own === value ? k : []));
  if (kept.length > 0) return selectNeuroids(recordings, kept);
  throw new VentralError(
    'recordings-invalid',
    `${file} select: no neuroid has ${column} ${value}, which ${name} stands for`,
    { file, field: `/select/${column}/${name}`, expected: String(value), found: 'none' },
  );
}

/** Positions of the values that are larger; in float32 where the coordinate is, as numpy compares. */
export function positionsAbove({ dtype, values }: Coordinate, threshold: number): number[] {
  const least = dtype === 'float32' ? Math.fround(threshold) : threshold;
  // A missing value is larger than nothing; text is no number.
  return values.flatMap((value, k) => (typeof value === 'number' && value > least ? k : []));
}
