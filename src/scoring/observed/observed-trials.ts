import { selectStimuli } from '../../data/select-stimuli.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import type { Trials } from '../../data/trials.js';
import { quoted, quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { ChosenLabelMetric } from '../../metrics/behaviour/behaviour-metric.js';
import type { ObserverTrials } from '../../metrics/error-consistency.js';
import { metrics } from '../../metrics/table/metric-table.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { isExcludedCondition } from '../benchmark/exclude-conditions.js';
import { trialColumn } from '../benchmark/trial-column.js';

/** The metric, where it compares choices by itself. */
export function chosenMetric({ metric: { name } }: Benchmark): ChosenLabelMetric | undefined {
  const metric = metrics[name];
  return metric.kind === 'label' && 'compare' in metric ? metric : undefined;
}

/**
 * A column of the stimuli, as text, or several side by side; throws `benchmark-invalid` naming those that are there.
 */
export function stimulusColumn(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  name: string | readonly string[],
): string[] {
  if (typeof name !== 'string') {
    const columns = name.map((one) => stimulusColumn(benchmark, stimuli, one));
    return stimuli.ids.map((_, row) => JSON.stringify(columns.map((values) => values[row])));
  }
  const column = stimuli.columns.get(name);
  if (column) return column.values.map((value) => `${value ?? ''}`);
  const found = quotedList(stimuli.columns.keys());
  throw new VentralError(
    'benchmark-invalid',
    `${benchmark.file}: metric ${benchmark.metric.name} reads the column ${quoted(name)} of the stimuli, which have ${found}`,
    { file: benchmark.file, field: 'metric', expected: name, found },
  );
}

/** Trials of the conditions that count, and the stimuli shown in them; `of` takes their cells of a column of all trials. */
export function included(
  benchmark: Benchmark,
  all: StimulusSet,
  trials: Trials,
): {
  stimuli: StimulusSet;
  observed: ObserverTrials;
  of: (column: readonly string[]) => readonly string[];
} {
  const condition = trials.columns.get('condition') ?? trials.stimulusIds.map(() => '');
  const kept = trials.stimulusIds.flatMap((_, i) =>
    isExcludedCondition(condition[i], benchmark.excludeConditions) ? [] : i,
  );
  const rows = new Map(all.ids.map((id, row) => [String(id), row]));
  const of = (column: readonly string[]) => kept.map((i) => column[i]);
  const answers = () => ({
    subject: of(observers(benchmark, trials, 'subject')),
    truth: of(trialColumn(benchmark, trials, 'truth')),
    choice: of(observers(benchmark, trials, 'choice')),
    condition: of(condition),
  });
  if (chosenMetric(benchmark)?.ownStimuli?.(benchmark.metric)) {
    const stimulusIds = kept.map((i) => trials.stimulusIds[i]);
    return { stimuli: all, observed: { stimulusIds, ...answers() }, of };
  }
  const shown = kept.map((i) => {
    const row = rows.get(String(trials.stimulusIds[i]));
    if (row !== undefined) return row;
    throw new VentralError(
      'stimuli-mismatch',
      `${benchmark.file}: the trials name stimulus ${quoted(trials.stimulusIds[i])}, which the stimuli lack`,
      { file: benchmark.file, field: 'stimulus_id' },
    );
  });
  const used = new Set(shown);
  const left = all.ids.flatMap((_, row) => (used.has(row) ? row : []));
  return {
    stimuli: benchmark.excludeConditions.length > 0 ? selectStimuli(all, left) : all,
    observed: { stimulusIds: shown.map((row) => all.ids[row]), ...answers() },
    of,
  };
}

/** A column of the trials that a metric without observers does not need. */
function observers(benchmark: Benchmark, trials: Trials, name: 'subject' | 'choice') {
  const alone =
    chosenMetric(benchmark)?.observers === false || benchmark.metric.name === 'accuracy';
  if (alone && !trials.columns.has(name)) return trials.stimulusIds.map(() => '');
  return trialColumn(benchmark, trials, name);
}
