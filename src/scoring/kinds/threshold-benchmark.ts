import type { StimulusSet } from '../../data/stimulus-set.js';
import type { Trials } from '../../data/trials.js';
import { quoted, quotedList } from '../../errors/quoted.js';
import { singleColumn } from '../../metrics/behaviour/behaviour-metric.js';
import { measuredThreshold } from '../../metrics/behaviour/psychometric-curve.js';
import { thresholdCeiling, thresholdScore } from '../../metrics/behaviour/threshold.js';
import type { Probabilities } from '../../metrics/i1i2.js';
import type { Normalisation, Warning } from '../../metrics/metric.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { definitionInputs } from '../benchmark/shown-stimuli.js';
import { trialColumn } from '../benchmark/trial-column.js';
import type { BenchmarkKind } from '../measure/benchmark-kind.js';
import { likeliest, measuredBehaviour } from '../measure/label-benchmark.js';
import type { Measured, PreparedBenchmark } from '../measure/loaded-benchmark.js';
import { labelsOf } from '../measure/read-out-benchmark.js';
import { ceilingPart } from '../measure/score.js';
import { stimulusColumn } from '../observed/observed-trials.js';
import {
  type Asked,
  answeredBy,
  askedStimuli,
  ceilingOrMeasured,
  columnFault,
} from './answered.js';

/** Benchmarks of psychophysical thresholds, which `trials` give for each person. */
export const thresholdKind: BenchmarkKind = {
  compares: 'trials',
  fits: true,
  async load(benchmark, sources) {
    const asked = await askedStimuli(benchmark, sources, (set) => labelsOf(benchmark, set));
    return loadThresholds(benchmark, asked, await sources.trials(benchmark, asked.test));
  },
};

/**
 * The size at which a read-out judges 75 % right, alone or as a multiple of that of a baseline (Malania2007, spec
 * Appendix C). The registered benchmarks take the label for the size; here it is the column that `metric` names.
 * @throws VentralError `trials-invalid`, `stimuli-mismatch`, `benchmark-invalid`
 */
function loadThresholds(benchmark: Benchmark, asked: Asked, trials: Trials): PreparedBenchmark {
  const stimuli = judged(benchmark, asked.test);
  const people = peopleOf(benchmark, trials, stimuli.conditions);
  const normalisation: Normalisation = benchmark.clip === 'bounded' ? 'clipped' : 'ratio';
  const bound = ceilingOrMeasured(benchmark, () => {
    if (people.length < 2)
      throw columnFault(benchmark, 'trials', {
        field: 'subject',
        expected: 'at least 2 people for a ceiling',
        found: `${people.length}`,
      });
    return thresholdCeiling(people);
  });
  return {
    ...answeredBy(benchmark, asked, compared),
    inputs: {
      ...definitionInputs(benchmark),
      fitting: asked.fitting.ids,
      labels: asked.labels,
      test: asked.test.ids,
      stimuli: { ...stimuli },
      people,
    },
    check: () => void bound(),
    ceiling: () => ceilingPart(bound()),
  };

  function compared(answers: Probabilities): Measured {
    const { choices } = likeliest(answers);
    const { value, warnings } = modelValue(
      stimuli,
      choices.map((choice, row) => choice === stimuli.truth[row]),
    );
    const raw = { ...thresholdScore(value, people), warnings };
    return measuredBehaviour(raw, bound(), { normalisation });
  }
}

/** What is judged: a size, a truth and a condition a stimulus. */
interface Judged {
  readonly sizes: readonly number[];
  readonly truth: readonly string[];
  readonly condition: readonly string[];
  /** The one that counts and, where thresholds are multiples, that of their unit. */
  readonly conditions: readonly string[];
}

function judged(benchmark: Benchmark, stimuli: StimulusSet): Judged {
  const { baseline } = benchmark.metric;
  const column = singleColumn(benchmark.metric);
  const sizes = stimulusColumn(benchmark, stimuli, column).map((text) => {
    const size = Number(text);
    if (text !== '' && Number.isFinite(size)) return size;
    throw columnFault(benchmark, 'stimuli', {
      field: String(column),
      expected: 'a number',
      found: quoted(text),
    });
  });
  const truth = stimulusColumn(benchmark, stimuli, 'image_label');
  if (baseline === undefined)
    return { sizes, truth, condition: sizes.map(() => ''), conditions: [''] };
  const condition = stimulusColumn(benchmark, stimuli, 'condition');
  const names = [...new Set(condition)];
  const others = names.filter((name) => name !== baseline);
  if (others.length !== 1 || names.length !== 2)
    throw columnFault(benchmark, 'stimuli', {
      field: 'condition',
      expected: `${quoted(baseline)} and one other`,
      found: quotedList(names, 8),
    });
  return { sizes, truth, condition, conditions: [others[0], baseline] };
}

/** The model's threshold, as a multiple of the baseline's where there is one; undefined, and why, where it has none. */
function modelValue(
  { sizes, condition, conditions }: Judged,
  correct: readonly boolean[],
): { readonly value: number | undefined; readonly warnings: readonly Warning[] } {
  const found = conditions.map((name) => {
    const rows = sizes.flatMap((_, row) => (condition[row] === name ? row : []));
    const threshold = measuredThreshold(
      rows.map((row) => sizes[row]),
      rows.map((row) => correct[row]),
    );
    return { name, threshold };
  });
  const warnings = found.flatMap(({ name, threshold }) => {
    if ('value' in threshold) return [];
    const where = name === '' ? '' : ` in the condition ${quoted(name)}`;
    return [
      { code: 'threshold-unmeasured', detail: `no threshold${where}, scored 0: ${threshold.why}` },
    ];
  });
  if (warnings.length > 0) return { value: undefined, warnings };
  const [own, unit = 1] = found.flatMap(({ threshold }) =>
    'value' in threshold ? threshold.value : [],
  );
  return { value: own / unit, warnings };
}

/** Each is compared with all others, in each of thousands of resamples. */
const MOST_PEOPLE = 1000;

/** Thresholds of the people who have them in every condition, over that of the baseline. */
function peopleOf(
  benchmark: Benchmark,
  trials: Trials,
  conditions: readonly string[],
): readonly number[] {
  const column = (name: string) => trialColumn(benchmark, trials, name);
  const invalid = (expected: string, found: string) =>
    columnFault(benchmark, 'trials', { field: 'threshold', expected, found });
  const subject = column('subject');
  const condition = conditions.length > 1 ? column('condition') : subject.map(() => '');
  const bySubject = new Map<string, Map<string, number>>();
  column('threshold').forEach((text, i) => {
    const known = bySubject.get(subject[i]) ?? new Map<string, number>();
    bySubject.set(subject[i], known);
    if (text === '' || /^nan?$/i.test(text)) return;
    const value = Number(text);
    if (!(value > 0 && Number.isFinite(value)))
      throw invalid('a number above 0, or nothing', quoted(text));
    if (known.has(condition[i]))
      throw invalid('one a person and condition', `two of ${quoted(subject[i])}`);
    known.set(condition[i], value);
  });
  const people = Array.from(bySubject.values(), (own) => conditions.map((name) => own.get(name)));
  const complete = people.flatMap(([own, unit = conditions.length > 1 ? undefined : 1]) =>
    own === undefined || unit === undefined ? [] : own / unit,
  );
  if (complete.length > MOST_PEOPLE)
    throw columnFault(benchmark, 'trials', {
      field: 'subject',
      expected: `at most ${MOST_PEOPLE} people`,
      found: `${complete.length}`,
    });
  if (complete.length > 0) return complete;
  const wanted = `thresholds of one person in ${quotedList(conditions, 8)}`;
  throw invalid(wanted, 'none');
}
