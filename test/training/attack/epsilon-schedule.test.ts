import { expect, test } from 'vitest';
import {
  catastrophicOverfitting,
  epsilonFactor,
} from '../../../src/training/attack/epsilon-schedule.js';

test.each([
  [0, [], 1],
  [7.5, [], 1],
  [0, [[0, 0.2]], 0.2],
  [9, [[0, 0.2]], 0.2],
  [
    0,
    [
      [1, 0.5],
      [3, 1],
    ],
    0.5,
  ],
  [
    1,
    [
      [1, 0.5],
      [3, 1],
    ],
    0.5,
  ],
  [
    1.5,
    [
      [1, 0.5],
      [3, 1],
    ],
    0.625,
  ],
  [
    3,
    [
      [1, 0.5],
      [3, 1],
    ],
    1,
  ],
  [
    4,
    [
      [1, 0.5],
      [3, 1],
    ],
    1,
  ],
  [
    2,
    [
      [0, 0],
      [2, 1],
      [2, 0.5],
    ],
    0.5,
  ],
] as const)('at epoch %d the factor of %j is %d', (epoch, points, factor) => {
  expect(epsilonFactor(epoch, points)).toBeCloseTo(factor, 12);
});

test.each([
  [[], 128, false],
  [[0.4], 128, false],
  [[0.4, 0.2], 128, false],
  [[0.4, 0.19], 128, true],
  [[0.6, 0.39], 128, true],
  [[0.1, 0.4, 0.3, 0.15], 128, true],
  [[0.4, 0.1, 0.3], 128, false],
  [[0.21, 0], 128, true],
  // 20 and then 8 of 32 images, which chance does now and then; 14 and then none it does not.
  [[0.625, 0.25], 32, false],
  [[0.4375, 0], 32, true],
] as const)(
  'accuracies %j under PGD-5 of %i pictures within an epoch: overfitted %s',
  (accuracies, pictures, overfitted) => {
    expect(catastrophicOverfitting(accuracies, pictures).overfitted).toBe(overfitted);
  },
);

test('tells from where to where the accuracy fell', () => {
  expect(catastrophicOverfitting([0.3, 0.5, 0.02], 128)).toEqual({
    overfitted: true,
    before: 0.5,
    after: 0.02,
  });
});
