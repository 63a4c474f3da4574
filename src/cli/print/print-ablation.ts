import { visibleName } from '../../report/visible-name.js';
import type { AblationResult } from '../../training/ablation/run-ablation.js';
import {
  DIFFERENCES,
  MANY,
  type Table,
  type TableColumn,
  type TableRow,
} from '../../training/ablation/tables.js';
import { entryWords } from '../../training/ablation/words.js';
import type { Io } from '../terminal/io.js';
import { printRows, tsv } from './print-rows.js';

const columns = [
  ...['table', 'family', 'arm', 'measure', 'seeds', 'mean', 'ci_low', 'ci_high', 'notes'],
];
const REASON_WIDTH = 60;

/**
 * Prints the two tables of an ablation to stdout; in a pipe TSV, one line an entry.
 */
export function printAblation({ tables, seeds, direction }: AblationResult, io: Io): void {
  if (io.columns === undefined) {
    io.out(tsv({ head: columns, rows: tables.flatMap((table) => lines(table, seeds.length)) }));
    return;
  }
  tables.forEach((table, i) => {
    io.out(`${i > 0 ? '\n' : ''}Table ${i + 1}. ${table.title}\n`);
    const heads = table.columns.map(({ title, simulated }) =>
      simulated ? `${visibleName(title)}\n(simulated)` : visibleName(title),
    );
    const rows = table.rows.map((row) => [
      row.family,
      visibleName(row.title),
      ...row.entries.map((entry) => {
        const { value, notes } = entryWords(entry, row, seeds.length);
        return [value, ...notes.map((note) => visibleName(note, REASON_WIDTH))].join('\n');
      }),
    ]);
    printRows(['family', 'arm', ...heads], rows, io);
  });
  io.out(`${DIFFERENCES[direction]}\n${MANY}\n`);
}

function lines({ name, columns, rows }: Table, seeds: number): string[][] {
  return rows.flatMap((row) => columns.map((column, i) => line(name, row, column, i, seeds)));
}

function line(
  table: string,
  row: TableRow,
  column: TableColumn,
  index: number,
  seeds: number,
): string[] {
  const entry = row.entries[index];
  const { notes } = entryWords(entry, row, seeds);
  const { mean, interval } = entry;
  const said = column.simulated ? ['simulated', ...notes] : notes;
  return [
    table,
    row.family,
    row.arm,
    visibleName(column.measure),
    String(entry.seeds.length),
    mean === null ? '' : String(mean),
    interval ? String(interval[0]) : '',
    interval ? String(interval[1]) : '',
    visibleName(said.join(', ')),
  ];
}
