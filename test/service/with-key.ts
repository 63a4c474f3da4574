import { type Answer, type Asked, multipart, type Part } from './running-service.js';

type Call = (method: string, path: string, asked?: Asked) => Promise<Answer>;

/** Requests that bring a key, or another bearer token. */
export function withKey(service: { readonly call: Call }, key: string) {
  const call: Call = (method, path, asked = {}) =>
    service.call(method, path, {
      ...asked,
      headers: { Authorization: `Bearer ${key}`, ...asked.headers },
    });
  const sendJson = (method: string, path: string, body: unknown, headers = {}) =>
    call(method, path, {
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  return {
    call,
    get: (path: string) => call('GET', path),
    post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      sendJson('POST', path, body, headers),
    patch: (path: string, body: unknown) => sendJson('PATCH', path, body),
    remove: (path: string) => call('DELETE', path),
    upload: (parts: readonly Part[], path = '/v1/models') => call('POST', path, multipart(parts)),
  };
}

/** What a key is asked for with. */
export interface AskedKey {
  readonly name: string;
  readonly role: 'admin' | 'member' | 'reader';
  readonly owner?: string;
  readonly groups?: readonly string[];
  readonly expiresAt?: string;
}

/** Makes a key of a running service, with the token or key of an admin where it needs one. */
export async function makeKey(service: { readonly call: Call }, asked: AskedKey, admin?: string) {
  const made = await service.call('POST', '/v1/keys', {
    headers: {
      'Content-Type': 'application/json',
      ...(admin === undefined ? {} : { Authorization: `Bearer ${admin}` }),
    },
    body: JSON.stringify(asked),
  });
  if (made.status !== 201) throw new Error(`no key: ${made.text}`);
  const { id, key } = made.body as { id: string; key: string };
  return { id, key, answer: made, ...withKey(service, key) };
}
