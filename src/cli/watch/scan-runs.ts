import type { BigIntStats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { kindByName } from './checkpoint-name.js';

/** A file that may be a checkpoint. */
export interface FoundFile {
  readonly path: string;
  /** Relative to the watched folder, with `/`. */
  readonly name: string;
  readonly kind: 'network' | 'weights';
  readonly size: number;
  readonly mtimeMs: number;
  /** Changes whenever the file does; see {@link signatureOf}. */
  readonly signature: string;
}

/** What a look into the folder found. */
export interface ScannedRuns {
  /** Oldest first, so that those are scored first that a rotation deletes first. */
  readonly files: readonly FoundFile[];
  /** Links, relative to the folder; none is followed. */
  readonly links: readonly string[];
  /** Folders that could not be read. */
  readonly unreadable: readonly string[];
}

/** Folders below the watched one. */
const DEEPEST = 16;
/** Files that are asked for at a time. */
const AT_ONCE = 64;
/** More files of any kind than a folder of runs has. */
const MOST_FILES = 1_000_000;

/**
 * Size, times and number of a file: one that was written over, replaced or touched has another signature, also where its size and
 * date of writing were set back.
 */
export const signatureOf = ({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string =>
  [size, mtimeNs, ctimeNs, ino].join(' ');

/**
 * Looks through a folder for checkpoints. Links are never followed: what they lead to is scored where it lies, if that is below
 * the folder. Hidden files and folders are left out.
 * @param wanted whether a file is asked for, by its relative name
 * @throws VentralError `file-missing` without the folder, `bad-usage` for more than a million files
 */
export async function scanRuns(
  root: string,
  wanted: (name: string) => boolean,
  signal?: AbortSignal,
): Promise<ScannedRuns> {
  const found: Looked = { files: [], links: [], unreadable: [], seen: 0 };
  await look(root, root, 0, { found, wanted, signal });
  return { ...found, files: found.files.sort((a, b) => a.mtimeMs - b.mtimeMs || byName(a, b)) };
}

const natural = new Intl.Collator('en', { numeric: true });
const byName = (a: FoundFile, b: FoundFile) => natural.compare(a.name, b.name);

interface Looked {
  readonly files: FoundFile[];
  readonly links: string[];
  readonly unreadable: string[];
  seen: number;
}

interface Look {
  readonly found: Looked;
  readonly wanted: (name: string) => boolean;
  readonly signal: AbortSignal | undefined;
}

async function look(root: string, folder: string, depth: number, how: Look): Promise<void> {
  const { found, signal } = how;
  const nameOf = (path: string) => relative(root, path).replaceAll('\\', '/');
  const [folders, files]: [string[], string[]] = [[], []];
  try {
    for await (const entry of await opendir(folder)) {
      signal?.throwIfAborted();
      if (++found.seen > MOST_FILES)
        throw new VentralError('bad-usage', `${root} holds more than ${MOST_FILES} files`);
      const path = join(folder, entry.name);
      if (entry.isSymbolicLink()) found.links.push(nameOf(path));
      else if (entry.name.startsWith('.')) continue;
      else if (entry.isDirectory()) folders.push(path);
      else files.push(path);
    }
  } catch (thrown) {
    const error = signal?.aborted ? VentralError.from(signal.reason) : VentralError.from(thrown);
    if (folder === root || ['bad-usage', 'interrupted'].includes(error.code)) throw error;
    // A folder that a rotation deleted meanwhile is none.
    if (error.code !== 'file-missing') found.unreadable.push(nameOf(folder));
  }
  // Many at a time: over a network each takes a round trip.
  for (let at = 0; at < files.length; at += AT_ONCE)
    await Promise.all(files.slice(at, at + AT_ONCE).map((path) => take(path, nameOf(path), how)));
  if (depth === DEEPEST) return;
  for (const each of folders) await look(root, each, depth + 1, how);
}

async function take(path: string, name: string, { found, wanted }: Look): Promise<void> {
  const kind = kindByName(name);
  if (kind === undefined || !wanted(name)) return;
  const stats = await lstat(path, { bigint: true }).catch(() => undefined);
  if (!stats?.isFile()) return;
  const [size, mtimeMs] = [Number(stats.size), Number(stats.mtimeNs / 1000n) / 1000];
  found.files.push({ path, name, kind, size, mtimeMs, signature: signatureOf(stats) });
}
