import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request, Response } from 'express';
import { VentralError } from '../../errors/ventral-error.js';
import type { Reservation } from '../../store/records/reservation-store.js';
import { wasAnswered } from '../http/idempotency.js';
import { principalOf } from '../http/principal-of.js';
import type { RequestContext } from '../http/request-context.js';

/** How large a body may be. */
export interface SpaceLimit {
  /** Bytes, beside the framing of a form. */
  readonly most: number;
  /** JSON pointer to the oversized part; empty for a body that is not a form. */
  readonly field: string;
}

/** Most bytes of a form beside the contents of its parts: boundaries, names, headers. */
const FRAMING = 4096;

/**
 * Runs work that writes the body of a request to the disk, under a reservation of its owner's storage. A declared
 * length that does not fit is refused before a byte is read; a client that waits for `100 Continue` gets it. The
 * caller answers after this has resolved: the next upload may follow the answer. A replayed request reserves and
 * writes nothing.
 * @throws VentralError `too-large`, `storage-exceeded`
 */
export async function withSpace<T>(
  { store }: RequestContext,
  request: Request,
  response: Response,
  { most, field }: SpaceLimit,
  work: (space: Reservation) => Promise<T>,
): Promise<T> {
  const framing = request.is('multipart/form-data') ? FRAMING : 0;
  const declared = Math.max(0, Number(request.headers['content-length'] ?? 0) - framing);
  if (declared > most)
    throw new VentralError('too-large', `The body has ${declared} bytes, the maximum is ${most}`, {
      field,
    });
  const bytes = wasAnswered(response) ? 0 : declared;
  return store.reservations.during(principalOf(response), bytes, (space) => {
    continueBody(request, response);
    return work(space);
  });
}

const waiting = new WeakSet<IncomingMessage>();

/** Notes that the client waits before sending its body (`Expect: 100-continue`). */
export function awaitsContinue(request: IncomingMessage, response: ServerResponse): void {
  waiting.add(request);
  // A refused client does not send the body: later data on the connection would be taken for it.
  response.setHeader('Connection', 'close');
}

/** Tells a client that waits for it to send its body. */
export function continueBody(request: IncomingMessage, response: ServerResponse): void {
  if (!waiting.delete(request)) return;
  response.removeHeader('Connection');
  response.writeContinue();
}
