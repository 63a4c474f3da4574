import { averageRepetitions } from '../../data/average-repetitions.js';
import type { Recordings } from '../../data/recordings.js';
import { type Matrix, matrix } from '../../numerics/algebra/matrix.js';
import type { Benchmark } from '../benchmark/benchmark.js';

/** Recordings averaged as a benchmark compares them: their stimuli in order, stimulus × neuroid. */
export interface AveragedRecordings extends Pick<Recordings, 'stimulusIds' | 'neuroidIds'> {
  readonly values: Matrix;
}

/**
 * The recordings of a benchmark, averaged over repetitions or what `average_over` names. Recordings without repetitions stay as
 * they stand where they were averaged before (a published ceiling of each neuroid), and where their order has no bearing
 * (fixed sets, each stimulus once).
 * @throws VentralError `recordings-invalid`
 */
export function averaged(benchmark: AveragedAs, recordings: Recordings): AveragedRecordings {
  const { stimulusIds, neuroidIds, values } = recordings;
  if (isAveraged(benchmark, recordings)) {
    const rows = stimulusIds.length;
    return {
      stimulusIds,
      neuroidIds,
      // Averages are never modified, so hundreds of megabytes need no copy.
      values: matrix(
        rows,
        neuroidIds.length,
        values instanceof Float64Array ? values : new Float64Array(values),
      ),
    };
  }
  return averageRepetitions(recordings, benchmark.averageOver);
}

/** Whether recordings stay as they stand. */
export function isAveraged(
  { ceiling, averageOver, train, split }: AveragedAs,
  { stimulusIds, repetition }: Pick<Recordings, 'stimulusIds' | 'repetition'>,
): boolean {
  if (repetition !== undefined || averageOver) return false;
  const fixed = train !== undefined || split !== undefined;
  return ceiling.name === 'neuroid' || (fixed && new Set(stimulusIds).size === stimulusIds.length);
}

type AveragedAs = Pick<Benchmark, 'ceiling' | 'averageOver' | 'train' | 'split'>;
