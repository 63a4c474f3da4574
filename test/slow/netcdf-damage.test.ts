import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { openNetcdf } from '../../src/formats/netcdf.js';
import { ORACLE } from '../oracle.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-damage-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Some damage makes the HDF5 library itself loop for ever or abort; the reader must outlive that. */
it('a damaged netCDF file is read or refused with one error of ours', async () => {
  const names = ['Neural2026_public', 'ChunkedChar2026', 'Behavior2026_plain', 'ScaleFill2026'];
  const files = await Promise.all(
    names.map((name) => readFile(join(ORACLE, `08-brainio/assy_oracle_${name}.nc`))),
  );
  const change = fc.tuple(
    fc.oneof(fc.nat(4095), fc.nat(26_000)),
    fc.oneof(fc.constant(255), fc.nat(255)),
  );
  const path = join(folder, 'damaged.nc');
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(change, { minLength: 1, maxLength: 8 }),
      async (whole, changes) => {
        const damaged = Buffer.from(whole);
        for (const [at, byte] of changes) damaged[at % damaged.length] = byte;
        await writeFile(path, damaged);
        try {
          const file = await openNetcdf(path);
          for (const { name, dtype } of file.root.variables) {
            if (dtype !== undefined) await file.read(name);
          }
          await file.close();
        } catch (error) {
          expect(error).toBeInstanceOf(VentralError);
          expect(error).toMatchObject({ code: 'netcdf-invalid', details: { file: path } });
        }
      },
    ),
    { numRuns: 400, interruptAfterTimeLimit: 500_000 },
  );
});
