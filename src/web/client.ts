import createClient from 'openapi-fetch';
import type { components, paths } from '../api/schema.js';

/** The service's resources as `openapi.yaml` names them. */
export type Schemas = components['schemas'];

const STORED_KEY = 'ventral-key';

/** Whether requests need a key, as the server wrote it into the page. */
export const keysRequired =
  document.querySelector<HTMLMetaElement>('meta[name=ventral-keys]')?.content === 'required';

/** The key of who signed in, kept by the browser for this origin until they sign out. */
export const storedKey = {
  get: (): string | null => localStorage.getItem(STORED_KEY),
  set: (key: string): void => localStorage.setItem(STORED_KEY, key),
  forget: (): void => localStorage.removeItem(STORED_KEY),
};

/** What the service refused, in its own words (RFC 9457). */
export class ProblemError extends Error {
  constructor(readonly problem: Schemas['Problem']) {
    super(problem.detail);
    this.name = 'ProblemError';
  }
}

/** `Authorization` of who signed in; no header without a key. */
export function authorization(): Record<string, string> {
  const key = storedKey.get();
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}

/** The client that is generated from the description: every call of the pages goes through it. */
export const client = createClient<paths>({ baseUrl: '/v1' });
client.use({
  onRequest({ request }) {
    for (const [name, value] of Object.entries(authorization())) request.headers.set(name, value);
    return request;
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
  if (response.ok) return data as T;
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
