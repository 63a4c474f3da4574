import type { Response } from 'express';
import type { Principal } from '../../store/records/principal.js';
import { principalOf } from './principal-of.js';

/** Whom work is done for: it counts among the owner's, and ends when the signal aborts. */
export interface Client {
  readonly principal: Principal;
  readonly signal: AbortSignal;
}

/**
 * Shared: creating an error with its stack costs more than the work it ends when many clients disconnect.
 */
const LEFT = new Error('The client disconnected');

/** Aborts when the client of a request goes away; one signal for all that ask. */
export function goneSignal(response: Response): AbortSignal {
  response.locals.gone ??= signalOf(response);
  return response.locals.gone;
}

function signalOf(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort(LEFT));
  if (response.closed) gone.abort(LEFT);
  return gone.signal;
}

/** The client of a request; its signal aborts when it goes away. */
export function clientOf(response: Response): Client {
  return { principal: principalOf(response), signal: goneSignal(response) };
}
