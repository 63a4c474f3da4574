import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { generatedFiles } from '../../scripts/generate.mjs';
import { metrics } from '../../src/metrics/table/metric-table.js';
import { listedBenchmark } from '../../src/scoring/registry/listed-benchmark.js';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';

const root = resolve(import.meta.dirname, '../..');

test('schema, words and documents are those of the table of metrics and of the shipped benchmarks', () => {
  for (const [path, text] of generatedFiles(metrics, listBenchmarks().map(listedBenchmark)))
    expect(readFileSync(join(root, path), 'utf8'), `${path}: run npm run generate`).toBe(text);
});
