import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fitRows, wrapText } from '../../../src/cli/print/fit-rows.js';
import { printRows } from '../../../src/cli/print/print-rows.js';
import { type Io, processIo } from '../../../src/cli/terminal/io.js';
import { tableCases } from './table-cases.js';

/** What is printed to a terminal of so many columns, or to a pipe. */
async function printed(columns: number | undefined, print: (io: Io) => unknown): Promise<string> {
  let out = '';
  const add = (text: string) => {
    out += text;
  };
  const interactive = columns !== undefined;
  await print({ out: add, err: () => {}, interactive, color: false, ...(columns && { columns }) });
  return out;
}

const cli = join(import.meta.dirname, '..', '..', '..', 'src', 'cli');
const drawn = /\b(?:printRows|drawTable|tsv)\(/g;
/** Files of the command line that print a table, with the places at which they do. */
const users = new Map(
  readdirSync(cli, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => !/^print\/(?:print-rows|draw-table|fit-rows)\.ts$/.test(file))
    .map((file) => [file, readFileSync(join(cli, file), 'utf8').match(drawn)?.length ?? 0] as const)
    .filter(([, places]) => places > 0),
);

test('every file that prints a table has a snapshot of each', () => {
  const without = [...users].filter(([file, places]) => (tableCases[file]?.length ?? 0) < places);
  expect(without).toEqual([]);
  expect(Object.keys(tableCases).filter((file) => !users.has(file))).toEqual([]);
});

/** Lines of the tables in a text: a line above each rule, and those below it up to a sentence. */
function tableLines(text: string): string[] {
  const lines = text.split('\n');
  return lines.flatMap((line, rule) => {
    if (!/^─+$/.test(line)) return [];
    const end = lines.findIndex(
      (each, i) => i > rule && /^$|^● |^\[\d+\] |^(?:not )?checked: |^Rows |^possible/.test(each),
    );
    return lines.slice(rule - 1, end);
  });
}

const cases = Object.values(tableCases).flatMap((each) =>
  each.map((one) => [one.name, one] as const),
);
describe.each(cases)('%s', (_, { print, whole }) => {
  test.each([80, 160])('at %i columns', async (columns) => {
    const text = await printed(columns, print);
    expect(text).toMatchSnapshot();
    const lines = tableLines(text);
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect([...line].length, line).toBeLessThanOrEqual(columns);
  });

  test('in a pipe', async () => {
    const text = await printed(undefined, print);
    expect(text).toMatchSnapshot();
    expect(text).not.toMatch(/[─│●○±]|(^|\t)–/m);
    for (const part of text.replace(/\n$/, '').split('\n\n')) {
      const cells = part.split('\n').map((line) => line.split('\t').length);
      expect(new Set(cells).size).toBe(1);
      expect(part.split('\n')[0]).toMatch(/^[a-z_]+(\t[a-z_]+)*$/);
    }
    const cells = text.split(/[\t\n]/);
    for (const name of whole)
      expect(
        cells.some((cell) => cell.includes(name)),
        name,
      ).toBe(true);
  });

  test.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])(
    'has no escape sequence under %o',
    async (environment) => {
      let out = '';
      const stream = { isTTY: true, columns: 100, write: (text: string) => (out += text) };
      const io = processIo(stream, { isTTY: true, write: () => true }, environment);
      await print(io);
      expect(out).not.toContain('\u001b');
      expect(out.length).toBeGreaterThan(0);
    },
  );
});

describe('a table that is too wide', () => {
  const rows = [
    ['resnet50', 'MajajHong2015public.IT-pls', '0.3402 ± 0.009'],
    ['resnet50', 'FreemanZiemba2013public.V1-pls', '0.2400'],
  ];
  const head = ['model', 'benchmark', 'score'];

  test('says first what all its rows have in common', () => {
    expect(fitRows(head, rows, 60)).toMatchObject({ above: [], wrapped: false });
    expect(fitRows(head, rows, 50)).toMatchObject({
      above: [['model', 'resnet50']],
      head: ['benchmark', 'score'],
      wrapped: false,
    });
  });

  test('breaks cells between words, and loses no character', () => {
    const { rows: broken } = fitRows(head, rows, 34);
    expect(broken[0]).toEqual(['MajajHong2015public.\nIT-pls', '0.3402\n± 0.009']);
    for (const width of [34, 24, 20, 1]) {
      const joined = fitRows(head, rows, width).rows.map((row) =>
        row.map((cell) => cell.replaceAll(/\s/g, '')),
      );
      expect(joined.map(([benchmark]) => benchmark)).toEqual(rows.map((row) => row[1]));
    }
  });

  test('counts wide characters twice, and breaks no number', () => {
    expect(wrapText('猿の視覚野', 4)).toBe('猿の\n視覚\n野');
    expect(wrapText('0.25 … -0.75', 8)).toBe('0.25\n… -0.75');
    expect(wrapText('0.25 … -0.75', 6)).toBe('0.25 …\n-0.75');
  });

  test('shows no control character', async () => {
    const text = await printed(80, (io) => printRows(['name'], [['a\u001b[31mb\u202e']], io));
    expect(text).toContain('a⟨U+001B⟩[31mb⟨U+202E⟩');
    expect(await printed(undefined, (io) => printRows(['name'], [['a\tb\u001b\nc']], io))).toBe(
      'name\na b⟨U+001B⟩ c\n',
    );
  });
});

describe('the streams of a process', () => {
  const stream = (isTTY: boolean, columns?: number) => ({
    isTTY,
    ...(columns === undefined ? {} : { columns }),
    write: () => true,
  });
  const io = (environment: Record<string, string>, out = stream(true, 132), err = stream(true)) => {
    const { columns, interactive, color } = processIo(out, err, environment);
    return { columns, interactive, color };
  };

  test('have tables, bars and colours in a terminal, at least 80 columns wide', () => {
    const all = { interactive: true, color: true };
    expect(io({ TERM: 'xterm' })).toEqual({ columns: 132, ...all });
    for (const few of [stream(true, 0), stream(true), stream(true, 40)])
      expect(io({}, few)).toEqual({ columns: 80, ...all });
  });

  test('have TSV in a pipe, and a table where stderr alone goes elsewhere', () => {
    const none = { interactive: false, color: false };
    expect(io({}, stream(false))).toEqual({ columns: undefined, ...none });
    expect(io({}, stream(true, 90), stream(false))).toEqual({
      ...{ columns: 90, interactive: false, color: true },
    });
  });

  test('have no colour under NO_COLOR, and neither colour nor bar under TERM=dumb', () => {
    expect(io({ NO_COLOR: '1' })).toEqual({ columns: 132, interactive: true, color: false });
    expect(io({ NO_COLOR: '' }).color).toBe(true);
    expect(io({ TERM: 'dumb' })).toEqual({ columns: 132, interactive: false, color: false });
  });
});
