import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openZip, writeZip, type ZipContent } from '../../../src/formats/zip.js';
import { importKeras } from '../../../src/importing/keras/import-keras.js';

const fixtures = join(import.meta.dirname, '../../fixtures/keras');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-keras-hostile-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The archive of a fixture with some entries exchanged or left out. */
async function archive(
  name: string,
  changes: Record<string, ZipContent['data'] | null>,
): Promise<string> {
  const source = await openZip(join(fixtures, 'keras3-sequential.keras'));
  const contents = new Map<string, Buffer>();
  for (const entry of source.entries) contents.set(entry.name, await source.read(entry.name));
  await source.close();
  const path = join(folder, name);
  const all = { ...Object.fromEntries(contents), ...changes };
  const entries = Object.entries(all).flatMap(([entry, data]) =>
    data === null ? [] : [{ name: entry, data, compress: true }],
  );
  await writeZip(path, entries);
  return path;
}

it('refuses an archive whose weights unpack to far more than it is', async () => {
  const path = await archive('bomb.keras', { 'model.weights.h5': Buffer.alloc(2 ** 24) });
  await expect(importKeras(path)).rejects.toMatchObject({
    code: 'zip-invalid',
    message: expect.stringMatching(/would unpack to/),
  });
});

it.each([
  ['the configuration', 'config.json'],
  ['the weights', 'model.weights.h5'],
])('refuses an archive without %s', async (_, entry) => {
  const path = await archive(`without-${entry}.keras`, { [entry]: null });
  await expect(importKeras(path)).rejects.toMatchObject({
    code: 'checkpoint-invalid',
    details: { expected: `an entry ${entry}` },
  });
});

it.each([
  ['no JSON', 'class_name'],
  [
    'a circle',
    JSON.stringify({
      class_name: 'Functional',
      config: {
        layers: [
          { class_name: 'Flatten', name: 'a', config: {}, inbound_nodes: [[['a', 0, 0, {}]]] },
        ],
        input_layers: [['a', 0, 0]],
        output_layers: [['a', 0, 0]],
      },
    }),
  ],
  ['ten thousand levels', '['.repeat(10_000) + ']'.repeat(10_000)],
])('refuses an archive whose configuration is %s', async (_, config) => {
  const path = await archive('config.keras', { 'config.json': Buffer.from(config) });
  await expect(importKeras(path)).rejects.toMatchObject({ code: 'checkpoint-invalid' });
});

it('refuses a class whose layers stand in code', async () => {
  const config = JSON.stringify({ class_name: 'MyNetwork', module: 'my.code', config: {} });
  const path = await archive('code.keras', { 'config.json': Buffer.from(config) });
  await expect(importKeras(path)).rejects.toMatchObject({
    code: 'import-unsupported',
    message: expect.stringMatching(/MyNetwork/),
  });
});

it('refuses weights that are no HDF5 file', async () => {
  const path = await archive('other.keras', { 'model.weights.h5': Buffer.from('weights') });
  await expect(importKeras(path)).rejects.toMatchObject({
    code: 'checkpoint-invalid',
    message: expect.stringMatching(/HDF5/),
  });
});

it('refuses an HDF5 file that is cut short', async () => {
  const path = join(folder, 'cut.h5');
  await copyFile(join(fixtures, 'keras2-mobile.h5'), path);
  await truncate(path, 30_000);
  await expect(importKeras(path)).rejects.toMatchObject({
    code: 'checkpoint-invalid',
    message: expect.stringMatching(/cut short/),
  });
});

it('refuses weights without a configuration, and says what to save instead', async () => {
  const path = join(folder, 'weights.h5');
  const source = await openZip(join(fixtures, 'keras3-modern.keras'));
  await writeFile(path, await source.read('model.weights.h5'));
  await source.close();
  await expect(importKeras(path)).rejects.toMatchObject({
    code: 'import-unsupported',
    message: expect.stringMatching(/save the whole model/),
  });
});

it('refuses tensors that are larger than the file can hold', async () => {
  const path = join(import.meta.dirname, '../../fixtures/keras/oversized.h5');
  await expect(importKeras(path)).rejects.toMatchObject({
    code: 'checkpoint-invalid',
    message: expect.stringMatching(/weights for a file of/),
  });
});

it('names the weights that no layer takes', async () => {
  const source = await openZip(join(fixtures, 'keras3-sequential.keras'));
  const config = JSON.parse((await source.read('config.json')).toString());
  await source.close();
  config.config.layers.pop();
  const data = Buffer.from(JSON.stringify(config));
  const path = await archive('fewer.keras', { 'config.json': data });
  await expect(importKeras(path)).rejects.toMatchObject({
    code: 'checkpoint-unmatched',
    message: expect.stringMatching(/layers\/dense\/vars\/0 and 1 more/),
  });
});

it('names the layer whose weights are missing', async () => {
  const source = await openZip(join(fixtures, 'keras3-sequential.keras'));
  const config = JSON.parse((await source.read('config.json')).toString());
  await source.close();
  config.config.layers.push({ class_name: 'Dense', name: 'more', config: { units: 3 } });
  const path = await archive('more.keras', { 'config.json': Buffer.from(JSON.stringify(config)) });
  await expect(importKeras(path)).rejects.toMatchObject({
    code: 'checkpoint-unmatched',
    details: { field: 'more' },
  });
});

it.each([
  ['nothing', ''],
  ['a text', 'model.json'],
])('refuses %s', async (_, text) => {
  const path = join(folder, 'other.bin');
  await writeFile(path, text);
  await expect(importKeras(path)).rejects.toMatchObject({ code: 'checkpoint-invalid' });
});

it('says of a file that is not there that it is missing', async () => {
  await expect(importKeras(join(folder, 'nowhere.h5'))).rejects.toMatchObject({
    code: 'file-missing',
  });
});

it('reads a file whole although its name says something else', async () => {
  const path = join(folder, 'model.txt');
  await writeFile(path, await readFile(join(fixtures, 'keras3-sequential.keras')));
  const imported = await importKeras(path);
  expect(imported.layers.map(({ layer }) => layer)).toContain('conv2d_1');
  await imported.source?.close();
});
