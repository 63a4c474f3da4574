import type { StimulusSet } from '../../data/stimulus-set.js';
import type { Trials } from '../../data/trials.js';
import { quoted, quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Benchmark } from './benchmark.js';
import { trialColumn } from './trial-column.js';

/**
 * Trials with the columns that a benchmark's `trial_columns` name under the names that metrics read. Where `correct` is among
 * them, a choice is the truth in a trial that is not 0 there, and wrong in any other.
 * @throws VentralError `trials-invalid` for a column that is not there
 */
export function namedColumns(benchmark: Benchmark, trials: Trials): Trials {
  const { trialColumns } = benchmark;
  if (!trialColumns) return trials;
  const columns = new Map(trials.columns);
  for (const [name, column] of Object.entries(trialColumns))
    columns.set(name, trialColumn(benchmark, trials, column));
  if (trialColumns.correct !== undefined) {
    const truth = trialColumn(benchmark, { ...trials, columns }, 'truth');
    const correct = columns.get('correct') as readonly string[];
    columns.set(
      'choice',
      correct.map((cell, i) => (right(benchmark, cell) ? truth[i] : '')),
    );
  }
  return { ...trials, columns };
}

function right({ file }: Benchmark, cell: string): boolean {
  const value = cell === 'true' ? 1 : cell === 'false' ? 0 : Number(cell);
  if (cell.trim() !== '' && (value === 0 || value === 1)) return value === 1;
  throw new VentralError(
    'trials-invalid',
    `${file} trial_columns.correct: expected 0 or 1, found ${quoted(cell)}`,
    { file, field: 'correct', expected: '0 or 1', found: quoted(cell) },
  );
}

/**
 * Trials without answers: the truth of each stimulus, from one of its columns.
 * @throws VentralError `benchmark-invalid` where the stimuli lack the column
 */
export function truthOfStimuli({ file }: Benchmark, stimuli: StimulusSet, column: string): Trials {
  const truth = stimuli.columns.get(column);
  if (truth === undefined) {
    const found = quotedList(stimuli.columns.keys());
    throw new VentralError(
      'benchmark-invalid',
      `${file} truth: the stimuli have no column ${quoted(column)}; they have ${found}`,
      { file, field: '/truth', expected: column, found },
    );
  }
  return {
    stimulusIds: stimuli.ids,
    columns: new Map([
      ['stimulus_id', stimuli.ids.map(String)],
      ['truth', truth.values.map((value) => `${value ?? ''}`)],
    ]),
  };
}
