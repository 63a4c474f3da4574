import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, RequestHandler, Response } from 'express';
import { isSmall, writeSliced } from '../../formats/sliced-json.js';

/** Bytes of an answer that are not written piece by piece. */
const AT_ONCE = 2 ** 17;

/**
 * Makes `response.json` write large values in slices between turns of the event loop. The bytes, the entity tag
 * and the answer to `If-None-Match` are those of Express. It must come before other wrappers of `response.json`.
 */
export const slicedAnswers: RequestHandler = (request, response, next) => {
  const json = response.json.bind(response);
  response.json = (body: unknown) => {
    if (isSmall(body)) return json(body);
    // A part of an answer has no other end.
    send(request, response, body).catch((error) => response.destroy(error));
    return response;
  };
  next();
};

async function send(request: Request, response: Response, body: unknown): Promise<void> {
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const text of writeSliced(body)) {
    if (response.closed) return;
    const chunk = Buffer.from(text);
    hash.update(chunk);
    chunks.push(chunk);
    length += chunk.length;
  }
  if (!response.get('Content-Type')) response.type('json');
  if (!response.get('ETag')) response.set('ETag', quoted(hash.digest('base64url')));
  if (request.fresh) {
    response.removeHeader('Content-Type');
    response.status(304).end();
    return;
  }
  response.set('Content-Length', String(length));
  // What a socket takes at once costs one call of the system.
  if (length <= AT_ONCE) response.end(Buffer.concat(chunks, length));
  else await pipeline(Readable.from(chunks), response);
}

/** The entity tag of the JSON of a value, as `entityTag` gives it of the text. */
export async function slicedTag(value: unknown): Promise<string> {
  const hash = createHash('sha256');
  for await (const text of writeSliced(value)) hash.update(text);
  return quoted(hash.digest('base64url'));
}

const quoted = (digest: string) => `"${digest}"`;
