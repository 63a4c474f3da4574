import { describe, expect, test } from 'vitest';
import { imagenetLabels } from '../../../src/metrics/imagenet-labels.js';
import { choicesOf, labelTask } from '../../../src/metrics/label-task.js';
import { matrix } from '../../../src/numerics/algebra/matrix.js';
import { numbers, oracle } from '../../oracle.js';

const golden = oracle('17-behaviour/labels.json');

describe('label choice, as the original makes it', () => {
  test('from the same table of classes', () => {
    expect(Object.fromEntries(imagenetLabels)).toEqual(golden.label_to_imagenet_indices);
  });

  test.each(['float32', 'float64', 'large'] as const)('%s logits', (name) => {
    const [rows, cols] = golden.logits[name].shape;
    const values = matrix(rows, cols, numbers(golden.logits[name]));
    const stimulusIds = Array.from({ length: rows }, (_, i) => i);
    const { imagenet, ...tasks } = golden.choices[name] as Record<
      string,
      { labels: string[]; choice: string[] }
    >;
    const dtype = golden.logits[name].dtype;
    for (const { labels, choice } of Object.values(tasks)) {
      const found = labelTask({ stimulusIds, values, dtype }, 'imagenet-1k', labels);
      expect(found.choices).toEqual(choice);
    }
    const all = choicesOf(imagenet.choice);
    const found = labelTask({ stimulusIds, values }, 'imagenet-1k', all);
    expect(found.choices).toEqual(imagenet.choice);
  });

  test('refuses another head and another label', () => {
    expect({ ...golden.not_1000 }).toMatchObject({ type: 'ValueError' });
    expect({ ...golden.unknown_label }).toMatchObject({ type: 'AttributeError' });
    const choose = (cols: number, label: string) => () =>
      labelTask({ stimulusIds: [1], values: matrix(1, cols) }, 'imagenet-1k', [label]);
    expect(choose(999, 'bear')).toThrow(/999 outputs where its classes are 1000/);
    expect(choose(1000, 'unicorn')).toThrow(/lacks labels of the task: unicorn/);
  });
});
