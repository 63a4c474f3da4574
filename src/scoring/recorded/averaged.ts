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
export function averaged(
  { ceiling, averageOver, train, split }: AveragedAs,
  recordings: Recordings,
): AveragedRecordings {
  const { stimulusIds, neuroidIds, repetition, values } = recordings;
  const once = (train || split) && new Set(stimulusIds).size === stimulusIds.length;
  if (repetition === undefined && !averageOver && (ceiling.name === 'neuroid' || once)) {
    const rows = stimulusIds.length;
    return {
      stimulusIds,
      neuroidIds,
      // Nobody writes over averages: hundreds of megabytes need no copy.
      values: matrix(
        rows,
        neuroidIds.length,
        values instanceof Float64Array ? values : Float64Array.from(values),
      ),
    };
  }
  return averageRepetitions(recordings, averageOver);
}

type AveragedAs = Pick<Benchmark, 'ceiling' | 'averageOver' | 'train' | 'split'>;
