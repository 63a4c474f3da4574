import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ORACLE } from './oracle.js';
import { missingCases } from './oracle-coverage.js';

test('every group of golden files is missed where nothing asserts it', () => {
  const groups = new Set(missingCases(new Set()).map((key) => key.split('/')[0]));
  const folders = readdirSync(ORACLE, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  expect([...groups].sort()).toEqual(folders.map(({ name }) => name).sort());
});

test('a case that a test has read is not missed, its neighbours are', () => {
  const [first, ...others] = missingCases(new Set());
  expect(missingCases(new Set([first]))).toEqual(others);
});
