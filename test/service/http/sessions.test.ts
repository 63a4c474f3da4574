import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { madePlace } from '../../store/engines.js';
import { type RunningService, runningService, suiteEngine } from '../running-service.js';
import { locally, makeKey } from '../with-key.js';

const unauthorized = { status: 401, body: { type: '/problems/unauthorized' } };
const json = { 'Content-Type': 'application/json' };

describe('a browser', () => {
  let service: RunningService;
  let ada: Awaited<ReturnType<typeof makeKey>>;
  beforeAll(async () => {
    service = await runningService({ concurrency: 0 });
    ada = await makeKey(service, { name: 'ada', role: 'member' });
  });
  afterAll(() => service.stop());

  const signIn = (key: string, headers: Record<string, string> = {}) =>
    service.call('POST', '/v1/session', {
      headers: { ...json, ...headers },
      body: JSON.stringify({ key }),
    });
  const cookieOf = ({ headers }: Awaited<ReturnType<typeof signIn>>) =>
    (headers['set-cookie']?.[0] ?? '').split(';')[0];
  const own = () => ({ Origin: service.url, 'Sec-Fetch-Site': 'same-origin' });
  const ask = (method: string, path: string, headers: Record<string, string>, body?: string) =>
    service.call(method, path, { headers, ...(body === undefined ? {} : { body }) });

  it('signs in with a key, and is who the key is', async () => {
    const answer = await signIn(ada.key, own());
    expect(answer).toMatchObject({ status: 200, body: { key: ada.id, owner: 'ada' } });
    expect(answer.headers['set-cookie']).toEqual([
      expect.stringMatching(
        /^ventral_session=vs_[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/,
      ),
    ]);
    expect(answer.headers['cache-control']).toMatch(/no-store|private/);
    const Cookie = cookieOf(answer);
    const read = await ask('GET', '/v1/session', { Cookie: `a=b; ${Cookie}; c=d` });
    expect(read).toMatchObject({ status: 200, body: { key: ada.id, name: 'ada' } });
    const secure = await signIn(ada.key, { Origin: `https://${new URL(service.url).host}` });
    expect(secure.headers['set-cookie']?.[0]).toMatch(/; Secure$/);
  });

  it('changes something only where a page of the service asks', async () => {
    const Cookie = cookieOf(await signIn(ada.key));
    const host = new URL(service.url).host;
    const score = JSON.stringify({ model: 'pixels', benchmarks: ['Simulated.V1-pls'] });
    const post = (headers: Record<string, string>) =>
      ask('POST', '/v1/scores', { Cookie, 'Content-Type': 'application/json', ...headers }, score);
    for (const headers of [
      {},
      { 'X-Requested-With': 'ventral' },
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { Origin: 'http://127.0.0.1:1' },
      { Origin: `http://evil.example:${new URL(service.url).port}` },
      { Origin: service.url, 'Sec-Fetch-Site': 'cross-site' },
      { Origin: service.url, 'Sec-Fetch-Site': 'same-site' },
      { Origin: service.url, 'Sec-Fetch-Site': 'none' },
      { 'Sec-Fetch-Site': 'same-origin', 'Content-Type': 'text/plain' },
      { Origin: service.url, 'Content-Type': 'multipart/form-data; boundary=b' },
    ] as Record<string, string>[]) {
      expect(await post(headers), JSON.stringify(headers)).toMatchObject(unauthorized);
    }
    for (const headers of [
      { Origin: service.url },
      { 'Sec-Fetch-Site': 'same-origin' },
      { Origin: `https://${host}` },
      // A proxy in front names another host; the browser says what it is.
      { Origin: 'https://ventral.example', 'Sec-Fetch-Site': 'same-origin' },
    ] as Record<string, string>[]) {
      expect((await post(headers)).status, JSON.stringify(headers)).toBe(202);
    }
    const remove = { Cookie, ...own() };
    expect(await ask('DELETE', '/v1/models/mdl_x', remove)).toMatchObject(unauthorized);
    const byScript = { ...remove, 'X-Requested-With': 'ventral' };
    expect((await ask('DELETE', '/v1/models/mdl_x', byScript)).status).toBe(404);
    for (const { id } of (await ada.get('/v1/scores')).body.items)
      await ada.remove(`/v1/scores/${id}`);
  });

  it('reads nothing for a page of another site', async () => {
    const Cookie = cookieOf(await signIn(ada.key));
    for (const headers of [
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'https://evil.example' },
    ] as Record<string, string>[]) {
      expect(await ask('GET', '/v1/models', { Cookie, ...headers })).toMatchObject(unauthorized);
    }
    expect((await ask('GET', '/v1/models', { Cookie, 'Sec-Fetch-Site': 'none' })).status).toBe(200);
  });

  it('is signed in by no page of another site, and with no wrong key', async () => {
    for (const headers of [
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
    ] as Record<string, string>[]) {
      const answer = await signIn(ada.key, headers);
      expect(answer).toMatchObject({ status: 403, body: { type: '/problems/forbidden' } });
      expect(answer.headers).not.toHaveProperty('set-cookie');
    }
    const wrong = `${ada.key.slice(0, -1)}${ada.key.endsWith('A') ? 'B' : 'A'}`;
    for (const key of [wrong, 'x', ada.id, cookieOf(await signIn(ada.key)).split('=')[1]]) {
      expect(await signIn(key)).toMatchObject(unauthorized);
    }
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    expect((await ask('POST', '/v1/session', form, `key=${ada.key}`)).status).toBe(415);
    expect((await ask('POST', '/v1/session', json, '{}')).status).toBe(400);
    expect((await ask('POST', '/v1/session', json, `"${'x'.repeat(5000)}"`)).status).toBe(413);
  });

  it('brings a key that wins over the cookie', async () => {
    const otto = await makeKey(service, { name: 'otto', role: 'reader' }, locally(service));
    const Cookie = cookieOf(await signIn(ada.key));
    const who = (Authorization: string) => ask('GET', '/v1/session', { Cookie, Authorization });
    expect((await who(`Bearer ${otto.key}`)).body.owner).toBe('otto');
    expect(await who('Bearer nothing')).toMatchObject(unauthorized);
    // What stands in a cookie is no key.
    expect(await who(`Bearer ${Cookie.split('=')[1]}`)).toMatchObject(unauthorized);
    expect(await ask('GET', '/v1/models', { Cookie: `ventral_session=${ada.key}` })).toMatchObject(
      unauthorized,
    );
  });

  it('signs out, a reader too, and its session is over', async () => {
    const otto = await makeKey(service, { name: 'reads', role: 'reader' }, locally(service));
    const [first, second] = [await signIn(otto.key), await signIn(otto.key)].map(cookieOf);
    const out = { ...own(), 'X-Requested-With': 'ventral' };
    const answer = await ask('DELETE', '/v1/session', { Cookie: first, ...out });
    expect(answer.status).toBe(204);
    expect(answer.headers['set-cookie']?.[0]).toMatch(/^ventral_session=; Path=\/; Max-Age=0;/);
    const over = await ask('GET', '/v1/models', { Cookie: first });
    expect(over).toMatchObject(unauthorized);
    // The browser forgets what is over.
    expect(over.headers['set-cookie']?.[0]).toMatch(/Max-Age=0/);
    expect((await ask('GET', '/v1/models', { Cookie: second })).status).toBe(200);
    expect(
      await ask('POST', '/v1/scores', { Cookie: second, ...out, ...json }, '{}'),
    ).toMatchObject({ status: 403 });
  });

  it('is out once its key is revoked or expires', async () => {
    const local = locally(service);
    const gone = await makeKey(service, { name: 'gone', role: 'member' }, local);
    const Cookie = cookieOf(await signIn(gone.key));
    expect((await ask('GET', '/v1/models', { Cookie })).status).toBe(200);
    await local.remove(`/v1/keys/${gone.id}`);
    expect(await ask('GET', '/v1/models', { Cookie })).toMatchObject(unauthorized);
    const expiresAt = new Date(Date.now() + 1500).toISOString();
    const brief = await makeKey(service, { name: 'brief', role: 'member', expiresAt }, local);
    const short = cookieOf(await signIn(brief.key));
    await vi.waitFor(
      async () =>
        expect(await ask('GET', '/v1/models', { Cookie: short })).toMatchObject(unauthorized),
      { timeout: 60_000 },
    );
  });

  it('has at most twenty sessions a key', async () => {
    const many = await makeKey(service, { name: 'many', role: 'reader' }, locally(service));
    const cookies: string[] = [];
    for (let n = 0; n < 22; n++) cookies.push(cookieOf(await signIn(many.key)));
    const states: number[] = [];
    for (const Cookie of cookies) states.push((await ask('GET', '/v1/session', { Cookie })).status);
    expect(states).toEqual([401, 401, ...Array(20).fill(200)]);
  });

  it('is told what it needs: a policy for forms, and for what pages may use', async () => {
    const { headers } = await service.get('/');
    expect(headers['content-security-policy']).toContain("form-action 'self'");
    expect(headers['permissions-policy']).toContain('camera=()');
    expect(headers).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
  });
});

it('stays signed in while a service starts anew', async () => {
  const place = await madePlace(suiteEngine, 'ventral-sessions-');
  const first = await runningService({ ...place, concurrency: 0 });
  const ada = await makeKey(first, { name: 'ada', role: 'member' });
  const made = await first.call('POST', '/v1/session', {
    headers: json,
    body: JSON.stringify({ key: ada.key }),
  });
  const Cookie = String(made.headers['set-cookie']?.[0]).split(';')[0];
  await first.stop();
  const second = await runningService({ ...place, concurrency: 0 });
  const read = await second.call('GET', '/v1/session', { headers: { Cookie } });
  expect(read.body).toMatchObject({ owner: 'ada' });
  await second.stop();
  await rm(place.home, { recursive: true, force: true });
});
