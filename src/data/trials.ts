import { extname } from 'node:path';
import { quotedList } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import { csvRows } from '../formats/csv.js';
import { readAssembly, textValues } from './assembly.js';
import { idsOf, inferColumn } from './column.js';
import type { Id } from './ids.js';
import type { StimulusSet } from './stimulus-set.js';

/** Behavioural trials in file order, which feeds the shuffle of the halves (spec §4.4 F). */
export interface Trials {
  /** stimulus_id of each trial; of a trial of three images the first; none where rows are thresholds of people, which name no stimulus. */
  readonly stimulusIds: readonly Id[];
  /** All columns as text, stimulus_id among them; missing values are empty. */
  readonly columns: ReadonlyMap<string, readonly string[]>;
}

/**
 * Reads trials from a CSV or from a behavioural assembly (`.nc`, one dimension presentation; the
 * chosen object stands in `choice`, or is the assembly's value, which is the column `values` too). `stimuli` adds its columns to an
 * assembly's.
 * @param thresholds whether rows may be thresholds of people, which name no stimulus
 * @throws VentralError `trials-invalid`, `csv-invalid`, `netcdf-invalid`, `stimuli-mismatch`
 */
export async function readTrials(
  path: string,
  stimuli?: StimulusSet,
  thresholds = false,
): Promise<Trials> {
  const columns =
    extname(path).toLowerCase() === '.csv'
      ? await columnsOfTable(path)
      : await columnsOfAssembly(path, stimuli);
  const ids = columns.get('stimulus_id') ?? columns.get('image_id') ?? columns.get('image_1');
  if (ids === undefined && thresholds && columns.get('threshold')?.length)
    return { stimulusIds: [], columns };
  if (ids === undefined) {
    return refuse(path, 'stimulus_id', 'a column stimulus_id', quotedList(columns.keys()));
  }
  if (ids.length === 0) return refuse(path, 'rows', 'trials', 'none');
  columns.set('stimulus_id', ids);
  return { stimulusIds: idsOf(inferColumn('stimulus_id', ids), path), columns };
}

async function columnsOfTable(path: string): Promise<Map<string, readonly string[]>> {
  let header: readonly string[] = [];
  let columns: string[][] | undefined;
  for await (const row of csvRows(path)) {
    if (columns === undefined) {
      header = row;
      columns = row.map(() => []);
    } else {
      const target = columns;
      row.forEach((cell, i) => {
        target[i].push(cell);
      });
    }
  }
  return new Map(header.map((name, i) => [name, columns?.[i] ?? []]));
}

async function columnsOfAssembly(
  path: string,
  stimuli?: StimulusSet,
): Promise<Map<string, readonly string[]>> {
  const assembly = await readAssembly(path, stimuli === undefined ? {} : { stimuli });
  if (assembly.dims.length !== 1 || assembly.dims[0] !== 'presentation') {
    refuse(path, 'dimensions', 'one dimension, presentation', assembly.dims.join(' × '));
  }
  const columns = new Map<string, readonly string[]>(
    Array.from(assembly.coords, ([name, { values }]) => [name, textValues(values)]),
  );
  const values = textValues(assembly.values);
  if (!columns.has('choice')) columns.set('choice', values);
  if (!columns.has('values')) columns.set('values', values);
  return columns;
}

function refuse(path: string, field: string, expected: string, found: string): never {
  throw new VentralError('trials-invalid', `${path}: ${expected} expected, ${found} found`, {
    file: path,
    field,
    expected,
    found,
  });
}
