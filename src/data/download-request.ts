import { VentralError } from '../errors/ventral-error.js';
import { present } from '../formats/present.js';
import type { CatalogEntry } from './catalog.js';
import { type HttpAnswer, httpGet } from './http-get.js';
import type { PartialFile } from './partial-file.js';

/** What a server sends of a file: chunks that continue the part, and the length of the whole. */
export interface Body {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly total?: number;
}

/** An attempt that may succeed when it is made again. */
export interface Failure {
  readonly why: string;
  /** What `Retry-After` asks for. */
  readonly waitMs?: number;
  readonly cause?: unknown;
}

export type Outcome =
  | { readonly body: Body; readonly failure?: undefined }
  | { readonly failure: Failure; readonly body?: undefined };

export interface Request {
  readonly url: string;
  readonly part: PartialFile;
  readonly entry: Pick<CatalogEntry, 'identifier' | 'access'>;
  /** Whether a redirect to another host or from HTTPS to HTTP is refused. */
  readonly sameHost?: boolean;
  readonly authorization?: string;
  readonly refusal?: (answer: Pick<HttpAnswer, 'status' | 'headers'>) => VentralError | undefined;
  readonly stallMs: number;
  readonly signal?: AbortSignal;
}

/** The server or the line failed while a body came; asking again may help. */
export class BrokenBody extends Error {
  override readonly name = 'BrokenBody';
}

/**
 * Asks once for what the part lacks (`Range` and `If-Range`, RFC 9110 §13.1.5 and §14). Where the
 * server sends the whole, or another content than before, the part starts over.
 * @throws VentralError `download-forbidden` or `download-failed` where asking again is no use, and the signal's
 *   reason
 */
export async function request(asked: Request): Promise<Outcome> {
  const watch = new Watch(asked.stallMs, asked.signal);
  try {
    const answer = await httpGet(asked.url, headersFor(asked), watch.signal, followOf(asked));
    const outcome = await judge(asked, answer).catch((error) => {
      answer.close();
      throw error;
    });
    if (outcome === 'body') {
      const total = totalOf(answer);
      const chunks = watched(answer.chunks(), watch);
      return { body: { chunks, ...present({ total }) } };
    }
    answer.close();
    watch.end();
    return outcome === 'whole' ? { body: { chunks: nothing() } } : { failure: outcome };
  } catch (cause) {
    watch.end();
    asked.signal?.throwIfAborted();
    if (cause instanceof VentralError) throw cause;
    return { failure: { why: watch.reason(cause), cause } };
  }
}

/** Refuses redirects that lead away from where the catalog says the file is. */
const stayAt =
  ({ entry, url }: Request) =>
  (from: URL, to: URL): void => {
    if (to.host === from.host && (to.protocol === 'https:' || to.protocol === from.protocol))
      return;
    const found = `${to.protocol}//${to.host}`;
    throw new VentralError(
      'download-failed',
      `${entry.identifier}: ${url} redirects to ${found}, which is elsewhere than the catalog says`,
      { file: entry.identifier, expected: from.origin, found },
    );
  };

function followOf(asked: Request): ((from: URL, to: URL) => void) | undefined {
  if (asked.sameHost) return stayAt(asked);
  return asked.authorization === undefined ? undefined : stayEncrypted(asked);
}

/** Refuses redirects of what needed credentials to where it would be sent in the clear. */
const stayEncrypted =
  ({ entry, url }: Request) =>
  (from: URL, to: URL): void => {
    if (to.protocol === from.protocol || to.protocol === 'https:') return;
    const found = `${to.protocol}//${to.host}`;
    throw new VentralError(
      'download-failed',
      `${entry.identifier}: ${url} redirects to ${found}, which is not encrypted`,
      {
        file: entry.identifier,
        expected: from.protocol,
        found,
      },
    );
  };

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Ends a request when the caller wants it, or when the server has been silent for too long. */
class Watch {
  readonly #controller = new AbortController();
  readonly #stallMs: number;
  readonly #outer: AbortSignal | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stalled = false;

  constructor(stallMs: number, outer: AbortSignal | undefined) {
    this.#stallMs = stallMs;
    this.#outer = outer;
    outer?.addEventListener('abort', this.#stop, { once: true });
    this.begin();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly #stop = () => this.#controller.abort(this.#outer?.reason);

  begin(): void {
    const stalled = () => {
      this.#stalled = true;
      this.#controller.abort();
    };
    this.#timer = setTimeout(stalled, this.#stallMs);
  }

  /** Why a request failed, in a few words. */
  reason(cause: unknown): string {
    if (this.#stalled) return `no data received for ${this.#stallMs / 1000} s`;
    const { code, message } = cause as { code?: string; message: string };
    return code ?? message;
  }

  /** Waiting for a slow disk must not count as a stalled server. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.pause();
    this.#outer?.removeEventListener('abort', this.#stop);
  }
}

async function* watched(
  body: AsyncGenerator<Uint8Array>,
  watch: Watch,
): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const next = await body.next().catch((cause) => {
        throw new BrokenBody(watch.reason(cause), { cause });
      });
      if (next.done) return;
      watch.pause();
      yield next.value;
      watch.begin();
    }
  } finally {
    watch.end();
    await body.return(undefined);
  }
}

function headersFor({ part, authorization }: Request): Record<string, string> {
  const headers: Record<string, string> = {
    'user-agent': 'ventral',
    ...present({ authorization }),
  };
  if (part.bytes === 0) return headers;
  headers.range = `bytes=${part.bytes}-`;
  if (part.validator !== undefined) headers['if-range'] = part.validator;
  return headers;
}

/** Reads the status line and sets the part to where the body starts. */
async function judge(
  { url, part, entry, refusal }: Request,
  answer: HttpAnswer,
): Promise<'body' | 'whole' | Failure> {
  const { status, headers } = answer;
  if (status === 200) {
    await part.restart(validatorOf(answer));
    return 'body';
  }
  if (status === 206) {
    const range = /^bytes (\d+)-/.exec(headers['content-range'] ?? '');
    const validator = validatorOf(answer);
    const same = part.validator === undefined || !validator || validator === part.validator;
    if (range && Number(range[1]) === part.bytes && same) return 'body';
    await part.restart(undefined);
    return { why: 'the server sent another range than requested', waitMs: 0 };
  }
  if (status === 416) {
    const length = /^bytes \*\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1];
    if (length !== undefined && Number(length) === part.bytes) return 'whole';
    await part.restart(undefined);
    return { why: 'the file changed on the server since the partial download', waitMs: 0 };
  }
  const refused = status >= 400 && status < 500 ? refusal?.(answer) : undefined;
  if (refused) throw refused;
  if (status === 401 || status === 403) throw forbidden(url, entry, status);
  const why = `the server answered ${status}`;
  if (status === 408 || status === 429 || status >= 500) {
    const waitMs = retryAfter(answer);
    return { why, ...present({ waitMs }) };
  }
  throw new VentralError('download-failed', `${entry.identifier}: ${why} for ${url}`, {
    file: entry.identifier,
    found: why,
  });
}

function forbidden(
  url: string,
  { identifier, access }: Request['entry'],
  status: number,
): VentralError {
  const why =
    access === 'private'
      ? `${identifier} is private: its owners reserve it for evaluation, and the server answered ${status}`
      : `The server answered ${status} for ${identifier}, although the catalog lists it as public`;
  return new VentralError(
    'download-forbidden',
    `${why} (${url}). If you have been given the file, use \`ventral data import FILE\`; \`ventral data list\` marks the public sets`,
    { file: identifier, found: String(status) },
  );
}

/** A strong ETag, else the date: what `If-Range` may carry (RFC 9110 §13.1.5). */
function validatorOf(answer: HttpAnswer): string | undefined {
  const { etag, 'last-modified': date } = answer.headers;
  return etag && !etag.startsWith('W/') ? etag : date;
}

function totalOf(answer: HttpAnswer): number | undefined {
  const text =
    answer.status === 206
      ? /\/(\d+)$/.exec(answer.headers['content-range'] ?? '')?.[1]
      : answer.headers['content-length'];
  return text ? Number(text) : undefined;
}

/** Milliseconds that `Retry-After` asks for, as seconds or as a date, at most five minutes. */
function retryAfter(answer: HttpAnswer): number | undefined {
  const text = answer.headers['retry-after'];
  if (!text) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 300_000);
}
