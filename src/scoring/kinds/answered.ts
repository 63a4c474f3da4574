import type { StimulusSet } from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Probabilities } from '../../metrics/i1i2.js';
import { versionedName } from '../../metrics/table/metric-table.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import type { DataSources } from '../benchmark/data-sources.js';
import { readOutLayer } from '../benchmark/layer-role.js';
import { shownAt } from '../benchmark/shown-stimuli.js';
import { constantLayer } from '../measure/constant-layer.js';
import type { Measured, PreparedBenchmark } from '../measure/loaded-benchmark.js';
import { readOutAnswers, readOutForm } from '../measure/read-out-benchmark.js';

/** Stimuli that a read-out is fitted on, with their labels, and those that it answers to. */
export interface Asked {
  readonly fitting: StimulusSet;
  readonly test: StimulusSet;
  readonly labels: readonly string[];
}

/** The stimuli of a benchmark with a read-out; `labels` gives those of the fitting stimuli. */
export async function askedStimuli(
  benchmark: Benchmark,
  sources: DataSources,
  labels: (fitting: StimulusSet) => readonly string[],
): Promise<Asked> {
  const test = await sources.stimuli(benchmark.stimuli);
  const fitting = benchmark.fittingStimuli
    ? await sources.stimuli(benchmark.fittingStimuli, 'fitting')
    : test;
  return { test, fitting, labels: labels(fitting) };
}

/** What every benchmark whose read-out answers to all of its stimuli is made of; `compared` scores the answers. */
export function answeredBy(
  benchmark: Benchmark,
  asked: Asked,
  compared: (answers: Probabilities) => Measured,
): Pick<
  PreparedBenchmark,
  | 'benchmark'
  | 'shown'
  | 'layers'
  | 'stratum'
  | 'seconds'
  | 'metric'
  | 'form'
  | 'measure'
  | 'measureOutputs'
> {
  const { fitting, test } = asked;
  return {
    benchmark,
    shown: [shownAt(benchmark, fitting), shownAt(benchmark, test)],
    layers: readOutLayer,
    stratum: undefined,
    seconds: 7e-6 * Math.max(fitting.ids.length, test.ids.length) ** 2,
    metric: versionedName(benchmark.metric.name),
    form: (units) => readOutForm(fitting, units),
    async measure(layer) {
      const rows = [...test.ids.keys()];
      const { reduced, probabilities } = await readOutAnswers(layer, asked, rows);
      const found = compared(probabilities);
      const why = found.value === null ? await constantLayer(reduced) : [];
      return { ...found, warnings: [...why, ...found.warnings] };
    },
    async measureOutputs(outputs) {
      if (!('probabilities' in outputs)) throw new TypeError('a read-out compares probabilities');
      return compared(outputs.probabilities);
    },
  };
}

/** The ceiling that the file gives, or the metric's own, which is measured once. */
export function ceilingOrMeasured<T>(
  { ceiling }: Benchmark,
  measure: () => T,
): () => T | number | null {
  let own: T | undefined;
  return () => {
    if (ceiling.name === 'none') return null;
    if (ceiling.name === 'fixed') return ceiling.value;
    own ??= measure();
    return own;
  };
}

/** A column of the stimuli or of the trials that has no meaning here. */
export function columnFault(
  { file }: Benchmark,
  of: 'stimuli' | 'trials',
  fault: { readonly field: string; readonly expected: string; readonly found: string },
): VentralError {
  const { field, expected, found } = fault;
  return new VentralError(
    of === 'stimuli' ? 'stimuli-mismatch' : 'trials-invalid',
    `${file}: ${field} of the ${of}: ${expected} expected, ${found} found`,
    { file, field, expected, found },
  );
}
