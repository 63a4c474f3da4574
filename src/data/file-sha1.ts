import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { VentralError } from '../errors/ventral-error.js';
import { present } from '../formats/present.js';

/** What hashing may report and be stopped by. */
export interface HashOptions {
  readonly progress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * SHA-1 of a file, lower-case hex.
 * @throws VentralError `interrupted` where the signal says so
 */
export const sha1Of = (path: string, options: HashOptions = {}): Promise<string> =>
  hashOf(path, 'sha1', options);

/** {@link sha1Of} for either digest. */
export async function hashOf(
  path: string,
  algorithm: 'sha1' | 'sha256',
  options: HashOptions = {},
): Promise<string> {
  const hash = createHash(algorithm);
  let done = 0;
  try {
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
