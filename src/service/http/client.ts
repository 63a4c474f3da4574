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

/** The client of a request; its signal aborts when it goes away. */
export function clientOf(response: Response): Client {
  const gone = new AbortController();
  response.once('close', () => gone.abort(LEFT));
  if (response.closed) gone.abort(LEFT);
  return { principal: principalOf(response), signal: gone.signal };
}
