import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { components } from '../../api/schema.js';
import { codes, type ErrorCode } from '../../errors/codes.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';

/** A service, and how to reach it. */
export interface ServicePlace {
  /** The URL by which people know it, without a slash at its end. */
  readonly url: string;
  /** The Unix socket in its home, by which it answers commands of its user; else it is asked by its URL. */
  readonly socket?: string;
  /** API key. */
  readonly key?: string;
}

/** Parts of a request. */
export interface Sending {
  readonly headers?: OutgoingHttpHeaders;
  /** Writes the body, and ends it. */
  readonly write?: (body: Writable) => Promise<void>;
  readonly signal?: AbortSignal;
  /** Milliseconds in which a service that is asked by its URL sends or takes something; by default ten minutes. */
  readonly quiet?: number;
}

/** A complete answer. */
export interface ServiceAnswer {
  readonly status: number;
  /** From JSON; undefined if nothing came. */
  readonly body: unknown;
}

/** Milliseconds in which a service that is asked by its URL sends or takes something: a check takes minutes at most. */
const QUIET_MS = 600_000;

/**
 * Sends a request to a service. Redirects are not followed: they would take the key elsewhere. The caller reads or
 * destroys the body.
 * @param path from `/v1` on
 * @throws VentralError `not-ready` where nobody answers
 */
export async function askService(
  { url, socket, key }: ServicePlace,
  method: string,
  path: string,
  { headers = {}, write = async (body) => void body.end(), signal, quiet = QUIET_MS }: Sending = {},
): Promise<IncomingMessage> {
  const options = {
    ...{ agent: false as const, method },
    headers: { ...headers, ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }) },
    ...present({ signal }),
  };
  const sent =
    socket === undefined
      ? (url.startsWith('https:') ? requestTls : request)(`${url}${path}`, options)
      : request({ ...options, socketPath: socket, path });
  if (socket === undefined)
    sent.setTimeout(quiet, () => sent.destroy(new Error(`silent for ${quiet / 1000} seconds`)));
  const answered = new Promise<IncomingMessage>((resolve, reject) =>
    sent.once('response', resolve).on('error', reject),
  );
  // A service that refuses early answers while the body is still being written: its words count.
  write(sent).catch(() => {});
  return answered.catch((cause) => {
    throw signal?.aborted ? signal.reason : unreachable(url, cause);
  });
}

/**
 * The same, and the whole answer.
 * @throws the service's problem where it refuses
 */
export async function callService(
  place: ServicePlace,
  method: string,
  path: string,
  sending?: Sending,
): Promise<ServiceAnswer> {
  const response = await askService(place, method, path, sending);
  try {
    const words = await text(response);
    const status = response.statusCode ?? 0;
    return { status, body: accepted(status, words, response.headers['retry-after']) };
  } catch (cause) {
    if (cause instanceof VentralError || sending?.signal?.aborted) throw cause;
    throw unreachable(place.url, cause);
  } finally {
    response.destroy();
  }
}

/** The answer of the service; throws its problem if it refused. */
export function accepted(status: number, words: string, wait?: string): unknown {
  if (status >= 200 && status < 300) return words ? JSON.parse(words) : undefined;
  const { type, detail } = problemIn(words);
  if (type === undefined || detail === undefined) {
    const what = `The service answered ${status} without a problem document: is it ventral?`;
    throw new VentralError(status >= 500 ? 'not-ready' : 'bad-usage', what);
  }
  const code = type.replace('/problems/', '');
  const retryAfter = Number(wait);
  const details = retryAfter > 0 ? { retryAfter } : {};
  throw new VentralError(code in codes ? (code as ErrorCode) : 'internal', detail, details);
}

/** Sends JSON and reads the answer. */
export async function callWithJson(
  place: ServicePlace,
  method: string,
  path: string,
  content: unknown,
  { headers = {}, ...sending }: Sending = {},
): Promise<ServiceAnswer> {
  const body = Buffer.from(JSON.stringify(content));
  return callService(place, method, path, {
    ...sending,
    headers: { ...headers, 'Content-Type': 'application/json', 'Content-Length': body.length },
    write: async (sink) => void sink.end(body),
  });
}

function problemIn(words: string): Partial<components['schemas']['Problem']> {
  try {
    return JSON.parse(words) ?? {};
  } catch {
    return {};
  }
}

/** `not-ready`, where a service cannot be reached. */
export const unreachable = (url: string, cause: unknown): VentralError =>
  new VentralError(
    'not-ready',
    `The service at ${url} does not answer: ${(cause as Error).message}`,
    { cause },
  );
