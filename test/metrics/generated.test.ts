import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { generatedFiles } from '../../scripts/generate.mjs';
import { metrics } from '../../src/metrics/table/metric-table.js';

const root = resolve(import.meta.dirname, '../..');

test('schema, words and documents are those of the table of metrics', () => {
  for (const [path, text] of generatedFiles(metrics))
    expect(readFileSync(join(root, path), 'utf8'), `${path}: run npm run generate`).toBe(text);
});
