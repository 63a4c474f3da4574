import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Hdf5Library, hdf5Library, openOnlyFile } from '../../src/formats/hdf5-library.js';
import { openNetcdf } from '../../src/formats/netcdf.js';
import { CANARY, hostileFiles, plantCanaries } from './hostile-netcdf.js';

let folder: string;
let files: ReadonlyMap<string, Buffer>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-confined-'));
  await plantCanaries(folder);
  files = await hostileFiles(folder);
  for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
});
afterAll(() => rm(folder, { recursive: true }));

describe('a netCDF file', () => {
  it.each([
    ['external-absolute', '"/region" keeps its data in other files'],
    ['external-new-headers', '"/region" keeps its data in other files'],
    ['external-dimension', '"/extra" keeps its data in other files'],
    ['virtual-beside', '"/region" is virtual'],
    ['link-external-absolute', '"/region" is a link to another file'],
    ['link-external-dense', '"/many/l0" is a link to another file'],
    ['link-soft-through-external', '"/region" is a soft link'],
    ['cycle-of-two-groups', 'group "/a/b/a" has two names'],
    ['filter-unknown', '"/data" needs filter 32015'],
    ['filter-twice', '"/data" is packed twice by one filter'],
    ['chunk-of-two-gibibytes', '"/data" has chunks of 2147483632 bytes'],
    ['header-cyclic', 'a header without an end'],
    ['driver-multi', 'it is one of several files'],
  ])('is refused before data are read: %s', async (name, found) => {
    await expect(openNetcdf(join(folder, `${name}.nc`))).rejects.toMatchObject({
      code: 'netcdf-invalid',
      message: expect.stringContaining(found),
    });
  });

  it.each(['shape-of-tebibytes', 'shape-of-two-gibibytes'])(
    'is not read where it says to hold what it cannot: %s',
    async (name) => {
      const file = await openNetcdf(join(folder, `${name}.nc`));
      await expect(file.read('data')).rejects.toMatchObject({
        code: 'netcdf-invalid',
        message: expect.stringContaining('bytes, the maximum is'),
      });
    },
  );
});

describe('the HDF5 library', () => {
  let library: Hdf5Library;
  beforeAll(async () => {
    library = await hdf5Library();
  });

  /** What the library itself reads, without the checks of the reader. */
  const text = (name: string) => {
    const descriptor = openSync(join(folder, `${name}.nc`), 'r');
    try {
      const { file } = openOnlyFile(library, descriptor, 'read');
      const entity = file.get('region');
      const value = entity && 'value' in entity ? JSON.stringify(entity.value) : String(entity);
      file.close();
      return value;
    } catch (error) {
      return String(error);
    } finally {
      closeSync(descriptor);
    }
  };

  it('finds no file but the one that it was given, whatever the file says', () => {
    const names = [...files.keys()].filter((name) =>
      /^(external|virtual-(beside|above)|link-external)/.test(name),
    );
    expect(names.length).toBeGreaterThan(18);
    for (const name of names) expect(text(name.replace('.nc', ''))).not.toContain(CANARY);
  });

  it('sees a folder with one file, no devices and no plugins', () => {
    const fs = library.FS as unknown as { readdir(path: string): string[] };
    expect(fs.readdir('/')).toEqual(['.', '..', 'file']);
    expect(() => fs.readdir('/dev')).toThrow();
    expect(() => fs.readdir('/proc/self/fd')).toThrow();
    expect(library.Module.get_plugin_search_paths()).toHaveLength(0);
  });
});
