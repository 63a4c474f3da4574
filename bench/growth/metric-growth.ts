import type { Fold, Regression } from '../../src/metrics/metric.js';
import { neuralMetric } from '../../src/metrics/table/metric-table.js';
import { denseFeatures } from '../../src/numerics/algebra/features.js';
import { type Matrix, matrix, submatrix } from '../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { type Growth, growthOf, least } from './line.js';

/** How `ridgecv` grows with subjects who saw the same images, and with penalties to choose from. */

const IMAGES = 600;
const TEST = 100;
const UNITS = 4000;
/** Of each subject. */
const TARGETS = 60;
const ROUNDS = 3;

interface Study {
  readonly features: Float32Array;
  readonly fold: Fold;
  /** One matrix of training targets a subject. */
  readonly subjects: readonly Matrix[];
}

function study(count: number): Study {
  const random = new RandomState(5);
  const rows = IMAGES + TEST;
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const fold = { train: range(0, IMAGES), test: range(IMAGES, rows) };
  const subjects = Array.from({ length: count }, () => {
    const all = matrix(rows, TARGETS, random.standardNormal(rows * TARGETS));
    return submatrix(all, fold.train, range(0, TARGETS));
  });
  return { features: Float32Array.from(random.standardNormal(rows * UNITS)), fold, subjects };
}

/** Seconds from the activations to the predictions for every subject. */
async function seconds({ features, fold, subjects }: Study, penalties: number): Promise<number> {
  const rows = IMAGES + TEST;
  const source = {
    stimulusIds: Array.from({ length: rows }, (_, i) => i),
    features: denseFeatures(rows, UNITS, features),
  };
  const alphas = Array.from({ length: penalties }, (_, i) => 10 ** ((8 * i) / penalties - 2));
  const metric = neuralMetric('ridgecv');
  const options = { name: 'ridgecv', ...metric.defaults, alphas };
  const milliseconds = await least(ROUNDS, async () => {
    const regress = await (metric.regression as Regression).of(source, options);
    for (const targets of subjects) await regress(fold, targets);
  });
  return milliseconds / 1000;
}

/** Both lines, least size first. */
export async function metricGrowth(short: boolean): Promise<Growth[]> {
  const bySubjects = [];
  for (const size of short ? [2, 4, 8] : [2, 4, 8, 16, 32])
    bySubjects.push({ size, value: await seconds(study(size), 99) });
  const byPenalties = [];
  const one = study(1);
  for (const size of short ? [25, 50, 100] : [25, 50, 100, 200, 400])
    byPenalties.push({ size, value: await seconds(one, size) });
  return [
    growthOf('subjects', 'ridgecv, 600 images × 4,000 units, 99 penalties', 's', bySubjects),
    growthOf('alphas', 'ridgecv, 600 images × 4,000 units, one subject', 's', byPenalties),
  ];
}
