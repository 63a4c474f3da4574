import { createHash, randomBytes } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CatalogEntry } from '../../src/data/catalog.js';
import { locateData } from '../../src/data/data-folder.js';
import { importData } from '../../src/data/import-data.js';
import { requireVerified, verifyData } from '../../src/data/verify-data.js';

const { entries, bytes, sha1 } = vi.hoisted(() => ({
  entries: [] as CatalogEntry[],
  bytes: new Map<string, Buffer>(),
  sha1: new Map<string, string>(),
}));
// The published files cannot be here, so the tests bring a catalog of their own.
vi.mock('../../src/data/catalog.js', async (original) => ({
  ...(await original<typeof import('../../src/data/catalog.js')>()),
  catalog: () => entries,
}));

for (const name of ['assy_a.nc', 'stimulus_s.csv', 'stimulus_s.zip', 'other.nc']) {
  bytes.set(name, randomBytes(5000));
  sha1.set(name, createHash('sha1').update(contentOf(name)).digest('hex'));
}
const listed = (role: 'csv' | 'images' | 'nc', file: string, content = file) => ({
  role,
  file,
  url: `http://127.0.0.1/${file}`,
  sha1: digestOf(content),
});
const shared = { access: 'private', terms: 'none stated' } as const;
entries.push(
  {
    ...shared,
    identifier: 'a',
    kind: 'recordings',
    stimuli: 's',
    files: [listed('nc', 'assy_a.nc')],
  },
  {
    ...shared,
    identifier: 's',
    kind: 'stimuli',
    files: [listed('csv', 'stimulus_s.csv'), listed('images', 'stimulus_s.zip')],
  },
  {
    ...shared,
    identifier: 'twin',
    kind: 'stimuli',
    files: [listed('csv', 'stimulus_twin.csv', 'stimulus_s.csv')],
  },
);

function contentOf(name: string): Buffer {
  const found = bytes.get(name);
  if (!found) throw new Error(`no content for ${name}`);
  return found;
}
function digestOf(name: string): string {
  return sha1.get(name) ?? '';
}

let home: string;
let mine: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ventral-import-home-'));
  mine = mkdtempSync(join(tmpdir(), 'ventral-import-'));
});
afterEach(() => {
  rmSync(home, { recursive: true });
  rmSync(mine, { recursive: true });
});

/** Puts the content of a name into the user's folder, perhaps under another name. */
function have(name: string, as = name): string {
  const path = join(mine, as);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contentOf(name));
  return path;
}
const left = () =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();
const entry = (identifier: string) => {
  const found = entries.find((one) => one.identifier === identifier);
  if (!found) throw new Error(`no entry ${identifier}`);
  return found;
};

describe('import', () => {
  test('knows a file by its bytes, whatever its name', async () => {
    const path = have('assy_a.nc', 'renamed.bin');
    const [imported] = await importData([path], { home });
    expect(imported).toMatchObject({ identifier: 'a', published: true });
    expect(imported?.path).toBe(join(home, 'data', digestOf('assy_a.nc'), 'assy_a.nc'));
    expect(readFileSync(imported?.path ?? '').equals(contentOf('assy_a.nc'))).toBe(true);
    expect(readFileSync(path).equals(contentOf('assy_a.nc'))).toBe(true);
    expect(await importData([path], { home })).toHaveLength(1);
    expect(left()).toEqual(['assy_a.nc']);
  });

  test('puts bytes that two names share under both', async () => {
    const imported = await importData([have('stimulus_s.csv')], { home });
    expect(imported.map(({ identifier }) => identifier)).toEqual(['s', 'twin']);
    expect(left()).toEqual(['stimulus_s.csv', 'stimulus_twin.csv']);
  });

  test("searches Brain-Score's cache and passes over what is not of the catalog", async () => {
    have('assy_a.nc', `${digestOf('assy_a.nc')}/assy_a.nc`);
    have('stimulus_s.zip', `${digestOf('stimulus_s.zip')}/stimulus_s.zip`);
    have('other.nc', `${digestOf('other.nc')}/other.nc`);
    have('other.nc', `${digestOf('stimulus_s.csv')}/stimulus_s.csv`); // damaged
    have('stimulus_s.csv', 'stimulus_s.csv');
    const imported = await importData([mine], { home });
    expect(new Set(imported.map(({ path }) => path.slice(home.length)))).toEqual(
      new Set([
        `/data/${digestOf('assy_a.nc')}/assy_a.nc`,
        `/data/${digestOf('stimulus_s.zip')}/stimulus_s.zip`,
        `/data/${digestOf('stimulus_s.csv')}/stimulus_s.csv`,
        `/data/${digestOf('stimulus_s.csv')}/stimulus_twin.csv`,
      ]),
    );
  });

  test('refuses what it does not know, and says how to take it all the same', async () => {
    const error = importData([have('other.nc')], { home });
    await expect(error).rejects.toMatchObject({ code: 'checksum-mismatch', exit: 1 });
    await expect(error).rejects.toThrow(new RegExp(`other\\.nc.*${digestOf('other.nc')}.*--as`));
    const namesake = importData([have('other.nc', 'assy_a.nc')], { home });
    await expect(namesake).rejects.toThrow(new RegExp(`file of a,.*${digestOf('assy_a.nc')}`));
    expect(left()).toEqual([]);
  });

  test.each([
    ['a file that is not there', () => join(mine, 'none.nc'), {}, 'file-missing', 'none.nc'],
    ['an empty folder', () => mine, {}, 'data-missing', 'no file of the catalog'],
    ['a folder with --as', () => mine, { as: 'a' }, 'bad-usage', '--as'],
    ['an unknown identifier', () => have('other.nc'), { as: 'aa' }, 'data-missing', '"a"'],
    ['another kind of file', () => have('other.nc', 'x.csv'), { as: 'a' }, 'bad-usage', '.nc'],
  ])('refuses %s', async (_name, path, more, code, words) => {
    await expect(importData([path()], { home, ...more })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
    expect(left()).toEqual([]);
  });

  test('lets a file of the user stand in, until the published one is there', async () => {
    const [imported] = await importData([have('other.nc')], { home, as: 'a' });
    expect(imported).toMatchObject({ identifier: 'a', published: false });
    expect(await locateData(entry('a'), home)).toEqual({
      paths: { nc: join(home, 'data', digestOf('other.nc'), 'other.nc') },
      missing: [],
      ownBytes: true,
    });
    await importData([have('assy_a.nc')], { home });
    expect(await locateData(entry('a'), home)).toMatchObject({
      paths: { nc: join(home, 'data', digestOf('assy_a.nc'), 'assy_a.nc') },
      ownBytes: false,
    });
  });

  test('takes published bytes with --as as what they are', async () => {
    const imported = await importData([have('stimulus_s.csv')], { home, as: 'twin' });
    expect(imported.map(({ identifier, published }) => [identifier, published])).toEqual([
      ['twin', true],
    ]);
  });

  test('stops when it is interrupted', async () => {
    const controller = new AbortController();
    controller.abort();
    const run = importData([have('assy_a.nc')], { home, signal: controller.signal });
    await expect(run).rejects.toMatchObject({ code: 'interrupted', exit: 130 });
    expect(left()).toEqual([]);
  });
});

describe('verify', () => {
  test('finds the file that changed', async () => {
    const imported = await importData([have('assy_a.nc'), have('stimulus_s.zip')], { home });
    await importData([have('other.nc')], { home, as: 'a' });
    expect((await verifyData({ home })).map(({ ok }) => ok)).toEqual([true, true, true]);
    copyFileSync(join(mine, 'other.nc'), imported[0]?.path ?? '');
    const verified = await verifyData({ home });
    expect(verified.filter(({ ok }) => !ok)).toEqual([
      {
        file: 'assy_a.nc',
        path: imported[0]?.path,
        expected: digestOf('assy_a.nc'),
        found: digestOf('other.nc'),
        ok: false,
      },
    ]);
    expect(() => requireVerified(verified)).toThrow(/1 of 3 files changed: .*assy_a\.nc/);
    expect(() => requireVerified(verified.filter(({ ok }) => ok))).not.toThrow();
  });

  test('of an empty home finds nothing', async () => {
    expect(await verifyData({ home })).toEqual([]);
  });
});
