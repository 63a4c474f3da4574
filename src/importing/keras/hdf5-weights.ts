import { stat } from 'node:fs/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { type NetcdfFile, openNetcdf } from '../../formats/netcdf.js';
import type { NetcdfGroup } from '../../formats/netcdf-content.js';
import type { Weight } from './operations.js';
import { invalidPart } from './refusals.js';

/** Weights in HDF5 files, read in a separate thread: damage can make the library hang. */

/** As much as one ONNX file can hold. */
const MOST_BYTES = 2 ** 31 - 1;
/** Weights do not shrink much when they are packed: more than this many times the file is a bomb. */
const MOST_GROWTH = 32;
const ALWAYS_FINE = 2 ** 24;

/** An open HDF5 file of Keras's. */
export interface Hdf5File {
  readonly root: NetcdfGroup;
  /**
   * All tensors below a group, by their path in it.
   * @throws VentralError `checkpoint-invalid`, `import-unsupported`
   */
  weights(group: string): Promise<ReadonlyMap<string, Weight>>;
  close(): Promise<void>;
}

/**
 * Opens the file; `name` is what messages call it.
 * @throws VentralError `checkpoint-invalid`, `file-missing`
 */
export async function openHdf5(path: string, name: string): Promise<Hdf5File> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw VentralError.from(error);
  });
  const file = await openNetcdf(path, name).catch((error: unknown) => {
    throw hdf5Error(error, name);
  });
  return {
    root: file.root,
    weights: (group) => readWeights(file, groupAt(file.root, group), group, size),
    close: () => file.close(),
  };
}

function hdf5Error(error: unknown, name: string): VentralError {
  const known = VentralError.from(error);
  if (known.code !== 'netcdf-invalid') return known;
  const found = known.details.found ?? 'it cannot be read';
  return new VentralError('checkpoint-invalid', `${name} is not a readable HDF5 file: ${found}`, {
    file: name,
    expected: 'an HDF5 file of Keras',
    found,
    cause: error,
  });
}

function groupAt(root: NetcdfGroup, path: string): NetcdfGroup | undefined {
  let group: NetcdfGroup | undefined = root;
  for (const part of path.split('/').filter((one) => one !== '')) {
    group = group?.groups.find(({ name }) => name === part);
  }
  return group;
}

async function readWeights(
  file: NetcdfFile,
  group: NetcdfGroup | undefined,
  at: string,
  size: number,
): Promise<Map<string, Weight>> {
  const found = [...variablesOf(group, '')];
  const most = Math.min(MOST_BYTES, Math.max(size * MOST_GROWTH, ALWAYS_FINE));
  let bytes = 0;
  for (const { path, dims, dtype } of found) {
    if (dtype === undefined || dtype === 'string') {
      throw invalidPart(
        file.name,
        path,
        'float32 or another number that is read',
        dtype ?? 'another type',
      );
    }
    bytes += 8 * dims.reduce((product, dim) => product * dim, 1);
    if (bytes > most)
      throw invalidPart(
        file.name,
        path,
        `weights for a file of ${size} bytes`,
        `[${dims.join(', ')}]`,
      );
  }
  const weights = new Map<string, Weight>();
  for (const { path, dims } of found) {
    const values = await file.read(at === '' ? path : `${at}/${path}`).catch((error: unknown) => {
      throw hdf5Error(error, file.name);
    });
    const numbers = values as ArrayLike<number | bigint>;
    const data =
      values instanceof Float32Array ? values : Float32Array.from(numbers, (one) => Number(one));
    if (data.length !== dims.reduce((product, dim) => product * dim, 1)) {
      throw invalidPart(file.name, path, `values for [${dims.join(', ')}]`, data.length);
    }
    weights.set(path, { dims, data });
  }
  return weights;
}

interface Found {
  readonly path: string;
  readonly dims: readonly number[];
  readonly dtype: string | undefined;
}

function* variablesOf(group: NetcdfGroup | undefined, path: string): Generator<Found> {
  if (group === undefined) return;
  for (const { name, shape, dtype } of group.variables)
    yield { path: path + name, dims: shape, dtype };
  for (const inner of group.groups) yield* variablesOf(inner, `${path}${inner.name}/`);
}
