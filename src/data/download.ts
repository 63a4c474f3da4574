import { rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VentralError } from '../errors/ventral-error.js';
import { present } from '../formats/present.js';
import type { CatalogEntry, CatalogFile } from './catalog.js';
import { dataPath, isThere } from './data-folder.js';
import { type Body, BrokenBody, type Failure, type Request, request } from './download-request.js';
import { type FileAlgorithm, hashOf } from './file-sha1.js';
import { PartialFile } from './partial-file.js';

/** How far one file is. */
export interface PullProgress {
  readonly file: string;
  /** `waiting`: for the next attempt after a failure. */
  readonly stage: 'downloading' | 'waiting' | 'checking';
  readonly done: number;
  /** Bytes of the whole file, once the server or the catalog has said so. */
  readonly total?: number;
}

/** When to try again, and when to give up. */
export interface Patience {
  /** Attempts in a row that bring not one byte. */
  readonly attempts: number;
  /** Wait before the second attempt; it doubles each time, up to a minute. `Retry-After` overrides. */
  readonly firstWaitMs: number;
  /** Silence of the server after which an attempt has failed. */
  readonly stallMs: number;
}

/** A file to fetch: where it is, what its bytes are, and where it goes. */
export interface Wanted {
  readonly file: string;
  readonly url: string;
  readonly size?: number;
  /** S3 version that has these bytes, asked for where the plain object has others. */
  readonly version?: string;
  readonly algorithm: FileAlgorithm;
  /** Lower-case hex. */
  readonly digest: string;
  readonly path: string;
  /** Whose file it is, in messages. */
  readonly entry: Request['entry'];
  readonly sameHost?: boolean;
  /** Header `authorization`, for the host of `url` alone. */
  readonly authorization?: string;
  /** What an answer that ends the download means, where the server says more than its status. */
  readonly refusal?: Request['refusal'];
  /** Command that resumes the download. */
  readonly again?: string;
}

export interface PullOptions {
  readonly home: string;
  /** Another place that holds the catalog's files under their names. */
  readonly baseUrl?: string;
  readonly progress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
  readonly patience?: Patience;
}

/** A file that is here and has the bytes that were published. */
export interface PulledFile {
  readonly file: string;
  readonly path: string;
  /** True where it was here before. */
  readonly already: boolean;
}

const algorithmNames: Readonly<Record<FileAlgorithm, string>> = {
  sha1: 'SHA-1',
  sha256: 'SHA-256',
  'git-blob': 'git id',
};

const PATIENCE: Patience = { attempts: 6, firstWaitMs: 1000, stallMs: 60_000 };
const LONGEST_WAIT_MS = 60_000;

/**
 * Brings every file of catalog entries to HOME/data: resumed where an earlier attempt stopped, checked by SHA-1, named only when whole.
 * @throws VentralError `data-missing`, `download-forbidden`, `download-failed`, `checksum-mismatch`, `disk-full`
 *   or `interrupted`; what was fetched before an interruption is kept for the next time
 */
export async function pullEntries(
  entries: readonly CatalogEntry[],
  options: PullOptions,
): Promise<PulledFile[]> {
  const pulled: PulledFile[] = [];
  for (const entry of entries) {
    for (const file of entry.files) pulled.push(await pullFile(file, entry, options));
  }
  return pulled;
}

/** {@link pullEntries} for one file of an entry. */
export async function pullFile(
  file: CatalogFile,
  entry: CatalogEntry,
  options: PullOptions,
): Promise<PulledFile> {
  const url = addressOf(file, options);
  const path = dataPath(options.home, file);
  return pullWanted({ ...file, url, algorithm: 'sha1', digest: file.sha1, path, entry }, options);
}

/** {@link pullEntries} for a file of any digest. */
export async function pullWanted(file: Wanted, options: PullOptions): Promise<PulledFile> {
  const { path } = file;
  if ((await isThere(path)) && (await isWhole(path, file, options))) {
    return { file: file.file, path, already: true };
  }
  let part: PartialFile | undefined;
  try {
    part = await PartialFile.open(dirname(path));
    await fetchChecked(part, file, options);
    await part.finish(path);
  } catch (thrown) {
    const error = options.signal?.aborted ? interrupted(file, thrown) : VentralError.from(thrown);
    // A full disk and wrong bytes leave nothing; anything else leaves a beginning to continue from.
    const worthless = error.code === 'disk-full' || error.code === 'checksum-mismatch';
    await (worthless ? part?.discard() : part?.release());
    throw error;
  }
  return { file: file.file, path, already: false };
}

function interrupted(file: Wanted, cause: unknown): VentralError {
  const next = `\`${file.again ?? 'ventral data pull'}\` resumes the download`;
  return new VentralError('interrupted', `${file.file}: interrupted; ${next}`, {
    file: file.file,
    cause,
  });
}

async function isWhole(path: string, file: Wanted, options: PullOptions): Promise<boolean> {
  const digest = await checked(path, file, options);
  if (digest === file.digest) return true;
  await rm(path); // it rotted or was edited: the catalog's bytes take its place
  return false;
}

async function fetchChecked(part: PartialFile, file: Wanted, options: PullOptions): Promise<void> {
  await fetchAll(part, file, options);
  let found = await checked(part.path, file, options);
  if (found !== file.digest && part.joined) {
    // The pieces may be of a content that changed in between: once more, from zero.
    await part.restart(undefined);
    await fetchAll(part, file, options);
    found = await checked(part.path, file, options);
  }
  if (found === file.digest) return;
  const earlier = options.baseUrl === undefined ? earlierVersion(file) : undefined;
  if (earlier !== undefined) {
    await part.restart(undefined);
    return fetchChecked(part, earlier, options);
  }
  const name = algorithmNames[file.algorithm];
  throw new VentralError(
    'checksum-mismatch',
    `${file.file}: expected ${name} ${file.digest}, found ${found} in ${part.bytes} bytes from ${file.url}; the file was removed`,
    { file: file.file, field: file.algorithm, expected: file.digest, found },
  );
}

/** The version of the object that the catalog names; the object itself may have been replaced since. */
function earlierVersion({ version, url, ...file }: Wanted): Wanted | undefined {
  if (version === undefined || version === 'null') return undefined;
  const at = new URL(url);
  at.searchParams.set('versionId', version);
  return { ...file, url: at.href };
}

function checked(path: string, file: Wanted, { progress, signal }: PullOptions) {
  const report = (done: number) => progress?.({ file: file.file, stage: 'checking', done });
  return hashOf(path, file.algorithm, { progress: report, ...present({ signal }) });
}

function addressOf(file: CatalogFile, { baseUrl }: PullOptions): string {
  if (baseUrl === undefined) return file.url;
  return new URL(encodeURIComponent(file.file), baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`)
    .href;
}

/** Attempts until the part is as long as the server says the file is. */
async function fetchAll(part: PartialFile, file: Wanted, options: PullOptions): Promise<void> {
  const { attempts, firstWaitMs, stallMs } = options.patience ?? PATIENCE;
  const { url, entry } = file;
  let furthest = part.bytes;
  for (let failed = 0; ; ) {
    options.signal?.throwIfAborted();
    const outcome = await request({
      url,
      part,
      entry,
      stallMs,
      ...present({
        signal: options.signal,
        sameHost: file.sameHost,
        authorization: file.authorization,
        refusal: file.refusal,
      }),
    });
    const failure = outcome.body
      ? await receive(part, file, outcome.body, options)
      : outcome.failure;
    if (failure === undefined) return;
    failed = part.bytes > furthest ? 1 : failed + 1;
    furthest = Math.max(furthest, part.bytes);
    if (failed >= attempts) {
      throw new VentralError(
        'download-failed',
        `${file.file}: ${failure.why} after ${attempts} attempts at ${url}; \`${file.again ?? 'ventral data pull'}\` resumes the download`,
        { file: file.file, found: failure.why, cause: failure.cause },
      );
    }
    const wait = failure.waitMs ?? Math.min(firstWaitMs * 2 ** (failed - 1), LONGEST_WAIT_MS);
    options.progress?.({ file: file.file, stage: 'waiting', done: part.bytes });
    await sleep(wait, undefined, options.signal ? { signal: options.signal } : {});
  }
}

/** Writes one answer to the part; gives the failure where it ended early. */
async function receive(
  part: PartialFile,
  file: Wanted,
  body: Body,
  options: PullOptions,
): Promise<Failure | undefined> {
  const total = body.total ?? file.size;
  requireSize(file, body.total, 'is announced by the server');
  await roomFor(part, file, total);
  const progress = (done: number) => {
    if (done > (file.size ?? done)) requireSize(file, done, 'and more came');
    options.progress?.({
      file: file.file,
      stage: 'downloading',
      done,
      ...present({ total }),
    });
  };
  progress(part.bytes);
  try {
    await part.append(body.chunks, progress);
  } catch (cause) {
    options.signal?.throwIfAborted();
    const { code } = cause as { code?: string };
    if (code === 'ENOSPC' || code === 'EDQUOT') throw full(file, total ?? part.bytes, cause);
    if (!(cause instanceof BrokenBody)) throw cause;
    return { why: `the connection was lost (${cause.message})`, cause };
  }
  if (total !== undefined && part.bytes < total) {
    return { why: `the server closed the connection at ${part.bytes} of ${total} bytes` };
  }
  return undefined;
}

/** @throws `checksum-mismatch` where a server has a file of another length than the catalog's, before it fills the disk */
function requireSize(file: Wanted, found: number | undefined, how: string): void {
  if (found === undefined || file.size === undefined || found === file.size) return;
  throw new VentralError(
    'checksum-mismatch',
    `${file.file}: expected ${file.size} bytes, but ${found} ${how} (${file.url})`,
    { file: file.file, field: 'size', expected: `${file.size}`, found: `${found}` },
  );
}

async function roomFor(part: PartialFile, file: Wanted, total = 0): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(part.path));
  if (total - part.bytes > bavail * bsize) throw full(file, total, undefined);
}

function full(file: Wanted, bytes: number, cause: unknown): VentralError {
  return new VentralError(
    'disk-full',
    `No space left on the disk for ${file.file} (${bytes} bytes)`,
    {
      file: file.file,
      cause,
    },
  );
}
