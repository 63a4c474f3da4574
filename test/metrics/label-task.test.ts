import { describe, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { accuracy } from '../../src/metrics/accuracy.js';
import { imagenetLabels } from '../../src/metrics/imagenet-labels.js';
import { choiceLabels, coveredOutputs, labelTask } from '../../src/metrics/label-task.js';
import { matrix } from '../../src/numerics/algebra/matrix.js';
import { tolerances } from '../tolerances.js';
import { expectClose } from './close.js';

const geirhos =
  'airplane bear bicycle bird boat bottle car cat chair clock dog elephant keyboard knife oven truck'.split(
    ' ',
  );

/** Logits of one image an entry, zero but where given. */
function logits(pictures: readonly Record<number, number>[], width = 1000) {
  const values = matrix(pictures.length, width);
  pictures.forEach((picture, row) => {
    for (const [output, value] of Object.entries(picture))
      values.data[row * width + Number(output)] = value;
  });
  return { stimulusIds: pictures.map((_, i) => `s${i}`), values };
}

function failure(run: () => unknown): VentralError {
  try {
    run();
  } catch (error) {
    if (error instanceof VentralError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('imagenetLabels', () => {
  // Number and sum of the indices in spec Appendix C, counted there by a script.
  it.each([
    ['airplane', 1, 404],
    ['bird', 49, 4213],
    ['dog', 109, 22672],
    ['truck', 8, 5637],
    ['turtle', 5, 175],
    ['motorbike', 2, 1335],
    ['bus', 3, 2307],
    ['beanie', 4, 2214],
  ])('%s has %i classes that sum to %i', (label, count, sum) => {
    const indices = imagenetLabels.get(label)!;
    expect(indices.length).toBe(count);
    expect(indices.reduce((total, index) => total + index)).toBe(sum);
  });

  it('has the 16 labels of Geirhos first, in all 36 with 269 entries', () => {
    expect([...imagenetLabels.keys()].slice(0, 16)).toEqual(geirhos);
    expect(imagenetLabels.size).toBe(36);
    expect([...imagenetLabels.values()].flat().length).toBe(269);
    for (const indices of imagenetLabels.values())
      expect(indices.every((index) => index >= 0 && index < 1000)).toBe(true);
  });
});

describe('labelTask', () => {
  it('takes the mean over the classes of a label, not the largest', () => {
    // One bird class of 49 against both bicycle classes half as likely.
    const given = logits([{ 8: 3, 444: 2.3, 671: 2.3 }]);
    expect(labelTask(given, 'imagenet-1k', geirhos).choices).toEqual(['bicycle']);
    expect(labelTask(given, 'imagenet-1k', ['bird', 'cat']).choices).toEqual(['bird']);
  });

  it('gives the mean probability of each label', () => {
    const { probabilities } = labelTask(logits([{ 404: Math.log(2) }]), 'imagenet-1k', [
      'airplane',
      'bear',
    ]);
    expectClose(probabilities.data, [2 / 1001, 1 / 1001], tolerances.float64);
  });

  it('lets the first win where labels tie', () => {
    expect(labelTask(logits([{}]), 'imagenet-1k', ['knife', 'oven', 'car']).choices).toEqual([
      'knife',
    ]);
  });

  it('reads heads with classes of their own, whatever their order', () => {
    const given = logits([{ 0: 1 }, { 2: 1 }, { 1: 9, 2: 1 }], 3);
    const { choices, stimulusIds } = labelTask(given, ['cat', 'other', 'dog'], ['cat', 'dog']);
    expect(choices).toEqual(['cat', 'dog', 'dog']);
    expect(stimulusIds).toEqual(['s0', 's1', 's2']);
  });

  it('does not see a constant added to all logits of a picture', () => {
    const [plain, moved] = [0, 300].map((by) => {
      const given = logits([{ 404: 2, 444: 1 }]);
      given.values.data.forEach((value, i) => {
        given.values.data[i] = value + by;
      });
      return labelTask(given, 'imagenet-1k', geirhos).probabilities.data;
    });
    expectClose(moved, plain, tolerances.float64);
  });

  it("refuses CIFAR's head and names the labels that it lacks", () => {
    const cifar = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');
    const error = failure(() => coveredOutputs(cifar, geirhos));
    expect(error.code).toBe('labels-uncovered');
    expect(error.message).toContain(
      'bear, bicycle, boat, bottle, car, chair, clock, elephant, keyboard, knife, oven',
    );
    expect(error.message).not.toContain('dog');
  });

  it('refuses a label that ImageNet has no entry for, and a head of another width', () => {
    expect(failure(() => coveredOutputs('imagenet-1k', ['dog', 'person'])).message).toContain(
      ': person',
    );
    const narrow = failure(() => labelTask(logits([{}], 10), 'imagenet-1k', geirhos));
    expect(narrow.code).toBe('labels-uncovered');
    expect(narrow.message).toContain('10 outputs');
  });
});

describe('choiceLabels', () => {
  it('sorts the distinct labels', () => {
    expect(choiceLabels(['oven', 'Cat', 'bear', 'oven'])).toEqual(['Cat', 'bear', 'oven']);
  });
});

describe('accuracy', () => {
  const truth = { stimulusIds: [1, 2, 3, 4, 1], truth: ['a', 'b', 'a', 'b', 'a'] };

  it('is the share of right choices, with the spread of single answers', () => {
    const result = accuracy({ stimulusIds: [4, 3, 2, 1], choices: ['b', 'b', 'b', 'a'] }, truth);
    expect(result.value).toBe(0.75);
    expectClose([result.error], [Math.sqrt(0.75 * 0.25)], tolerances.float64);
    expect([...result.correct]).toEqual([1, 0, 1, 1]);
    expect(result.splits).toEqual([0.75]);
  });

  it.each<[string, number[], string]>([
    ['a stimulus without an answer', [1, 2, 3], 'Stimulus 4 has no answer'],
    ['an answer without a truth', [1, 2, 3, 4, 5], 'Stimulus 5 has no truth'],
  ])('refuses %s', (_, stimulusIds, words) => {
    const error = failure(() =>
      accuracy({ stimulusIds, choices: ['a', 'b', 'a', 'b', 'a'] }, truth),
    );
    expect(error.code).toBe('stimuli-mismatch');
    expect(error.message).toContain(words);
  });

  it('refuses no stimuli', () => {
    const nothing = { stimulusIds: [], choices: [] };
    expect(failure(() => accuracy(nothing, { stimulusIds: [], truth: [] })).code).toBe(
      'stimuli-mismatch',
    );
  });
});
