import { extname } from 'node:path';
import { type ModelCard, parseCard } from '../../activations/card/card.js';
import { readAssembly } from '../../data/assembly.js';
import { idsOf, inferColumn } from '../../data/column.js';
import type { Id } from '../../data/ids.js';
import { quoted, quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { readCsv } from '../../formats/csv.js';
import { npyFloats } from '../../formats/npy.js';
import { openNpz } from '../../formats/npz.js';
import { present } from '../../formats/present.js';
import { denseFeatures, type Features, selectRows } from '../../numerics/algebra/features.js';
import { nonFinite, nonFiniteRows } from '../../numerics/algebra/non-finite.js';

/** Provenance that `ventral activations` writes beside features. */
export interface FeatureProvenance {
  /** `sha256:…` of the model. */
  readonly model: string;
  readonly name: string;
  readonly card: ModelCard;
  /** Benchmark whose stimuli these are, if one was named. */
  readonly benchmark?: string;
  /**
   * Degrees of visual angle of each stimulus, in file order; null if they were not placed on a screen.
   */
  readonly degrees: readonly number[] | null;
}

/** A file of features: one or several layers over the same stimuli. */
export interface FeatureFile {
  readonly path: string;
  readonly ids: readonly Id[];
  /** Names of all layers that the file holds. */
  readonly names: readonly string[];
  /** Those that were read. */
  readonly layers: ReadonlyMap<string, Features>;
  readonly provenance?: FeatureProvenance;
}

/** Formats that are read. */
export const featureFormats = ['npz', 'nc', 'csv'] as const;
export type FeatureFormat = (typeof featureFormats)[number];

const isFeatureFormat = (format: string): format is FeatureFormat =>
  featureFormats.some((known) => known === format);

/** Name of the array in an npz, or attribute in a netCDF file, that holds the provenance as JSON. */
export const PROVENANCE = 'ventral_provenance';

/**
 * Reads features (design §6): `.npz` with `stimulus_id` and `features` or `features/<layer>`, a BrainIO
 * `.nc`, or a CSV whose first column is `stimulus_id`.
 * @throws VentralError `npy-invalid`, `netcdf-invalid`, `csv-invalid`, `stimuli-duplicate`, `bad-usage` for
 *   another extension
 * @param wanted layers to read of an npz; all by default
 * @param format of the file, if its name does not say it
 */
export async function readFeatures(
  path: string,
  wanted: readonly string[] = [],
  format: string = extname(path).slice(1).toLowerCase(),
): Promise<FeatureFile> {
  type Reader = (path: string, wanted: readonly string[]) => Promise<Omit<FeatureFile, 'names'>>;
  const readers: Record<FeatureFormat, Reader | typeof fromNpz> = {
    npz: fromNpz,
    nc: fromNetcdf,
    csv: fromCsv,
  };
  const reader = isFeatureFormat(format) ? readers[format] : undefined;
  if (!reader)
    throw new VentralError('bad-usage', `--features ${path}: expected a .npz, .nc or .csv file`, {
      file: path,
    });
  const read = await reader(path, wanted);
  const file = { names: [...read.layers.keys()], ...read };
  const seen = new Set<string>();
  for (const id of file.ids) {
    if (seen.has(String(id)))
      throw new VentralError('stimuli-duplicate', `${path}: stimulus ${quoted(id)} occurs twice`, {
        file: path,
        field: 'stimulus_id',
      });
    seen.add(String(id));
  }
  for (const [layer, features] of file.layers) {
    if (features.rows === file.ids.length && features.cols > 0) continue;
    throw new VentralError(
      'npy-invalid',
      `${path}: ${layer} has ${features.rows} × ${features.cols} values for ${file.ids.length} stimuli`,
      { file: path, field: layer },
    );
  }
  return file;
}

async function fromNpz(path: string, wanted: readonly string[]): Promise<FeatureFile> {
  const npz = await openNpz(path);
  try {
    const names = npz.names.filter((name) => name === 'features' || name.startsWith('features/'));
    if (names.length === 0) {
      throw new VentralError(
        'npy-invalid',
        `${path} has no array "features" or "features/<layer>"; it has ${quotedList(npz.names)}`,
        { file: path, field: 'features' },
      );
    }
    const ids = await npz.read('stimulus_id');
    const layers = new Map<string, Features>();
    const labelOf = (name: string) => name.replace(/^features\//, '');
    for (const name of names) {
      const label = labelOf(name);
      if (wanted.length > 0 && !wanted.includes(label)) continue;
      const array = await npz.read(name);
      const [rows = 0, ...rest] = array.shape;
      layers.set(
        label,
        denseFeatures(
          rows,
          rest.reduce((product, size) => product * size, 1),
          npyFloats(array, `${path}, array ${name}`),
        ),
      );
    }
    const said = npz.names.includes(PROVENANCE) ? (await npz.read(PROVENANCE)).data[0] : undefined;
    const provenance = said === undefined ? undefined : readProvenance(String(said), path);
    return {
      path,
      ids: Array.from(ids.data as ArrayLike<Id | bigint>, (id) =>
        typeof id === 'string' ? id : Number(id),
      ),
      names: names.map(labelOf),
      layers,
      ...present({ provenance }),
    };
  } finally {
    await npz.close();
  }
}

/** What `ventral activations` wrote of a file's making; throws `npy-invalid` where it is something else. */
function readProvenance(text: string, path: string): FeatureProvenance {
  const refuse = (found: string) =>
    new VentralError(
      'npy-invalid',
      `${path}: expected ${PROVENANCE} as \`ventral activations\` writes it, found ${found}`,
      { file: path, field: PROVENANCE, found },
    );
  let said: Partial<FeatureProvenance> | null;
  try {
    said = JSON.parse(text);
  } catch {
    throw refuse('no JSON');
  }
  const { card, degrees, model, name } = said ?? {};
  if (typeof model !== 'string' || typeof name !== 'string') throw refuse('no model');
  if (degrees !== null && !(Array.isArray(degrees) && degrees.every(Number.isFinite)))
    throw refuse('no degrees');
  return {
    ...said,
    model,
    name,
    degrees,
    card: parseCard(JSON.stringify(card ?? null), `the card in ${path}`),
  };
}

async function fromCsv(path: string): Promise<Omit<FeatureFile, 'names'>> {
  const { header, rows } = await readCsv(path);
  if (header[0] !== 'stimulus_id') {
    throw new VentralError(
      'csv-invalid',
      `${path}: expected stimulus_id as the first column, found ${quoted(header[0])}`,
      { file: path, field: 'stimulus_id', found: header[0] },
    );
  }
  const ids = idsOf(
    inferColumn(
      'stimulus_id',
      rows.map((row) => row[0]),
    ),
    path,
  );
  const cols = header.length - 1;
  const data = new Float64Array(rows.length * cols);
  rows.forEach((row, i) => {
    for (let k = 0; k < cols; k++) {
      const value = Number(row[k + 1]);
      if (row[k + 1].trim() === '' || !Number.isFinite(value)) {
        throw new VentralError(
          'activations-not-finite',
          `${path}: row ${i + 1}, column ${quoted(header[k + 1])}: expected a finite number, found ${quoted(row[k + 1])}`,
          { file: path, field: header[k + 1] },
        );
      }
      data[i * cols + k] = value;
    }
  });
  return { path, ids, layers: new Map([['features', denseFeatures(rows.length, cols, data)]]) };
}

async function fromNetcdf(path: string): Promise<Omit<FeatureFile, 'names'>> {
  const assembly = await readAssembly(path);
  const presentation = assembly.dims.indexOf('presentation');
  const ids = assembly.coords.get('stimulus_id') ?? assembly.coords.get('image_id');
  if (presentation < 0 || assembly.dims.length !== 2 || !ids) {
    throw new VentralError(
      'netcdf-invalid',
      `${path}: expected presentation × neuroid with stimulus_id, found ${quotedList(assembly.dims, 8)}`,
      { file: path, field: 'dims' },
    );
  }
  const [rows, cols] = presentation === 0 ? assembly.shape : [assembly.shape[1], assembly.shape[0]];
  const whole = denseFeatures(
    rows,
    cols,
    presentation === 0
      ? floats(assembly.values, path)
      : transposed(floats(assembly.values, path), cols, rows),
  );
  const layer = assembly.coords.get('layer');
  const names = layer ? [...new Set(layer.values.map(String))] : ['features'];
  const layers = new Map<string, Features>();
  for (const name of names)
    layers.set(
      name,
      layer && names.length > 1 ? await columnsWhere(whole, layer.values, name) : whole,
    );
  const said = assembly.attributes[PROVENANCE];
  return {
    path,
    ids: ids.values as readonly Id[],
    layers,
    ...(typeof said === 'string' ? { provenance: readProvenance(said, path) } : {}),
  };
}

function floats(values: unknown, path: string): Float32Array | Float64Array {
  if (values instanceof Float32Array || values instanceof Float64Array) return values;
  if (ArrayBuffer.isView(values))
    return Float64Array.from(values as unknown as ArrayLike<number | bigint>, Number);
  throw new VentralError('netcdf-invalid', `${path}: expected numbers, found text`, { file: path });
}

function transposed(
  values: Float32Array | Float64Array,
  rows: number,
  cols: number,
): Float32Array | Float64Array {
  const turned =
    values instanceof Float32Array
      ? new Float32Array(values.length)
      : new Float64Array(values.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) turned[j * rows + i] = values[i * cols + j];
  return turned;
}

async function columnsWhere(
  features: Features,
  labels: readonly unknown[],
  wanted: string,
): Promise<Features> {
  const index = labels.flatMap((label, k) => (String(label) === wanted ? k : []));
  const all = await features.columns(0, features.cols);
  const picked =
    features.dtype === 'float32'
      ? new Float32Array(features.rows * index.length)
      : new Float64Array(features.rows * index.length);
  for (let i = 0; i < features.rows; i++)
    index.forEach((k, j) => {
      picked[i * index.length + j] = all[i * features.cols + k];
    });
  return denseFeatures(features.rows, index.length, picked);
}

/**
 * The rows of a feature file that a stimulus set needs, in its order.
 * @throws VentralError `stimuli-mismatch` naming the first stimulus that is not there
 */
export function rowsFor(file: FeatureFile, features: Features, ids: readonly Id[]): Features {
  const rows = new Map(file.ids.map((id, row) => [String(id), row]));
  const missing = ids.filter((id) => !rows.has(String(id)));
  if (missing.length > 0) {
    throw new VentralError(
      'stimuli-mismatch',
      `${file.path} lacks ${missing.length} of the ${ids.length} stimuli of the benchmark, among them ${quotedList(missing.slice(0, 3))}`,
      {
        file: file.path,
        field: 'stimulus_id',
        expected: String(missing[0]),
        found: `${file.ids.length} other stimuli`,
      },
    );
  }
  return selectRows(
    features,
    ids.map((id) => rows.get(String(id)) as number),
  );
}

/** @throws VentralError `activations-not-finite`, naming the first stimulus that has such values and how many */
export async function requireFiniteFile(file: FeatureFile, features: Features): Promise<void> {
  const found = await nonFiniteRows(features);
  if (!found) return;
  const { row } = found;
  const values = await selectRows(features, [row]).columns(0, features.cols);
  const count = nonFinite(values)?.count;
  throw new VentralError(
    'activations-not-finite',
    `${file.path} has ${count} of ${features.cols} values that are NaN or infinite for the stimulus ${quoted(file.ids[row])}`,
    { file: file.path, field: String(file.ids[row]), expected: 'finite values' },
  );
}

/** @throws VentralError `stimuli-mismatch` where the file holds stimuli that are in none of the benchmark's sets */
export function refuseUnknownStimuli(file: FeatureFile, sets: readonly (readonly Id[])[]): void {
  const known = new Set(sets.flat().map(String));
  const strangers = file.ids.filter((id) => !known.has(String(id)));
  if (strangers.length === 0) return;
  throw new VentralError(
    'stimuli-mismatch',
    `${file.path} has ${strangers.length} stimuli that the benchmark does not have, among them ${quotedList(strangers.slice(0, 3))}`,
    {
      file: file.path,
      field: 'stimulus_id',
      expected: `the ${known.size} stimuli of the benchmark`,
      found: String(strangers[0]),
    },
  );
}
