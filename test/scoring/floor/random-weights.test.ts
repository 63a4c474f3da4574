import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ContentCache } from '../../../src/activations/cache/content-cache.js';
import { type Progress, Work } from '../../../src/runtime/work.js';
import { scoreBesideRandomWeights } from '../../../src/scoring/model/random-weights.js';
import { scoreModel } from '../../../src/scoring/model/score-model.js';
import { ORACLE } from '../../oracle.js';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'ventral-random-weights-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const source = join(ORACLE, '09-end-to-end');
const request = {
  model: { path: join(source, 'resnet', 'model.onnx'), file: join(source, 'resnet', 'card.yaml') },
  benchmarks: [join(source, 'neural-csv', 'benchmark.yaml')],
};
const limits = { threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };

test('other weights score beside those of the model, each seed once', async () => {
  const cache = await ContentCache.open(home, { maxBytes: 2 ** 28 });
  const context = { home, ...limits, cache };
  const seen: Progress[] = [];
  const progress = Work.start((each) => seen.push(each));
  const plain = await scoreModel(request, { home, ...limits });
  const one = await scoreBesideRandomWeights(request, { ...context, progress }, 2);
  expect(one.scores.map(({ value }) => value)).toEqual(plain.scores.map(({ value }) => value));
  for (const score of one.scores) {
    const { 'random-weights': floor } = one.floors?.get(score) ?? {};
    const runs = floor?.value.runs.map(Number) ?? [];
    expect(new Set([score.value, ...runs]).size).toBe(3);
    expect(floor?.value.floor).toBeCloseTo((runs[0] + runs[1]) / 2, 12);
    expect(floor?.value).not.toHaveProperty('p');
  }
  const shares = seen.map(({ share }) => share);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  // What was run is read: the network runs for the model alone, whose layers are kept, too.
  const again = await scoreBesideRandomWeights(request, context, 2);
  expect([...(again.floors?.values() ?? [])]).toEqual([...(one.floors?.values() ?? [])]);
});
