import { basename } from 'node:path';
import { readCsv } from '../../formats/csv.js';
import { openZip } from '../../formats/zip.js';
import type { Cell, Converter, Sources } from './converter.js';
import { odd } from './source-arrays.js';

/**
 * Geirhos, Meding and Wichmann 2020: what 25 networks chose on the images of three sets of Geirhos et al. 2019. An
 * image is named by the end of `imagename`, as in the trials of people.
 */
const SETS = [
  ['edge', 'texture-shape_edges'],
  ['silhouette', 'texture-shape_silhouettes'],
  ['cue-conflict', 'texture-shape_cue-conflict'],
] as const;
const HEADER = ['stimulus_id', 'subject', 'truth', 'choice', 'condition'];
const COLUMNS = ['imagename', 'subj', 'category', 'object_response', 'condition'];

export const geirhos2020: Converter = async (sources, outputs) => {
  const tables = await tablesOf(sources);
  for (const [set, start] of SETS) {
    const own = tables.filter(({ name }) => name.startsWith(`${start}_`));
    // The form that is brought by hand may lack a set.
    if (own.length === 0) continue;
    const rows: (readonly Cell[])[] = [];
    for (const { name, bytes } of own.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
      rows.push(...(await rowsOf(name, bytes)));
    const of = { identifier: `Geirhos2020_${set}`, kind: 'trials', role: 'csv' } as const;
    await outputs.table(of, HEADER, rows);
  }
};

interface NamedBytes {
  readonly name: string;
  /** A path, or the content. */
  readonly bytes: string | Uint8Array;
}

async function tablesOf(sources: Sources): Promise<NamedBytes[]> {
  const tables: NamedBytes[] = [];
  for (const file of sources.files) {
    const path = sources.path(file);
    if (!file.endsWith('.zip')) tables.push({ name: basename(file), bytes: path });
    else {
      const zip = await openZip(path);
      try {
        for (const { name } of zip.entries)
          tables.push({ name: basename(name), bytes: await zip.read(name) });
      } finally {
        await zip.close();
      }
    }
  }
  return tables;
}

async function rowsOf(name: string, bytes: string | Uint8Array): Promise<Cell[][]> {
  const { header, rows } = await readCsv(bytes, name);
  const columns = COLUMNS.map((column) => header.indexOf(column));
  if (columns.includes(-1)) odd(name, `columns ${COLUMNS.join(', ')}`, header.join(', '));
  return rows.map((row) => {
    const [image, subject, truth, choice] = columns.map((column) => row[column]);
    return [image.split('_').at(-1) ?? image, subject, truth, choice, '0'];
  });
}
