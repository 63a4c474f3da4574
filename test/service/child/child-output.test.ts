import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePlainFile, requirePlainFiles } from '../../../src/service/child/child-output.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-output-'));
  await writeFile(join(folder, 'plain'), 'x');
  await symlink('/etc/passwd', join(folder, 'link'));
  await mkdir(join(folder, 'folder'));
  await writeFile(join(folder, 'first'), 'x');
  await link(join(folder, 'first'), join(folder, 'second'));
  for (const name of ['good', 'bad']) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'a.csv'), 'x');
  }
  await symlink('../plain', join(folder, 'bad', 'b.csv'));
  await symlink('good', join(folder, 'good-link'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('what a child has left', () => {
  it('is a plain file', async () => {
    await requirePlainFile(join(folder, 'plain'));
    for (const name of ['link', 'folder', 'second', 'none'])
      await expect(requirePlainFile(join(folder, name)), name).rejects.toMatchObject({
        code: 'process-died',
      });
  });

  it('is a folder of plain files', async () => {
    await requirePlainFiles(join(folder, 'good'));
    for (const name of ['bad', 'good-link', 'plain', 'none'])
      await expect(requirePlainFiles(join(folder, name)), name).rejects.toMatchObject({
        code: 'process-died',
      });
  });
});
