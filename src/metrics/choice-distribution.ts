/**
 * Agreement of a network's class probabilities with the distribution of people's choices, image by image: 1 minus the
 * Jensen-Shannon divergence in bits, 1 where they are equal and 0 where they share no class (Lin 1991).
 */
import type { Id } from '../data/ids.js';
import { VentralError } from '../errors/ventral-error.js';
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';
import type { RandomState } from '../numerics/random/random-state.js';
import { mean, stdDdof0 } from '../numerics/statistics/statistics.js';
import type { MetricDefinition, MetricResult } from './metric.js';

/** How many people chose each label for each stimulus. */
export interface ChoiceCounts {
  readonly stimulusIds: readonly Id[];
  readonly labels: readonly string[];
  /** Stimulus × label. */
  readonly counts: Matrix;
}

/** An agreement, with the one of each stimulus for a bootstrap over stimuli. */
export interface AgreementResult extends MetricResult {
  readonly byStimulus: Float64Array;
}

/** A metric between the choices of people and the probabilities of a network's own head. */
export interface ChoiceMetric extends MetricDefinition {
  readonly kind: 'choices';
}

/**
 * Mean agreement over the stimuli.
 * @param probabilities stimulus × label, rows and columns as those of the counts; rows are scaled to sum 1
 */
export function choiceAgreement(probabilities: Matrix, people: ChoiceCounts): AgreementResult {
  return agreement(probabilities, people.counts);
}

/**
 * The same between two random halves of the people of each stimulus: of `repetitions` divisions, the mean.
 * @throws VentralError `trials-invalid` where a stimulus has fewer than two choices
 */
export function choiceCeiling(
  { counts, stimulusIds }: ChoiceCounts,
  repetitions: number,
  random: RandomState,
): AgreementResult {
  const { rows, cols, data } = counts;
  const all: AgreementResult[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const [half, other] = [matrix(rows, cols), matrix(rows, cols)];
    for (let row = 0; row < rows; row++) {
      const choices: number[] = [];
      for (let col = 0; col < cols; col++) {
        for (let k = 0; k < data[row * cols + col]; k++) choices.push(col);
      }
      if (choices.length < 2)
        throw new VentralError(
          'trials-invalid',
          `Stimulus ${stimulusIds[row]} has ${choices.length} choices, and a ceiling needs two people`,
          { field: 'count', expected: 'at least 2', found: String(choices.length) },
        );
      random.permutation(choices).forEach((col, i) => {
        const side = i < Math.floor(choices.length / 2) ? half : other;
        side.data[row * cols + col]++;
      });
    }
    all.push(agreement(half, other));
  }
  const values = all.map(({ value }) => value);
  const byStimulus = Float64Array.from({ length: rows }, (_, row) =>
    mean(all.map((one) => one.byStimulus[row])),
  );
  return {
    value: mean(values),
    error: stdDdof0(values),
    errorKind: 'std over repetitions',
    splits: values,
    warnings: [],
    byStimulus,
  };
}

function agreement(a: Matrix, b: Matrix): AgreementResult {
  const byStimulus = Float64Array.from(
    { length: a.rows },
    (_, row) => 1 - divergence(shares(a, row), shares(b, row)),
  );
  const value = mean(byStimulus);
  return {
    value,
    error: stdDdof0(byStimulus),
    errorKind: 'std over stimuli',
    splits: [value],
    warnings: [],
    byStimulus,
  };
}

function shares({ cols, data }: Matrix, row: number): Float64Array {
  const own = data.subarray(row * cols, (row + 1) * cols);
  const sum = own.reduce((total, value) => total + value, 0);
  return Float64Array.from(own, (value) => value / sum);
}

/** Jensen-Shannon divergence in bits. */
function divergence(p: Float64Array, q: Float64Array): number {
  const against = (one: number, other: number) =>
    one > 0 ? one * Math.log2((2 * one) / (one + other)) : 0;
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += against(p[i], q[i]) + against(q[i], p[i]);
  return sum / 2;
}

/** The metric `choice-distribution`. */
export const choiceDistributionMetric: ChoiceMetric = {
  kind: 'choices',
  version: 1,
  defaults: { repetitions: 10, seed: 0 },
  normalisation: 'ratio',
  text: {
    name: 'Agreement with the distribution of choices',
    words:
      'For each image, 1 minus the Jensen-Shannon divergence (in bits) between the probabilities of the network’s own head and the shares of people who chose each class; mean over images.',
    raw: 'mean over images of 1 − divergence',
  },
};
