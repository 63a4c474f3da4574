import { duration } from '../../report/duration.js';
import { visibleName } from '../../report/visible-name.js';
import type { AblationResult } from './run-ablation.js';
import { DIFFERENCES, MANY, type Table } from './tables.js';
import { entryWords } from './words.js';

/**
 * The tables as Markdown that is made to be put into a document: command, versions, seeds, digests, what it took.
 * @param command that made it
 */
export function ablationMarkdown(result: AblationResult, command: string): string {
  const { tables, direction, cells, seeds } = result;
  const failed = cells.filter(({ missing }) => missing.size > 0);
  return [
    `Made by \`${visibleName(command)}\`.`,
    '',
    ...facts(result),
    '',
    `${DIFFERENCES[direction]} ${MANY}`,
    '',
    ...tables.flatMap((table, i) => [...markdownTable(table, i + 1, seeds.length), '']),
    ...failed.map(({ family, arm, seed, missing }) => {
      const reasons = [...missing].map(([measure, reason]) =>
        measure === '' ? reason : `${measure}: ${reason}`,
      );
      return `- Missing: ${family}, ${arm}, seed ${seed}: ${plain(reasons.join('; '))}`;
    }),
    ...(failed.length > 0 ? [''] : []),
  ].join('\n');
}

function facts({ versions, seeds, digests, cells, took }: AblationResult): string[] {
  const all = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const hours = took.cpu / 3600;
  return [
    `- Versions: ${plain(all.join(', '))}`,
    `- Seeds: ${seeds.join(', ')}; ${cells.length} networks`,
    ...Object.entries(digests).map(([name, digest]) => `- ${plain(name)}: \`${digest}\``),
    `- Run time: ${duration(took.wall)} (${hours.toFixed(2)} h of processor time)`,
  ];
}

/**
 * One table with its title.
 * @param number that the title bears
 * @param seeds how many an arm has
 */
export function markdownTable(
  { title, columns, rows }: Table,
  number: number,
  seeds: number,
): string[] {
  const heads = columns.map(({ title: head, simulated }) =>
    simulated ? `${plain(head)} (simulated)` : plain(head),
  );
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    `**Table ${number}. ${title}**`,
    '',
    line(['family', 'arm', ...heads]),
    line(['---', '---', ...columns.map(() => '---:')]),
    ...rows.map((row) => {
      const cells = row.entries.map((entry) => {
        const { value, notes } = entryWords(entry, row, seeds);
        return plain([value, ...notes].join(', '));
      });
      return line([row.family, plain(row.title), ...cells]);
    }),
  ];
}

/** Text that neither ends a cell of a table nor becomes markup. */
const plain = (text: string) =>
  visibleName(text).replaceAll(/[\\|<>*_`[\]]/g, (character) => `\\${character}`);
