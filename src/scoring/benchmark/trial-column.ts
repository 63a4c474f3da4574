import type { Trials } from '../../data/trials.js';
import { quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Benchmark } from './benchmark.js';

/** A column of the trials of a benchmark, as text; throws `trials-invalid` naming those that are there. */
export function trialColumn(benchmark: Benchmark, trials: Trials, name: string): readonly string[] {
  const column = trials.columns.get(name);
  if (column) return column;
  throw new VentralError(
    'trials-invalid',
    `${benchmark.file}: the trials have no column "${name}"; they have ${quotedList(trials.columns.keys())}`,
    { file: benchmark.file, field: name },
  );
}
