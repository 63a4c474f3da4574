import type { Coordinate } from './assembly.js';
import type { Id } from './ids.js';
import type { BinMode, TimeBin } from './rebin.js';
import type { StimulusSet } from './stimulus-set.js';

/** Neural recordings after averaging over time: one row a presentation, one column a neuroid. */
export interface Recordings {
  /** stimulus_id of each presentation. */
  readonly stimulusIds: readonly Id[];
  /** Repetition of each presentation, where there are repetitions. */
  readonly repetition?: readonly Id[];
  readonly neuroidIds: readonly Id[];
  /** Animal of each neuroid, where it is known. */
  readonly animals?: readonly string[];
  /** presentation × neuroid, row-major, NaN if nothing was recorded; float32 where the file is. */
  readonly values: Float64Array | Float32Array;
  /**
   * Presentation coordinates of an assembly in level order, stimulus columns merged: repetitions
   * are averaged over presentations that agree in all of them (spec §2.4). Absent for a table,
   * where the stimulus_id alone counts.
   */
  readonly coords?: ReadonlyMap<string, Coordinate>;
  /** Bins of time where there are several: a column is a bin of a neuroid, time fastest, and `neuroidIds` repeats. */
  readonly timeBins?: readonly TimeBin[];
  /** Coordinates of the neuroids that the request named, in the order of `neuroidIds`. */
  readonly neuroidCoords?: ReadonlyMap<string, Coordinate>;
}

/** What to read; see design §4. */
export interface RecordingsRequest {
  /** A BrainIO netCDF-4 file (`.nc`), or a tidy CSV. */
  readonly path: string;
  readonly stimuli: StimulusSet;
  /** Neuroids of this region only: by the `region` coordinate, or by `neuroids`. */
  readonly region?: string;
  /** Time bins with start ≥ from and end ≤ to, in ms; the mean over them is taken. */
  readonly timeBins?: readonly (readonly [number, number])[];
  /**
   * In place of `timeBins`: every bin with start ≥ from and end ≤ to, in the unit of the file, is a neuroid of its own, time
   * fastest.
   */
  readonly binsAsNeuroids?: readonly [from: number, to: number];
  /** In place of `timeBins`: the bins of the file become bins of this length from 0 on, in the unit of the file. */
  readonly timeStep?: number;
  /** What each takes of the bins of the file; `portion` where it is absent. */
  readonly timeMode?: BinMode;
  /** CSV with neuroid_id, region, animal and columns of its own for recordings from a CSV. */
  readonly neuroids?: string;
  /** Names of the coordinates of neuroids that are read too. */
  readonly neuroidCoords?: readonly string[];
}
