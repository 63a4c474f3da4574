import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { accuracy } from '../../src/metrics/accuracy.js';
import {
  errorConsistency,
  errorConsistencyCeiling,
  type ObserverTrials,
} from '../../src/metrics/error-consistency.js';
import { imagenetLabels } from '../../src/metrics/imagenet-labels.js';
import { choiceLabels, labelTask } from '../../src/metrics/label-task.js';
import { matrix } from '../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { tolerances } from '../tolerances.js';
import { readHumanTrials } from './human-trials.js';

const folder = join(process.env.VENTRAL_SHARED ?? '../shared', 'data/geirhos2021-edge-silhouette');
const here = existsSync(folder);

test('the trials of Geirhos et al. are here', (context) => {
  if (!here) context.skip(`no trials in ${folder}; set VENTRAL_SHARED`);
  expect(here).toBe(true);
});

const readTrials = (set: string): ObserverTrials => readHumanTrials(folder, set);

/**
 * A model made of random numbers: RandomState(7).standard_normal((160, 1000)), rows in order of the
 * sorted image names, 6 added at the first ImageNet class of the truth unless the row is divisible by 3.
 */
function logitsFor({ stimulusIds, truth }: ObserverTrials) {
  const label = new Map(stimulusIds.map((id, i) => [String(id), truth[i]]));
  const ids = [...label.keys()].sort();
  const values = matrix(ids.length, 1000, new RandomState(7).standardNormal(ids.length * 1000));
  ids.forEach((id, row) => {
    if (row % 3 !== 0) values.data[row * 1000 + imagenetLabels.get(label.get(id)!)![0]] += 6;
  });
  return { stimulusIds: ids, values };
}

// Ceilings: published by Brain-Score's tests. kappa, spread and accuracy of the table of logits: computed
// apart from this code with numpy 2.2.4 and scikit-learn 1.4.2 (cohen_kappa_score of the vectors of right
// and wrong answers, mean over the ten subjects), November 2026.
describe.skipIf(!here).each([
  ['edge', 0.31844, 0.3184364338405932, 0.0069582401378465945, 0.03887606169929939, 0.6625],
  ['silhouette', 0.47571, 0.47570932146476874, 0.03226468115029598, 0.04973903417097301, 0.6625],
])('%s', (set, published, ceiling, kappa, spread, share) => {
  test('has the published ceiling', () => {
    const { value, subjects, kappa: pairs } = errorConsistencyCeiling(readTrials(set));
    expect([subjects.length, pairs.rows]).toEqual([10, 45]);
    expect(Math.abs(value - published)).toBeLessThanOrEqual(tolerances.publishedCeiling);
    expect(Math.abs(value - ceiling)).toBeLessThanOrEqual(tolerances.float64);
  });

  test('scores a fixed table of logits', () => {
    const trials = readTrials(set);
    const choices = labelTask(logitsFor(trials), 'imagenet-1k', choiceLabels(trials.truth));
    const consistency = errorConsistency(choices, trials);
    expect(Math.abs(consistency.value - kappa)).toBeLessThanOrEqual(tolerances.float64);
    expect(Math.abs(consistency.error - spread)).toBeLessThanOrEqual(tolerances.float64);
    const top1 = accuracy(choices, trials);
    expect(Math.abs(top1.value - share)).toBeLessThanOrEqual(tolerances.float64);
  });
});
