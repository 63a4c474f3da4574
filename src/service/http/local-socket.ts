import { randomBytes } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rm,
  rmdir,
  symlink,
} from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Bytes of the path of a Unix socket that every system takes: 103 on macOS, 107 on Linux. */
const LONGEST_PATH = 103;
/**
 * Unguessable: a child of the service that can open the folder (Landlock does not restrict connect(2)) but neither
 * list it nor read HOME/owner.json cannot find the socket.
 */
const newName = () => `${randomBytes(9).toString('base64url')}.sock`;

/**
 * Lets a server listen on a Unix socket that only the service's user can open: mode 0600 in a folder of mode 0700.
 * The folder is HOME/run; if that path is too long, or its file system does not support sockets, it is under the
 * system's temporary folder and HOME/run links to it. Leftovers of a dead owner are removed.
 * @returns its path; null on Windows, which has none
 */
export async function listenLocally(server: Server, home: string): Promise<string | null> {
  if (process.platform === 'win32') return null;
  await removeLocalSocket(home);
  const folder = resolve(home, 'run');
  if (fits(folder)) {
    await mkdir(folder, { mode: 0o700 });
    try {
      return await listen(server, folder);
    } catch {
      await removeLocalSocket(home);
    }
  }
  const root = fits(join(tmpdir(), 'ventral-XXXXXX')) ? tmpdir() : '/tmp';
  const elsewhere = await mkdtemp(join(root, 'ventral-'));
  await symlink(elsewhere, folder);
  return listen(server, elsewhere);
}

/** Removes HOME/run and its socket, also behind the link. */
export async function removeLocalSocket(home: string): Promise<void> {
  const folder = join(home, 'run');
  const found = await lstat(folder).catch(() => undefined);
  if (found?.isSymbolicLink()) {
    const elsewhere = resolve(home, await readlink(folder));
    // Nothing else is in a folder that a service made; whatever else the link names stays.
    const names = await readdir(elsewhere).catch((): string[] => []);
    for (const name of names)
      if (/^[\w-]{12}\.sock$/.test(name)) await rm(join(elsewhere, name)).catch(() => {});
    await rmdir(elsewhere).catch(() => {});
  }
  await rm(folder, { recursive: true, force: true });
}

const fits = (folder: string) => Buffer.byteLength(join(folder, newName())) <= LONGEST_PATH;

async function listen(server: Server, folder: string): Promise<string> {
  // The modes given to mkdir and bind are narrowed by the umask, and a default ACL may widen them.
  await chmod(folder, 0o700);
  const path = join(folder, newName());
  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen(path, () => {
      server.off('error', failed);
      done();
    });
  });
  await chmod(path, 0o600);
  return path;
}
