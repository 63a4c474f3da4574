import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { neuralMetric } from '../../src/metrics/table/metric-table.js';
import { MATRICES, WORKER_BYTES } from '../../src/scoring/map/measure-pool.js';

/** Where matrices of stimuli × stimuli are most of the memory. */
const ROWS = 3000;

test.each(['ridge', 'ridgecv'])('%s takes no more memory than a plan counts', (name) => {
  const script = join(import.meta.dirname, 'regression-memory.mjs');
  const taken = Number(execFileSync(process.execPath, [script, name, String(ROWS)]).toString());
  const { matrices = MATRICES } = neuralMetric(name);
  expect(taken).toBeGreaterThan(8 * ROWS ** 2);
  expect(taken).toBeLessThan(WORKER_BYTES + matrices * 8 * ROWS ** 2);
});
