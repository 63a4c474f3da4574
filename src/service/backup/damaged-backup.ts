import { createHash } from 'node:crypto';
import type { ZipArchive } from '../../formats/zip.js';
import { type BackupFile, type BackupManifest, damaged, filesOf } from './backup-manifest.js';

/** A backup that is open. */
interface OpenBackup {
  readonly zip: ZipArchive;
  readonly file: string;
  readonly manifest: BackupManifest;
}

/** Reads every entry. @returns names of those whose bytes are not what the manifest says */
export async function damagedEntries({ zip, manifest }: OpenBackup): Promise<string[]> {
  const names: string[] = [];
  for (const entry of filesOf(manifest)) if (!(await isWhole(zip, entry))) names.push(entry.name);
  return names;
}

async function isWhole(zip: ZipArchive, { name, size, digest }: BackupFile): Promise<boolean> {
  const hash = createHash('sha256');
  let seen = 0;
  try {
    for await (const chunk of (await zip.stream(name)) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      seen += chunk.length;
    }
  } catch {
    return false;
  }
  return seen === size && `sha256:${hash.digest('hex')}` === digest;
}

/** Tables that nothing refers to: history, which a home can do without. */
const spare = /^tables\/(events|deliveries|audit|idempotency)\.ndjson$/;
const MOST_NAMES = 20;

/** @throws VentralError `backup-invalid`, naming the damage, unless it may be skipped; the other tables are never */
export function requireSkippable(names: readonly string[], file: string, skip: boolean): void {
  if (names.length === 0) return;
  const needed = names.filter((name) => name.startsWith('tables/') && !spare.test(name));
  if (skip && needed.length === 0) return;
  const listed = (of: readonly string[]) =>
    of.slice(0, MOST_NAMES).join(', ') +
    (of.length > MOST_NAMES ? ` and ${of.length - MOST_NAMES} more` : '');
  const how =
    needed.length > 0
      ? `without ${listed(needed)} it cannot be restored`
      : '--skip-damaged restores the rest';
  throw damaged(file, `it is damaged: ${listed(names)}; ${how}`);
}

/** The manifest without damaged entries. A benchmark is dropped if one of its files is damaged. */
export function withoutEntries(manifest: BackupManifest, names: readonly string[]): BackupManifest {
  const skipped = new Set(names);
  const stays = ({ name }: BackupFile) => !skipped.has(name);
  return {
    ...manifest,
    tables: manifest.tables.filter(stays),
    models: manifest.models.filter(stays),
    benchmarks: manifest.benchmarks.filter(({ archive, files = [] }) =>
      (archive ? [archive] : files).every(stays),
    ),
  };
}
