import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';
import { writeFileAtomic } from '../formats/write-file-atomic.js';
import { sha1Of } from './file-sha1.js';

/** Milliseconds after which a file is hashed again though its status is the same: disks lose bits silently. */
const RECHECK_MS = 7 * 24 * 3600_000;

/** Contents of `.<file>.checked` beside a file. */
interface Checked {
  readonly status: string;
  readonly at: number;
}

/**
 * Compares a file under HOME/data with the SHA-1 of its folder's name. It is hashed once, and again when its
 * device, inode, size, mtime or ctime are others, or after a week: what was seen is kept beside it, for other
 * processes too.
 * @throws VentralError `file-damaged`
 * @param name under which `ventral data pull` brings it
 */
export async function requireWhole(path: string, name: string): Promise<void> {
  const note = join(dirname(path), `.${basename(path)}.checked`);
  const before = await statusOf(path);
  const seen = await readNote(note);
  if (seen?.status === before && Date.now() - seen.at < RECHECK_MS) return;
  const expected = basename(dirname(path));
  const found = await sha1Of(path);
  if (found !== expected) throw damaged(path, { name, expected, found });
  const checked: Checked = { status: before, at: Date.now() };
  // A help only: where the folder may not be written the file is hashed each time.
  if ((await statusOf(path)) === before)
    await writeFileAtomic(note, JSON.stringify(checked)).catch(() => {});
}

async function statusOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

async function readNote(path: string): Promise<Checked | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Checked;
  } catch {
    return undefined;
  }
}

function damaged(
  path: string,
  { name, expected, found }: { name: string; expected: string; found: string },
): VentralError {
  const file = basename(path);
  return new VentralError(
    'file-damaged',
    `${file} of ${name} is damaged: expected SHA-1 ${expected}, found ${found}; \`ventral data pull ${name}\` downloads it again, \`ventral data import\` imports your copy`,
    { file, field: 'sha1', expected, found },
  );
}
