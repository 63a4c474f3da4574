import { gzipSync } from 'node:zlib';
import { damaged, hostileWord } from './damage.js';
import { type Operation, resolved, type Schema } from './description.js';
import type { Dice } from './dice.js';
import type { Door } from './fuzzed-service.js';
import { requestBytes } from './raw-request.js';

/** Requests made from the description of the interface, wrong in one place or another. */

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

export type Known = Readonly<Record<string, string>>;

/** A value that a schema allows, of what is known where it is asked for by name. */
export function rightValue(schema: Schema, dice: Dice, known: Known, name = ''): unknown {
  const said = resolved(schema);
  if (said.const !== undefined) return said.const;
  if (said.enum) return dice.pick(said.enum);
  const one = said.oneOf ?? said.anyOf;
  if (one) return rightValue(dice.pick(one), dice, known, name);
  if (said.allOf)
    return Object.assign({}, ...said.allOf.map((part) => rightValue(part, dice, known)));
  const type = typeof said.type === 'string' ? said.type : dice.pick(said.type ?? ['object']);
  if (type === 'string' && Object.hasOwn(known, name) && dice.chance(0.8)) return known[name];
  if (said.examples && dice.chance(0.7)) return dice.pick(said.examples);
  if (type === 'object') return objectOf(said, dice, known);
  if (type === 'array') {
    const count = (said.minItems ?? 0) + dice.below(2);
    return Array.from({ length: count }, () => rightValue(said.items ?? {}, dice, known, name));
  }
  const low = said.minimum ?? 0;
  const plain: Record<string, unknown> = {
    integer: low + dice.below(50),
    number: low + dice.below(500) / 7,
    boolean: dice.chance(0.5),
    null: null,
  };
  return type in plain ? plain[type] : `word${dice.below(1000)}`;
}

function objectOf({ properties = {}, required = [] }: Schema, dice: Dice, known: Known): unknown {
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([key]) => required.includes(key) || dice.chance(0.4))
      .map(([key, inner]) => [key, rightValue(inner, dice, known, key)]),
  );
}

/** A JSON body that an operation takes; on a benchmark of seconds, where an example names one of minutes. */
export function rightBody({ takes }: Operation, dice: Dice, known: Known): unknown {
  const { examples, schema = {} } = takes['application/json'];
  const shown = examples && dice.chance(0.4) ? dice.pick(Object.values(examples)).value : undefined;
  const text = JSON.stringify(shown ?? rightValue(schema, dice, known));
  return JSON.parse(text.replaceAll(/"Simulated[^"]*"/g, JSON.stringify(known.benchmark)));
}

/** A request that is right but for what is asked of `hostile`: words of its path and query. */
export function requestOf(
  operation: Operation,
  dice: Dice,
  {
    door,
    known,
    hostile,
  }: { readonly door: Door; readonly known: Known; readonly hostile: boolean },
): Request {
  const { method, parameters } = operation;
  const word = (schema: Schema, name: string) =>
    hostile && dice.chance(0.6)
      ? rawWord(dice)
      : encodeURIComponent(String(rightValue(schema, dice, known, name)));
  // What the others need is not removed.
  const spared = method === 'DELETE' ? {} : known;
  const path = operation.path.replace(/\{([^}]+)\}/g, (_all, name: string) =>
    hostile && dice.chance(0.6) ? rawWord(dice) : encodeURIComponent(spared[name] ?? 'none'),
  );
  const query = parameters
    .filter((parameter) => parameter.in === 'query' && dice.chance(hostile ? 0.5 : 0.3))
    .map(({ name, schema }) => `${name}=${word(schema, name)}`);
  if (hostile && dice.chance(0.2)) query.push(`${rawWord(dice)}=${rawWord(dice)}`);
  if (hostile && query[0] && dice.chance(0.1)) query.push(query[0]);
  const search = query.length > 0 ? `?${query.join('&')}` : '';
  const json = method !== 'GET' && 'application/json' in operation.takes;
  const body = json
    ? Buffer.from(JSON.stringify(rightBody(operation, dice, known)))
    : new Uint8Array(0);
  const headers = [...door.headers];
  if (json) headers.push(['Content-Type', 'application/json']);
  if (body.length > 0 || method === 'POST') headers.push(['Content-Length', String(body.length)]);
  return { method, path: `/v1${path}${search}`, headers, body };
}

const raws: readonly string[] = [
  '..',
  '.',
  '%2e%2e',
  '..%2f..%2f..%2fetc%2fpasswd',
  '%2e%2e%2f%2e%2e%2f',
  '..%5c..%5c',
  '....//....//',
  '%00',
  'a%00b',
  '%',
  '%zz',
  '%c0%ae%c0%ae',
  '%ff%fe',
  '%ED%A0%80',
  '%E2%80%AE',
  '%0d%0aSet-Cookie:x=1',
  '//',
  ';a=b',
  '*',
  '[]',
  '$where',
  '__proto__',
  'constructor',
  'mdl_',
  'bmk_%25',
  'job_x',
  "'%20OR%201=1--",
  'sha256:',
  `sha256:${'0'.repeat(64)}`,
  'x'.repeat(201),
  'x'.repeat(8000),
  'x'.repeat(30_000),
  'MTI3',
  '-1',
  '1e9',
  '99999999999999999999',
];

/** A word of a path or query as it goes over the wire, percent signs and all. */
export function rawWord(dice: Dice): string {
  if (dice.chance(0.6)) return dice.pick(raws);
  return encodeURIComponent(hostileWord(dice).replaceAll(/\p{Surrogate}/gu, ''));
}

const many = (text: string, count: number) => Array.from({ length: count }, () => text).join(',');
const gzipBomb = gzipSync(Buffer.alloc(64 * 2 ** 20, 0x20), { level: 9 });

/** Headers, and what of them leaves it open whether the request ends. */
const headers: Readonly<Record<string, readonly string[]>> = {
  Range: [
    'bytes=0-',
    'bytes=5-2',
    'bytes=-1',
    'bytes=0-99999999999999999999',
    `bytes=${many('0-1', 2000)}`,
    'lines=1-2',
    '=',
    'bytes=a-b',
  ],
  'If-Match': ['*', '"x"', 'W/"x"', '"', many('"x"', 1500), 'x', ''],
  'If-None-Match': ['*', '"x"', 'W/""', '", "', many('W/"x"', 1500)],
  'If-Range': ['"x"', 'yesterday'],
  'If-Modified-Since': ['yesterday', 'Wed, 21 Oct 2099 07:28:00 GMT', '-1'],
  'If-Unmodified-Since': ['yesterday', 'Wed, 21 Oct 1970 07:28:00 GMT'],
  Prefer: [
    'wait',
    'wait=',
    'wait=-1',
    'wait=0',
    'wait=1e3',
    'wait=0.5',
    'wait="0',
    'wait=x; wait=0',
    'respond-async, wait=0',
    'y'.repeat(201),
    '=;,=',
    'wait=00000000000000000000',
  ],
  'Idempotency-Key': [
    '',
    ' ',
    'k',
    '"k"',
    'k'.repeat(255),
    'k'.repeat(10_000),
    '\u00e9',
    '../x',
    '__proto__',
    "'; --",
  ],
  Authorization: [
    '',
    'Bearer',
    'Bearer  ',
    'Basic !!!',
    `Bearer ${'t'.repeat(8000)}`,
    'Digest a=b',
    'Bearer vtl_x_y',
    'bearer \u00ff',
  ],
  Accept: [
    '',
    '*/*;q=0',
    'text/csv',
    'text/event-stream',
    'application/x-netcdf;q=x',
    '\\',
    many('a/b', 2000),
    'application/json;q=1e999',
  ],
  'Accept-Encoding': ['gzip', 'zstd;q=1, *;q=0', 'identity;q=0', ';;;'],
  'Accept-Language': ['\u00ff', many('xx', 2000)],
  'Content-Type': [
    '',
    'application/json; charset=utf-16',
    'application/json; charset=klingon',
    'application/JSON;a=b',
    'text/plain',
    'application/zip',
    'application/zip; x="',
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary="',
    `multipart/form-data; boundary=${'b'.repeat(5000)}`,
    'multipart/mixed; boundary=x',
    'application/x-www-form-urlencoded',
    'json',
    '/',
    '\u00e9/\u00e9',
    'application/problem+json',
    'application/json, text/plain',
  ],
  'Content-Encoding': ['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip', 'none', ''],
  'Content-Length': ['-1', 'abc', '0', '1', '99999999999999999999', '1e3', '0x10', '3, 3', ' '],
  'Transfer-Encoding': ['chunked', 'identity', 'gzip', 'chunked, chunked', 'xchunked'],
  Host: [
    '',
    'evil.example',
    '127.0.0.1',
    'localhost:1',
    '[::ffff:127.0.0.1]:1',
    'a b',
    '@',
    'x'.repeat(3000),
  ],
  Origin: ['null', 'http://127.0.0.1', 'https://evil.example', ''],
  'Sec-Fetch-Site': ['cross-site', 'none', 'x'],
  Forwarded: ['for=1', ''],
  'X-Forwarded-For': ['127.0.0.1'],
  'X-HTTP-Method-Override': ['DELETE'],
  'X-Request-Id': ['x'.repeat(5000), '\u0007', '../..'],
  Expect: ['100-continue', 'nonsense', '200-ok'],
  Connection: ['upgrade', 'keep-alive, close', 'x'.repeat(2000)],
  Upgrade: ['websocket', 'h2c', '\u00e9'],
  Cookie: [many('a=b', 3000), '__proto__=1'],
  'Last-Event-ID': ['-1', '0', '1e9', 'x', '99999999999999999999'],
  TE: ['trailers', 'gzip'],
  Trailer: ['Content-Length'],
  'X Y': ['1'],
  '': ['1'],
  ':path': ['/v1/keys'],
  __proto__: ['x'],
  constructor: ['x'],
  'X-\u0000': ['x'],
  'X-Long': ['x'.repeat(15_000), 'x'.repeat(70_000)],
  'X-Bare': ['a\rb', 'a\nb', 'a\r\n folded', '\u0000', '\u007f', '\u00ff'],
};
const names = Object.keys(headers);
const open =
  /^(content-length|transfer-encoding|expect|connection|upgrade|x-bare|x y|)$|[^\x21-\x7e]/i;

/** A request with one to three headers that nobody expects; `unfinished` where its end is in doubt. */
export function headerCase(
  request: Request,
  dice: Dice,
): { bytes: Uint8Array; unfinished: boolean } {
  let unfinished = false;
  let { body } = request;
  let all = request.headers;
  if (body.length > 0 && dice.chance(0.05)) {
    body = gzipBomb;
    all = [
      ...all.filter(([name]) => name !== 'Content-Length'),
      ['Content-Encoding', 'gzip'],
      ['Content-Length', String(body.length)],
    ];
  }
  for (let count = dice.between(1, 3); count > 0; count--) {
    const name = dice.pick(names);
    const value = dice.chance(0.85) ? dice.pick(headers[name]) : hostileWord(dice);
    unfinished ||= open.test(name) || /[\r\n]/.test(value);
    // A second one of a name, or another in its place.
    if (dice.chance(0.7)) all = all.filter(([other]) => other !== name);
    all = [...all, [name, value]];
    if (dice.chance(0.03))
      all = [...all, ...Array.from({ length: 2100 }, (_, i) => [`X-${i}`, 'x'] as const)];
  }
  return {
    bytes: requestBytes(`${request.method} ${request.path} HTTP/1.1`, all, body),
    unfinished,
  };
}

const lines = [
  'GET / HTTP/1.0',
  'GET /v1/models',
  'HELLO',
  'GET  /v1/models  HTTP/1.1',
  'get /v1/models HTTP/1.1',
  'PRI * HTTP/2.0',
  'OPTIONS * HTTP/1.1',
  'CONNECT 127.0.0.1:22 HTTP/1.1',
  'TRACE /v1/models HTTP/1.1',
  'GET http://evil.example/v1/models HTTP/1.1',
  'GET \\v1\\models HTTP/1.1',
  'GET /v1/models HTTP/9.9',
  'GET /v1/mod\u0000els HTTP/1.1',
  'GET /v1/\u00ff HTTP/1.1',
  '\x16\x03\x01\x02\x00\x01',
  '',
  '\r\n\r\n\r\n',
  'PROPFIND /v1/models HTTP/1.1',
  'POST /v1/models/../scores HTTP/1.1',
];

/** Bytes that are hardly HTTP any more. */
export function brokenRequest(
  { method, path, headers: all, body }: Request,
  dice: Dice,
): Uint8Array {
  const line = dice.chance(0.5) ? dice.pick(lines) : `${method} ${path} HTTP/1.1`;
  const bytes = requestBytes(line, all, body);
  return dice.chance(0.7) ? damaged(bytes, dice) : bytes;
}
