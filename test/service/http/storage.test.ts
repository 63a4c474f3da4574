import { readdir, readFile, rm } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request as send } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { metadataRecord } from '../../../src/onnx/metadata.js';
import { type HomeStore, openHomeStore } from '../../../src/store/home-store.js';
import { IdempotencyStore } from '../../../src/store/records/idempotency-store.js';
import { localPrincipal, type Principal } from '../../../src/store/records/principal.js';
import { handMade } from '../../formats/hand-made-zip.js';
import { oraclePath } from '../../oracle.js';
import { engines, madePlace, removePlace, type StorePlace } from '../../store/engines.js';
import {
  BOUNDARY,
  card,
  multipart,
  network,
  type Part,
  type RunningService,
  runningService,
} from '../running-service.js';
import { bytesBelow } from '../stored-bytes.js';
import { makeKey } from '../with-key.js';

const MIB = 2 ** 20;
const PIECE = MIB / 4;
const full = { status: 507, body: { type: '/problems/storage-exceeded' } };

/** A request whose body the test sends by itself. */
function opened(url: string, key: string, headers: Record<string, string>) {
  const request = send(url, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, ...headers },
  });
  const answer = new Promise<{ status: number; body: { type: string } }>((resolve, reject) => {
    request.once('error', reject);
    request.once('response', async (response: IncomingMessage) => {
      const words = await text(response);
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(words) });
    });
  });
  answer.catch(() => {});
  return { request, answer };
}

/** Sends a body in pieces as one whose length nobody knows. */
async function sendPieces(request: ClientRequest, body: Buffer): Promise<void> {
  for (let at = 0; at < body.length && !request.destroyed; at += PIECE) {
    request.write(body.subarray(at, at + PIECE));
    await sleep(5);
  }
  request.end();
}

const form = { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` };

describe('over HTTP', () => {
  const storage = 4 * MIB;
  let service: RunningService;
  let root: string;
  let member: Awaited<ReturnType<typeof makeKey>>;
  let onnx: Buffer;
  let members = 0;

  beforeAll(async () => {
    onnx = await network();
    service = await runningService({
      concurrency: 0,
      quotas: { uploads: 100, storage, jobs: 100 },
    });
    root = (await makeKey(service, { name: 'root', role: 'admin' })).key;
  });
  afterAll(() => service.stop());
  beforeEach(async () => {
    member = await makeKey(service, { name: `m${++members}`, role: 'member' }, root);
  });
  afterEach(async () => {
    await vi.waitFor(async () => expect(await service.leftovers()).toEqual([]));
    expect((await member.get('/v1/session')).body.storage.reserved).toBe(0);
  });

  /** The parts of an upload of this many bytes; different names are different files. */
  const parts = (name: string, size: number): Part[] => {
    const padding = 'x'.repeat(size - onnx.length - 200);
    const content = Buffer.concat([onnx, metadataRecord(name, padding)]);
    return [{ name: 'file', filename: 'net.onnx', content }];
  };
  const bodyOf = (name: string, size: number) => multipart(parts(name, size)).body as Buffer;

  /** The most bytes that are in the folder of unfinished work until something settles. */
  async function mostDuring<T>(work: Promise<T>): Promise<{ most: number; answers: T }> {
    let most = 0;
    let done = false;
    const watched = (async () => {
      while (!done) {
        most = Math.max(most, await bytesBelow(join(service.home, 'tmp', 'service')));
        await sleep(2);
      }
    })();
    const answers = await work.finally(() => {
      done = true;
    });
    await watched;
    return { most, answers };
  }

  it('an archive counts as what it unpacks to, and a bomb is refused', async () => {
    const folder = oraclePath('09-end-to-end/neural-csv');
    const names = await readdir(folder);
    const own = names.map(async (name) => ({ name, data: await readFile(join(folder, name)) }));
    const files = (await Promise.all(own)).map((file) => ({ ...file, crc: crc32(file.data) }));
    /** The benchmark, with files of zeros beside it. */
    const archive = (size: number, copies: number) => {
      const zeros = Buffer.alloc(size);
      const one = { data: deflateRawSync(zeros), size, method: 8, crc: crc32(zeros) };
      const more = Array.from({ length: copies }, (_, i) => ({ ...one, name: `zeros-${i}` }));
      return handMade([...files, ...more]);
    };
    const post = (body: Buffer) =>
      member.call('POST', '/v1/benchmarks', {
        headers: { 'Content-Type': 'application/zip' },
        body,
      });
    const bomb = archive(41 * MIB, 25);
    expect(bomb.length).toBeLessThan(1.3 * MIB);
    expect(await post(bomb)).toMatchObject({
      status: 422,
      body: { type: '/problems/zip-invalid' },
    });
    // Small enough for an archive, not for the quota.
    expect(await post(archive(3 * MIB, 1))).toMatchObject({ status: 201 });
    expect((await member.get('/v1/session')).body.storage.stored).toBeGreaterThan(3 * MIB);
    expect(await post(archive(MIB, 1))).toMatchObject(full);
    // Of the one that is kept: the archive, the folder, the digests of its files.
    expect(await readdir(join(service.home, 'benchmarks'))).toHaveLength(3);
    const [{ id }] = (await member.get('/v1/benchmarks')).body.items.filter(
      ({ upload }: { upload?: object }) => upload,
    );
    expect((await member.remove(`/v1/benchmarks/${id}`)).status).toBe(204);
    expect((await member.get('/v1/session')).body.storage.stored).toBe(0);
  });

  it('ten uploads at once pass as one after the other would, and the disk holds no more', async () => {
    const uploads = Array.from({ length: 10 }, (_, i) => member.upload(parts(`n${i}`, 2.5 * MIB)));
    const { most, answers } = await mostDuring(Promise.all(uploads));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(9).fill(507)]);
    expect(most).toBeLessThanOrEqual(storage);
    expect(await member.upload(parts('more', 2 * MIB))).toMatchObject(full);
    expect((await member.upload(parts('less', 1 * MIB))).status).toBe(201);
  });

  it('the same of bodies that do not say how long they are', async () => {
    const sent = Array.from({ length: 10 }, (_, i) => {
      const { request, answer } = opened(`${service.url}/v1/models`, member.key, form);
      void sendPieces(request, bodyOf(`u${i}`, 3 * MIB));
      return answer;
    });
    const { most, answers } = await mostDuring(Promise.all(sent));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(9).fill(507)]);
    expect(most).toBeLessThanOrEqual(storage);
  });

  it('a body without end is refused at the limit, while it comes', async () => {
    const zip = { 'Content-Type': 'application/zip' };
    const { request, answer } = opened(`${service.url}/v1/packages/check`, member.key, zip);
    const piece = Buffer.alloc(MIB);
    let sent = 0;
    let over = false;
    void answer.finally(() => {
      over = true;
    });
    while (!over && sent < 64) {
      request.write(piece);
      sent++;
      await sleep(5);
    }
    expect(await answer).toMatchObject(full);
    request.destroy();
  });

  it('a client that waits for 100 Continue sends nothing that cannot be kept', async () => {
    const ask = async (size: number, key = member.key, path = '/v1/models') => {
      const body = bodyOf('e', size);
      const headers = { ...form, Expect: '100-continue', 'Content-Length': String(body.length) };
      const { request, answer } = opened(`${service.url}${path}`, key, headers);
      let continued = false;
      request.once('continue', () => {
        continued = true;
        request.end(body);
      });
      request.flushHeaders();
      const { status } = await answer;
      request.destroy();
      return { status, continued };
    };
    expect(await ask(5 * MIB)).toEqual({ status: 507, continued: false });
    expect(await ask(MIB, 'nobody')).toEqual({ status: 401, continued: false });
    expect(await ask(MIB)).toEqual({ status: 201, continued: true });
    const json = { 'Content-Type': 'application/json', Expect: '100-continue' };
    const { request, answer } = opened(`${service.url}/v1/scores`, member.key, json);
    request.once('continue', () => request.end('{}'));
    request.flushHeaders();
    expect((await answer).status).toBe(400);
  });

  it('an upload that was answered is answered again where nothing more fits', async () => {
    const asked = multipart(parts('r', 3 * MIB));
    const again = () =>
      member.call('POST', '/v1/models', {
        ...asked,
        headers: { ...asked.headers, 'Idempotency-Key': 'r' },
      });
    const first = await again();
    expect(first.status).toBe(201);
    const second = await again();
    expect(second).toMatchObject({ status: 201, body: { id: first.body.id } });
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(await member.upload(parts('s', 3 * MIB))).toMatchObject(full);
  });

  it('pictures of one’s own, packages and rows count as well', async () => {
    const pictures: Part[] = [
      { name: 'images', filename: 'a.png', content: Buffer.alloc(5 * MIB) },
      { name: 'model', content: 'pixels' },
      { name: 'layers', content: 'pixels' },
      { name: 'degrees', content: '8' },
    ];
    expect(await member.upload(pictures, '/v1/activations')).toMatchObject(full);
    const { request, answer } = opened(`${service.url}/v1/activations`, member.key, form);
    void sendPieces(request, multipart(pictures).body as Buffer);
    expect(await answer).toMatchObject(full);
    const { body } = await member.upload(parts('p', storage - 30_000));
    expect(body.id).toMatch(/^mdl_/);
    const classes = Array.from({ length: 1000 }, (_, i) => `${i} ${'x'.repeat(66)}`);
    const { name, input, visual_degrees, logits } = await cardJson();
    const cardBody = { name, input, visual_degrees, logits: { ...logits, classes } };
    expect(await member.patch(`/v1/models/${body.id}`, { card: cardBody })).toMatchObject(full);
    expect((await member.patch(`/v1/models/${body.id}`, { name: 'n' })).status).toBe(200);
    const answers = [];
    for (let i = 0; i < 60 && answers.at(-1)?.status !== 507; i++) {
      const asked = { model: 'pixels', benchmarks: ['Simulated.V1-pls'], layers: { V1: `l${i}` } };
      answers.push(await member.post('/v1/scores', asked));
    }
    expect(answers[0].status).toBe(202);
    expect(answers.at(-1)).toMatchObject(full);
  });

  const cardJson = async () => {
    const { parse } = await import('yaml');
    return parse(await card());
  };
});

describe.each(engines)('on %s', (engine) => {
  const quotas = { uploads: 5, storage: 1000, jobs: 4 };
  const ada: Principal = { key: 'key_a', owner: 'ada', groups: [], role: 'member' };
  let place: StorePlace;
  let stores: HomeStore[];

  /** A service's store: another one on the same database where that is shared. */
  async function another(): Promise<HomeStore> {
    const home = stores.length === 0 ? place.home : `${place.home}-${stores.length}`;
    const store = await openHomeStore(home, { ...place, quotas });
    stores.push(store);
    return store;
  }

  beforeEach(async () => {
    place = await madePlace(engine);
    stores = [];
  });
  afterEach(async () => {
    for (const store of stores) await store.close();
    for (const [i] of stores.entries())
      if (i > 0) await rm(`${place.home}-${i}`, { recursive: true, force: true });
    await removePlace(place);
  });

  it('reservations at once do not pass together what one may not', async () => {
    const services = [await another(), ...(engine === 'postgresql' ? [await another()] : [])];
    let held = 0;
    let most = 0;
    const attempts = Array.from({ length: 12 }, (_, i) =>
      services[i % services.length].reservations.during(ada, 0, async (space) => {
        await space.hold(400);
        held += 400;
        most = Math.max(most, held);
        await sleep(300);
        held -= 400;
      }),
    );
    const settled = await Promise.allSettled(attempts);
    const codes = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    expect(codes.every((code) => code === 'storage-exceeded')).toBe(true);
    expect(codes.length).toBeLessThan(12);
    expect(most).toBeLessThanOrEqual(1000);
    const [{ reservations }] = services;
    expect(await reservations.usage(ada)).toEqual({ stored: 0, reserved: 0, limit: 1000 });
    await reservations.during(localPrincipal, 10 ** 6, async (space) => space.hold(10 ** 9));
  });

  it('a registration takes the place of its reservation', async () => {
    const store = await another();
    const model = {
      digest: `sha256:${'a'.repeat(64)}`,
      name: 'net',
      visibility: 'private' as const,
      group: null,
      size: 600,
      card: null,
      graph: {},
    };
    await store.reservations.during(ada, 900, async ({ id }) => {
      await expect(store.models.register(ada, model)).rejects.toMatchObject({
        code: 'storage-exceeded',
      });
      await store.models.register(ada, model, id);
      expect(await store.reservations.usage(ada)).toMatchObject({ stored: 605, reserved: 0 });
    });
  });

  it('a reservation of a dead service ends with its lease, and when its home is opened', async () => {
    const store = await another();
    const put = (holder: string, seconds: number) =>
      store.database.query(
        `insert into reservations (id, owner, holder, bytes, lease)
         values ($1, 'ada', $1, 700, now() + make_interval(secs => $2))`,
        [holder, seconds],
      );
    await put('another', -1);
    expect((await store.reservations.usage(ada)).reserved).toBe(0);
    await put('living', 60);
    const refused = store.reservations.during(ada, 400, async () => {});
    await expect(refused).rejects.toMatchObject({ code: 'storage-exceeded' });
    await store.reservations.sweep();
    const left = await store.database.query('select id from reservations');
    expect(left).toEqual(engine === 'postgresql' ? [{ id: 'living' }] : []);
  });

  it('answers under an Idempotency-Key are kept up to a number and a size', async () => {
    const store = await another();
    const keys = new IdempotencyStore(store.database);
    const fill = (owner: string, number: number, bytes: number) =>
      store.database.query(
        `insert into idempotency (principal, owner, method, path, key, token, lease, answer, bytes, created_at)
         select $1, $1, 'POST', '/v1/scores', i::text, 't', now(), '{}', $3, now() - make_interval(secs => i)
         from generate_series(1, $2::int) as i`,
        [owner, number, bytes],
      );
    await fill('ada', 2500, 10);
    await fill('otto', 20, MIB);
    await fill('eve', 3, MIB);
    for (const owner of ['ada', 'otto', 'eve']) {
      const of = { principal: owner, owner, method: 'POST', path: '/v1/scores', key: 'new' };
      await keys.claim(of, 'mine');
      await keys.answer(of, 'mine', { status: 200, headers: {}, body: 'x' });
    }
    const kept = await store.database.query(
      `select owner, count(*)::int as n, bool_or(key = 'new') as newest from idempotency group by owner order by owner`,
    );
    expect(kept).toEqual([
      { owner: 'ada', n: 2000, newest: true },
      { owner: 'eve', n: 4, newest: true },
      { owner: 'otto', n: 16, newest: true },
    ]);
  });
});
