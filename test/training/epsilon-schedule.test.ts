import { expect, test } from 'vitest';
import { catastrophicOverfitting, epsilonFactor } from '../../src/training/epsilon-schedule.js';

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
  [[], false],
  [[0.4], false],
  [[0.4, 0.2], false],
  [[0.4, 0.19], true],
  [[0.1, 0.4, 0.3, 0.15], true],
  [[0.4, 0.1, 0.3], false],
] as const)(
  'accuracies %j under PGD-5 within an epoch: overfitted %s',
  (accuracies, overfitted) => {
    expect(catastrophicOverfitting(accuracies).overfitted).toBe(overfitted);
  },
);

test('tells from where to where the accuracy fell', () => {
  expect(catastrophicOverfitting([0.3, 0.5, 0.02])).toEqual({
    overfitted: true,
    before: 0.5,
    after: 0.02,
  });
});
