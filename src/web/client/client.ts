import createClient from 'openapi-fetch';
import type { components, paths } from '../../api/schema.js';

/** The service's resources as `openapi.yaml` names them. */
export type Schemas = components['schemas'];

const keys = document.querySelector<HTMLMetaElement>('meta[name=ventral-keys]')?.content ?? 'none';

/** Whether requests need a key, as the server wrote it into the page. */
export const keysRequired = keys !== 'none';

/**
 * Whether this browser has a session, as far as the server could tell: its cookie is out of the reach of
 * scripts, and undefined if a link on another site led here, which brings no cookie.
 */
export const hasSession = keys === 'session' || (keys === 'unknown' ? undefined : false);

/** Where earlier versions kept the key. */
const STORED_KEY = 'ventral-key';

/** The key that an earlier version kept in this browser; it is used once, and forgotten. */
export const keptKey = {
  get: (): string | null => localStorage.getItem(STORED_KEY),
  forget: (): void => localStorage.removeItem(STORED_KEY),
};

/** Without this header the session's cookie changes nothing (see `openapi.yaml`). */
export const byScript = { 'X-Requested-With': 'ventral' } as const;

/** What the service refused, in its own words (RFC 9457). */
export class ProblemError extends Error {
  constructor(readonly problem: Schemas['Problem']) {
    super(problem.detail);
    this.name = 'ProblemError';
  }
}

/**
 * The client that is generated from the description: every call of the pages goes through it. Where the
 * service also speaks CSV or Markdown, an answer has the type of its JSON, unless `Accept` asks for another.
 */
export const client = createClient<paths, `application/${string}json`>({
  baseUrl: '/v1',
  headers: byScript,
});

/** Entity tags of what was read, for changes that are made only if nothing else has changed it. */
const tags = new WeakMap<object, string>();

/** The entity tag that an answer came with. */
export const tagOf = (read: object): string | undefined => tags.get(read);

/** Told each refusal of the key or session of a request. */
export const refusals = new EventTarget();

/** A 401 of anything but a sign-in: the key was revoked, or the session has ended. */
export function noteRefusal(url: string, status: number): void {
  if (status === 401 && !url.endsWith('/session')) refusals.dispatchEvent(new Event('refused'));
}

client.use({
  onResponse({ response, request }) {
    noteRefusal(request.url, response.status);
  },
});

/**
 * What a call of `client` gave.
 * @throws ProblemError where the service refused
 */
export async function answer<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await call;
  if (response.ok) {
    const tag = response.headers.get('ETag');
    if (tag !== null && typeof data === 'object' && data !== null) tags.set(data, tag);
    return data as T;
  }
  throw new ProblemError(
    isProblem(error)
      ? error
      : {
          type: 'about:blank',
          title: response.statusText,
          status: response.status,
          detail: `The service answered ${response.status} ${response.statusText}`,
        },
  );
}

const isProblem = (value: unknown): value is Schemas['Problem'] =>
  typeof value === 'object' && value !== null && 'type' in value && 'title' in value;
