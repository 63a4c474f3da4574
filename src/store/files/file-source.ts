import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { damagedFile } from './damaged-file.js';
import type { FileKind } from './file-kind.js';

/** Where files come from, by the digest of their bytes; nothing that it gives is trusted. */
export interface FileOrigin {
  /** @throws VentralError `file-missing`, and `files-unavailable` where another try may mend it */
  open(digest: string, kind: FileKind, signal: AbortSignal): Promise<Readable>;
  /** @throws VentralError `files-unavailable` */
  put(path: string, digest: string, kind: FileKind): Promise<void>;
}

/** A shared file store: the service also writes its files there. */
export interface FileMirror extends FileOrigin {
  remove(digest: string, kind: FileKind): Promise<void>;
}

/** Unpacks the archive of a benchmark into a folder that it makes. */
export type Unpack = (archive: string, folder: string, signal: AbortSignal) => Promise<unknown>;

/** Files that stay in place until they are released. */
export interface HeldFiles {
  /**
   * Path of a model's file, or of the folder that a benchmark was unpacked to; checked by digest.
   * @throws VentralError `file-missing`, `file-damaged`, `files-unavailable`, `checksum-mismatch`, `disk-full`
   */
  fetch(digest: string, kind: FileKind, signal: AbortSignal): Promise<string>;
  /**
   * Checks fetched files again after use.
   * @throws VentralError `file-damaged`
   */
  confirm(): Promise<void>;
  /** Gives them back. */
  close(): Promise<void>;
}

/** What jobs get their files from. */
export interface FileSource {
  /** Opened for one job. */
  open(): HeldFiles;
  /**
   * Takes a network over that a job has made: a whole, synced file of the folder of unfinished work, which is
   * moved or removed.
   * @throws VentralError `files-unavailable`, `disk-full`
   */
  keep(path: string, digest: string): Promise<void>;
}

/** A home as its service keeps it: files stay while a job needs them. */
interface KeptFiles {
  readonly files: {
    local(digest: string, signal: AbortSignal): Promise<string>;
    place(temporary: string, digest: string): Promise<void>;
    state(digest: string): Promise<string>;
  };
  readonly benchmarkFiles: {
    local(digest: string, signal: AbortSignal): Promise<string>;
    state(digest: string): Promise<{ readonly state: string; readonly names: readonly string[] }>;
  };
}

/** The files of the home that a service keeps. */
export const homeSource = ({ files, benchmarkFiles }: KeptFiles): FileSource => ({
  open: () => {
    const fetched: { readonly digest: string; readonly kind: FileKind }[] = [];
    return {
      fetch: async (digest, kind, signal) => {
        const path = await (kind === 'model' ? files : benchmarkFiles).local(digest, signal);
        fetched.push({ digest, kind });
        return path;
      },
      confirm: async () => {
        for (const { digest, kind } of fetched) {
          const { state, names } =
            kind === 'model'
              ? { state: await files.state(digest), names: [] }
              : await benchmarkFiles.state(digest);
          if (state === 'damaged') throw damagedFile({ kind, digest, names });
        }
      },
      close: () => Promise.resolve(),
    };
  },
  keep: (path, digest) => files.place(path, digest),
});

/** `file-missing`. */
export const missingFile = (digest: string, kind: FileKind): VentralError =>
  new VentralError('file-missing', `The file store has no ${kind} ${digest}`, { file: digest });

/** `files-unavailable`. */
export const unavailable = (what: string, cause: unknown): VentralError =>
  new VentralError('files-unavailable', `${what}: ${(cause as Error).message}`, { cause });

/** Tries of a transfer that breaks; the wait before the next one doubles. */
const TRIES = 4;
const FIRST_WAIT_MS = 100;

/**
 * Writes a file of an origin to a path, synced. A transfer that breaks is tried again a few times; one
 * that gives other bytes than the digest says, once. What was not whole is removed.
 * @throws as {@link HeldFiles.fetch}
 */
export async function download(
  origin: FileOrigin,
  {
    digest,
    kind,
    path,
  }: { readonly digest: string; readonly kind: FileKind; readonly path: string },
  signal: AbortSignal,
): Promise<void> {
  let wrong = 0;
  for (let tries = 1; ; tries++) {
    try {
      const found = await transfer(await origin.open(digest, kind, signal), path, signal);
      if (found === digest) return;
      wrong++;
      throw new VentralError(
        'checksum-mismatch',
        `The file store returned other contents for the ${kind} ${digest}`,
        { file: digest, expected: digest, found },
      );
    } catch (thrown) {
      await rm(path, { force: true });
      signal.throwIfAborted();
      const error = VentralError.from(thrown);
      const again =
        error.code === 'files-unavailable' || (error.code === 'checksum-mismatch' && wrong < 2);
      if (!again || tries === TRIES) throw error;
      await sleep(FIRST_WAIT_MS * 2 ** (tries - 1), undefined, { signal });
    }
  }
}

/** @returns the digest of what came */
async function transfer(source: Readable, path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  let broken: unknown;
  source.once('error', (error) => {
    broken = error;
  });
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  // Opened before the transfer begins: a stream that breaks while it opens makes the file after its removal.
  const target = await open(path, 'wx', 0o600).catch((error: unknown) => {
    source.destroy();
    throw error;
  });
  try {
    await pipeline(source, measure, target.createWriteStream({ flush: true }), { signal });
  } catch (error) {
    const early = (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE';
    throw early || broken === error ? unavailable('A transfer failed', error) : error;
  } finally {
    await target.close();
  }
  return `sha256:${hash.digest('hex')}`;
}
