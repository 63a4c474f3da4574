import type { Id } from '../../data/ids.js';
import { type RecordedValues, valuesOf } from '../../data/stored/recorded-values.js';
import { VentralError } from '../../errors/ventral-error.js';
import { requireSameStimuli, targetSplits } from '../../metrics/cross-validation.js';
import type { NeuralMetric, Target, Warning } from '../../metrics/metric.js';
import type { Matrix } from '../../numerics/algebra/matrix.js';
import type { Benchmark } from '../benchmark/benchmark.js';

/** Test stimuli below which a correlation says nothing: two points always lie on a line. */
const LEAST_TEST = 3;
/** Test stimuli below which a score is marked. */
const FEW_TEST = 5;

/**
 * @throws what every score on these recordings is refused for, whatever the model: `stimuli-mismatch`,
 *   `stimuli-duplicate`, `recordings-invalid` (missing values), `neuroids-constant`, `stimuli-too-few`,
 *   `benchmark-invalid` (more components than a split has dimensions)
 * @param stimulusIds the stimuli that features come for
 */
export function requireComparable(
  benchmark: Benchmark,
  metric: NeuralMetric,
  stimulusIds: readonly Id[],
  target: Target,
): void {
  requireSameStimuli(stimulusIds, target.stimulusIds);
  requireComplete(benchmark, target);
  requireVaried(benchmark, target);
  if (metric.whole) return;
  const { train, test } = splitSizes(benchmark, target);
  if (test < LEAST_TEST) {
    throw new VentralError(
      'stimuli-too-few',
      `${benchmark.file}: each split tests on ${test} of ${stimulusIds.length} stimuli, and a correlation over two is always 1 or −1: expected at least ${LEAST_TEST}; show more stimuli, or lower cross_validation.train_size`,
      {
        file: benchmark.file,
        field: '/cross_validation',
        expected: `at least ${LEAST_TEST} test stimuli`,
        found: String(test),
      },
    );
  }
  requireComponents(benchmark, train, stimulusIds.length);
}

/** What a reader of every score on these recordings should know. */
export function noticesOn(
  benchmark: Benchmark,
  metric: NeuralMetric,
  target: Target,
  repeated: boolean,
): Warning[] {
  const notices: Warning[] = [];
  const { ceiling } = benchmark;
  if ('byDefault' in ceiling && ceiling.byDefault && !repeated) {
    notices.push({
      code: 'benchmark-no-ceiling',
      detail:
        'the recordings have no repetitions, so there is no ceiling and the value is raw; `ceiling: none` in the benchmark file says that this is meant',
    });
  }
  const test = metric.whole ? undefined : splitSizes(benchmark, target).test;
  if (test !== undefined && test < FEW_TEST) {
    notices.push({
      code: 'benchmark-few-test-stimuli',
      detail: `each split tests on ${test} stimuli, which makes a correlation very noisy`,
    });
  }
  return notices;
}

/** Stimuli of the smallest split on each side; without groups all splits have one size. */
function splitSizes({ crossValidation }: Benchmark, target: Target) {
  const made = target.groups ? crossValidation : { ...crossValidation, splits: 1 };
  const splits = targetSplits(target, made);
  const least = (side: 'train' | 'test') => Math.min(...splits.map((split) => split[side].length));
  return { train: least('train'), test: least('test') };
}

/** Averaged recordings, of which some rows may be in memory at a time. */
type Compared = Pick<Target, 'neuroidIds' | 'stimulusIds'> & {
  readonly values: Matrix | RecordedValues;
};

const rowsOf = (values: Matrix | RecordedValues): RecordedValues =>
  'row' in values ? values : valuesOf(values);

export function requireComplete(
  { file }: Pick<Benchmark, 'file'>,
  { values, neuroidIds, stimulusIds }: Compared,
): void {
  const found = rowsOf(values);
  const { rows, cols } = found;
  let first: readonly [row: number, col: number] | undefined;
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const own = found.row(row);
    for (let col = 0; col < cols; col++) {
      if (Number.isFinite(own[col])) continue;
      first ??= [row, col];
      count++;
    }
  }
  if (!first) return;
  const [row, col] = first;
  const others = count > 1 ? ` (${count} such values of ${rows * cols})` : '';
  throw new VentralError(
    'recordings-invalid',
    `${file}: neuroid ${neuroidIds[col]} has no finite value for stimulus ${stimulusIds[row]}${others}, and a comparison needs all; \`drop: incomplete-neuroids\` or \`drop: incomplete-stimuli\` leaves such neuroids or stimuli out`,
    {
      file,
      field: String(neuroidIds[col]),
      expected: 'a finite value for every stimulus and neuroid',
      found: `${count} missing values`,
    },
  );
}

export function requireVaried(
  { file }: Pick<Benchmark, 'file'>,
  { values, neuroidIds }: Pick<Compared, 'values' | 'neuroidIds'>,
): void {
  const found = rowsOf(values);
  const first = found.rows > 0 ? found.row(0).slice() : new Float64Array();
  const varied = (row: number) => found.row(row).some((value, k) => value !== first[k]);
  // NaN differs from itself: a neuroid that has one is not constant.
  if (Array.from({ length: found.rows }, (_, row) => row).some(varied)) return;
  throw new VentralError(
    'neuroids-constant',
    `${file}: all ${neuroidIds.length} neuroids are constant over the stimuli`,
    { file, expected: 'at least one neuroid that varies over stimuli' },
  );
}

function requireComponents({ file, metric }: Benchmark, train: number, stimuli: number): void {
  const { components } = metric;
  if (components === undefined || components < train) return;
  throw new VentralError(
    'benchmark-invalid',
    `${file} metric.components: ${components} components expected of ${train} training stimuli (of ${stimuli}), which have ${train - 1} at most`,
    {
      file,
      field: '/metric/components',
      expected: `at most ${train - 1}`,
      found: String(components),
    },
  );
}
