import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Place, Reader, startService } from '../documents/reader.js';
import { documents, root, type ShellBlock, shellBlocks } from '../documents/shell-blocks.js';
import { writeStandIn } from '../documents/stand-ins.js';

/**
 * Types every command of the documents, in order, as someone does who has just cloned and built ventral. One home for
 * all, empty at the start. A document that says `npx ventral` is read in the clone, any other in an empty folder with
 * `ventral` on the PATH.
 */

const run = promisify(execFile);
let folder: string;
let clone: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-documents-'));
  clone = join(folder, 'clone');
  await mkdir(join(folder, 'home'));
  await run('git', ['clone', '--quiet', '--no-local', root, clone]);
  // What `npm ci && npm run build` leave; .ci/run does both in a clean clone before any test.
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'));
  await cp(join(root, 'dist'), join(clone, 'dist'), { recursive: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function placeOf(document: string, blocks: readonly ShellBlock[]): Promise<Place> {
  const name = document.replaceAll('/', '-');
  const inClone = blocks.some(({ text }) => text.includes('npx ventral'));
  const own = join(folder, name);
  if (inClone)
    await run('git', ['clean', '-fdq', '-e', 'node_modules', '-e', 'dist'], { cwd: clone });
  else await mkdir(own);
  const scratch = join(folder, `scratch-${name}`);
  await mkdir(scratch);
  return { folder: inClone ? clone : own, home: join(folder, 'home'), scratch };
}

const withCommands = documents.filter((document) =>
  shellBlocks(document).some(({ notRun }) => notRun === undefined),
);

describe.each(withCommands)('%s', (document) => {
  it('works as printed', async () => {
    const blocks = shellBlocks(document).filter(({ notRun }) => notRun === undefined);
    const place = await placeOf(document, blocks);
    const served = blocks.some(({ text }) => text.includes('http://127.0.0.1:8080'));
    const service = served ? await startService(place) : undefined;
    const reader = await Reader.open(place, service?.url);
    try {
      for (const block of blocks) {
        for (const name of block.given) await writeStandIn(place.folder, name);
        const faults = await reader.run(block);
        expect(faults.join('\n'), `${document}:${block.line}`).toBe('');
      }
    } finally {
      reader.close();
      await service?.stop();
    }
  });
});
