import type { KeyTable } from '../../importing/checkpoint/key-table.js';
import { type ImportReport, largestOf } from '../../importing/import-checkpoint.js';
import { visibleText } from '../terminal/error-text.js';
import type { Io } from '../terminal/io.js';
import { printRows } from './print-rows.js';

/** Keys of one kind that are shown to a person; JSON has them all. */
const MOST = 20;

/** The table of a checkpoint that does not fit: missing, mis-shaped and unexpected keys. */
export function printKeys(table: KeyTable, { json }: { json: boolean }, io: Io): void {
  if (json) {
    io.out(`${JSON.stringify({ keys: table }, null, 2)}\n`);
    return;
  }
  const shape = (dims: readonly number[]) => `[${dims.join(', ')}]`;
  const kinds: [string, readonly (readonly string[])[]][] = [
    ['missing', table.missing.map((key) => [key, '', ''])],
    ['mis-shaped', table.misshapen.map((m) => [m.key, shape(m.expected), shape(m.found)])],
    ['unexpected', table.unexpected.map((key) => [key, '', ''])],
  ];
  const rows = kinds.flatMap(([kind, keys]) => [
    ...keys.slice(0, MOST).map((cells) => [kind, ...cells]),
    ...(keys.length > MOST ? [[kind, `and ${keys.length - MOST} more`, '', '']] : []),
  ]);
  printRows(['state', 'key', 'the network has', 'the file has'], visible(rows), io, {
    head: ['state', 'key', 'expected', 'found'],
    rows: visible(rows),
  });
}

/** What was imported and how it was proved; notes go to stderr. */
export function printImport(report: ImportReport, { json }: { json: boolean }, io: Io): void {
  if (json) {
    io.out(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  const { keys, proof, unproved, notes, onto, source } = report;
  const rows = [
    ['source', [source.format, source.path].filter(Boolean).join(', ')],
    ...Object.entries(onto).map(([key, value]) => [key, value]),
    ...(keys ? [['loaded', `${keys.loaded} of ${keys.total} tensors`]] : []),
    ...ignoredRows(keys),
    ['proved', proof ? proofText(proof) : `not proved: ${unproved}`],
    ['written', `${report.file} ${report.digest}`],
  ];
  printRows(['field', 'value'], visible(rows), io);
  for (const note of notes) io.err(visibleText(`note: ${note}`));
}

/** Names come out of a file that anybody may have made. */
const visible = (rows: readonly (readonly string[])[]) =>
  rows.map((row) => row.map((cell) => visibleText(cell).trimEnd()));

function ignoredRows(keys: KeyTable | undefined): string[][] {
  const counts = new Map<string, number>();
  for (const { why } of keys?.ignored ?? []) counts.set(why, (counts.get(why) ?? 0) + 1);
  return [...counts].map(([why, count]) => ['left out', `${count} tensors: ${why}`]);
}

function proofText(proof: NonNullable<ImportReport['proof']>): string {
  const { layer, difference, relative } = largestOf(proof);
  const missing = proof.notCompared.length;
  const others = missing > 0 ? `; ${missing} layers of the source are not in the graph` : '';
  return `${proof.layers.length} layers compared with ${proof.by}; largest difference ${difference.toExponential(1)}, ${relative.toExponential(1)} of the largest value, at ${layer}${others}`;
}
