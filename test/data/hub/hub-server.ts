import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One answer in place of the right one; true where it answered. */
export type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
) => boolean | undefined | Promise<boolean | undefined>;

export const COMMIT = '0123456789abcdef0123456789abcdef01234567';
export const REPOSITORY = 'owner/net';

/** An error as the hub states it: the reason is in a header. */
export const refusal =
  (status: number, code?: string): Answer =>
  (_request, response) => {
    response.writeHead(status, code === undefined ? {} : { 'X-Error-Code': code }).end('{}');
    return true;
  };

/**
 * A hub of one repository on 127.0.0.1, with a second host for large files that it redirects to. Paths, keys, headers and
 * the kinds of digests are those that the hub's own clients read (`ApiModelInfo` and `ApiIndexTreeEntry` of huggingface.js,
 * `hf_raise_for_status` of huggingface_hub, Apache-2.0 and MIT); no answer was recorded from the hub itself.
 */
export class HubServer {
  /** Contents by path. */
  readonly files = new Map<string, Uint8Array>();
  /** Metadata of the model card. */
  card: object | undefined = { license: 'apache-2.0' };
  /** Entries of a page of the tree. */
  pageSize = 1000;
  /** What answers first, by the start of the path. */
  readonly instead = new Map<string, Answer>();
  readonly asked: string[] = [];
  /** Headers of the requests to the host of large files. */
  readonly contentRequests: IncomingMessage['headers'][] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  readonly #servers: Server[] = [];
  endpoint = '';
  #contents = '';

  async start(): Promise<string> {
    this.#contents = await this.#listen((request, response) => {
      this.contentRequests.push(request.headers);
      return this.#content(request, response);
    });
    this.endpoint = await this.#listen(async (request, response) => {
      const url = request.url ?? '/';
      this.asked.push(url);
      this.headers.push(request.headers);
      for (const [start, answer] of this.instead)
        if (url.startsWith(start) && (await answer(request, response))) return;
      this.#serve(url, request, response);
    });
    return this.endpoint;
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  async #listen(
    handle: (request: IncomingMessage, response: ServerResponse) => unknown,
  ): Promise<string> {
    const server = createServer((request, response) => void handle(request, response));
    this.#servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  #serve(url: string, request: IncomingMessage, response: ServerResponse): unknown {
    const { pathname, searchParams } = new URL(url, this.endpoint);
    const api = `/api/models/${REPOSITORY}`;
    if (pathname === `${api}/revision/main` || pathname === `${api}/revision/${COMMIT}`)
      return this.#json(response, {
        ...{ id: REPOSITORY, sha: COMMIT, private: false, gated: false, cardData: this.card },
        siblings: [...this.files.keys()].map((rfilename) => ({ rfilename })),
      });
    if (pathname.startsWith(`${api}/revision/`))
      return refusal(404, 'RevisionNotFound')(request, response);
    if (pathname === `${api}/tree/${COMMIT}`)
      return this.#tree(Number(searchParams.get('cursor') ?? 0), response);
    const resolve = `/${REPOSITORY}/resolve/${COMMIT}/`;
    if (!pathname.startsWith(resolve)) return refusal(404, 'RepoNotFound')(request, response);
    const path = decodeURIComponent(pathname.slice(resolve.length));
    if (!this.files.has(path)) return refusal(404, 'EntryNotFound')(request, response);
    if (!isLarge(path)) return this.#send(path, request, response);
    const Location = `${this.#contents}/${encodeURIComponent(path)}?signature=of-the-hub`;
    response.writeHead(302, { Location, 'X-Repo-Commit': COMMIT }).end();
  }

  #tree(from: number, response: ServerResponse): void {
    const all = [...this.files].map(([path, bytes]) => this.entry(path, bytes));
    const to = from + this.pageSize;
    const more = to < all.length;
    const next = `https://hub.invalid/api/models/${REPOSITORY}/tree/${COMMIT}?cursor=${to}`;
    if (more) response.setHeader('Link', `<${next}>; rel="next"`);
    this.#json(response, all.slice(from, to));
  }

  /** A file as the tree lists it. */
  entry(path: string, bytes: Uint8Array): object {
    const size = bytes.length;
    const oid = createHash('sha1').update(`blob ${size}\0`).update(bytes).digest('hex');
    if (!isLarge(path)) return { type: 'file', oid, size, path };
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const lfs = { oid: sha256, size, pointerSize: 134 };
    return { type: 'file', oid: COMMIT, size, path, lfs };
  }

  #json(response: ServerResponse, value: unknown): void {
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(value));
  }

  #content(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? '/', 'http://contents');
    this.#send(decodeURIComponent(pathname.slice(1)), request, response);
  }

  #send(path: string, { headers }: IncomingMessage, response: ServerResponse): void {
    const bytes = this.files.get(path) ?? new Uint8Array(0);
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const ETag = `"${createHash('sha256').update(bytes).digest('hex')}"`;
    if (from === 0 || from >= bytes.length)
      response.writeHead(200, { ETag, 'Content-Length': bytes.length }).end(bytes);
    else
      response
        .writeHead(206, {
          ...{ ETag, 'Content-Length': bytes.length - from },
          'Content-Range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
        })
        .end(bytes.subarray(from));
  }
}

const isLarge = (path: string) => /\.onnx(?:_data)?$/.test(path);
