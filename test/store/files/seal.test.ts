import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  damageOf,
  type FolderDigests,
  readSeal,
  sealFolder,
  VerifiedFiles,
} from '../../../src/store/files/verified-files.js';

it('a seal holds every file, whatever it is called', async () => {
  const root = await mkdtemp(join(tmpdir(), 'ventral-seal-'));
  const [folder, seal] = [await mkdtemp(join(root, 'files-')), join(root, 'seal.json')];
  const names = ['__proto__', 'constructor', 'toString', '.seal', 'a.csv'];
  for (const name of names) await writeFile(join(folder, name), 'good');
  await sealFolder(new VerifiedFiles(), folder, seal);
  const digests = (await readSeal(seal)) as FolderDigests;
  expect((await damageOf(new VerifiedFiles(), folder, digests)).names).toEqual([]);
  for (const name of names) await writeFile(join(folder, name), 'evil');
  const { names: found } = await damageOf(new VerifiedFiles(), folder, digests);
  expect([...found].toSorted()).toEqual(names.toSorted());
  await rm(root, { recursive: true });
});
