import type { IncomingMessage } from 'node:http';
import express, { type RequestHandler } from 'express';
import { encodingExists } from 'iconv-lite';

/**
 * How large a JSON body may be. A body is parsed and validated in the service's own thread, so that the limits keep both to a
 * few tens of milliseconds; they are looked at before anything is parsed.
 */
const jsonLimits = {
  /** The largest that is asked for, a recipe or a card, has a quarter of it. */
  bytes: 2 ** 20,
  /** A recipe has 8. */
  depth: 64,
  /** Keys, items and values. A card that names all 21,841 classes of ImageNet has 22,000. */
  values: 30_000,
  /**
   * For a body with more values the validator reports only the first error: an error costs more than a value.
   */
  toldValues: 1000,
} as const;

const many = new WeakSet<IncomingMessage>();

/** Whether so much is in the body of a request that the validator must stop at the first fault. */
export const hasManyValues = (request: IncomingMessage): boolean => many.has(request);

/**
 * The body parser: bounded in size, depth and number of values.
 * @throws what becomes `too-large` or `invalid-request`
 * @param bytes largest body
 */
export function jsonBody(bytes: number = jsonLimits.bytes): RequestHandler {
  // Makes the parser's decoder load its tables: a process without a descriptor left could not, and would refuse UTF-8.
  encodingExists('utf-8');
  return express.json({
    limit: bytes,
    reviver: storable,
    verify(request, _response, body, encoding) {
      // RFC 8259 allows only UTF-8, and other encodings cannot be detected before decoding.
      if (encoding !== 'utf-8') throw refusal(415, `JSON must be UTF-8, found ${encoding}`);
      if (valuesIn(body) > jsonLimits.toldValues) many.add(request);
    },
  });
}

const refusal = (status: number, words: string) => Object.assign(new Error(words), { status });

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
/** `[` and `{`, and what ends them, differ from each other in one bit. */
const CASE = 0x20;
const OPEN = 0x5b | CASE;
const CLOSE = 0x5d | CASE;

/**
 * Counts the values in JSON text by its punctuation.
 * @throws if they are too many, or nested too deep
 */
function valuesIn(bytes: Buffer): number {
  let values = 1;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfText(bytes, at);
      continue;
    }
    if (byte === COMMA || byte === COLON) values++;
    else if ((byte | CASE) === OPEN) {
      values++;
      depth++;
    } else if ((byte | CASE) === CLOSE) depth--;
    if (values > jsonLimits.values)
      throw refusal(413, `The body has more than ${jsonLimits.values} keys and values`);
    if (depth > jsonLimits.depth)
      throw refusal(413, `The body is nested deeper than ${jsonLimits.depth}`);
  }
  return values;
}

/** End of the string that starts at a quote; end of the text if it is unterminated. */
function endOfText(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(QUOTE, start + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (bytes[at - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return bytes.length;
}

/** Text that no database stores (see `jsonText`) cannot be a name. */
const unstorable = /\0|\p{Surrogate}|^\ufeff/u;

const storable = (key: string, value: unknown) => {
  if (unstorable.test(key) || (typeof value === 'string' && unstorable.test(value))) {
    throw new SyntaxError('it holds a NUL, half a surrogate pair or a byte order mark');
  }
  // The validator calls these methods where it compares two items of a list.
  if (key === 'valueOf' || key === 'toString') throw new SyntaxError(`a key is called ${key}`);
  return value;
};
