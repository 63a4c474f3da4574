import { type IncomingMessage, request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { VentralError } from '../errors/ventral-error.js';

/** A server's answer: status and headers first, the body as a stream. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** The body; every byte that arrived is given before a broken connection throws. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Lets go of the connection. */
  close(): void;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Chunks in memory before the sender is slowed down. */
const AHEAD = 64;

/**
 * One GET, following up to five redirects over HTTP and HTTPS, each of which `follow` may refuse by throwing. A header
 * `authorization` is not sent to another origin. The built-in `fetch` is not used because it throws away
 * what it has buffered when a connection breaks, and a resumable download wants those bytes.
 */
export async function httpGet(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  follow: (from: URL, to: URL) => void = () => {},
): Promise<HttpAnswer> {
  let at = new URL(url);
  let sent = headers;
  for (let hops = 0; ; hops++) {
    const message = await open(at, sent, signal);
    const { location } = message.headers;
    if (REDIRECTS.has(message.statusCode ?? 0) && location !== undefined && hops < 5) {
      message.resume();
      const to = new URL(location, at);
      requireHttp(at, to);
      follow(at, to);
      if (to.origin !== at.origin) sent = withoutAuthorization(sent);
      at = to;
      continue;
    }
    return {
      status: message.statusCode ?? 0,
      headers: message.headers,
      chunks: received(message),
      close: () => void message.destroy(),
    };
  }
}

function requireHttp(from: URL, to: URL): void {
  if (to.protocol === 'http:' || to.protocol === 'https:') return;
  const found = `${from.host} redirects to an address of ${to.protocol}`;
  throw new VentralError('download-failed', `${found}, which is not followed`, {
    file: from.href,
    expected: 'http or https',
    found: to.protocol,
  });
}

function withoutAuthorization({
  authorization: _secret,
  ...others
}: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return others;
}

function open(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? secure : plain;
    request(url, { headers, signal, agent: false }, resolve).on('error', reject).end();
  });
}

/** Attaches listeners immediately: early data and errors would be lost otherwise. */
function received(message: IncomingMessage): () => AsyncGenerator<Uint8Array> {
  const queue: Uint8Array[] = [];
  let end: { error?: unknown } | undefined;
  let wake = () => {};
  message.on('data', (chunk: Uint8Array) => {
    queue.push(chunk);
    if (queue.length >= AHEAD) message.pause();
    wake();
  });
  const finish = (error?: unknown) => {
    end ??= error === undefined ? {} : { error };
    wake();
  };
  message.on('end', () => finish());
  message.on('error', finish);
  message.on('close', () => finish(new Error('the connection was closed')));
  return async function* () {
    try {
      for (;;) {
        for (let next = queue.shift(); next; next = queue.shift()) {
          if (message.isPaused() && queue.length < AHEAD / 2) message.resume();
          yield next;
        }
        if (end) break;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      message.destroy();
    }
    if (end.error !== undefined) throw end.error;
  };
}
