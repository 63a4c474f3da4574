import { createHash } from 'node:crypto';
import { VentralError } from '../../errors/ventral-error.js';
import { compareCodePoints } from '../ids.js';
import { encodeGreyPng } from './png.js';

/** A column of a stimulus table, as pandas would infer it. */
export interface SimulatedColumn {
  readonly name: string;
  readonly dtype: 'int64' | 'float64' | 'string';
  readonly values: readonly (string | number)[];
}

/** A stimulus set in memory: grey PNG files and their table. */
export interface SimulatedStimuli {
  readonly identifier: string;
  /** First 16 hexadecimal digits of each file's SHA-1, ascending. */
  readonly ids: readonly string[];
  readonly columns: ReadonlyMap<string, SimulatedColumn>;
  readonly hasImages: true;
  /** 8-bit grey pixels of each stimulus, row-major, side × side. */
  readonly pixels: readonly Uint8Array[];
  readonly side: number;
  filename(row: number): string;
  /** Bytes of the PNG file. */
  read(row: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A stimulus before it has a name. */
export interface StimulusRow {
  readonly pixels: Uint8Array;
  readonly fields: Readonly<Record<string, string | number>>;
}

function columnOf(name: string, values: readonly (string | number)[]): SimulatedColumn {
  const numeric = values.every((value) => typeof value === 'number');
  const dtype = !numeric ? 'string' : values.every(Number.isInteger) ? 'int64' : 'float64';
  return { name, dtype, values };
}

/**
 * Names each stimulus after its file, as FreemanZiemba2013 does, and sorts by that name: rows,
 * presentation order and ascending stimulus_id are one order. Two equal images are a mistake of the
 * generator. `order[i]` is the row, as given, of stimulus i.
 */
export function makeStimuli(
  identifier: string,
  side: number,
  rows: readonly StimulusRow[],
): { readonly stimuli: SimulatedStimuli; readonly order: readonly number[] } {
  const named = rows
    .map((row, from) => {
      const file = encodeGreyPng(side, side, row.pixels);
      const id = createHash('sha1').update(file).digest('hex').slice(0, 16);
      return { ...row, from, file, id };
    })
    .sort((a, b) => compareCodePoints(a.id, b.id));
  const ids = named.map(({ id }) => id);
  const twice = ids.find((id, i) => id === ids[i + 1]);
  if (twice) {
    throw new VentralError('stimuli-duplicate', `${identifier} has the stimulus ${twice} twice`);
  }
  const columns = new Map<string, SimulatedColumn>([
    ['stimulus_id', columnOf('stimulus_id', ids)],
    [
      'filename',
      columnOf(
        'filename',
        ids.map((id) => `${id}.png`),
      ),
    ],
  ]);
  for (const name of Object.keys(rows[0].fields)) {
    columns.set(
      name,
      columnOf(
        name,
        named.map(({ fields }) => fields[name]),
      ),
    );
  }
  const stimuli: SimulatedStimuli = {
    identifier,
    ids,
    columns,
    hasImages: true,
    pixels: named.map(({ pixels }) => pixels),
    side,
    filename: (row) => `${ids[row]}.png`,
    read: async (row) => named[row].file,
    close: async () => {},
  };
  return { stimuli, order: named.map(({ from }) => from) };
}
