import { timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { localPrincipal } from '../store/principal.js';
import { RequestProblem } from './problem.js';

/**
 * Checks the bearer token of commands on this machine, which read it from HOME/owner.json. A request
 * without credentials passes: on loopback the service has one user. One with other credentials does not.
 */
export function localToken(token: string): RequestHandler {
  const expected = Buffer.from(`Bearer ${token}`);
  return (request, response, next) => {
    response.locals.principal = localPrincipal;
    const given = request.headers.authorization;
    if (given !== undefined && !equal(Buffer.from(given), expected)) {
      throw new RequestProblem('unauthorized', 'The credentials are not those of this service', {
        headers: { 'WWW-Authenticate': 'Bearer' },
      });
    }
    next();
  };
}

const equal = (a: Buffer, b: Buffer) => a.length === b.length && timingSafeEqual(a, b);
