import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One answer of the server, in place of the right one. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * A server of one file on 127.0.0.1 that answers the first requests as it is told and the rest as
 * it should: Range, If-Range, ETag.
 */
export class UnreliableServer {
  content: Buffer;
  /** Headers of every request so far. */
  readonly requests: IncomingMessage['headers'][] = [];
  readonly paths: (string | undefined)[] = [];
  readonly #plan: Misbehaviour[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((request, response) => {
    this.requests.push(request.headers);
    this.paths.push(request.url);
    const misbehaviour = this.#plan.shift();
    if (misbehaviour) misbehaviour(request, response);
    else this.serve(request, response);
  });

  constructor(content: Buffer) {
    this.content = content;
  }

  async start(): Promise<string> {
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }

  plan(...misbehaviours: Misbehaviour[]): void {
    this.#plan.push(...misbehaviours);
  }

  get etag(): string {
    return `"${this.content.length}-${this.content[0]}"`;
  }

  /** The right answer, cut off after `length` bytes where that is given. */
  serve(request: IncomingMessage, response: ServerResponse, length?: number): void {
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    const condition = request.headers['if-range'];
    const from = asked && (!condition || condition === this.etag) ? Number(asked[1]) : 0;
    const all = this.content.length;
    if (from >= all && from > 0) {
      response.writeHead(416, { 'content-range': `bytes */${all}` }).end();
      return;
    }
    const headers = { etag: this.etag, 'content-length': all - from };
    if (from > 0) {
      response.writeHead(206, { ...headers, 'content-range': `bytes ${from}-${all - 1}/${all}` });
    } else response.writeHead(200, headers);
    if (length === undefined) response.end(this.content.subarray(from));
    else {
      response.write(this.content.subarray(from, from + length), () => response.destroy());
    }
  }

  /** Breaks the connection after some bytes of the right answer. */
  drop(length: number): Misbehaviour {
    return (request, response) => this.serve(request, response, length);
  }
}

/** An answer without the file. */
export function answer(status: number, headers: Record<string, string> = {}): Misbehaviour {
  return (_request, response) => void response.writeHead(status, headers).end('no');
}
