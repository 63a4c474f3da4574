import { expect, it } from 'vitest';
import { curvesOf, smoothed, summaryOf } from '../../src/web/pages/training/curves.js';

type Told = Parameters<typeof curvesOf>[0][number];

const step = (stage: string, epoch: number, at: number, loss: number | null): Told => ({
  ...{ kind: 'step', stage, epoch, step: at, loss, rate: 0.1 },
});
const epoch = (stage: string, at: number, accuracy: number): Told => ({
  ...{ kind: 'epoch', stage, epoch: at, loss: 1, checkpoint: `${stage}-epoch${at}` },
  validation: { loss: 2, accuracy },
});

it('sets stages one behind the other, and an epoch where its last step was, told or not', () => {
  const events = [
    ...[step('a', 0, 0, 4), step('a', 0, 2, 3), epoch('a', 0, 0.1), epoch('a', 1, 0.2)],
    ...[step('b', 0, 1, 2), epoch('b', 0, 0.3)],
  ];
  const { stretches, loss, validationAccuracy } = curvesOf(events, null);
  // Three steps an epoch, as step 2 of epoch 0 says; the steps of the second epoch were not told.
  expect(stretches).toEqual([
    { stage: 'a', from: 0, steps: 6 },
    { stage: 'b', from: 6, steps: 2 },
  ]);
  expect(loss.map(({ x, y }) => [x, y])).toEqual([
    [0, 4],
    [2, 3],
    [7, 2],
  ]);
  expect(validationAccuracy.map(({ x, y }) => [x, y])).toEqual([
    [3, 0.1],
    [6, 0.2],
    [8, 0.3],
  ]);
  expect(curvesOf(events, 'b').validationAccuracy.map(({ x }) => x)).toEqual([2]);
});

it('takes what a run that began again told last, and passes over what is no number', () => {
  const events = [step('a', 0, 0, 4), step('a', 0, 1, null), step('a', 0, 0, 5)];
  expect(curvesOf(events, null).loss.map(({ y }) => y)).toEqual([5]);
});

it('draws many steps as means with the least and the greatest of them', () => {
  const events = Array.from({ length: 1000 }, (_, i) => step('a', 0, i, i % 2));
  const { loss } = curvesOf(events, null);
  expect(loss.length).toBeLessThanOrEqual(400);
  expect(loss[0]).toMatchObject({ low: 0, high: 1, x: 1 });
  expect(summaryOf(events)).toMatchObject({ lastLoss: 1, leastLoss: 0 });
});

it('smooths without a pull towards zero at the beginning', () => {
  const points = curvesOf([step('a', 0, 0, 4), step('a', 0, 1, 4), step('a', 0, 2, 1)], null).loss;
  expect(smoothed(points, 0)).toEqual(points);
  const found = smoothed(points, 0.5).map(({ y }) => y);
  expect(found[0]).toBeCloseTo(4, 12);
  expect(found[1]).toBeCloseTo(4, 12);
  expect(found[2]).toBeCloseTo((0.25 * 4 + 0.5 * 4 + 1) / 1.75, 12);
});
