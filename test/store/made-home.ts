import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/formats/package-root.js';
import { EMBEDDED_POSTGRES } from '../../src/store/database/embedded-database.js';
import { schemaText } from '../../src/store/database/migrations.js';
import { openHomeStore } from '../../src/store/home-store.js';

const template = join(
  packageRoot,
  'node_modules',
  '.cache',
  `ventral-test-home-${EMBEDDED_POSTGRES}-${createHash('sha256').update(schemaText).digest('hex').slice(0, 16)}`,
);

/**
 * A temporary home with an empty database. Making one takes seconds, so it is made once and copied;
 * that a service makes its own is tested apart.
 */
export async function madeHome(prefix: string): Promise<string> {
  if (!existsSync(template)) await makeTemplate();
  const home = await mkdtemp(join(tmpdir(), prefix));
  await cp(template, home, { recursive: true });
  return home;
}

async function makeTemplate(): Promise<void> {
  const made = await mkdtemp(join(tmpdir(), 'ventral-template-'));
  await (await openHomeStore(made)).close();
  await mkdir(join(packageRoot, 'node_modules', '.cache'), { recursive: true });
  const copy = `${template}-${randomUUID()}`;
  await cp(made, copy, { recursive: true });
  // Another test file may have been faster.
  await rename(copy, template).catch(() => rm(copy, { recursive: true }));
  await rm(made, { recursive: true });
}
