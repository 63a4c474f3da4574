import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How long a client may take, in milliseconds; other ones than usual for tests. */
export interface ConnectionPatience {
  /** For the headers of a request. */
  readonly headers?: number;
  /** Without a byte in either direction while the service waits for the client. */
  readonly idle?: number;
}

const HEADERS_MS = 20_000;
const IDLE_MS = 60_000;
/** How long a connection is kept for the next request; proxies keep theirs for up to a minute. */
const KEPT_MS = 65_000;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * An HTTP server that no client can block: headers must arrive in time, and an idle connection is closed when the
 * client neither sends missing data nor reads the answer. A large upload may take any time while it makes
 * progress, and clients may wait for the service.
 */
export function patientServer({
  headers = HEADERS_MS,
  idle = IDLE_MS,
}: ConnectionPatience = {}): Server {
  const server = createServer({
    requestTimeout: 0,
    headersTimeout: headers,
    connectionsCheckingInterval: Math.min(headers, 5000),
    keepAliveTimeout: KEPT_MS,
    // Node would refuse without a word; the application does, with a problem document.
    requireHostHeader: false,
  });
  const exchanges = new WeakMap<Socket, Exchange>();
  const note = (request: IncomingMessage, response: ServerResponse) =>
    exchanges.set(request.socket, { request, response });
  server.on('request', note).on('checkExpectation', note).on('checkContinue', note);
  server.on('clientError', refuseBroken);
  server.setTimeout(idle, (socket) => {
    if (!waitsForUs(exchanges.get(socket))) socket.destroy();
  });
  return server;
}

const waitsForUs = (exchange: Exchange | undefined): boolean =>
  exchange?.request.complete === true &&
  !exchange.response.writableFinished &&
  !exchange.response.writableNeedDrain;

const refusals: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [
    431,
    'Request Header Fields Too Large',
    'The request headers are too large',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    408,
    'Request Timeout',
    'The request headers were not received in time',
  ],
};

/** What node's parser refuses never becomes a request; it gets a problem document all the same. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, words, detail] = refusals[error.code ?? ''] ?? [
    400,
    'Bad Request',
    'This is not an HTTP request',
  ];
  const body = JSON.stringify({
    type: '/problems/invalid-request',
    title: 'The request does not follow the API description',
    status,
    detail,
  });
  socket.end(
    `HTTP/1.1 ${status} ${words}\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
