import { readdir, readFile, rm } from 'node:fs/promises';
import { type IncomingMessage, request as send } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import createClient from 'openapi-fetch';
import { pino } from 'pino';
import type { paths } from '../../src/api/schema.js';
import { packageRoot } from '../../src/formats/package-root.js';
import { type ServiceOptions, startService } from '../../src/service/start-service.js';
import { oraclePath } from '../oracle.js';
import { type Engine, engines, madePlace, type StorePlace } from '../store/engines.js';

/** What a request was answered. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
  readonly body: any;
}

export interface Asked {
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
  /** Unix socket to ask by, in place of the address. */
  readonly socketPath?: string;
}

/** A part of a multipart body: `file` parts have a filename. */
export interface Part {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly filename?: string;
}

/** The stub that stands in for the scoring process. */
export const stub = join(packageRoot, 'test', 'service', 'stub-score-child.mjs');

/** The database of services that name none: `npm run test:postgresql` runs the suite on the other one. */
export const suiteEngine: Engine =
  engines.find((engine) => engine === process.env.VENTRAL_TEST_DATABASE) ?? 'embedded';

/** Starts a service on a home of its own, with answers checked against the description. */
export async function runningService(options: Partial<ServiceOptions> = {}) {
  const { home: given, databaseUrl: givenUrl } = options;
  const place: StorePlace = given
    ? { home: given, ...(givenUrl ? { databaseUrl: givenUrl } : {}) }
    : await madePlace(suiteEngine, 'ventral-service-');
  const { home } = place;
  const service = await startService({
    ...place,
    host: '127.0.0.1',
    port: 0,
    orNext: false,
    maxMemory: 2 ** 30,
    maxScratch: 2 ** 30,
    maxCache: 2 ** 30,
    threads: 1,
    log: pino({ level: 'silent' }),
    validateResponses: true,
    scoreScript: stub,
    ...options,
  });
  const call = (method: string, path: string, asked: Asked = {}) =>
    callUrl(`${service.url}${path}`, method, asked);
  return {
    ...service,
    home,
    /** Where another service finds the same. */
    place,
    call,
    client: createClient<paths>({ baseUrl: `${service.url}/v1` }),
    get: (path: string) => call('GET', path),
    post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      call('POST', path, {
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    upload: (parts: readonly Part[]) => call('POST', '/v1/models', multipart(parts)),
    /** What is in the folder of unfinished work. */
    /** Of requests and jobs; what the start looks at isolation with is its own. */
    leftovers: async () =>
      (await readdir(join(home, 'tmp', 'service'))).filter((name) => !name.startsWith('probe-')),
    async stop() {
      await service.close();
      if (!options.home) await rm(home, { recursive: true, force: true });
    },
  };
}

export type RunningService = Awaited<ReturnType<typeof runningService>>;

/** One request by node's own client, which lets a test say any header. */
export function callUrl(
  url: string,
  method: string,
  { headers = {}, body, socketPath }: Asked = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const place = socketPath === undefined ? {} : { socketPath };
    const all = { ...place, method, headers: { ...length, ...headers } };
    const sent = send(url, all, async (response) => {
      try {
        const words = await text(response);
        const json = /json/.test(response.headers['content-type'] ?? '');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: words,
          body: json && words ? JSON.parse(words) : undefined,
        });
      } catch (error) {
        reject(error);
      }
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

export const BOUNDARY = 'a-boundary';

/** The body and header of an upload. */
export function multipart(parts: readonly Part[], end = `--${BOUNDARY}--\r\n`): Asked {
  const chunks = parts.flatMap(({ name, content, filename }) => [
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n\r\n`,
    content,
    '\r\n',
  ]);
  const body = Buffer.concat([...chunks, end].map((chunk) => Buffer.from(chunk as string)));
  return { headers: { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` }, body };
}

/** A small real network, and its card. */
export const network = () => readFile(oraclePath('09-end-to-end/resnet/model.onnx'));
export const card = () => readFile(oraclePath('09-end-to-end/resnet/card.yaml'), 'utf8');
