import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CatalogEntry, findData } from '../../../src/data/catalog.js';
import { dataPath } from '../../../src/data/data-folder.js';
import { regionBenchmark } from '../../../src/scoring/registry/region-benchmarks.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ventral-regions-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function bring({ files }: CatalogEntry): void {
  for (const file of files) {
    mkdirSync(dirname(dataPath(home, file)), { recursive: true });
    writeFileSync(dataPath(home, file), '');
  }
}

test('a region without its data stands on the simulated set that is there to select on', async () => {
  const found = await Promise.all(
    (['V1', 'V2', 'V4', 'IT', 'behavior'] as const).map((role) => regionBenchmark(role, home)),
  );
  expect(found.map(({ region, id, inPlaceOf }) => [region, id, inPlaceOf])).toEqual([
    ['V1', 'Simulatedpublic.V1-pls', 'FreemanZiemba2013public.V1-pls'],
    ['V2', 'Simulatedpublic.V2-pls', 'FreemanZiemba2013public.V2-pls'],
    ['V4', 'Simulatedpublic.V4-pls', 'MajajHong2015public.V4-pls'],
    ['IT', 'Simulatedpublic.IT-pls', 'MajajHong2015public.IT-pls'],
    ['behavior', 'Simulatedpublic-i2n', 'Rajalingham2018public-i2n'],
  ]);
});

test('a region whose recordings and pictures are here stands on them, on neither alone', async () => {
  bring(findData('FreemanZiemba2013.aperture-public', 'stimuli'));
  expect((await regionBenchmark('V2', home)).id).toBe('Simulatedpublic.V2-pls');
  bring(findData('FreemanZiemba2013.public', 'recordings'));
  const id = 'FreemanZiemba2013public.V2-pls';
  expect(await regionBenchmark('V2', home)).toEqual({ region: 'V2', id });
  expect((await regionBenchmark('IT', home)).id).toBe('Simulatedpublic.IT-pls');
});
