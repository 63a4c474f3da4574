import { quoted, quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { readCsv } from '../../formats/csv.js';
import type { Benchmark, SplitTable } from './benchmark.js';

/** Ids of the stimuli that a split fits on and tests on, as text. */
export interface SplitSides {
  readonly train: ReadonlySet<string>;
  readonly test: ReadonlySet<string>;
}

/** Reads a benchmark's table of training and test stimuli. */
export class SplitTableReader {
  readonly #file: string;
  readonly #path: string;
  readonly #split: SplitTable;
  readonly #header: readonly string[];
  readonly #rows: readonly (readonly string[])[];

  private constructor(
    file: string,
    path: string,
    split: SplitTable,
    {
      header,
      rows,
    }: { readonly header: readonly string[]; readonly rows: readonly (readonly string[])[] },
  ) {
    this.#file = file;
    this.#path = path;
    this.#split = split;
    this.#header = header;
    this.#rows = rows;
  }

  /** @throws VentralError `file-missing`, `csv-invalid`, `benchmark-invalid` for a column that is not there */
  static async open({ file, split }: Benchmark, path: string): Promise<SplitTableReader> {
    const asked = split as SplitTable;
    const table = await readCsv(path);
    const wanted = ['stimulus_id', ...Object.keys(asked.where), ...asked.columns];
    const missing = wanted.find((name) => !table.header.includes(name));
    if (missing !== undefined) {
      throw new VentralError(
        'benchmark-invalid',
        `${file} split: ${path} has no column ${quoted(missing)}; it has ${quotedList(table.header)}`,
        { file, field: '/split', expected: missing, found: quotedList(table.header) },
      );
    }
    return new SplitTableReader(file, path, asked, table);
  }

  /**
   * Both sides of a column for the recordings called `subject`.
   * @throws VentralError `benchmark-invalid` for another word than train and test, or a side without stimuli
   */
  sides(column: string, subject: string): SplitSides {
    const at = (name: string) => this.#header.indexOf(name);
    const where = Object.entries(this.#split.where).map(
      ([name, value]) => [at(name), value === '$subject' ? subject : value] as const,
    );
    const [id, cell] = [at('stimulus_id'), at(column)];
    const sides = { train: new Set<string>(), test: new Set<string>() };
    for (const row of this.#rows) {
      if (where.some(([position, value]) => row[position] !== value)) continue;
      const word = row[cell].trim();
      if (word === '') continue;
      if (word !== 'train' && word !== 'test')
        this.#refuse(column, 'train, test or nothing', quoted(word));
      sides[word as 'train' | 'test'].add(row[id]);
    }
    for (const side of ['train', 'test'] as const)
      if (sides[side].size === 0 && !this.#split.both)
        this.#refuse(column, `stimuli to ${side} on for ${quoted(subject)}`, 'none');
    return sides;
  }

  #refuse(column: string, expected: string, found: string): never {
    throw new VentralError(
      'benchmark-invalid',
      `${this.#file} split: ${this.#path}, column ${quoted(column)}: ${expected} expected, ${found} found`,
      { file: this.#file, field: `/split/${column}`, expected, found },
    );
  }
}
