import { basename, extname } from 'node:path';
import { type Assembly, readAssembly } from '../../data/assembly.js';
import type { Id } from '../../data/ids.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { quoted, quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { denseFeatures, type Features } from '../../numerics/algebra/features.js';
import { matrix } from '../../numerics/algebra/matrix.js';
import type { PublishedOutputs } from '../measure/loaded-benchmark.js';

/**
 * What models gave, in the netCDF files that Brain-Score publishes for its own tests: features
 * (stimulus_path × neuroid), probabilities (presentation × choice) and choices (one text a presentation).
 */

/**
 * Features of the stimuli of a set, rows in its order, matched by stimulus id or file name.
 * @throws VentralError `netcdf-invalid`, `stimuli-mismatch`
 */
export async function readPublishedFeatures(path: string, stimuli: StimulusSet): Promise<Features> {
  const { assembly, rows, at } = await opened(path, stimuli, 'neuroid');
  const values = numbersOf(assembly, path);
  const cols = assembly.shape[1 - at];
  const data = new Float64Array(rows.length * cols);
  rows.forEach((from, row) => {
    for (let col = 0; col < cols; col++)
      data[row * cols + col] = values[placeOf(assembly, at, from, col)];
  });
  return denseFeatures(rows.length, cols, data);
}

/**
 * Probabilities of choices for the stimuli of a set, in its order.
 * @throws VentralError `netcdf-invalid`, `stimuli-mismatch`
 */
export async function readPublishedProbabilities(
  path: string,
  stimuli: StimulusSet,
): Promise<PublishedOutputs> {
  const { assembly, rows, at } = await opened(path, stimuli, 'choice');
  const other = assembly.dims[1 - at];
  const labels = assembly.coords.get('choice') ?? assembly.coords.get(other);
  if (labels === undefined || labels.dim !== other)
    throw invalid(path, 'the names of the choices', quotedList([...assembly.coords.keys()], 8));
  const values = numbersOf(assembly, path);
  const choices = labels.values.map(String);
  const table = matrix(rows.length, choices.length);
  rows.forEach((from, row) => {
    for (let col = 0; col < choices.length; col++)
      table.data[row * choices.length + col] = values[placeOf(assembly, at, from, col)];
  });
  const dtype = assembly.dtype === 'float32' ? 'float32' : 'float64';
  return { probabilities: { stimulusIds: stimuli.ids, choices, values: table, dtype } };
}

/**
 * The choice for each stimulus of a set.
 * @throws VentralError `netcdf-invalid`, `stimuli-mismatch`
 */
export async function readPublishedChoices(
  path: string,
  stimuli: StimulusSet,
): Promise<PublishedOutputs> {
  const { assembly, rows, at } = await opened(path, stimuli);
  const others = assembly.shape.filter((_, axis) => axis !== at);
  if (assembly.dtype !== 'string' || others.some((size) => size !== 1))
    throw invalid(path, 'one choice, a text, for each presentation', assembly.shape.join(' × '));
  const choices = new Map<Id, string>();
  rows.forEach((from, row) => {
    choices.set(stimuli.ids[row], String(assembly.values[from]));
  });
  return { choices };
}

interface Opened {
  readonly assembly: Assembly;
  /** Axis of the stimuli. */
  readonly at: number;
  /** Position on that axis of each stimulus of the set. */
  readonly rows: readonly number[];
}

async function opened(path: string, stimuli: StimulusSet, second?: string): Promise<Opened> {
  const assembly = await readAssembly(path);
  const at = assembly.dims.findIndex((dim) => dim === 'presentation' || dim === 'stimulus_path');
  const fits =
    second === undefined || (assembly.dims.length === 2 && assembly.dims.includes(second));
  if (at < 0 || !fits) {
    const wanted = `presentation or stimulus_path${second === undefined ? '' : ` × ${second}`}`;
    throw invalid(path, wanted, quotedList(assembly.dims, 8));
  }
  return { assembly, at, rows: rowsOf(assembly, at, stimuli, path) };
}

const placeOf = ({ shape }: Assembly, at: number, row: number, col: number) =>
  at === 0 ? row * shape[1] + col : col * shape[1] + row;

/** Matches by `stimulus_id` or `image_id`; where they are absent by the name of the image, its folder left out. */
function rowsOf(assembly: Assembly, at: number, stimuli: StimulusSet, path: string): number[] {
  const along = (name: string) => {
    const coordinate = assembly.coords.get(name);
    return coordinate?.dim === assembly.dims[at] ? coordinate.values.map(String) : undefined;
  };
  const ids = along('stimulus_id') ?? along('image_id');
  const names = along('stimulus_path')?.map((name) => basename(name));
  const found = ids ?? names;
  if (found === undefined)
    throw invalid(
      path,
      'stimulus_id, image_id or stimulus_path',
      quotedList([...assembly.coords.keys()], 8),
    );
  const positions = new Map<string, number>();
  for (const [i, name] of found.entries()) {
    if (positions.has(name)) throw mismatch(path, 'each stimulus once', `${quoted(name)} twice`);
    positions.set(name, i);
  }
  return stimuli.ids.map((id, row) => {
    const keys = ids ? [String(id)] : namesOf(stimuli, row);
    const position = keys.map((key) => positions.get(key)).find((each) => each !== undefined);
    if (position !== undefined) return position;
    throw mismatch(path, quoted(keys[0]), `${found.length} others, such as ${quoted(found[0])}`);
  });
}

/** What a file may call the image of a row: packagers name it after the stimulus. */
function namesOf(stimuli: StimulusSet, row: number): string[] {
  const name = basename(stimuli.filename(row));
  const column = stimuli.columns.get('filename')?.values[row];
  return [
    name,
    ...(column == null ? [] : [basename(String(column))]),
    `${stimuli.ids[row]}${extname(name)}`,
    String(stimuli.ids[row]),
  ];
}

function numbersOf({ values }: Assembly, path: string): Float64Array | Float32Array {
  if (values instanceof Float64Array || values instanceof Float32Array) return values;
  throw invalid(path, 'numbers', 'text');
}

const invalid = (path: string, expected: string, found: string) =>
  new VentralError('netcdf-invalid', `${path}: expected ${expected}, found ${found}`, {
    file: path,
    expected,
    found,
  });

const mismatch = (path: string, expected: string, found: string) =>
  new VentralError('stimuli-mismatch', `${path}: expected ${expected}, found ${found}`, {
    file: path,
    expected,
    found,
  });
