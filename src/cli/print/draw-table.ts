import Table, { type Cell } from 'cli-table3';

/** Spaces between two columns. */
export const GAP = 2;

const none = { 'top-left': '', top: '', 'top-mid': '', 'top-right': '' };
const chars = {
  ...none,
  ...{ 'bottom-left': '', bottom: '', 'bottom-mid': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', right: '', 'right-mid': '' },
  ...{ middle: ' '.repeat(GAP), mid: '─', 'mid-mid': '─'.repeat(GAP) },
};

/**
 * Draws cells in columns under their heads, with a line below the heads.
 * @param how `aligns`: of the columns, left unless said; `compact`: without a line between two rows
 */
export function drawTable(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  how: { readonly aligns?: ('left' | 'right')[]; readonly compact: boolean },
): string {
  const table = new Table({
    head: [...head],
    chars,
    colAligns: how.aligns ?? [],
    style: { head: [], border: [], compact: how.compact, 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows.map((row) => [...row]));
  const lines = table.toString().split('\n');
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
