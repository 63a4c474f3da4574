import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { components } from '../../api/schema.js';
import { codes, type ErrorCode } from '../../errors/codes.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';

/** Where the service that owns a home answers commands of its user, and the URL by which people know it. */
export interface ServicePlace {
  readonly url: string;
  readonly socket: string;
}

/** Parts of a request. */
export interface Sending {
  readonly headers?: OutgoingHttpHeaders;
  /** Writes the body, and ends it. */
  readonly write?: (body: Writable) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** A complete answer. */
export interface LocalAnswer {
  readonly status: number;
  /** From JSON; undefined if nothing came. */
  readonly body: unknown;
}

/**
 * Sends a request to the service that owns a home, over its socket. The caller reads or destroys the body.
 * @throws VentralError `not-ready` where nobody answers
 */
export async function askLocally(
  { url, socket }: ServicePlace,
  method: string,
  path: string,
  { headers = {}, write = async (body) => void body.end(), signal }: Sending = {},
): Promise<IncomingMessage> {
  const sent = request({
    ...{ socketPath: socket, agent: false, method, path, headers },
    ...present({ signal }),
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) =>
    sent.once('response', resolve).on('error', reject),
  );
  // A service that refuses early answers while the body is still being written: its words count.
  write(sent).catch(() => {});
  return answered.catch((cause) => {
    throw unreachable(url, cause);
  });
}

/**
 * The same, and the whole answer.
 * @throws the service's problem where it refuses
 */
export async function callLocally(
  place: ServicePlace,
  method: string,
  path: string,
  sending?: Sending,
): Promise<LocalAnswer> {
  const response = await askLocally(place, method, path, sending);
  try {
    const words = await text(response);
    const status = response.statusCode ?? 0;
    return { status, body: accepted(status, words) };
  } catch (cause) {
    if (cause instanceof VentralError) throw cause;
    throw unreachable(place.url, cause);
  } finally {
    response.destroy();
  }
}

/** The answer of the service; throws its problem if it refused. */
export function accepted(status: number, words: string): unknown {
  if (status >= 200 && status < 300) return words ? JSON.parse(words) : undefined;
  const problem = JSON.parse(words) as components['schemas']['Problem'];
  const code = problem.type.replace('/problems/', '');
  throw new VentralError(code in codes ? (code as ErrorCode) : 'internal', problem.detail);
}

/** `not-ready`, where a service cannot be reached. */
export const unreachable = (url: string, cause: unknown): VentralError =>
  new VentralError(
    'not-ready',
    `The service at ${url} does not answer: ${(cause as Error).message}`,
    { cause },
  );
