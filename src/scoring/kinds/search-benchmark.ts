import type { StimulusSet } from '../../data/stimulus-set.js';
import type { Trials } from '../../data/trials.js';
import { quoted, quotedList } from '../../errors/quoted.js';
import {
  SEARCH_BLOCKS,
  type SearchTrials,
  searchAsymmetry,
  searchCeiling,
} from '../../metrics/behaviour/search-asymmetry.js';
import type { Probabilities } from '../../metrics/i1i2.js';
import { metrics } from '../../metrics/table/metric-table.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { definitionInputs } from '../benchmark/shown-stimuli.js';
import { trialColumn } from '../benchmark/trial-column.js';
import type { BenchmarkKind } from '../measure/benchmark-kind.js';
import { measuredBehaviour } from '../measure/label-benchmark.js';
import type { Measured, PreparedBenchmark } from '../measure/loaded-benchmark.js';
import { ceilingPart } from '../measure/score.js';
import { stimulusColumn } from '../observed/observed-trials.js';
import {
  type Asked,
  answeredBy,
  askedStimuli,
  ceilingOrMeasured,
  columnFault,
} from './answered.js';

/** Benchmarks of visual search: whether an odd image is among distractors. */
export const searchKind: BenchmarkKind = {
  compares: 'trials',
  fits: true,
  async load(benchmark, sources) {
    const asked = await askedStimuli(benchmark, sources, (set) => searchLabels(benchmark, set));
    return loadSearch(benchmark, asked, await sources.trials(benchmark, asked.test));
  },
};

/**
 * Visual search in two blocks, with target and distractors exchanged (Ferguson2024, spec Appendix C).
 * @throws VentralError `trials-invalid`, `stimuli-mismatch`, `benchmark-invalid`
 */
function loadSearch(benchmark: Benchmark, asked: Asked, trials: Trials): PreparedBenchmark {
  const { lapse = 0, scale = 0.75, repetitions = 500 } = benchmark.metric;
  const options = { lapse, scale, repetitions };
  const people = peopleOf(benchmark, trials);
  const pictures = picturesOf(benchmark, asked.test, people);
  const bound = ceilingOrMeasured(benchmark, () => searchCeiling(people, options));
  return {
    ...answeredBy(benchmark, asked, compared),
    inputs: {
      ...definitionInputs(benchmark),
      fitting: asked.fitting.ids,
      labels: asked.labels,
      test: asked.test.ids,
      pictures: { ...pictures },
      trials: { ...people },
    },
    check: () => void bound(),
    ceiling: () => ceilingPart(bound()),
  };

  function compared(answers: Probabilities): Measured {
    const model = { ...pictures, correct: answeredRight(answers, pictures.odd) };
    const raw = searchAsymmetry(model, people, options);
    const warnings = [...raw.warnings, ...columnRemark(answers)];
    return measuredBehaviour({ ...raw, warnings }, bound(), metrics[benchmark.metric.name]);
  }
}

/**
 * Whether each answer is right. As in the original the odd one is reported where the first column is the larger, whatever
 * its label: the label that the fitting stimuli name first.
 */
export function answeredRight({ values }: Probabilities, odd: readonly boolean[]): boolean[] {
  return odd.map((there, row) => {
    const [first, second] = values.data.subarray(row * values.cols, row * values.cols + 2);
    return first > second === there;
  });
}

function columnRemark({ choices: [first] }: Probabilities) {
  if (first === 'oddball') return [];
  const detail = `the fitting stimuli name ${quoted(first)} first, whose probability the original takes for that of oddball`;
  return [{ code: 'answers-exchanged', detail }];
}

/** `image_label`; where it is absent, even numbers of `image_number` are oddballs. */
function searchLabels(benchmark: Benchmark, stimuli: StimulusSet): string[] {
  if (!stimuli.columns.has('image_label') && stimuli.columns.has('image_number'))
    return numbersOf(benchmark, stimuli).map((number) => (number % 2 === 0 ? 'oddball' : 'same'));
  const labels = stimulusColumn(benchmark, stimuli, 'image_label');
  const wrong = labels.find((label) => label !== 'oddball' && label !== 'same');
  if (wrong === undefined) return labels;
  throw columnFault(benchmark, 'stimuli', {
    field: 'image_label',
    expected: 'oddball or same',
    found: quoted(wrong),
  });
}

/** The design of Ferguson et al. by `image_number`, where the stimuli do not name their distractors. */
const DISTRACTORS = [1, 5, 11];

interface Pictures extends Omit<SearchTrials, 'correct'> {
  readonly odd: readonly boolean[];
}

/** What each stimulus shows; the model is one subject, and every answer counts. */
function picturesOf(benchmark: Benchmark, stimuli: StimulusSet, people: SearchTrials): Pictures {
  const distractors = stimuli.columns.has('distractor_nums')
    ? stimulusColumn(benchmark, stimuli, 'distractor_nums').map(Number)
    : numbersOf(benchmark, stimuli).map((number) => DISTRACTORS[Math.floor(number / 2) % 3]);
  const block = stimulusColumn(benchmark, stimuli, 'block');
  for (const name of SEARCH_BLOCKS)
    for (const count of new Set(people.distractors))
      if (!block.some((own, row) => own === name && distractors[row] === count))
        throw columnFault(benchmark, 'stimuli', {
          field: 'block',
          expected: `the ${name} block with ${count} distractors, as in the trials`,
          found: 'none',
        });
  const known = new Set(people.distractors);
  return {
    subject: stimuli.ids.map(() => 'model'),
    counts: distractors.map((count) => known.has(count)),
    block,
    distractors,
    odd: searchLabels(benchmark, stimuli).map((label) => label === 'oddball'),
  };
}

function numbersOf(benchmark: Benchmark, stimuli: StimulusSet): number[] {
  return stimulusColumn(benchmark, stimuli, 'image_number').map((text) => {
    const number = Number(text);
    if (text !== '' && Number.isInteger(number) && number >= 0) return number;
    throw columnFault(benchmark, 'stimuli', {
      field: 'image_number',
      expected: 'a number of 0 or more',
      found: quoted(text),
    });
  });
}

/** Every subject has a cell for every number, in each of up to a thousand halves. */
const MOST_DISTINCT = { subject: 10_000, distractor_nums: 100 };

/** Columns `subject` (or `participant_id`), `correct`, `distractor_nums`, `block` and, where there is one, `trial_type`. */
function peopleOf(benchmark: Benchmark, trials: Trials): SearchTrials {
  const column = (name: string) => trialColumn(benchmark, trials, name);
  const type = trials.columns.get('trial_type');
  const block = column('block');
  const counts = block.map((_, i) => type === undefined || type[i] === 'normal');
  const invalid = (field: string, expected: string, found: string) =>
    columnFault(benchmark, 'trials', { field, expected, found });
  for (const name of SEARCH_BLOCKS)
    if (!block.some((own, i) => own === name && counts[i]))
      throw invalid('block', `trials of the ${name} block`, quotedList(new Set(block), 8));
  const subject = column(trials.columns.has('subject') ? 'subject' : 'participant_id');
  const distinct = { subject, distractor_nums: column('distractor_nums') };
  for (const [field, most] of Object.entries(MOST_DISTINCT)) {
    const { size } = new Set(distinct[field as keyof typeof distinct]);
    if (size > most) throw invalid(field, `at most ${most} distinct values`, `${size}`);
  }
  return {
    subject,
    correct: column('correct').map((text) => {
      if (/^(1(\.0)?|true)$/i.test(text)) return true;
      if (/^(0(\.0)?|false)$/i.test(text)) return false;
      throw invalid('correct', '0 or 1', quoted(text));
    }),
    distractors: distinct.distractor_nums.map((text) => {
      const count = Number(text);
      if (text !== '' && Number.isFinite(count)) return count;
      throw invalid('distractor_nums', 'a number', quoted(text));
    }),
    block,
    counts,
  };
}
