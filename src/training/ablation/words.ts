import { interval, threeDigits } from '../../report/map-text.js';
import { BASE } from './ablation.js';
import type { TableEntry, TableRow } from './tables.js';

/** An entry of a table as views show it: `-0.021 (-0.035 to -0.007)`, `within noise`, the reason if there is none. */
export interface EntryWords {
  readonly value: string;
  readonly notes: readonly string[];
}

/**
 * Words of an entry.
 * @param seeds number of seeds of an arm: fewer are reported
 */
export function entryWords(
  entry: TableEntry,
  { arm }: Pick<TableRow, 'arm'>,
  seeds: number,
): EntryWords {
  const { mean, withinNoise, reason } = entry;
  if (mean === null) return { value: '–', notes: [reason ?? 'no value'] };
  const number = arm === BASE ? threeDigits(mean) : signed(mean);
  const range = entry.interval ? ` (${interval([...entry.interval])})` : '';
  const notes = [
    withinNoise && 'within noise',
    entry.seeds.length < seeds && `${entry.seeds.length} of ${seeds} seeds`,
  ];
  return {
    value: `${number}${range}`,
    notes: notes.filter((note) => note !== false && note !== null),
  };
}

function signed(value: number): string {
  const digits = threeDigits(value);
  return digits.startsWith('-') ? digits : `+${digits}`;
}
