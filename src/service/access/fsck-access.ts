import { VentralError } from '../../errors/ventral-error.js';
import { openZip } from '../../formats/zip.js';
import { lockHome } from '../../store/home/owner-lock.js';
import { openHomeStore, type StoreOptions } from '../../store/home-store.js';
import { backupLimits, damaged, filesOf, readManifest } from '../backup/backup-manifest.js';
import { damagedEntries } from '../backup/damaged-backup.js';
import { checkHome, type FsckOptions, type FsckReport } from '../backup/fsck.js';
import { unpackInChild } from '../child/unpack-in-child.js';
import { peerFiles } from '../worker/worker-files.js';
import { throughOwner } from './home-access.js';
import { callService, type ServicePlace } from './service-client.js';

/** What to do about damage. */
export type FsckChoice = Pick<FsckOptions, 'heal' | 'quarantine'>;

/**
 * Checks all that a home keeps: through the service that owns it, or as its owner for the moment.
 * @throws VentralError `home-owned`, `not-ready`, and as {@link checkHome}
 * @param maxMemory bytes that a process that unpacks a benchmark may hold
 */
export async function fsck(
  place: { readonly home: string } & StoreOptions,
  choice: FsckChoice,
  { maxMemory, signal }: { readonly maxMemory: number; readonly signal: AbortSignal },
): Promise<FsckReport> {
  const check = await throughOwner<() => Promise<FsckReport>>(
    place.home,
    (service) => () => servedCheck(service, choice, signal),
    async (patience) => {
      const report = await ownCheck(place, choice, { maxMemory, signal, patience });
      return async () => report;
    },
  );
  return check();
}

async function servedCheck(
  place: ServicePlace,
  choice: FsckChoice,
  signal: AbortSignal,
): Promise<FsckReport> {
  try {
    const { body } = await callService(place, 'POST', '/v1/fsck', {
      headers: { 'Content-Type': 'application/json' },
      write: async (sent) => void sent.end(JSON.stringify(choice)),
      signal,
    });
    return body as FsckReport;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

async function ownCheck(
  { home, ...place }: { readonly home: string } & StoreOptions,
  choice: FsckChoice,
  {
    maxMemory,
    signal,
    patience,
  }: { readonly maxMemory: number; readonly signal: AbortSignal; readonly patience: number },
): Promise<FsckReport> {
  const lock = await lockHome(home, { kind: 'command', patience });
  try {
    const unpack = unpackInChild(`${home}/tmp/service`, maxMemory);
    const store = await openHomeStore(home, { ...place, guard: lock, unpack });
    try {
      return await checkHome({ home, store, ...choice, peer: peerFiles(process.env), signal });
    } finally {
      await store.close();
    }
  } finally {
    await lock.release();
  }
}

/**
 * Reads backups whole.
 * @throws VentralError `file-missing`, `backup-invalid` for one whose manifest cannot be read
 */
export async function checkArchives(files: readonly string[]): Promise<FsckReport> {
  const findings: FsckReport['findings'] = [];
  let entries = 0;
  for (const file of files) {
    const zip = await openZip(file, file, backupLimits).catch((error) => {
      const { code, message } = VentralError.from(error);
      throw code === 'zip-invalid' ? damaged(file, message, error) : error;
    });
    try {
      const manifest = await readManifest(zip, file);
      entries += filesOf(manifest).length;
      const finding = { kind: 'backup' as const, action: 'none' as const, detail: null, jobs: [] };
      for (const name of await damagedEntries({ zip, file, manifest }))
        findings.push({ ...finding, name: `${file}: ${name}`, state: 'damaged' });
      for (const { kind, digest } of manifest.lost ?? [])
        findings.push({ ...finding, name: `${file}: ${kind} ${digest}`, state: 'missing' });
    } finally {
      await zip.close();
    }
  }
  return { ok: findings.length === 0, checked: { backup: entries }, findings };
}
