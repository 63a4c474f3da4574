import { expect, it } from 'vitest';
import { readMoment } from '../../../src/service/registry/read-moment.js';

const now = Date.UTC(2026, 2, 31, 12);
const read = (text: string) => readMoment(text, 'at', now);

it.each([
  ['2026-03-30', '2026-03-30T23:59:59.999999Z'],
  ['2026-03-31', '2026-03-31T23:59:59.999999Z'],
  ['2024-02-29', '2024-02-29T23:59:59.999999Z'],
  ['2026-03-30T12:00:00Z', '2026-03-30T12:00:00.000000Z'],
  ['2026-03-30t12:00:00.5z', '2026-03-30T12:00:00.500000Z'],
  ['2026-03-30T12:00:00.1234567Z', '2026-03-30T12:00:00.123456Z'],
  ['2026-03-30T23:30:00-02:00', '2026-03-31T01:30:00.000000Z'],
  ['2026-03-30T01:00:00+02:00', '2026-03-29T23:00:00.000000Z'],
])('%s is %s', (text, moment) => {
  expect(read(text)).toBe(moment);
});

it.each([
  ...['', 'today', '2026', '2026-3-1', '2026-02-30', '2025-02-29', '2026-13-01', '0000-01-01'],
  ...['2026-03-30T12:00', '2026-03-30T12:00:00', '2026-03-30T25:00:00Z', '2026-03-30 12:00:00Z'],
  ...['2026-03-30T12:00:00+99:00', '1969-12-31', "2026-03-30'; --", '١٢٣٤-٠١-٠١'],
])('%j is no date', (text) => {
  expect(() => read(text)).toThrow(/^at: expected a date such as 2026-03-31 .*found "/);
});

it('of tomorrow nothing is known', () => {
  for (const text of ['2026-04-01', '2026-03-31T23:00:00-02:00', '9999-12-31'])
    expect(() => read(text)).toThrow(/^at: expected a date up to today, 2026-03-31 \(UTC\), found/);
});

it('says what became of a plus sign, and shows no more than a little of what was sent', () => {
  expect(() => read('2026-03-30T12:00:00 02:00')).toThrow('write + in an address as %2B');
  expect(() => read('x'.repeat(9999))).toThrow(/^.{0,200}$/);
});
