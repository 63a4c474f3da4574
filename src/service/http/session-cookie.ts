import type { Request } from 'express';
import { SESSION_SECONDS } from '../../store/records/session-store.js';

const NAME = 'ventral_session';
const pattern = new RegExp(`(?:^|;\\s*)${NAME}=(vs_[\\w-]{43})(?:;|$)`);

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The session that a browser sends with a request, whether it counts or not. */
export const sentSession = ({ headers }: Request): string | undefined =>
  pattern.exec(headers.cookie ?? '')?.[1];

/** The session that counts: see {@link ownPage} and {@link asksByScript}. */
export const countedSession = (request: Request): string | undefined =>
  ownPage(request) !== false && (safe.has(request.method) || asksByScript(request))
    ? sentSession(request)
    : undefined;

/**
 * Whether a page of this service sent a request. Browsers report this in headers that no script can set:
 * `Sec-Fetch-Site`, and where that is missing (http to another machine) `Origin`.
 * @returns undefined without either header: not a browser, or a GET of an old one
 */
export function ownPage({ headers, method }: Request): boolean | undefined {
  const site = headers['sec-fetch-site'];
  // `none`: the user entered the address.
  if (site !== undefined) return site === 'same-origin' || (site === 'none' && safe.has(method));
  const { origin, host = '' } = headers;
  if (origin === undefined) return undefined;
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

/**
 * Whether a form of another page could not have sent it: the check above, and a header or type that needs a
 * script.
 */
const asksByScript = (request: Request): boolean =>
  ownPage(request) === true &&
  (request.headers['x-requested-with'] !== undefined ||
    /^application\/(?:[\w.-]+\+)?json\b/i.test(request.headers['content-type'] ?? ''));

/** `Set-Cookie` after sign-in; over https the cookie is `Secure`. */
export function sessionCookie(session: string, { headers }: Request): string {
  const secure = headers.origin?.startsWith('https://') ? '; Secure' : '';
  return `${NAME}=${session}; Path=/; Max-Age=${SESSION_SECONDS}; HttpOnly; SameSite=Strict${secure}`;
}

/** `Set-Cookie` after sign-out. */
export const noSessionCookie = `${NAME}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict`;
