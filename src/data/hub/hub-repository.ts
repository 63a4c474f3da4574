import { setTimeout as sleep } from 'node:timers/promises';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Patience, Wanted } from '../download.js';
import { type HttpAnswer, httpGet } from '../http-get.js';
import { type HubAddress, type HubPlace, hubName } from './hub-address.js';

/**
 * A repository of the hub by its documented HTTP interface: `/api/models/…/revision/…` (commit, licence),
 * `/api/models/…/tree/…` (files with sizes and digests) and `/…/resolve/…` (contents). Its JavaScript client, @huggingface/hub
 * 2.17, is not used: it begins an interrupted file anew, compares no digest, reads answers of any length, and sends the token
 * wherever the link to a next page leads.
 */

/** A file of a repository. */
export interface HubFile {
  /** Its path there, which is safe below any folder. */
  readonly path: string;
  readonly size: number;
  /** SHA-256 of a file in large-file storage, else git's id of its content. */
  readonly algorithm: 'sha256' | 'git-blob';
  readonly digest: string;
}

/** A repository at one commit. */
export interface HubSnapshot {
  readonly address: HubAddress;
  readonly commit: string;
  /** As its model card states it. */
  readonly licence?: string;
  readonly files: readonly HubFile[];
}

/** How the hub is asked. */
export interface HubRequest {
  readonly place: HubPlace;
  readonly signal?: AbortSignal;
  readonly patience?: Patience;
}

const PATIENCE: Patience = { attempts: 4, firstWaitMs: 1000, stallMs: 60_000 };
/** Bytes of one answer of the interface. */
const MOST_BYTES = 2 ** 24;
/** Pages of a list of files: the hub sends a thousand each. */
const MOST_PAGES = 50;

/**
 * What a repository holds.
 * @throws VentralError `not-found` for a repository or revision that is not there, `download-forbidden` for one that
 *   needs an account, `download-failed`, `interrupted`
 */
export async function hubSnapshot(address: HubAddress, request: HubRequest): Promise<HubSnapshot> {
  const { repository, revision = 'main' } = address;
  const api = `${request.place.endpoint}/api/models/${repository}`;
  const found = await ask(`${api}/revision/${encodeURIComponent(revision)}`, address, request);
  const { sha, cardData } = record(found.value);
  if (typeof sha !== 'string' || !/^[0-9a-f]{40}$/.test(sha))
    throw unexpected(address, 'sha', 'a commit of 40 hexadecimal digits', sha);
  const files = await listFiles(`${api}/tree/${sha}?recursive=true`, address, request);
  return { address, commit: sha, files, ...present({ licence: licenceOf(record(cardData)) }) };
}

/** What `pullWanted` needs to fetch a file. */
export function hubWanted(
  { address, commit }: Pick<HubSnapshot, 'address' | 'commit'>,
  file: HubFile,
  path: string,
  { endpoint, token }: HubPlace,
): Wanted {
  const { size, algorithm, digest } = file;
  const encoded = file.path.split('/').map(encodeURIComponent).join('/');
  return {
    ...{ file: file.path, size, algorithm, digest, path },
    url: `${endpoint}/${address.repository}/resolve/${commit}/${encoded}`,
    entry: { identifier: hubName(address), access: 'public' },
    // A 404 without its reason is of the host that the contents are on.
    refusal: (answer) =>
      answer.status === 404 && answer.headers['x-error-code'] === undefined
        ? undefined
        : refusalOf(answer, address, { endpoint, ...present({ token }) }),
    again: `ventral pull ${hubName(address)}${address.revision ? `@${address.revision}` : ''}`,
    ...present({ authorization: token && `Bearer ${token}` }),
  };
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

function unexpected(
  address: HubAddress,
  field: string,
  expected: string,
  found: unknown,
): VentralError {
  const shown = typeof found === 'object' ? 'something else' : quoted(found);
  return new VentralError(
    'download-failed',
    `${hubName(address)}: ${field} in the answer of the hub should be ${expected}, found ${shown}`,
    { file: hubName(address), field, expected },
  );
}

/** `license` of the card's metadata, with the name of one that is in no list. */
function licenceOf({ license, license_name: name, license_link: link }: ReturnType<typeof record>) {
  const listed = [license].flat().filter((each) => typeof each === 'string' && each !== '');
  if (listed.length === 0) return undefined;
  const more = [name, link].filter((each) => typeof each === 'string' && each !== '');
  const words = `${listed.join(', ')}${more.length > 0 ? ` (${more.join(', ')})` : ''}`;
  return words.replaceAll(/[\p{C}\s]+/gu, ' ').slice(0, 200);
}

async function listFiles(
  first: string,
  address: HubAddress,
  request: HubRequest,
): Promise<HubFile[]> {
  const files = new Map<string, HubFile>();
  let url = first;
  for (let page = 0; page < MOST_PAGES; page++) {
    const { value, next } = await ask(url, address, request);
    if (!Array.isArray(value)) throw unexpected(address, 'tree', 'a list', value);
    for (const entry of value) {
      const file = fileOf(record(entry), address);
      if (file) files.set(file.path, file);
    }
    if (next === undefined) return [...files.values()];
    // Its own address with the cursor of the link: nothing is asked of another host.
    url = `${first}&cursor=${encodeURIComponent(next)}`;
  }
  throw unexpected(address, 'tree', `at most ${MOST_PAGES} pages`, 'more');
}

/** Undefined for folders, and for names that not every disk takes. */
function fileOf(
  { type, path, size, oid, lfs }: ReturnType<typeof record>,
  address: HubAddress,
): HubFile | undefined {
  if (type !== 'file') return undefined;
  if (typeof path !== 'string' || !staysBelow(path))
    throw unexpected(address, 'path', 'a path inside of the repository', path);
  if (!isPlain(path)) return undefined;
  const stored = lfs === undefined || lfs === null ? undefined : record(lfs);
  const bytes = stored?.size ?? size;
  const digest = String(stored?.oid ?? oid).replace(/^sha256:/, '');
  const algorithm = stored ? 'sha256' : 'git-blob';
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0)
    throw unexpected(address, `size of ${quoted(path)}`, 'a number of bytes', bytes);
  if (!(stored ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/).test(digest))
    throw unexpected(address, `oid of ${quoted(path)}`, `a digest (${algorithm})`, digest);
  return { path, size: bytes, algorithm, digest };
}

/** Whether a name leads nowhere but below the folder that it is put in; git has no other. */
const staysBelow = (path: string) =>
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');

/** Whether any system takes the name: no drive, no control character, not too long. */
const isPlain = (path: string) =>
  path.length <= 500 &&
  !/[\\:\p{C}]/u.test(path) &&
  path.split('/').every((part) => part.length <= 200);

interface Answered {
  readonly value: unknown;
  /** Cursor of the next page. */
  readonly next: string | undefined;
}

/** One answer in JSON; where the server fails or is busy it is asked again. */
async function ask(url: string, address: HubAddress, request: HubRequest): Promise<Answered> {
  const { attempts, firstWaitMs } = request.patience ?? PATIENCE;
  for (let failed = 1; ; failed++) {
    request.signal?.throwIfAborted();
    const outcome = await askOnce(url, address, request);
    if ('value' in outcome) return outcome;
    if (failed >= attempts)
      throw new VentralError(
        'download-failed',
        `${hubName(address)}: ${outcome.why} after ${attempts} attempts at ${url}`,
        { file: hubName(address), found: outcome.why, cause: outcome.cause },
      );
    const options = present({ signal: request.signal });
    await sleep(firstWaitMs * 2 ** (failed - 1), undefined, options);
  }
}

async function askOnce(
  url: string,
  address: HubAddress,
  { place, signal, patience = PATIENCE }: HubRequest,
): Promise<Answered | { readonly why: string; readonly cause?: unknown }> {
  const silence = AbortSignal.timeout(patience.stallMs);
  const either = signal ? AbortSignal.any([signal, silence]) : silence;
  const { token } = place;
  const headers = {
    ...{ 'user-agent': 'ventral', accept: 'application/json' },
    ...present({ authorization: token && `Bearer ${token}` }),
  };
  try {
    const answer = await httpGet(url, headers, either, stayAt(address));
    try {
      return await read(answer, address, place);
    } finally {
      answer.close();
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof VentralError) throw cause;
    const { code, message } = cause as { code?: string; message: string };
    if (silence.aborted) return { why: `no answer for ${patience.stallMs / 1000} s`, cause };
    return { why: typeof code === 'string' ? code : message, cause };
  }
}

async function read(
  answer: HttpAnswer,
  address: HubAddress,
  place: HubPlace,
): Promise<Answered | { readonly why: string }> {
  const { status } = answer;
  const why = `the hub answered ${status}`;
  if (status === 408 || status === 429 || status >= 500) return { why };
  const refused = status === 200 ? undefined : refusalOf(answer, address, place);
  if (refused) throw refused;
  if (status !== 200)
    throw new VentralError('download-failed', `${hubName(address)}: ${why}`, { found: why });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.chunks()) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES)
      throw unexpected(address, 'length', `at most ${MOST_BYTES} bytes`, 'more');
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return { value, next: cursorOf([answer.headers.link ?? []].flat().join(',')) };
  } catch {
    throw unexpected(address, 'body', 'JSON', 'something else');
  }
}

/** The cursor in the link to the next page (RFC 8288). */
function cursorOf(link: string): string | undefined {
  const next = /<([^<>]*)>\s*;[^<]*\brel="?next"?/.exec(link)?.[1];
  if (next === undefined) return undefined;
  const url = URL.canParse(next, 'http://hub') ? new URL(next, 'http://hub') : undefined;
  return url?.searchParams.get('cursor') ?? undefined;
}

const stayAt = (address: HubAddress) => (from: URL, to: URL) => {
  const isUpgrade = from.protocol === 'http:' && to.protocol === 'https:';
  if (to.origin === from.origin || (isUpgrade && to.hostname === from.hostname)) return;
  throw new VentralError(
    'download-failed',
    `${hubName(address)}: ${from.host} redirects to ${to.protocol}//${to.host}, which is elsewhere; HF_ENDPOINT names another hub`,
    { file: hubName(address), expected: from.origin, found: to.origin },
  );
};

/** What the hub means by an answer: it says in a header which of several 401, 403 and 404 it is. */
function refusalOf(
  { status, headers }: Pick<HttpAnswer, 'status' | 'headers'>,
  address: HubAddress,
  { endpoint, token }: HubPlace,
): VentralError | undefined {
  const name = hubName(address);
  const { repository, revision } = address;
  const page = `${endpoint}/${repository}`;
  const details = { file: name, found: `${status}` };
  const error = headers['x-error-code'];
  if (error === 'GatedRepo') {
    const how = token
      ? `the account of HF_TOKEN has no access: ask for it at ${page}`
      : `accept its terms at ${page}, and give a token of that account in HF_TOKEN`;
    return new VentralError('download-forbidden', `${name} is gated; ${how}`, details);
  }
  if (error === 'RevisionNotFound')
    return new VentralError(
      'not-found',
      revision === undefined
        ? `${name} no longer has the commit that was asked for; run the command again`
        : `${name} has no revision ${quoted(revision)}`,
      details,
    );
  if (error === 'EntryNotFound')
    return new VentralError('not-found', `${name} lacks a file that it lists`, details);
  if (status === 401 || status === 404 || error === 'RepoNotFound') {
    const account = token
      ? 'HF_TOKEN is not valid, or of an account that may not see it'
      : 'it needs HF_TOKEN';
    return new VentralError(
      'not-found',
      `${endpoint} has no model ${repository}, or it is private and ${account}`,
      details,
    );
  }
  if (status === 403)
    return new VentralError(
      'download-forbidden',
      `${name}: the hub refuses access (403)${token ? ': HF_TOKEN may lack the right to read it' : ''}`,
      details,
    );
  return undefined;
}
