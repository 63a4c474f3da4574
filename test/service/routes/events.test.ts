import { type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventFeed } from '../../../src/service/routes/event-feed.js';
import type { EventStore, EventText } from '../../../src/store/jobs/event-store.js';
import { type RunningService, runningService } from '../running-service.js';
import { locally, withKey } from '../with-key.js';

let service: RunningService;

beforeAll(async () => {
  service = await runningService({ heartbeat: 50 });
});
afterAll(() => service.stop());

const ask = async (layer: string, path = '/v1/scores') => {
  const body =
    path === '/v1/scores'
      ? { model: 'pixels', benchmarks: ['Simulated.V1-pls'], layers: { V1: layer } }
      : { model: 'pixels', benchmarks: ['Simulatedpublic.V1-pls'], layers: [layer] };
  const made = await service.post(path, body);
  expect(made.status).toBe(202);
  return `${made.body.links.self}/events`;
};

interface Read {
  readonly response: IncomingMessage;
  readonly events: EventSourceMessage[];
  readonly comments: number;
}

/** Reads a stream to its end, or until `enough` events have come, and then breaks the connection off. */
function follow(
  path: string,
  { enough = Number.POSITIVE_INFINITY, headers = {}, url = service.url } = {},
): Promise<Read> {
  return new Promise((resolve, reject) => {
    const events: EventSourceMessage[] = [];
    let comments = 0;
    const sent = request(`${url}${path}`, { headers }, (response) => {
      const end = () => resolve({ response, events, comments });
      const parser = createParser({
        onEvent: (event) => {
          if (events.length < enough) events.push(event);
          if (events.length >= enough) response.destroy();
        },
        onComment: () => comments++,
      });
      response.setEncoding('utf8').on('data', (text: string) => parser.feed(text));
      response.once('close', end).once('error', end);
    });
    sent.once('error', reject).end();
  });
}

const ids = ({ events }: Read) => events.map(({ id }) => Number(id));
const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);

describe.each(['/v1/scores', '/v1/layer-maps'])('the events of a job of %s', (kind) => {
  it('come as they happen, numbered without gap, and close after the end', async () => {
    const read = await follow(await ask('sleep=600', kind));
    expect(read.response.headers['content-type']).toMatch(/^text\/event-stream/);
    expect(ids(read)).toEqual(upTo(read.events.length));
    const types = read.events.map(({ event }) => event);
    expect(types.filter((type) => type === 'end')).toHaveLength(1);
    expect(types.at(-1)).toBe('end');
    expect(types).toEqual(expect.arrayContaining(['state', 'progress', 'result']));
    expect(JSON.parse(read.events[0].data)).toMatchObject({ state: 'queued' });
    expect(JSON.parse(read.events.at(-1)!.data)).toMatchObject({ state: 'succeeded' });
    expect(read.comments).toBeGreaterThan(0);
  });

  it('go on behind the last one that was seen, wherever the connection breaks', async () => {
    const path = await ask('sleep=800', kind);
    const seen: EventSourceMessage[] = [];
    while (seen.at(-1)?.event !== 'end') {
      const last = seen.at(-1)?.id;
      const headers = last === undefined ? {} : { 'Last-Event-ID': last };
      seen.push(...(await follow(path, { enough: 1, headers })).events);
    }
    const whole = await follow(path);
    expect(seen).toEqual(whole.events);
    const over = { 'Last-Event-ID': String(whole.events.length) };
    expect(await service.call('GET', path, { headers: over })).toMatchObject({ status: 204 });
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.events.length - 1), async (n) => {
        const rest = await follow(path, { headers: { 'Last-Event-ID': String(n) } });
        expect(rest.events).toEqual(whole.events.slice(n));
      }),
      { numRuns: 10 },
    );
  });
});

describe('a stream of events', () => {
  it('is the same for many readers at once', async () => {
    const path = await ask('sleep=500 many');
    const reads = await Promise.all(Array.from({ length: 100 }, () => follow(path)));
    for (const read of reads) expect(read.events).toEqual(reads[0].events);
    expect(reads[0].events.at(-1)?.event).toBe('end');
  });

  it('tells that a job was cancelled', async () => {
    const path = await ask('sleep=60000');
    const reading = follow(path);
    await service.call('DELETE', path.replace('/events', ''));
    const { events } = await reading;
    expect(JSON.parse(events.at(-1)!.data)).toMatchObject({ state: 'cancelled' });
  });

  it('is there for jobs of its kind alone', async () => {
    const path = await ask('kind');
    expect((await service.get('/v1/scores/job_nope/events')).status).toBe(404);
    expect((await service.get(path.replace('scores', 'layer-maps'))).status).toBe(404);
    for (const id of ['x', '-1', '1.5', '99999999999']) {
      const answer = await service.call('GET', path, { headers: { 'Last-Event-ID': id } });
      expect(answer).toMatchObject({ status: 400, body: { type: '/problems/invalid-request' } });
    }
  });

  it('is not waited for, either, with a key that is revoked meanwhile', async () => {
    const local = locally(service);
    const key = await local.post('/v1/keys', { name: 'waiting', role: 'admin' });
    const asked = { model: 'pixels', benchmarks: ['Simulated.V1-pls'] };
    const made = await local.post('/v1/scores', { ...asked, layers: { V1: 'sleep=60002' } });
    const { self } = made.body.links;
    const waiting = withKey(service, key.body.key).call('GET', self, {
      headers: { Prefer: 'wait=30' },
    });
    await sleep(200);
    await local.remove(`/v1/keys/${key.body.id}`);
    expect(await waiting).toMatchObject({ status: 401, body: { type: '/problems/unauthorized' } });
    await local.remove(self);
  });

  it('ends when its key is revoked', async () => {
    const local = locally(service);
    const key = await local.post('/v1/keys', { name: 'reading', role: 'admin' });
    expect(key.status).toBe(201);
    const made = await local.post('/v1/scores', {
      model: 'pixels',
      benchmarks: ['Simulated.V1-pls'],
      layers: { V1: 'sleep=60001' },
    });
    const self = made.body.links.self;
    const reading = follow(`${self}/events`, {
      headers: { Authorization: `Bearer ${key.body.key}` },
    });
    await local.remove(`/v1/keys/${key.body.id}`);
    const { events } = await reading;
    expect(events.at(-1)?.event).not.toBe('end');
    await local.remove(self);
  });

  it('ends when the service stops, and is taken up again from the next one', async () => {
    const first = await runningService();
    const made = await first.post('/v1/scores', {
      model: 'pixels',
      benchmarks: ['Simulated.V1-pls'],
      layers: { V1: 'sleep=3000' },
    });
    const path = `${made.body.links.self}/events`;
    const reading = follow(path, { url: first.url });
    await follow(path, { url: first.url, enough: 3 });
    await first.close();
    const { events } = await reading;
    expect(events.at(-1)?.event).not.toBe('end');
    const second = await runningService(first.place);
    const headers = { 'Last-Event-ID': events.at(-1)!.id! };
    const rest = await follow(path, { url: second.url, headers });
    const all = [...events, ...rest.events].map(({ id }) => Number(id));
    expect(all).toEqual(upTo(all.length));
    expect(rest.events.at(-1)?.event).toBe('end');
    await second.stop();
    await first.stop();
  });
});

describe('a feed', () => {
  const rows = (n: number) =>
    upTo(n).map((id): EventText => {
      return { id, type: id === n ? 'end' : 'progress', text: 'null' };
    });
  const storeOf = (all: EventText[], asked: string[]) =>
    ({
      texts: async (job: string, id: number) => {
        asked.push(`${job} ${id}`);
        return all.slice(id, id + 100);
      },
      news: () => ({ come: Promise.resolve(), cancel: () => {} }),
    }) as unknown as EventStore;
  const signal = new AbortController().signal;

  it('reads no further than its reader takes', async () => {
    const asked: string[] = [];
    const reader = new EventFeed(storeOf(rows(1000), asked)).follow('a', 0, signal);
    for (let n = 0; n < 100; n++) await reader.next();
    expect(asked).toEqual(['a 0']);
    await reader.next();
    expect(asked).toEqual(['a 0', 'a 100']);
  });

  it('asks once for all who are at the same place', async () => {
    const asked: string[] = [];
    const feed = new EventFeed(storeOf(rows(250), asked));
    const read = async () => {
      const got: number[] = [];
      for await (const { id } of feed.follow('a', 0, signal)) got.push(id);
      return got;
    };
    const all = await Promise.all(Array.from({ length: 50 }, read));
    for (const got of all) expect(got).toEqual(upTo(250));
    expect(asked.length).toBeLessThan(10);
  });
});
