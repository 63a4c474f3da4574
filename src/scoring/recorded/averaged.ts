import { averageRepetitions } from '../../data/average-repetitions.js';
import type { Recordings } from '../../data/recordings.js';
import { type Matrix, matrix } from '../../numerics/algebra/matrix.js';
import type { Benchmark } from '../benchmark/benchmark.js';

/** Recordings averaged as a benchmark compares them: their stimuli in order, stimulus × neuroid. */
export interface AveragedRecordings extends Pick<Recordings, 'stimulusIds' | 'neuroidIds'> {
  readonly values: Matrix;
}

/**
 * The recordings of a benchmark, averaged over repetitions or what `average_over` names. Recordings that were averaged before,
 * with a published ceiling of each neuroid and without repetitions, stay as they stand.
 * @throws VentralError `recordings-invalid`
 */
export function averaged(
  { ceiling, averageOver }: Pick<Benchmark, 'ceiling' | 'averageOver'>,
  recordings: Recordings,
): AveragedRecordings {
  const { stimulusIds, neuroidIds, repetition, values } = recordings;
  if (ceiling.name === 'neuroid' && repetition === undefined && averageOver === undefined) {
    const rows = stimulusIds.length;
    return {
      stimulusIds,
      neuroidIds,
      values: matrix(rows, neuroidIds.length, Float64Array.from(values)),
    };
  }
  return averageRepetitions(recordings, averageOver);
}
