import type { RequestHandler, Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import type { Principal } from '../../store/records/principal.js';
import { RequestProblem } from './problem.js';
import type { RequestContext } from './request-context.js';

/** Monitoring must not be rate-limited. */
const probes = new Set(['/v1/health', '/v1/ready', '/v1/metrics']);

const MINUTE_MS = 60_000;

/**
 * Counts requests by key, or by address without one, reports the rest in `RateLimit` and `RateLimit-Policy`, and
 * refuses more with `rate-limited` and `Retry-After`. Commands over the socket in the home are not counted.
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
