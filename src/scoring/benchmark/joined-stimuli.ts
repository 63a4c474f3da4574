import { findData } from '../../data/catalog.js';
import { inferColumn } from '../../data/column.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { quoted, quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { readCsv } from '../../formats/csv.js';
import type { StimulusJoin, StimulusSource } from './benchmark.js';

/** Where the table is not by the owner of the stimuli, no message may tell what they hold. */
const maySee = (source: StimulusSource) =>
  source.kind !== 'catalog' || findData(source.identifier, 'stimuli').access === 'public';

/**
 * Stimuli with the columns of another table: each has those of the row with its value of the column of both.
 * @throws VentralError `file-missing`, `csv-invalid`; `benchmark-invalid` where a column or a row is not there, or is there twice
 */
export async function joinedStimuli(
  stimuli: StimulusSet,
  source: StimulusSource & { readonly join: StimulusJoin },
): Promise<StimulusSet> {
  const { table, on } = source.join;
  const { header, rows } = await readCsv(table);
  const key = header.indexOf(on);
  const own = stimuli.columns.get(on);
  if (key < 0) throw refused(table, `column ${quoted(on)}`, quotedList(header));
  if (own === undefined)
    throw refused(
      table,
      `stimuli with the column ${quoted(on)}`,
      quotedList(stimuli.columns.keys()),
    );
  const twice = header.find((name) => name !== on && stimuli.columns.has(name));
  if (twice !== undefined)
    throw refused(table, 'columns that the stimuli lack', `${quoted(twice)} in both`);
  const byValue = new Map<string, readonly string[]>();
  for (const row of rows) {
    if (byValue.has(row[key])) throw refused(table, `each ${on} once`, `${quoted(row[key])} twice`);
    byValue.set(row[key], row);
  }
  const found = own.values.map((value, i) => {
    const row = byValue.get(`${value ?? ''}`);
    if (row) return row;
    const which = maySee(source) ? quoted(`${value ?? ''}`) : `of stimulus ${i + 1}`;
    throw refused(table, `a row for ${on} ${which}`, 'none');
  });
  const columns = new Map(stimuli.columns);
  for (const [i, name] of header.entries())
    if (i !== key)
      columns.set(
        name,
        inferColumn(
          name,
          found.map((row) => row[i]),
        ),
      );
  return { ...stimuli, columns };
}

function refused(file: string, expected: string, found: string): VentralError {
  return new VentralError(
    'benchmark-invalid',
    `${file}, joined to the stimuli: expected ${expected}, found ${found}`,
    { file, field: 'join', expected, found },
  );
}
