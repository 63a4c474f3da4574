import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Database } from '../../../src/store/database/database.js';
import { AuditStore } from '../../../src/store/records/audit-store.js';

let rows: unknown[][];
const database = {
  query: async (_sql: string, parameters: unknown[]) => {
    rows.push(parameters);
    return [];
  },
} as unknown as Database;

beforeEach(() => {
  rows = [];
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => vi.useRealTimers());

it('a flood of refused credentials from many addresses writes few rows, and counts all', async () => {
  const audit = new AuditStore(database);
  for (let i = 0; i < 20_000; i++) audit.refused(`10.0.${i % 200}.${i % 100}`);
  await audit.close();
  expect(rows.length).toBeLessThanOrEqual(2 * 51);
  const counted = rows.map((row) => JSON.parse(String(row[4])).count);
  expect(counted.reduce((a, b) => a + b, 0)).toBe(20_000);
  expect(rows.map((row) => row[3])).toContain('other addresses');
});

it('an address is written again after ten minutes, with the number of those between', async () => {
  const audit = new AuditStore(database);
  for (let i = 0; i < 5; i++) audit.refused('10.0.0.1');
  vi.setSystemTime(Date.now() + 11 * 60_000);
  audit.refused('10.0.0.1');
  await audit.close();
  expect(rows.map((row) => [row[3], JSON.parse(String(row[4])).count])).toEqual([
    ['10.0.0.1', 1],
    ['10.0.0.1', 4],
    ['10.0.0.1', 1],
  ]);
});
