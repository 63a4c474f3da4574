import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** A folder for scratch files that belongs to one run. */
export interface ScratchFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * Makes a folder under HOME/tmp (or another of the home, from which it can be renamed into place), named
 * after host and process, and takes away those that processes of this host left there when they were killed.
 */
export async function makeScratchFolder(home: string, ...folder: string[]): Promise<ScratchFolder> {
  const root = join(home, ...(folder.length > 0 ? folder : ['tmp']));
  await mkdir(root, { recursive: true });
  await sweep(root);
  const path = await mkdtemp(join(root, `scratch-${hostname()}-${process.pid}-`));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

async function sweep(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const owner = /^scratch-(.+)-(\d+)-[^-]+$/.exec(name);
    if (owner && owner[1] === hostname() && !isAlive(Number(owner[2])))
      await rm(join(root, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
