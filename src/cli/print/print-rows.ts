import Table from 'cli-table3';
import type { Io } from '../terminal/io.js';

/** Rows as a table where a person watches, as tab-separated lines without a heading in a pipe. */
export function printRows(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  io: Io,
): void {
  if (!io.interactive) {
    io.out(
      rows
        .map((row) => `${row.map((cell) => cell.replaceAll(/[\t\n]/g, ' ')).join('\t')}\n`)
        .join(''),
    );
    return;
  }
  const table = new Table({ head: [...head], style: { head: [], border: [] } });
  table.push(...rows.map((row) => [...row]));
  io.out(`${table.toString()}\n`);
}
