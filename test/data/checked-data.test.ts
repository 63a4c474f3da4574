import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CatalogEntry } from '../../src/data/catalog.js';
import { requireData } from '../../src/data/data-folder.js';
import { verifyData } from '../../src/data/verify-data.js';
import { flip } from '../service/flip.js';

const bytes = Buffer.from('stimulus_id,filename\n1,a.png\n');
const sha1 = createHash('sha1').update(bytes).digest('hex');
const entry = {
  identifier: 'Some.stimuli',
  kind: 'stimuli',
  access: 'public',
  files: [{ role: 'csv', file: 'a.csv', sha1, url: 'https://x.example/a.csv' }],
} as unknown as CatalogEntry;

let home: string;
let path: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ventral-data-'));
  path = join(home, 'data', sha1, 'a.csv');
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, bytes);
});
afterEach(() => rm(home, { recursive: true }));

it('data of the catalog are hashed once, and again when they change', async () => {
  for (let i = 0; i < 2; i++)
    expect(await requireData(entry, home)).toMatchObject({ paths: { csv: path } });
  const [note] = (await readdir(join(path, '..'))).filter((name) => name.startsWith('.'));
  const { mtimeMs } = await stat(join(path, '..', note));
  await requireData(entry, home);
  expect((await stat(join(path, '..', note))).mtimeMs).toBe(mtimeMs);

  const { atime, mtime } = await stat(path);
  await flip(path);
  await utimes(path, atime, mtime);
  await expect(requireData(entry, home)).rejects.toMatchObject({
    code: 'file-damaged',
    message: expect.stringMatching(/a\.csv of Some\.stimuli is damaged.*ventral data pull/),
  });
  expect((await verifyData({ home })).map(({ ok }) => ok)).toEqual([false]);
  await writeFile(path, bytes);
  await requireData(entry, home);
});

it('a note that is damaged itself has the file hashed', async () => {
  await requireData(entry, home);
  const note = join(path, '..', '.a.csv.checked');
  const text = await readFile(note, 'utf8');
  await writeFile(note, text.slice(0, 20));
  await requireData(entry, home);
  expect(await readFile(note, 'utf8')).toHaveLength(text.length);
});
