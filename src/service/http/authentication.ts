import type { Request, RequestHandler } from 'express';
import { VentralError } from '../../errors/ventral-error.js';
import { localPrincipal, type Principal } from '../../store/records/principal.js';
import { loopbackGuard, refuseBrowsers, refuseForwarded } from './loopback-guard.js';
import { documentPaths, pagePaths } from './page-paths.js';
import { RequestProblem } from './problem.js';
import { RefusalLimit } from './refusal-limit.js';
import type { RequestContext } from './request-context.js';
import { countedSession, noSessionCookie, sentSession } from './session-cookie.js';

/** What anybody may read beside the pages: nothing there depends on who asks. */
const open = /^\/(?:v1\/(?:health|ready|openapi\.yaml|docs(?:\/[\w.-]+)?)|assets\/[\w.-]+)$/;

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Authenticates the caller before the request is validated or read (design §7). Without keys a service on loopback
 * has one user; when keys exist each request needs one, or the cookie of a browser that signed in with one. A
 * service that listens elsewhere always needs one, even after its last key was revoked. Requests over the socket
 * in the home come from the service's own user. No request costs a database query (see `Credentials`).
 */
export class Authentication {
  readonly #context: RequestContext;
  readonly #refusals = new RefusalLimit();

  constructor(context: RequestContext) {
    this.#context = context;
  }

  /** The handler before all routes. */
  handler(): RequestHandler {
    const { loopback, port, isLocal } = this.#context;
    const guard = loopbackGuard(port);
    return async (request, response, next) => {
      if (isLocal(request)) {
        refuseForwarded(request);
        refuseBrowsers(request);
        response.locals.principal = localPrincipal;
        return next();
      }
      const needed = !loopback || (await this.#required(request));
      if (!needed) guard(request, response, () => {});
      if (isOpen(request)) return next();
      const principal = await this.#principalOf(request, needed);
      if (principal.role === 'reader' && !safe.has(request.method) && !isSession(request)) {
        throw new VentralError('forbidden', 'A reader key may not change anything');
      }
      response.locals.principal = principal;
      next();
    };
  }

  /**
   * The principal of a key used to sign in.
   * @throws VentralError `unauthorized`, `rate-limited`
   */
  async signIn(request: Request, key: string): Promise<Principal> {
    return (await this.#context.store.credentials.byKey(key)) ?? this.#refuse(request, unknown);
  }

  async #required(request: Request): Promise<boolean> {
    const required = this.#context.store.credentials.required();
    // The process is alive also while its database is not there to be asked.
    return isOpen(request) ? required.catch(() => true) : required;
  }

  async #principalOf(request: Request, needed: boolean): Promise<Principal> {
    const { credentials } = this.#context.store;
    const given = request.headers.authorization;
    if (given !== undefined) {
      const key = /^Bearer +(\S+)$/i.exec(given)?.[1] ?? '';
      return (await credentials.byKey(key)) ?? this.#refuse(request, unknown);
    }
    if (!needed) return localPrincipal;
    const session = countedSession(request);
    if (session !== undefined) {
      const principal = await credentials.bySession(session);
      return principal ?? this.#refuse(request, over, { 'Set-Cookie': noSessionCookie });
    }
    return this.#refuse(request, sentSession(request) === undefined ? missing : foreign);
  }

  /**
   * The only place where credentials are refused. An address beyond its limit gets `rate-limited`.
   */
  #refuse(request: Request, words: string, headers: Record<string, string> = {}): never {
    const wait = this.#refusals.take(request.ip);
    if (wait > 0) {
      throw new RequestProblem(
        'rate-limited',
        'Requests from this address were refused too often; retry after the seconds in Retry-After',
        { headers: { 'Retry-After': String(wait) } },
      );
    }
    // Who brings nothing has not failed to sign in.
    if (words !== missing) this.#context.store.audit.refused(request.ip);
    const asks = { 'WWW-Authenticate': 'Bearer', ...headers };
    throw new RequestProblem('unauthorized', words, { headers: asks });
  }
}

const missing = 'The request needs a key: Authorization: Bearer vk_…';
const unknown = 'The credentials are unknown, revoked or expired';
const over = 'The session has ended, or its key was revoked or expired: sign in again';
const foreign =
  'A session cookie is accepted only in requests of this service’s pages: they need Sec-Fetch-Site or Origin, and changes need X-Requested-With or a JSON body';

const isSession = ({ path }: Request) => path === '/v1/session';

/** Signing in says by itself who one is. */
const isOpen = (request: Request) =>
  request.method === 'POST'
    ? isSession(request)
    : (request.method === 'GET' || request.method === 'HEAD') &&
      [open, pagePaths, documentPaths].some((paths) => paths.test(request.path));
