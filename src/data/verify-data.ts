import { join } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';
import { present } from '../formats/present.js';
import { isThere, namesIn } from './data-folder.js';
import { sha1Of } from './file-sha1.js';

/** What a look at one file under HOME/data found. */
export interface VerifiedFile {
  readonly file: string;
  readonly path: string;
  /** SHA-1 that its folder promises. */
  readonly expected: string;
  readonly found: string;
  readonly ok: boolean;
}

/** Hashes every file under HOME/data again and compares it with the name of its folder. */
export async function verifyData(options: {
  readonly home: string;
  readonly progress?: (progress: { readonly file: string; readonly done: number }) => void;
  readonly signal?: AbortSignal;
}): Promise<VerifiedFile[]> {
  const root = join(options.home, 'data');
  const verified: VerifiedFile[] = [];
  for (const expected of await namesIn(root)) {
    if (!/^[0-9a-f]{40}$/.test(expected)) continue;
    for (const file of await namesIn(join(root, expected))) {
      const path = join(root, expected, file);
      if (file.startsWith('.') || file === 'import.json' || !(await isThere(path))) continue;
      const found = await sha1Of(path, {
        progress: (done) => options.progress?.({ file, done }),
        ...present({ signal: options.signal }),
      });
      verified.push({ file, path, expected, found, ok: found === expected });
    }
  }
  return verified;
}

/** @throws VentralError `checksum-mismatch` naming the changed files */
export function requireVerified(files: readonly VerifiedFile[]): void {
  const wrong = files.filter(({ ok }) => !ok);
  const [first] = wrong;
  if (!first) return;
  throw new VentralError(
    'checksum-mismatch',
    `${wrong.length} of ${files.length} files changed: ${wrong.map(({ path }) => path).join(', ')}; expected SHA-1 ${first.expected}, found ${first.found}. \`ventral data pull\` downloads them again`,
    { file: first.path, field: 'sha1', expected: first.expected, found: first.found },
  );
}
