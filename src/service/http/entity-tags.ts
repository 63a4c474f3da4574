import { createHash } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { VentralError } from '../../errors/ventral-error.js';
import { slicedTag } from './sliced-answers.js';

const REFUSAL = Buffer.from('{"type":"/problems/');

/**
 * The strong entity tag of a JSON representation, as it is sent; a refusal is none and has none. Express
 * compares it with `If-None-Match` and answers 304.
 */
export function entityTag(body: string | Buffer): string | undefined {
  const bytes = Buffer.from(body as string);
  if (bytes.subarray(0, REFUSAL.length).equals(REFUSAL)) return undefined;
  return `"${createHash('sha256').update(bytes).digest('base64url')}"`;
}

/**
 * If a change names the expected state (`If-Match`), throws `precondition-failed` unless it matches. Weak tags
 * never match (RFC 9110).
 */
export function requireMatch(request: Request, representation: object): void {
  const wanted = wantedTags(request);
  if (wanted) requireTag(wanted, entityTag(JSON.stringify(representation)) as string);
}

/** The same for a representation that may be large. */
export async function requireLargeMatch(request: Request, representation: object): Promise<void> {
  const wanted = wantedTags(request);
  if (wanted) requireTag(wanted, await slicedTag(representation));
}

/** undefined if anything will do. */
function wantedTags(request: Request): string[] | undefined {
  const wanted = request.get('If-Match');
  if (wanted === undefined || wanted.trim() === '*') return undefined;
  return [...wanted.matchAll(/(W\/)?("[^"]*")/g)].flatMap(([, weak, tag]) => (weak ? [] : [tag]));
}

function requireTag(tags: readonly string[], tag: string): void {
  if (!tags.includes(tag)) {
    throw new VentralError(
      'precondition-failed',
      'It has changed since it was read: read it again',
    );
  }
}

/**
 * Answers may be cached only by their reader and must be revalidated each time (304 if unchanged), because
 * visibility and keys can be withdrawn immediately.
 */
export const privateCache: RequestHandler = (_request, response, next) => {
  response.set('Cache-Control', 'private, no-cache');
  next();
};
