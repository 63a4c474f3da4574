import { type Answer, type Asked, callUrl, multipart, type Part } from './running-service.js';

type Call = (method: string, path: string, asked?: Asked) => Promise<Answer>;

/** Requests that bring a key, or another bearer token. */
export const withKey = (service: { readonly call: Call }, key: string) =>
  requestsBy((method, path, asked = {}) =>
    service.call(method, path, {
      ...asked,
      headers: { Authorization: `Bearer ${key}`, ...asked.headers },
    }),
  );

/** Requests over the socket in the home of a service, as its commands send them. */
export const locally = ({
  url,
  socket,
}: {
  readonly url: string;
  readonly socket: string | null;
}) =>
  requestsBy((method, path, asked) =>
    callUrl(`${url}${path}`, method, { ...asked, socketPath: socket as string }),
  );

function requestsBy(call: Call) {
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

/** Makes a key of a running service, with the key of an admin or locally where it needs one. */
export async function makeKey(
  service: { readonly call: Call },
  asked: AskedKey,
  admin?: string | { readonly call: Call },
) {
  const { call } = typeof admin === 'object' ? admin : service;
  const made = await call('POST', '/v1/keys', {
    headers: {
      'Content-Type': 'application/json',
      ...(typeof admin !== 'string' ? {} : { Authorization: `Bearer ${admin}` }),
    },
    body: JSON.stringify(asked),
  });
  if (made.status !== 201) throw new Error(`no key: ${made.text}`);
  const { id, key } = made.body as { id: string; key: string };
  return { id, key, answer: made, ...withKey(service, key) };
}
