import { readFile } from 'node:fs/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { openNetcdf } from '../../formats/netcdf.js';
import { readNpy } from '../../formats/npy.js';

/** Numbers of a file with their shape, the last dimension fastest. */
export interface SourceArray {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * Variables of a MAT-file of version 7.3 or another HDF5 file, with their numbers of dimensions. HDF5 has MATLAB's
 * dimensions the other way round.
 * @throws VentralError `netcdf-invalid`, `recordings-invalid` for another number of dimensions
 */
export async function hdf5Arrays(
  path: string,
  variables: Readonly<Record<string, number>>,
): Promise<SourceArray[]> {
  const file = await openNetcdf(path);
  try {
    const arrays: SourceArray[] = [];
    for (const [variable, rank] of Object.entries(variables)) {
      const { shape } = file.variable(variable);
      const data = (await file.read(variable)) as Float64Array;
      arrays.push(checked({ shape, data }, rank, `${path}, ${variable}`));
    }
    return arrays;
  } finally {
    await file.close();
  }
}

/** {@link hdf5Arrays} for one variable. */
export async function hdf5Array(
  path: string,
  variable: string,
  rank: number,
): Promise<SourceArray> {
  const [array] = await hdf5Arrays(path, { [variable]: rank });
  return array;
}

/**
 * An npy file.
 * @throws VentralError `npy-invalid`, `recordings-invalid` for another number of dimensions
 */
export async function npyArray(path: string, rank: number): Promise<SourceArray> {
  const { shape, data } = readNpy(await readFile(path), path);
  return checked({ shape, data: data as Float64Array }, rank, path);
}

function checked(array: SourceArray, rank: number, where: string): SourceArray {
  if (array.shape.length === rank) return array;
  return odd(where, `${rank} dimensions`, `shape ${array.shape.join(' × ')}`);
}

/** @throws VentralError `recordings-invalid`: a file is not laid out as it was published */
export function odd(where: string, expected: string, found: string): never {
  throw new VentralError('recordings-invalid', `${where}: expected ${expected}, found ${found}`, {
    file: where,
    expected,
    found,
  });
}
