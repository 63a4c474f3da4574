import { randomBytes } from 'node:crypto';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  inject,
  it,
  vi,
} from 'vitest';
import { RefusalLimit } from '../../../src/service/http/refusal-limit.js';
import type { Database } from '../../../src/store/database/database.js';
import { openPostgresDatabase } from '../../../src/store/database/postgres-database.js';
import { Credentials } from '../../../src/store/records/credentials.js';
import { KeyStore } from '../../../src/store/records/key-store.js';
import { localPrincipal } from '../../../src/store/records/principal.js';
import { SessionStore } from '../../../src/store/records/session-store.js';
import { copyTemplate } from '../../postgres.js';
import { type RunningService, runningService } from '../running-service.js';
import { locally, makeKey, withKey } from '../with-key.js';

/** Statements about keys, whichever database they went to. */
const { asked } = vi.hoisted(() => ({ asked: [] as string[] }));

function counted(database: Database): Database {
  const query = database.query.bind(database);
  database.query = ((text: string, values?: readonly unknown[]) => {
    if (/\b(?:keys|sessions)\b/.test(text)) asked.push(text);
    return query(text, values);
  }) as Database['query'];
  return database;
}
vi.mock('../../../src/store/database/embedded-database.js', async (original) => {
  const module =
    await original<typeof import('../../../src/store/database/embedded-database.js')>();
  const openEmbeddedDatabase: typeof module.openEmbeddedDatabase = async (...words) =>
    counted(await module.openEmbeddedDatabase(...words));
  return { ...module, openEmbeddedDatabase };
});
vi.mock('../../../src/store/database/postgres-database.js', async (original) => {
  const module =
    await original<typeof import('../../../src/store/database/postgres-database.js')>();
  const openPostgresDatabase: typeof module.openPostgresDatabase = async (...words) =>
    counted(await module.openPostgresDatabase(...words));
  return { ...module, openPostgresDatabase };
});

const strangeKey = () => `vk_${'0'.repeat(16)}_${randomBytes(32).toString('base64url')}`;

describe('requests without a key that holds', () => {
  let service: RunningService;
  let ada: Awaited<ReturnType<typeof makeKey>>;
  beforeAll(async () => {
    service = await runningService({ concurrency: 0 });
    ada = await makeKey(service, { name: 'ada', role: 'member' });
  });
  afterAll(() => service.stop());

  it('do not ask the database one by one, and are refused by rate, while members are not', async () => {
    const strange: Record<string, string>[] = [
      {},
      { Authorization: 'Bearer garbage' },
      { Authorization: 'Basic eDp5' },
      { Cookie: 'ventral_session=garbage' },
    ];
    const statuses: number[] = [];
    asked.length = 0;
    const start = performance.now();
    for (let n = 0; n < 500; n += 10) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, one) => {
          const headers = strange[one] ?? {
            ...(one % 2 ? { Authorization: `Bearer ${strangeKey()}` } : {}),
            ...(one % 2 ? {} : { Cookie: `ventral_session=vs_${strangeKey().slice(-43)}` }),
          };
          const path = one === 9 ? '/v1/health' : '/v1/models';
          return service.call('GET', path, { headers });
        }),
      );
      statuses.push(...answers.map(({ status }) => status));
      expect((await ada.get('/v1/models')).status).toBe(200);
    }
    const seconds = (performance.now() - start) / 1000;
    // One look a second, of at most three statements where something had changed.
    expect(asked.length).toBeLessThanOrEqual(3 + Math.ceil(seconds));
    const count = (status: number) => statuses.filter((found) => found === status).length;
    expect(count(200)).toBe(50);
    expect(count(401)).toBeGreaterThanOrEqual(300);
    expect(count(401)).toBeLessThanOrEqual(300 + Math.ceil(6 * seconds));
    expect(count(429)).toBe(450 - count(401));
    await vi.waitFor(async () => {
      const refused = await withKey(service, strangeKey()).get('/v1/models');
      expect(refused).toMatchObject({ status: 429, body: { type: '/problems/rate-limited' } });
      expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    });
    // A key that is made now lets in at once.
    const otto = await makeKey(service, { name: 'otto', role: 'admin' }, locally(service));
    expect((await otto.get('/v1/models')).status).toBe(200);
  });
});

describe('what is known of keys', () => {
  it('is read at most once a second, anew after each change here, and follows changes elsewhere', async () => {
    const database = await openPostgresDatabase(await copyTemplate(inject('postgres')));
    const [keys, sessions] = [new KeyStore(database), new SessionStore(database)];
    const [elsewhere, sessionsElsewhere] = [new KeyStore(database), new SessionStore(database)];
    const known = new Credentials(database, { keys, sessions });
    expect(await known.required()).toBe(false);
    const made = await keys.create(localPrincipal, { name: 'ada', role: 'member' });
    expect([await known.required(), (await known.byKey(made.text))?.key]).toEqual([
      true,
      made.key.id,
    ]);
    asked.length = 0;
    await Promise.all(Array.from({ length: 500 }, () => known.byKey(strangeKey())));
    expect(asked.length).toBeLessThanOrEqual(2);
    // Made and ended by another process.
    const { key, text } = await elsewhere.create(localPrincipal, { name: 'otto', role: 'reader' });
    const session = await sessionsElsewhere.open(key.id);
    const become = (both: readonly unknown[]) =>
      vi.waitFor(
        async () =>
          expect([
            (await known.byKey(text))?.owner,
            (await known.bySession(session))?.owner,
          ]).toEqual(both),
        { timeout: 60_000 },
      );
    await become(['otto', 'otto']);
    await sessionsElsewhere.end(session);
    await become(['otto', undefined]);
    await elsewhere.revoke(localPrincipal, key.id);
    await become([undefined, undefined]);
    await keys.revoke(localPrincipal, made.key.id);
    expect([await known.required(), await known.byKey(made.text)]).toEqual([false, null]);
    await database.close();
  });

  it('is not known at all while the database does not answer', async () => {
    const database = await openPostgresDatabase(await copyTemplate(inject('postgres')));
    const [keys, sessions] = [new KeyStore(database), new SessionStore(database)];
    const known = new Credentials(database, { keys, sessions });
    const { text } = await keys.create(localPrincipal, { name: 'ada', role: 'member' });
    expect(await known.byKey(text)).not.toBeNull();
    database.query = () => Promise.reject(new Error('away'));
    await vi.waitFor(() => expect(known.byKey(text)).rejects.toThrow('away'), { timeout: 60_000 });
    await database.close();
  });
});

describe('the limit of refusals', () => {
  // It fills up again while a busy machine counts.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const exhaust = (limit: RefusalLimit, address: string) => {
    for (let n = 0; n < 300; n++) expect(limit.take(address)).toBe(0);
    expect(limit.take(address)).toBe(1);
  };

  it('is each address’s, and a network’s of IPv6', () => {
    const limit = new RefusalLimit();
    exhaust(limit, '192.0.2.1');
    expect(limit.take('192.0.2.2')).toBe(0);
    expect(limit.take('::ffff:192.0.2.1')).toBe(1);
    expect(limit.take('::ffff:192.0.2.3')).toBe(0);
    exhaust(limit, '2001:db8:1:2::1');
    expect(limit.take('2001:db8:1:2:ffff::7')).toBe(1);
    expect(limit.take('2001:db8:1:3::1')).toBe(0);
  });

  it('remembers so many addresses and no more', () => {
    const limit = new RefusalLimit();
    exhaust(limit, '192.0.2.1');
    for (let n = 0; n < 10_000; n++) limit.take(`10.0.${n >> 8}.${n & 255}`);
    expect(limit.take('192.0.2.1')).toBe(0);
  });
});
