import { visibleName } from '../../report/visible-name.js';
import { GAP } from './draw-table.js';

/** A column that has to break words is not made narrower than this. */
const LEAST = 6;
/** A longer word, a digest for one, is broken before the words of other columns are. */
const LONGEST_WORD = 26;

/** Rows that fit a width. */
export interface FittedRows {
  /** Columns that say the same of every row, as name and value: left out where the table is too wide with them. */
  readonly above: readonly (readonly [name: string, value: string])[];
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Whether a cell was broken into lines to fit. */
  readonly wrapped: boolean;
}

/**
 * Fits rows to a terminal of so many columns, and loses nothing: what is the same in every row goes above the table,
 * then cells are broken into lines, between words first. Control characters are written out.
 */
export function fitRows(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
): FittedRows {
  const shown = rows.map((row) => row.map(visibleLines));
  const whole = { above: [], head: head.map(visibleLines), rows: shown, wrapped: false };
  if (fits(whole, width)) return whole;
  const lean = withoutConstant(whole);
  return fits(lean, width) ? lean : wrapRows(lean, width);
}

/** Lines of a text as a terminal shows it, at most `width` columns each; broken between words where it can be. */
export function wrapText(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => wrapLine(line, width))
    .join('\n');
}

const visibleLines = (text: string) =>
  text
    .split('\n')
    .map((line) => visibleName(line))
    .join('\n');

const columnsOf = ({ head, rows }: FittedRows): string[][] =>
  (rows[0] ?? head).map((_, j) => [head[j] ?? '', ...rows.map((row) => row[j])]);

const total = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

const fits = (table: FittedRows, width: number) => {
  const widths = columnsOf(table).map(naturalWidth);
  return total(widths) + GAP * (widths.length - 1) <= width;
};

function withoutConstant(table: FittedRows): FittedRows {
  const { head, rows } = table;
  const same = head.map(
    (name, j) => rows.length > 1 && name !== '' && rows.every((row) => row[j] === rows[0][j]),
  );
  if (same.every(Boolean)) return table;
  const kept = <T>(cells: readonly T[]) => cells.filter((_, j) => !same[j]);
  return {
    ...table,
    above: head.flatMap((name, j) => (same[j] && rows[0][j] !== '' ? [[name, rows[0][j]]] : [])),
    head: kept(head),
    rows: rows.map(kept),
  };
}

function wrapRows(table: FittedRows, width: number): FittedRows {
  const widths = widthsWithin(columnsOf(table), width);
  const wrap = (cell: string, j: number) => wrapText(cell, widths[j]);
  const rows = table.rows.map((row) => row.map(wrap));
  return { ...table, head: table.head.map(wrap), rows, wrapped: true };
}

/** Widths of columns that break between words alone, else within names, else within words. */
function widthsWithin(columns: readonly string[][], width: number): number[] {
  const natural = columns.map(naturalWidth);
  const room = width - GAP * (columns.length - 1);
  const words = shrunk(
    natural,
    columns.map((cells) => longest(cells, WORDS)),
    room,
  );
  if (total(words) <= room) return words;
  const parts = columns.map((cells) => Math.min(LONGEST_WORD, longest(cells, PARTS)));
  const least = columns.map(() => LEAST);
  return shrunk(shrunk(natural, parts, room), least, room);
}

/** Takes columns away from the widest until all have room, or none is above its floor. */
function shrunk(widths: readonly number[], floors: readonly number[], room: number): number[] {
  const left = [...widths];
  while (total(left) > room) {
    const spare = left.map((width, j) => (width > floors[j] ? width : 0));
    const widest = Math.max(...spare);
    if (widest === 0) break;
    left[spare.indexOf(widest)]--;
  }
  return left;
}

const naturalWidth = (cells: readonly string[]) =>
  Math.max(...cells.flatMap((cell) => cell.split('\n').map(widthOf)));

/** After spaces, but for those that follow a sign between two numbers. */
const WORDS = /(?<=(?<![±…])\s)/u;
/** After any space, and within names: after a dot, slash, colon or underscore before a letter. */
const PARTS = /(?<=\s)|(?<=[._/:])(?=\p{L})/u;

const longest = (cells: readonly string[], between: RegExp) =>
  Math.max(
    ...cells.flatMap((cell) => cell.split(between).map((piece) => widthOf(piece.trimEnd()))),
  );

function wrapLine(line: string, width: number): string[] {
  const lines = [''];
  for (const piece of wordsOf(line, width)) {
    const last = lines[lines.length - 1];
    if (widthOf(last + piece.trimEnd()) <= width) {
      lines[lines.length - 1] = last + piece;
      continue;
    }
    if (last.trim() === '') lines.pop();
    lines.push(...chunks(piece.trimEnd(), width));
    if (/\s$/.test(piece)) lines[lines.length - 1] += ' ';
  }
  return lines.map((each) => each.trimEnd());
}

/** Words, those that are too wide in their parts. */
const wordsOf = (line: string, width: number) =>
  line.split(WORDS).flatMap((word) => (widthOf(word.trimEnd()) > width ? word.split(PARTS) : word));

function chunks(word: string, width: number): string[] {
  const found = [''];
  for (const character of word) {
    const last = found[found.length - 1];
    if (last !== '' && widthOf(last + character) > width) found.push(character);
    else found[found.length - 1] = last + character;
  }
  return found;
}

const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;

/** Columns of a terminal that a text takes. */
function widthOf(text: string): number {
  return total([...text].map((each) => (/\p{M}/u.test(each) ? 0 : WIDE.test(each) ? 2 : 1)));
}
