import { connect } from 'node:net';
import { Finding } from './target.js';

/** HTTP spoken by hand: a client that refuses to send what is wrong cannot find out what it does. */

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  /** Parsed where the answer says that it is JSON. */
  readonly body: unknown;
}

export interface Sending {
  /** The request ends early on purpose: the client goes away, and no answer is owed. */
  readonly unfinished?: boolean;
  readonly seconds?: number;
}

/** Bytes of a request that asks for the connection to be closed; headers stand as they are given. */
export function requestBytes(
  line: string,
  headers: readonly (readonly [name: string, value: string])[],
  body: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const named = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`${line}\r\n${named}\r\n`, 'utf8'), body]);
}

/** Sends bytes and reads until the service closes; undefined if it answered nothing, as it may to what never ended. */
export async function send(
  port: number,
  bytes: Uint8Array,
  { unfinished = false, seconds = 90 }: Sending = {},
): Promise<RawAnswer | undefined> {
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Finding(`no answer in ${seconds} s`));
    }, seconds * 1000);
    const done = () => {
      clearTimeout(late);
      socket.destroy();
      resolve();
    };
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      // A stream of events ends when the client has seen enough.
      if (chunks.length === 1 && /content-type: text\/event-stream/i.test(chunk.toString('latin1')))
        done();
    });
    // A service that has refused may close while the rest of a body is still being sent.
    socket.once('error', done).once('close', done);
    socket.write(bytes);
    if (unfinished) socket.end();
  });
  return parsed(Buffer.concat(chunks));
}

function parsed(bytes: Buffer): RawAnswer | undefined {
  if (bytes.length === 0) return undefined;
  const end = bytes.indexOf('\r\n\r\n');
  const [line, ...lines] = bytes.toString('latin1', 0, end < 0 ? bytes.length : end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1]);
  if (end < 0 || !status) throw new Finding(`no HTTP answer: ${line.slice(0, 200)}`);
  if (status < 200) return parsed(bytes.subarray(end + 4));
  const headers = new Map(
    lines.map((header) => {
      const colon = header.indexOf(':');
      return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()];
    }),
  );
  const rest = bytes.subarray(end + 4);
  // What follows is the answer to bytes after the request, where a damaged length ends it early.
  const length = Number(headers.get('content-length') ?? rest.length);
  const chunked = headers.get('transfer-encoding') === 'chunked';
  const content = chunked ? dechunked(rest) : rest.subarray(0, length);
  const text = content.toString('utf8');
  return { status, headers, text, body: jsonOf(headers, text) };
}

function jsonOf(headers: ReadonlyMap<string, string>, text: string): unknown {
  const isText = !headers.has('content-encoding');
  if (!isText || !/json/.test(headers.get('content-type') ?? '') || text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Finding(`an answer says that it is JSON: ${text.slice(0, 300)}`);
  }
}

function dechunked(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (line < 0 || !(size > 0)) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
