import type { Recordings } from '../../data/recordings.js';
import { selectPresentations } from '../../data/select-presentations.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { type RecordedValues, valuesOf } from '../../data/stored/recorded-values.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Matrix } from '../../numerics/algebra/matrix.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { averaged } from '../recorded/averaged.js';
import { selectNeuroids } from '../recorded/keep-neuroids.js';
import type { Dropped } from './score.js';

/** Recordings without what a benchmark drops, the rows of the stimuli that are left, and how much was dropped. */
export interface CompleteRecordings {
  readonly recordings: Recordings;
  /** Positions in the stimulus set. */
  readonly rows: readonly number[];
  /** Absent where the benchmark has no rule. */
  readonly dropped?: Dropped;
}

/**
 * Leaves out what `drop` of the benchmark names: neuroids, or stimuli, that have no finite value somewhere
 * after averaging over repetitions.
 * @throws VentralError `recordings-invalid` where nothing is left
 */
export function dropIncomplete(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  recordings: Recordings,
): CompleteRecordings {
  const rows = stimuli.ids.map((_, row) => row);
  if (benchmark.drop === undefined) return { recordings, rows };
  const { stimulusIds, values } = averaged(benchmark, recordings);
  if (benchmark.drop === 'incomplete-neuroids') {
    const bins = recordings.timeBins?.length ?? 1;
    const kept = wholeNeuroids(completeColumns(valuesOf(values)), bins);
    requireSome(benchmark, kept.length, 'neuroid');
    const dropped = { neuroids: (values.cols - kept.length) / bins };
    return { recordings: selectNeuroids(recordings, kept), rows, dropped };
  }
  const complete = new Set(completeRows(values).map((row) => String(stimulusIds[row])));
  const kept = rows.filter((row) => complete.has(String(stimuli.ids[row])));
  requireSome(benchmark, kept.length, 'stimulus');
  return {
    recordings: selectPresentations(recordings, (id) => complete.has(String(id))),
    rows: kept,
    dropped: { stimuli: rows.length - kept.length },
  };
}

function requireSome({ file, drop }: Benchmark, left: number, what: string): void {
  if (left > 0) return;
  throw new VentralError(
    'recordings-invalid',
    `${file} drop: ${drop} leaves no ${what}: each lacks some value`,
    { file, field: '/drop', expected: `at least one complete ${what}`, found: 'none' },
  );
}

/** Those of the columns whose neuroid has all of its bins among them. */
function wholeNeuroids(columns: readonly number[], bins: number): readonly number[] {
  if (bins === 1) return columns;
  const complete = new Map<number, number>();
  const neuroid = (column: number) => Math.floor(column / bins);
  for (const column of columns)
    complete.set(neuroid(column), (complete.get(neuroid(column)) ?? 0) + 1);
  return columns.filter((column) => complete.get(neuroid(column)) === bins);
}

/** Columns without a missing value. */
export function completeColumns(values: RecordedValues): number[] {
  const { rows, cols } = values;
  const lacking = new Uint8Array(cols);
  for (let row = 0; row < rows; row++) {
    const own = values.row(row);
    for (let col = 0; col < cols; col++) if (!Number.isFinite(own[col])) lacking[col] = 1;
  }
  return [...lacking.keys()].filter((col) => !lacking[col]);
}

const completeRows = ({ rows, cols, data }: Matrix): number[] =>
  Array.from({ length: rows }, (_, row) => row).filter((row) =>
    data.subarray(row * cols, (row + 1) * cols).every((value) => Number.isFinite(value)),
  );
