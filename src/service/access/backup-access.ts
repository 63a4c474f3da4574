import { createWriteStream, existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { requireOutputFile } from '../../formats/output-place.js';
import { packageVersion } from '../../formats/package-root.js';
import { replaceFile } from '../../formats/write-file-atomic.js';
import { openZip } from '../../formats/zip.js';
import { lockHome } from '../../store/home/owner-lock.js';
import { openHomeStore } from '../../store/home-store.js';
import { type BackupManifest, backupLimits, readManifest } from '../backup/backup-manifest.js';
import { type Restored, type RestorePlace, restoreBackup } from '../backup/restore-backup.js';
import { writeBackup } from '../backup/write-backup.js';
import { unpackInChild } from '../child/unpack-in-child.js';
import { throughOwner } from './home-access.js';
import { accepted, askService, type ServicePlace, unreachable } from './service-client.js';

/** Bytes of a process that unpacks a damaged benchmark again. */
const OWN_MEMORY = 2 ** 31;

/** An archive in transfer, and the resources to release after it. */
interface Opened {
  readonly archive: Readable;
  close(): Promise<void>;
}

/**
 * Writes a backup of a home, and of its PostgreSQL and bucket where they are given, to a new file that its user alone
 * may read: through the service that owns the home, or as its owner for the moment.
 * @throws VentralError `file-exists`, `home-owned`, `not-ready`, `disk-full`
 * @returns the manifest, which names what was lost
 */
export async function saveBackup(place: RestorePlace, file: string): Promise<BackupManifest> {
  if (existsSync(file)) {
    throw new VentralError('file-exists', `${file} exists already`, { file });
  }
  await requireOutputFile('backup', file);
  const open = await throughOwner<() => Promise<Opened>>(
    place.home,
    (service) => () => servedBackup(service),
    async (patience) => {
      const opened = await ownBackup(place, patience);
      return async () => opened;
    },
  );
  const { archive, close } = await open();
  try {
    await replaceFile(file, (temporary) =>
      pipeline(archive, createWriteStream(temporary, { flags: 'wx', mode: 0o600 })),
    );
  } finally {
    await close();
  }
  const zip = await openZip(file, file, backupLimits);
  return readManifest(zip, file).finally(() => zip.close());
}

async function servedBackup(place: ServicePlace): Promise<Opened> {
  const answer = await askService(place, 'GET', '/v1/backup');
  if (answer.statusCode !== 200) {
    accepted(answer.statusCode ?? 0, await text(answer));
    throw unreachable(place.url, new Error('the service sent no backup'));
  }
  const chunks = async function* () {
    try {
      yield* answer;
    } catch (cause) {
      throw unreachable(place.url, cause);
    }
  };
  return { archive: Readable.from(chunks()), close: async () => void answer.destroy() };
}

async function ownBackup({ home, ...place }: RestorePlace, patience: number): Promise<Opened> {
  const lock = await lockHome(home, { kind: 'command', patience });
  const undo = [() => lock.release()];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const unpack = unpackInChild(join(home, 'tmp', 'service'), OWN_MEMORY);
    const store = await openHomeStore(home, { ...place, guard: lock, unpack });
    undo.push(() => store.close());
    return { archive: await writeBackup(store, packageVersion), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Restores a backup into a new home, see {@link restoreBackup}; benchmarks are unpacked in a process of
 * their own.
 * @param maxMemory bytes that this process may hold
 * @param skipDamaged see {@link restoreBackup}
 */
export async function takeBackup(
  file: string,
  place: RestorePlace,
  maxMemory: number,
  skipDamaged = false,
): Promise<Restored> {
  if (!existsSync(file)) throw new VentralError('file-missing', `${file} does not exist`, { file });
  const lock = await lockHome(place.home, { kind: 'command' });
  try {
    // A process needs the folder before the restore makes its own there.
    const temporary = join(place.home, 'tmp');
    await mkdir(temporary, { recursive: true });
    return await restoreBackup(file, place, {
      unpack: unpackInChild(temporary, maxMemory),
      skipDamaged,
    });
  } finally {
    await lock.release();
  }
}
