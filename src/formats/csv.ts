import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { CsvError, type Options, parse as parseStream } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { quoted } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import { writeFileAtomic } from './write-file-atomic.js';

/** CSV in UTF-8 with a header line: read whole or row by row, written as RFC 4180 quotes it. */

/** A whole CSV file; every row has as many cells as the header. */
export interface CsvTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const options = {
  bom: true,
  skip_empty_lines: true,
  record_delimiter: ['\r\n', '\n', '\r'],
} satisfies Options;

/**
 * Reads a CSV file, from its path or its bytes; `name` is how messages call it.
 * @throws VentralError `csv-invalid` (ragged rows, quotes, encoding, header; with the line), `file-missing`
 */
export async function readCsv(source: string | Uint8Array, name?: string): Promise<CsvTable> {
  const label = name ?? (typeof source === 'string' ? source : 'the CSV file');
  try {
    const bytes = typeof source === 'string' ? await readFile(source) : source;
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const [header, ...rows] = parseSync(text, options) as string[][];
    checkHeader(header, label);
    return { header, rows };
  } catch (error) {
    throw csvError(error, label);
  }
}

/**
 * The rows of a CSV file one by one, the header first, in bounded memory.
 * @throws as {@link readCsv} does
 */
export async function* csvRows(path: string, name: string = path): AsyncGenerator<string[]> {
  const parser = parseStream(options);
  const file = createReadStream(path);
  const feed = (async () => {
    try {
      const decoder = new TextDecoder('utf-8', { fatal: true });
      for await (const bytes of file) {
        if (!parser.write(decoder.decode(bytes, { stream: true }))) {
          await new Promise((resolve) => parser.once('drain', resolve));
        }
      }
      parser.end(decoder.decode());
    } catch (error) {
      parser.destroy(error as Error);
    }
  })();
  try {
    let first = true;
    for await (const row of parser as AsyncIterable<string[]>) {
      if (first) checkHeader(row, name);
      first = false;
      yield row;
    }
    if (first) checkHeader(undefined, name);
    await feed;
  } catch (error) {
    throw csvError(error, name);
  } finally {
    file.destroy();
    parser.destroy();
  }
}

/** A table as CSV text: cells quoted where RFC 4180 asks for it, lines ended by `\n` as pandas does. */
export function formatCsv(
  header: readonly string[],
  rows: readonly (readonly (string | number | boolean | null)[])[],
): string {
  // A lone empty cell would be an empty line, which readers skip: it is quoted.
  const cell = { boolean: (value: boolean) => (value ? 'True' : 'False') };
  const quotedEmpty = header.length === 1;
  return stringify([header, ...rows] as unknown[][], { cast: cell, quoted_empty: quotedEmpty });
}

/** Writes a table as a CSV file, whole or not at all. */
export async function writeCsv(
  path: string,
  header: readonly string[],
  rows: readonly (readonly (string | number | boolean | null)[])[],
): Promise<void> {
  await writeFileAtomic(path, formatCsv(header, rows));
}

function checkHeader(header: readonly string[] | undefined, name: string): void {
  if (header === undefined) {
    throw new VentralError('csv-invalid', `${name} is empty: a header line is expected`, {
      file: name,
      expected: 'a header line',
      found: 'nothing',
    });
  }
  const seen = new Set<string>();
  for (const column of header) {
    if (seen.has(column)) {
      throw new VentralError('csv-invalid', `${name} has the column ${quoted(column)} twice`, {
        file: name,
        field: column,
        expected: 'column names that differ',
        found: `${quoted(column)} twice`,
      });
    }
    seen.add(column);
  }
}

function csvError(error: unknown, name: string): VentralError {
  if (error instanceof CsvError) {
    const line = typeof error.lines === 'number' ? error.lines : undefined;
    const where = line === undefined ? name : `${name}, line ${line}`;
    const ragged = error.code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH';
    const found = ragged
      ? `${(error.record as unknown[] | undefined)?.length ?? 'another number of'} cells`
      : error.message.replace(/\.?$/, '');
    const sentence = ragged
      ? `${where}: the row has ${found}, which differs from the number of columns in the header`
      : `${where}: ${found}`;
    const expected = 'as many cells as the header has columns, quoted as RFC 4180 says';
    return new VentralError('csv-invalid', sentence, {
      file: name,
      found,
      expected,
      ...(line === undefined ? {} : { field: `line ${line}` }),
    });
  }
  if (
    error instanceof TypeError &&
    'code' in error &&
    error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
  ) {
    return new VentralError('csv-invalid', `${basename(name)} is not UTF-8 text`, {
      file: name,
      expected: 'UTF-8',
      found: 'other bytes',
    });
  }
  return VentralError.from(error);
}
