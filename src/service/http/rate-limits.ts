import type { RequestHandler, Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import type { Principal } from '../../store/records/principal.js';
import { RequestProblem } from './problem.js';
import type { RequestContext } from './request-context.js';

/** What watches over a service must not be told that it asks too often. */
const probes = new Set(['/v1/health', '/v1/ready', '/v1/metrics']);

const MINUTE_MS = 60_000;

/**
 * Counts requests by key, or by address where there is none, says so in `RateLimit` and
 * `RateLimit-Policy`, and refuses what is beyond with `rate-limited` and `Retry-After`. Commands on this
 * machine, which come over the socket in the home, are not counted.
 * @param limit requests a minute
 */
export function rateLimits(limit: number, { isLocal }: RequestContext): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    limit,
    identifier: 'requests',
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    validate: false,
    skip: (request) => probes.has(`${request.baseUrl}${request.path}`) || isLocal(request),
    keyGenerator: (request, response) =>
      principal(response as Response)?.key ?? ipKeyGenerator(request.ip ?? ''),
    handler: () => {
      throw new RequestProblem(
        'rate-limited',
        `More than ${limit} requests in a minute; retry after the seconds in Retry-After`,
      );
    },
  });
}

const principal = (response: Response) => response.locals.principal as Principal | undefined;
