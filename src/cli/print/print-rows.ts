import { visibleName } from '../../report/visible-name.js';
import type { Io } from '../terminal/io.js';
import { drawTable } from './draw-table.js';
import { fitRows } from './fit-rows.js';

/** A cell of TSV: a number in full, null where there is none. */
export type PlainCell = string | number | boolean | null;

/** What a pipe gets: a heading, and rows of values. */
export interface PlainRows {
  readonly head: readonly string[];
  readonly rows: readonly (readonly PlainCell[])[];
}

/**
 * Rows as a table that fits the terminal, as TSV with a heading in a pipe. Control characters are written out.
 * @param plain what a pipe gets, where that is not the text of the table
 */
export function printRows(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  io: Io,
  plain: PlainRows = { head, rows },
): void {
  if (io.columns === undefined) {
    io.out(tsv(plain));
    return;
  }
  const { above, ...table } = fitRows(head, rows, io.columns);
  for (const [name, value] of above) io.out(`${name}: ${value}\n`);
  io.out(drawTable(table.head, table.rows, { compact: !table.wrapped }));
}

/** Tab-separated lines, the heading first; a tab or the end of a line in a cell is a space. */
export const tsv = ({ head, rows }: PlainRows): string => [head, ...rows].map(tsvLine).join('');

/** One of these lines, for rows that are printed as they come. */
export function tsvLine(row: readonly PlainCell[]): string {
  const word = (cell: PlainCell) => visibleName(String(cell ?? '').replaceAll(/[\t\r\n]/g, ' '));
  return `${row.map(word).join('\t')}\n`;
}
