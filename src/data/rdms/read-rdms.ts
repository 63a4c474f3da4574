import { quoted, quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { csvRows } from '../../formats/csv.js';
import { isNumberOrMissing, parseNumber } from '../column.js';
import type { Id } from '../ids.js';
import type { StimulusSet } from '../stimulus-set.js';

/** Dissimilarities between the same stimuli, one matrix a subject. */
export interface SubjectRdms {
  readonly stimulusIds: readonly Id[];
  readonly subjects: readonly string[];
  /** Entries above the diagonal of each subject's matrix, row by row. */
  readonly pairs: readonly Float64Array[];
}

/**
 * Reads a table of dissimilarities: `stimulus_1`, `stimulus_2`, then one column a subject; a row a pair, in any order.
 * @throws VentralError `csv-invalid`, `file-missing`, `recordings-invalid` for a pair that lacks, stands twice or has
 *   no number, and for fewer than three stimuli; `stimuli-mismatch` for a stimulus that the set lacks
 */
export async function readRdms(path: string, stimuli: StimulusSet): Promise<SubjectRdms> {
  const reader = new RdmReader(path, stimuli);
  for await (const row of csvRows(path)) reader.take(row);
  return reader.end();
}

class RdmReader {
  readonly #path: string;
  readonly #known: ReadonlyMap<string, Id>;
  #columns: { first: number; second: number; subjects: readonly number[] } | undefined;
  #header: readonly string[] = [];
  /** Position of each stimulus, in the order in which they appear. */
  readonly #position = new Map<string, number>();
  readonly #values = new Map<string, Float64Array>();

  constructor(path: string, stimuli: StimulusSet) {
    this.#path = path;
    this.#known = new Map(stimuli.ids.map((id) => [String(id), id]));
  }

  take(row: readonly string[]): void {
    if (this.#columns === undefined) this.#start(row);
    else this.#pair(row, this.#columns);
  }

  #start(header: readonly string[]): void {
    const [first, second] = ['stimulus_1', 'stimulus_2'].map((name) => header.indexOf(name));
    const subjects = header.map((_, i) => i).filter((i) => i !== first && i !== second);
    if (first < 0 || second < 0 || subjects.length === 0)
      this.#refuse('columns stimulus_1, stimulus_2 and one a subject', quotedList(header));
    this.#header = header;
    this.#columns = { first, second, subjects };
  }

  #pair(
    row: readonly string[],
    columns: { first: number; second: number; subjects: readonly number[] },
  ): void {
    const [a, b] = [this.#at(row[columns.first]), this.#at(row[columns.second])];
    const key = a < b ? `${a} ${b}` : `${b} ${a}`;
    const where = `${quoted(row[columns.first])} and ${quoted(row[columns.second])}`;
    if (a === b) this.#refuse('two stimuli a row', where);
    if (this.#values.has(key)) this.#refuse('each pair once', `${where} twice`);
    const values = Float64Array.from(columns.subjects, (column) => {
      const cell = row[column];
      const value = parseNumber(cell);
      if (isNumberOrMissing(cell) && Number.isFinite(value)) return value;
      return this.#refuse('a number', `${quoted(cell)} of ${this.#header[column]} for ${where}`);
    });
    this.#values.set(key, values);
  }

  #at(id: string): number {
    if (!this.#known.has(id))
      throw new VentralError(
        'stimuli-mismatch',
        `${this.#path} names stimulus ${quoted(id)}, which the stimuli lack`,
        { file: this.#path, field: 'stimulus_id', found: id },
      );
    const at = this.#position.get(id) ?? this.#position.size;
    this.#position.set(id, at);
    return at;
  }

  end(): SubjectRdms {
    const names = [...this.#position.keys()];
    const subjects = this.#columns?.subjects ?? [];
    if (names.length < 3)
      this.#refuse('pairs of at least three stimuli', `${names.length} stimuli`);
    const order: Float64Array[] = [];
    for (let a = 0; a < names.length; a++) {
      for (let b = a + 1; b < names.length; b++)
        order.push(
          this.#values.get(`${a} ${b}`) ??
            this.#refuse('every pair', `none of ${quoted(names[a])} and ${quoted(names[b])}`),
        );
    }
    return {
      stimulusIds: names.map((name) => this.#known.get(name) as Id),
      subjects: subjects.map((column) => this.#header[column]),
      pairs: subjects.map((_, subject) => Float64Array.from(order, (values) => values[subject])),
    };
  }

  #refuse(expected: string, found: string): never {
    throw new VentralError(
      'recordings-invalid',
      `${this.#path}: ${expected} expected, ${found} found`,
      { file: this.#path, expected, found },
    );
  }
}
