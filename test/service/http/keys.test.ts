import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { runCommandLine } from '../../../src/cli/command-line.js';
import { serviceLog } from '../../../src/service/http/service-log.js';
import { KeyWatch } from '../../../src/service/registry/key-watch.js';
import { openPostgresDatabase } from '../../../src/store/database/postgres-database.js';
import { Credentials } from '../../../src/store/records/credentials.js';
import { KeyStore } from '../../../src/store/records/key-store.js';
import { localPrincipal } from '../../../src/store/records/principal.js';
import { SessionStore } from '../../../src/store/records/session-store.js';
import { copyTemplate } from '../../postgres.js';
import { madeHome } from '../../store/made-home.js';
import { type RunningService, runningService } from '../running-service.js';
import { locally, makeKey, withKey } from '../with-key.js';

/** One `ventral` command line in this process. */
async function command(...words: readonly string[]) {
  let out = '';
  let err = '';
  const status = await runCommandLine(['node', 'ventral', ...words], {
    out: (said) => {
      out += said;
    },
    err: (said) => {
      err += said;
    },
    interactive: false,
    color: false,
  });
  return { status, out, err };
}

const unauthorized = { status: 401, body: { type: '/problems/unauthorized' } };
const forbidden = { status: 403, body: { type: '/problems/forbidden' } };

describe('a service', () => {
  let service: RunningService;
  let local: ReturnType<typeof locally>;
  const log: string[] = [];

  beforeAll(async () => {
    const stream = { write: (line: string) => void log.push(line) };
    service = await runningService({ log: serviceLog('debug', stream), concurrency: 0 });
    local = locally(service);
  });
  afterEach(async () => {
    const { body, status } = await local.get('/v1/keys?limit=200');
    if (status !== 200) throw new Error('the keys could not be listed');
    for (const { id } of body.items) await local.remove(`/v1/keys/${id}`);
  });
  afterAll(() => service.stop());

  it('needs a key once there is one, and not before', async () => {
    expect((await service.get('/v1/models')).status).toBe(200);
    const ada = await makeKey(service, { name: 'ada', role: 'member' });
    expect(ada.answer.body).toMatchObject({ owner: 'ada', groups: [], expiresAt: null });
    const refused = await service.get('/v1/models');
    expect(refused).toMatchObject(unauthorized);
    expect(refused.headers['www-authenticate']).toBe('Bearer');
    expect((await ada.get('/v1/models')).status).toBe(200);
    expect(await ada.get('/v1/keys')).toMatchObject(forbidden);
    expect(await ada.post('/v1/keys', { name: 'x', role: 'admin' })).toMatchObject(forbidden);
    // Commands on this machine need none, whatever keys there are.
    expect((await local.get('/v1/keys')).body.items).toHaveLength(1);
  });

  it('tells each caller who it is', async () => {
    const version = expect.any(String);
    const one = { key: null, name: null, owner: 'local', groups: [], role: 'admin', version };
    expect(await service.get('/v1/session')).toMatchObject({ status: 200, body: one });
    const ada = await makeKey(service, {
      ...{ name: 'ada’s laptop', owner: 'ada' },
      ...{ role: 'member', groups: ['vision'] },
    });
    expect((await ada.get('/v1/session')).body).toEqual({
      ...{ key: ada.id, name: 'ada’s laptop', owner: 'ada', groups: ['vision'] },
      ...{ role: 'member', version, storage: { stored: 0, reserved: 0, limit: 2 ** 40 } },
    });
    expect(await service.get('/v1/session')).toMatchObject(unauthorized);
  });

  it('knows a key whole and no other way', async () => {
    const { key, id } = await makeKey(service, { name: 'ada', role: 'member' });
    const other = await makeKey(service, { name: 'otto', role: 'member' }, local);
    const [, , secret] = key.split('_');
    for (const wrong of [
      key.slice(0, -1),
      `${key}A`,
      key.toUpperCase(),
      id,
      secret,
      '',
      other.key.replace(/_[^_]+$/, `_${secret}`),
      `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`,
    ]) {
      expect(await withKey(service, wrong).get('/v1/models')).toMatchObject(unauthorized);
    }
    for (const Authorization of [`Basic ${key}`, key, `Bearer ${key} ${key}`, `Bearer ${key},`]) {
      const answer = await service.call('GET', '/v1/models', { headers: { Authorization } });
      expect(answer).toMatchObject(unauthorized);
    }
    const lower = { headers: { Authorization: `bearer ${key}` } };
    expect((await service.call('GET', '/v1/models', lower)).status).toBe(200);
  });

  it('says the text of a key once, and its log never', async () => {
    const { key, id } = await makeKey(service, { name: 'ada', role: 'admin', groups: ['g', 'g'] });
    const admin = withKey(service, key);
    const secret = key.split('_').slice(2).join('_');
    for (const path of ['/v1/keys', `/v1/keys/${id}`, '/v1/audit']) {
      expect((await admin.get(path)).text).not.toContain(secret);
    }
    expect((await admin.get(`/v1/keys/${id}`)).body.groups).toEqual(['g']);
    await admin.get(`/v1/models?key=${key}`);
    await admin.get(`/v1/models/${encodeURIComponent(`Bearer ${key}`)}`);
    await admin.get(`/v1/scores/${key}`);
    expect(log.join('')).toContain('/v1/models?key=[secret]');
    expect(log.join('')).not.toContain(secret);
  });

  it('lets a revoked key in no more, and its owner keeps what it has', async () => {
    const root = await makeKey(service, { name: 'root', role: 'admin' });
    const ada = await makeKey(service, { name: 'ada', role: 'member' }, root.key);
    const job = await ada.post('/v1/scores', { model: 'pixels', benchmarks: ['Simulated.V1-pls'] });
    expect(job.status).toBe(202);
    const revoked = await root.remove(`/v1/keys/${ada.id}`);
    expect(revoked).toMatchObject({ status: 200, body: { revokedAt: expect.any(String) } });
    expect(await ada.get('/v1/models')).toMatchObject(unauthorized);
    expect((await root.remove(`/v1/keys/${ada.id}`)).body).toEqual(revoked.body);
    expect((await root.remove('/v1/keys/key_nope')).status).toBe(404);
    const again = await makeKey(
      service,
      { name: 'ada again', role: 'reader', owner: 'ada' },
      root.key,
    );
    expect((await again.get(`/v1/scores/${job.body.id}`)).status).toBe(200);
    const actions = (await root.get('/v1/audit')).body.items;
    expect(actions.slice(0, 4).map(({ action }: { action: string }) => action)).toEqual([
      'key.create',
      'key.revoke',
      'key.create',
      'key.create',
    ]);
    expect(actions[1]).toMatchObject({ key: root.id, owner: 'root', target: ada.id });
    // Who gives up the last key is alone on the machine again.
    await root.remove(`/v1/keys/${again.id}`);
    await root.remove(`/v1/keys/${root.id}`);
    expect((await service.get('/v1/models')).status).toBe(200);
    expect(await root.get('/v1/models')).toMatchObject(unauthorized);
  });

  it('lets an expired key in no more, and nobody else instead', async () => {
    const soon = new Date(Date.now() + 700).toISOString();
    const ada = await makeKey(service, { name: 'ada', role: 'member', expiresAt: soon });
    await vi.waitFor(async () => expect(await ada.get('/v1/models')).toMatchObject(unauthorized), {
      timeout: 60_000,
    });
    expect(await service.get('/v1/models')).toMatchObject(unauthorized);
    const admin = local;
    for (const wrong of [
      { name: 'x', role: 'member', expiresAt: '2001-01-01T00:00:00Z' },
      { name: 'x', role: 'member', expiresAt: 'tomorrow' },
      { name: 'x', role: 'member', owner: 'ventral' },
      { name: 'ventral', role: 'member' },
      { name: '', role: 'member' },
      { name: 'x\ny', role: 'member' },
      { name: 'x', role: 'king' },
      { name: 'x', role: 'member', more: 1 },
    ]) {
      expect((await admin.post('/v1/keys', wrong)).status).toBe(400);
    }
  });

  it('refuses before it validates or reads anything', async () => {
    await makeKey(service, { name: 'ada', role: 'member' });
    for (const [method, path, body] of [
      ['POST', '/v1/scores', '{'],
      ['POST', '/v1/scores', 'x'.repeat(2_000_000)],
      ['GET', '/v1/models?limit=x', undefined],
      ['GET', '/v1/models/%ff', undefined],
      ['GET', '/v1/%00', undefined],
      ['PUT', '/v1/models', undefined],
      ['GET', '/v1/nothing', undefined],
      ['GET', '/nothing', undefined],
      ['POST', '/v1/health', undefined],
    ] as const) {
      const answer = await service.call(method, path, body === undefined ? {} : { body });
      expect(answer, `${method} ${path}`).toMatchObject(unauthorized);
    }
    const { port } = new URL(service.url);
    const socket = connect(Number(port), '127.0.0.1');
    // A gigabyte is announced, and none of it sent.
    socket.write(
      `POST /v1/models HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000000\r\nConnection: close\r\n\r\n`,
    );
    socket.once('data', () => socket.end());
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 401 /);
    expect(await service.leftovers()).toEqual([]);
  });

  it('shows to everybody what depends on nobody, by no other way', async () => {
    await makeKey(service, { name: 'ada', role: 'member' });
    for (const path of [
      '/',
      '/v1/health',
      '/v1/ready',
      '/v1/openapi.yaml',
      '/v1/docs',
      '/v1/docs/swagger-ui.css',
      '/v1/docs/start.js',
    ]) {
      expect((await service.get(path)).status, path).toBe(200);
      expect((await service.call('HEAD', path)).status, path).toBe(200);
    }
    const piece = fc.constantFrom(
      ...['v1', 'V1', 'health', 'ready', 'docs', 'models', 'Models', 'keys', 'scores', 'audit'],
      ...['..', '.', '', '%2e%2e', '%2f', 'openapi.yaml', '//', '?', '#', 'index', '\\', ';'],
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 6 }), async (pieces) => {
        const answer = await service.get(`/${pieces.join('/')}`);
        if (answer.status < 300) expect(answer.text).not.toContain('"items"');
      }),
      { numRuns: 300 },
    );
  });
});

it('beyond loopback a service starts with a key alone, and stays shut without one', async () => {
  const home = await madeHome('ventral-keys-');
  const everywhere = { home, host: '0.0.0.0', concurrency: 0 };
  await expect(runningService(everywhere)).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringContaining('ventral keys create'),
  });
  const made = await command('keys', 'create', '--home', home, '--name', 'root', '--role', 'admin');
  expect(made).toMatchObject({ status: 0, out: expect.stringMatching(/^vk_\w{16}_[\w-]{43}\n$/) });
  await expect(runningService({ ...everywhere, host: '192.0.2.1' })).rejects.toMatchObject({
    code: 'bad-usage',
  });
  const service = await runningService(everywhere);
  try {
    const key = made.out.trim();
    expect(service.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
    for (const headers of [
      { Host: 'ventral.example.org' },
      { 'X-Forwarded-For': '192.0.2.7', 'X-Forwarded-Proto': 'https' },
      { Origin: 'https://ventral.example.org' },
    ] as Record<string, string>[]) {
      const asked = { headers: { ...headers, Authorization: `Bearer ${key}` } };
      expect((await service.call('GET', '/v1/models', asked)).status).toBe(200);
      expect(await service.call('GET', '/v1/models', { headers })).toMatchObject(unauthorized);
    }
    const [{ id }] = (await withKey(service, key).get('/v1/keys')).body.items;
    await withKey(service, key).remove(`/v1/keys/${id}`);
    expect(await service.get('/v1/models')).toMatchObject(unauthorized);
    expect((await service.get('/v1/health')).status).toBe(200);
  } finally {
    await service.stop();
    await rm(home, { recursive: true });
  }
});

describe('the command line', () => {
  it('makes, lists and revokes keys, with and without a service', async () => {
    const home = await madeHome('ventral-keys-');
    const keys = (...words: string[]) => command('keys', ...words, '--home', home);
    const before = await keys(
      ...['create', '--name', 'ada', '--role', 'member', '--owner', 'lab'],
      ...['--group', 'v1,v4', '--group', 'it', '--expires', '90d', '--json'],
    );
    const made = JSON.parse(before.out);
    expect(made).toMatchObject({ owner: 'lab', groups: ['v1', 'v4', 'it'], role: 'member' });
    const days = (Date.parse(made.expiresAt) - Date.parse(made.createdAt)) / 86_400_000;
    expect(days).toBeCloseTo(90, 1);
    expect(before.err).toContain('shown only once');
    const service = await runningService({ home, concurrency: 0 });
    try {
      expect((await withKey(service, made.key).get('/v1/models')).status).toBe(200);
      const second = await keys('create', '--name', 'otto', '--role', 'reader');
      expect((await withKey(service, second.out.trim()).get('/v1/models')).status).toBe(200);
      const listed = await keys('list');
      expect(listed.out.split('\n').map((line) => line.split('\t')[1])).toEqual([
        'name',
        'otto',
        'ada',
        undefined,
      ]);
      expect(listed.out).not.toContain(made.key.slice(-20));
      expect(await keys('revoke', made.id)).toMatchObject({ status: 0, out: '' });
      expect(await withKey(service, made.key).get('/v1/models')).toMatchObject(unauthorized);
      expect(await keys('revoke', 'key_nope')).toMatchObject({ status: 2 });
    } finally {
      await service.stop();
    }
    expect(JSON.parse((await keys('list', '--json')).out)).toMatchObject([
      { name: 'otto', revokedAt: null },
      { name: 'ada', revokedAt: expect.any(String) },
    ]);
    await rm(home, { recursive: true });
  });

  it.each([
    [['create', '--name', 'x']],
    [['create', '--role', 'admin']],
    [['create', '--name', 'x', '--role', 'king']],
    [['create', '--name', 'x', '--role', 'admin', '--expires', 'soon']],
    [['create', '--name', 'x', '--role', 'admin', '--expires', '0d']],
    [['create', '--name', 'x\ny', '--role', 'admin']],
    [['create', '--name', 'x', '--role', 'admin', '--group', '']],
    [['revoke']],
    [['what']],
  ])('answers %j with one line and exit 2', async (words) => {
    const { status, out, err } = await command('keys', ...words, '--home', '/nonexistent/home');
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/^ventral: .+\n$/);
  });

  it('goes to the PostgreSQL that DATABASE_URL names', async () => {
    const url = await copyTemplate(inject('postgres'));
    vi.stubEnv('DATABASE_URL', url);
    try {
      const { status, out } = await command('keys', 'create', '--name', 'ada', '--role', 'reader');
      expect(status).toBe(0);
      expect((await command('keys', 'list')).out).toContain('\tada\treader\tada\t');
      const database = await openPostgresDatabase(url);
      const keys = new KeyStore(database);
      const known = new Credentials(database, { keys, sessions: new SessionStore(database) });
      const [required, principal] = [await known.required(), await known.byKey(out.trim())];
      const rows = [
        await database.query('select * from keys'),
        await database.query('select * from audit'),
      ];
      expect(rows.flat()).toHaveLength(2);
      expect(JSON.stringify(rows)).not.toContain(out.trim().slice(20));
      await database.close();
      expect({ required, principal }).toMatchObject({
        required: true,
        principal: { role: 'reader' },
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

it('what outlasts a request ends with its key, whoever revokes it', async () => {
  const database = await openPostgresDatabase(await copyTemplate(inject('postgres')));
  try {
    const [here, elsewhere] = [new KeyStore(database), new KeyStore(database)];
    const watch = new KeyWatch(here);
    const made = await Promise.all(
      ['a', 'b', 'c'].map((name) => here.create(localPrincipal, { name, role: 'reader' })),
    );
    const principal = ({ key }: (typeof made)[number]) => ({ ...localPrincipal, key: key.id });
    const streams = [...made, made[0]].map((one) => watch.watch(principal(one)));
    const local = watch.watch(localPrincipal);
    const ended = () => [...streams, local].map(({ signal }) => signal.aborted);
    await here.revoke(localPrincipal, made[0].key.id);
    await vi.waitFor(() => expect(ended()).toEqual([true, false, false, true, false]));
    await elsewhere.revoke(localPrincipal, made[1].key.id);
    await vi.waitFor(() => expect(ended()).toEqual([true, true, false, true, false]), {
      timeout: 60_000,
    });
    for (const { release } of [...streams, local]) release();
  } finally {
    await database.close();
  }
});
