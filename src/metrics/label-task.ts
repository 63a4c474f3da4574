/**
 * The label task: which of a benchmark's labels a model names for each image, read from the logits
 * of its classification head (Geirhos et al. 2021; spec Appendix C).
 */
import { compareIds, type Id } from '../data/ids.js';
import { VentralError } from '../errors/ventral-error.js';
import type { Features } from '../numerics/algebra/features.js';
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';
import { softmax } from '../numerics/regression/logistic.js';
import { imagenetLabels } from './imagenet-labels.js';
import { imagenetSynsets, synsetOutput } from './imagenet-synsets.js';

/** Classes of a head, in the order of its outputs: the 1000 of ImageNet, or names. */
export type HeadClasses = 'imagenet-1k' | readonly string[];

/** The label that a model chose for each stimulus. */
export interface LabelChoices {
  readonly stimulusIds: readonly Id[];
  readonly choices: readonly string[];
  /** All labels that could be chosen. */
  readonly labels?: readonly string[];
}

/** The choices of a task: its distinct labels in ascending order. */
export function choiceLabels(truth: readonly string[]): string[] {
  return [...new Set(truth)].sort(compareIds);
}

/** The same, but all 1000 classes of ImageNet, in their order, where every label is the synset of one. */
export function choicesOf(truth: readonly string[]): readonly string[] {
  const labels = choiceLabels(truth);
  return labels.every((label) => synsetOutput(label) !== undefined) ? imagenetSynsets : labels;
}

/** Outputs of ImageNet's head that make up a label or are a synset; none if it is neither. */
function imagenetOutputs(label: string): readonly number[] {
  const synset = synsetOutput(label);
  if (synset !== undefined) return [synset];
  return imagenetLabels.get(label.toLowerCase().replaceAll(' ', '')) ?? [];
}

/**
 * Outputs of the head that make up each label.
 * @throws VentralError `labels-uncovered`, naming what is missing, where a label has none, so that it can be
 *   asked before the network runs
 */
export function coveredOutputs(
  classes: HeadClasses,
  labels: readonly string[],
): (readonly number[])[] {
  const outputs = labels.map((label) =>
    classes === 'imagenet-1k'
      ? imagenetOutputs(label)
      : classes.flatMap((name, output) => (name === label ? [output] : [])),
  );
  const missing = labels.filter((_, i) => outputs[i].length === 0);
  if (missing.length > 0) {
    const head =
      classes === 'imagenet-1k' ? 'The table of ImageNet classes' : 'The classification head';
    throw new VentralError(
      'labels-uncovered',
      `${head} lacks labels of the task: ${missing.join(', ')}`,
      {
        field: 'logits.classes',
        expected: labels.join(', '),
        found: classes === 'imagenet-1k' ? 'imagenet-1k' : classes.join(', '),
      },
    );
  }
  return outputs;
}

/**
 * Softmax over all outputs, mean probability over the outputs of each label, the first largest wins.
 * With `dtype`, a softmax that overflows in the arithmetic of the original, which subtracts no maximum, gives what it gives
 * there: an output above 88.7 (float32) or 709.7 is NaN, all others 0, and the first label whose mean is NaN wins.
 * @throws VentralError `labels-uncovered` where labels are missing or the logits are not as wide as the head
 */
export function labelTask(
  logits: {
    readonly stimulusIds: readonly Id[];
    readonly values: Matrix;
    readonly dtype?: Features['dtype'];
  },
  classes: HeadClasses,
  labels: readonly string[],
): LabelChoices & { readonly probabilities: Matrix } {
  const width = classes === 'imagenet-1k' ? 1000 : classes.length;
  if (logits.values.cols !== width) {
    throw new VentralError(
      'labels-uncovered',
      `The head has ${logits.values.cols} outputs where its classes are ${width}`,
      { field: 'logits.classes', expected: `${width} outputs`, found: `${logits.values.cols}` },
    );
  }
  const outputs = coveredOutputs(classes, labels);
  const { rows, data } = softmax(logits.values);
  if (logits.dtype) overflowed(logits.values, logits.dtype, data);
  const probabilities = matrix(rows, labels.length);
  const choices: string[] = [];
  for (let row = 0; row < rows; row++) {
    let best = 0;
    outputs.forEach((members, label) => {
      let sum = 0;
      for (const output of members) sum += data[row * width + output];
      probabilities.data[row * labels.length + label] = sum / members.length;
      const known = probabilities.data[row * labels.length + best];
      if (sum / members.length > known || (Number.isNaN(sum) && !Number.isNaN(known))) best = label;
    });
    choices.push(labels[best]);
  }
  return { stimulusIds: logits.stimulusIds, choices, probabilities };
}

/** Writes over the rows whose softmax without the maximum subtracted is not finite. */
function overflowed(
  { rows, cols, data }: Matrix,
  dtype: Features['dtype'],
  softmaxed: Float64Array,
) {
  const rounded = dtype === 'float32' ? Math.fround : (value: number) => value;
  for (let row = 0; row < rows; row++) {
    const powers = data.subarray(row * cols, (row + 1) * cols).map((x) => rounded(Math.exp(x)));
    const sum = rounded(powers.reduce((total, power) => total + power, 0));
    if (sum > 0 && sum < Number.POSITIVE_INFINITY) continue;
    softmaxed.set(
      powers.map((power) => power / sum),
      row * cols,
    );
  }
}
