import { expect, test } from 'vitest';
import { parseRecipe } from '../../../src/training/recipe/parse-recipe.js';
import type { TrainingEvent } from '../../../src/training/record/training-event.js';
import { RobustnessEstimates } from '../../../src/training/run/robustness-estimates.js';

const set = { generate: 'objects-on-backgrounds', count: 10, side: 32, seed: 1 };
const recipe = parseRecipe(
  JSON.stringify({
    name: 'estimates',
    model: 'objects-resnet',
    data: { train: set, test: { ...set, seed: 2 } },
    stages: [
      { train: { name: 'plain', epochs: 2, batch: 5, rate: 0.1, augment: [] } },
      {
        train: {
          ...{ name: 'hard', from: 'plain', epochs: 2, batch: 5, rate: 0.1, augment: [] },
          adversarial: {
            method: 'pgd',
            norm: 'Linf',
            epsilon: '4/255',
            step_size: '1/255',
            steps: 3,
          },
        },
      },
      { average: { name: 'soup', of: 'hard' } },
    ],
  }),
  'estimates.yaml',
);

const epoch = (
  stage: string,
  told: { accuracy: number; robustAccuracy?: number },
): TrainingEvent => ({
  kind: 'epoch',
  stage,
  epoch: 0,
  loss: 1,
  validation: { loss: 1, ...told },
  checkpoint: `checkpoints/${stage}.onnx`,
});

test('how a network stands against attacks is what its epochs tell of it', () => {
  const estimates = new RobustnessEstimates(recipe, 5);
  expect(estimates.of('untrained').right).toBe(0.2);
  expect(estimates.of('plain').withstand).toBeLessThan(estimates.of('hard').withstand);
  estimates.take(epoch('plain', { accuracy: 0.9 }));
  estimates.take(epoch('hard', { accuracy: 0.8, robustAccuracy: 0.6 }));
  expect(estimates.of('plain')).toMatchObject({ right: 0.9 });
  expect(estimates.of('hard')).toEqual({ right: 0.8, withstand: expect.closeTo(0.75) });
  expect(estimates.of('soup')).toEqual(estimates.of('hard'));
});
