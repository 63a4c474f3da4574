import type { Shown } from '../../activations/stimuli/shown.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import type { Digestible } from '../../formats/digest.js';
import { present } from '../../formats/present.js';
import { sourceDegrees } from '../../screen/place-on-screen.js';
import { type Benchmark, checkDegrees } from './benchmark.js';

/** The stimuli of a benchmark with the degrees at which each was shown (design §4). */
export function shownAt(benchmark: Benchmark, stimuli: StimulusSet): Shown {
  const column = stimuli.columns.get('degrees');
  checkDegrees(benchmark, column !== undefined);
  if (benchmark.visualDegrees === 'none') return { stimuli, degrees: undefined };
  const degrees = sourceDegrees(stimuli.ids.length, {
    benchmark: benchmark.visualDegrees,
    column: column?.values.map((value) => (value === null ? Number.NaN : Number(value))),
  });
  return { stimuli, degrees };
}

/** What of a benchmark's definition decides its number; names of files and titles do not. */
export function definitionInputs(benchmark: Benchmark): { readonly [key: string]: Digestible } {
  const { metric, crossValidation, ceiling, drop } = benchmark;
  const { keep, fitPer, averageOver, bootstrap, binsAsNeuroids, split, subjectRecordings } =
    benchmark;
  const { selected, prepare, timeStep, clip, task } = benchmark;
  // Digests of benchmarks without these keys stay what they were.
  const newer = {
    drop,
    clip,
    task,
    fitPer,
    averageOver,
    binsAsNeuroids,
    timeStep: timeStep && { ...timeStep },
    keep: keep && plain(keep),
    selected: selected && { ...selected },
    prepare: prepare && { ...prepare },
    bootstrap: bootstrap && { ...bootstrap },
    split: split && plain({ ...split, table: undefined }),
    per: subjectRecordings && [
      subjectRecordings.per,
      ...subjectRecordings.files.map(({ name }) => name),
    ],
  };
  return {
    benchmark: benchmark.id,
    version: benchmark.version,
    visualDegrees: benchmark.visualDegrees,
    timeWindow: benchmark.timeWindow,
    excluded: benchmark.excludeConditions,
    metric: plain(metric),
    crossValidation: { ...crossValidation },
    ceiling: { ...ceiling },
    ...present(newer),
  };
}

const plain = (value: object): Digestible => JSON.parse(JSON.stringify(value));
