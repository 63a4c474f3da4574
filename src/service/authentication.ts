import { timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { VentralError } from '../errors/ventral-error.js';
import type { Admission } from '../store/key-store.js';
import { localPrincipal, type Principal } from '../store/principal.js';
import type { ServiceContext } from './context.js';
import { loopbackGuard } from './loopback-guard.js';
import { RequestProblem } from './problem.js';
import { pagePaths } from './web-routes.js';

/** What anybody may read beside the pages: nothing there depends on who asks. */
const open = /^\/(?:v1\/(?:health|ready|openapi\.yaml|docs(?:\/[\w.-]+)?)|assets\/[\w.-]+)$/;

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Says who asks, before anything of the request is validated or read (design §7). Without keys a
 * service on loopback has one user, and is guarded; once there are keys each request needs one, or the
 * token that commands on this machine read from HOME/owner.json. A service that listens elsewhere always
 * needs one, even after its last key was revoked.
 */
export function authentication(context: ServiceContext): RequestHandler {
  const guard = loopbackGuard(context.port);
  return async (request, response, next) => {
    const given = request.headers.authorization;
    const text = given === undefined ? undefined : (/^Bearer +(\S+)$/i.exec(given)?.[1] ?? '');
    if (isOpen(request)) {
      // The process is alive also while its database is not there to be asked.
      const { required } = await context.store.keys.admit(undefined).catch(() => unknown);
      return required || !context.loopback ? next() : guard(request, response, next);
    }
    const admission = await context.store.keys.admit(text);
    const needed = admission.required || !context.loopback;
    if (!needed) guard(request, response, () => {});
    const refused = text !== undefined && !admission.principal && !equal(text, context.token);
    if (refused) context.store.audit.refused(request.ip);
    const principal = principalFor(text, admission, needed, context.token);
    if (principal.role === 'reader' && !safe.has(request.method)) {
      throw new VentralError('forbidden', 'A reader may not change anything');
    }
    response.locals.principal = principal;
    next();
  };
}

const unknown: Admission = { required: true, principal: null };

const isOpen = ({ method, path }: Request) =>
  (method === 'GET' || method === 'HEAD') && (open.test(path) || pagePaths.test(path));

function principalFor(
  text: string | undefined,
  admission: Admission,
  needed: boolean,
  token: string,
): Principal {
  if (text === undefined) {
    if (!needed) return localPrincipal;
    throw refusal('The request needs a key: Authorization: Bearer vk_…');
  }
  if (equal(text, token)) return localPrincipal;
  if (admission.principal) return admission.principal;
  throw refusal('The credentials are not those of this service, or they were revoked or expired');
}

const refusal = (words: string) =>
  new RequestProblem('unauthorized', words, { headers: { 'WWW-Authenticate': 'Bearer' } });

function equal(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
