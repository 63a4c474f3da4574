import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { csvRows, formatCsv, readCsv, writeCsv } from '../../src/formats/csv.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-csv-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function streamed(path: string): Promise<string[][]> {
  const rows: string[][] = [];
  for await (const row of csvRows(path)) rows.push(row);
  return rows;
}

async function saved(bytes: string | Uint8Array): Promise<string> {
  const path = join(folder, 'case.csv');
  await writeFile(path, bytes);
  return path;
}

describe('readCsv and csvRows', () => {
  it.each<[string, string, string[][]]>([
    [
      'quotes and commas',
      'a,b\n"x, ""y""",2\n',
      [
        ['a', 'b'],
        ['x, "y"', '2'],
      ],
    ],
    [
      'a byte order mark and CRLF',
      '\ufeffa,b\r\n1,2\r\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'a line break in a cell',
      'a,b\n"x\ny",2\n',
      [
        ['a', 'b'],
        ['x\ny', '2'],
      ],
    ],
    ['no line break at the end', 'a\n1', [['a'], ['1']]],
    [
      'empty cells and lines',
      'a,b\n,\n\n1,\n',
      [
        ['a', 'b'],
        ['', ''],
        ['1', ''],
      ],
    ],
    ['mixed line ends', 'a\r\n1\n2\r\n', [['a'], ['1'], ['2']]],
    ['a header alone', 'a,b\n', [['a', 'b']]],
  ])('read %s', async (_what, text, expected) => {
    const path = await saved(text);
    const { header, rows } = await readCsv(path);
    expect([header, ...rows]).toEqual(expected);
    expect(await streamed(path)).toEqual(expected);
    expect(await readCsv(Buffer.from(text), 'x.csv')).toEqual({ header, rows });
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['a ragged row', 'a,b\n1,2\n3\n', /line 3.*1 cells/],
    ['a row that is too long', 'a,b\n1,2,3\n', /line 2.*3 cells/],
    ['an unclosed quote', 'a,b\n"1,2\n', /line 2|line 3/],
    ['a quote in the middle', 'a,b\n1"x,2\n', /line 2/],
    ['a column twice', 'a,a\n1,2\n', /the column "a" twice/],
    ['nothing', '', /is empty/],
    ['bytes that are no UTF-8', Buffer.from([97, 10, 0xff, 0xfe, 10]), /is not UTF-8/],
  ])('refuse %s, naming file and line', async (_what, bytes, sentence) => {
    const path = await saved(bytes);
    const expected = {
      code: 'csv-invalid',
      message: expect.stringMatching(sentence),
      details: { file: path },
    };
    await expect(readCsv(path)).rejects.toMatchObject(expected);
    await expect(streamed(path)).rejects.toMatchObject(expected);
  });

  it('say which file is missing', async () => {
    const path = join(folder, 'none.csv');
    await expect(readCsv(path)).rejects.toMatchObject({ code: 'file-missing' });
    await expect(streamed(path)).rejects.toMatchObject({ code: 'file-missing' });
  });

  it('can be left before the end', async () => {
    const path = await saved(`a\n${'1\n'.repeat(100_000)}`);
    for await (const row of csvRows(path)) {
      expect(row).toEqual(['a']);
      break;
    }
  });

  it('refuse any bytes with one error of ours, or read them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 80 }),
          fc
            .string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a', ' ') })
            .map((text) => new Uint8Array(Buffer.from(text))),
        ),
        async (bytes) => {
          for (const read of [
            () => readCsv(bytes, 'x.csv'),
            async () => streamed(await saved(bytes)),
          ]) {
            await read().catch((error: unknown) => expect(error).toBeInstanceOf(VentralError));
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('writeCsv', () => {
  it('gives back every table', async () => {
    const cell = fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a', ' ', 'ü', '=') });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.array(cell, { minLength: 4, maxLength: 4 }), { maxLength: 5 }),
        async (width, wide) => {
          const header = ['a', 'b', 'c', 'd'].slice(0, width);
          const rows = wide.map((row) => row.slice(0, width));
          const path = join(folder, 'trip.csv');
          await writeCsv(path, header, rows);
          expect(await readCsv(path)).toEqual({ header, rows });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('writes numbers with all their digits, booleans and gaps as pandas does', async () => {
    const path = join(folder, 'values.csv');
    await writeCsv(path, ['x', 'y', 'z'], [[0.1 + 0.2, true, null]]);
    expect(await readFile(path, 'utf8')).toBe('x,y,z\n0.30000000000000004,True,\n');
    expect(formatCsv(['a'], [['=1+1']])).toBe('a\n=1+1\n');
  });
});
