import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { VentralError } from '../errors/ventral-error.js';
import { present } from '../formats/present.js';

/** What hashing may report and be stopped by. */
export interface HashOptions {
  readonly progress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/** Digests of a file; `git-blob` is git's id of its content, the SHA-1 of a header with its size, and of its bytes. */
export type FileAlgorithm = 'sha1' | 'sha256' | 'git-blob';

/**
 * SHA-1 of a file, lower-case hex.
 * @throws VentralError `interrupted` where the signal says so
 */
export const sha1Of = (path: string, options: HashOptions = {}): Promise<string> =>
  hashOf(path, 'sha1', options);

/** {@link sha1Of} for any digest. */
export async function hashOf(
  path: string,
  algorithm: FileAlgorithm,
  options: HashOptions = {},
): Promise<string> {
  const hash = createHash(algorithm === 'git-blob' ? 'sha1' : algorithm);
  let done = 0;
  try {
    if (algorithm === 'git-blob') hash.update(`blob ${(await stat(path)).size}\0`);
    for await (const chunk of createReadStream(path, {
      highWaterMark: 1 << 20,
      ...present({ signal: options.signal }),
    })) {
      hash.update(chunk);
      done += chunk.length;
      options.progress?.(done);
    }
  } catch (error) {
    throw VentralError.from(error);
  }
  return hash.digest('hex');
}
