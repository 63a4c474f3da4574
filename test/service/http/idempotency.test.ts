import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  card,
  multipart,
  network,
  type RunningService,
  runningService,
} from '../running-service.js';

let service: RunningService;
let onnx: Buffer;
let yaml: string;

beforeAll(async () => {
  service = await runningService();
  onnx = await network();
  yaml = await card();
});
afterAll(() => service.stop());

const score = (layer = 'score') => ({
  model: 'pixels',
  benchmarks: ['Simulated.V1-pls'],
  layers: { V1: layer },
});
const keyed = (key: string, more = {}) => ({ 'Idempotency-Key': key, ...more });
const jobs = async () => (await service.get('/v1/scores?limit=200')).body.items.length;

describe('a request with an Idempotency-Key', () => {
  it('is done once, and answered alike again', async () => {
    const before = await jobs();
    const first = await service.post('/v1/scores', score(), keyed('one'));
    expect(first.status).toBe(202);
    expect(first.headers).not.toHaveProperty('idempotency-replayed');
    const again = await service.post('/v1/scores', score(), keyed('one'));
    expect(again).toMatchObject({ status: 202, text: first.text });
    expect(again.headers).toMatchObject({
      'idempotency-replayed': 'true',
      location: first.headers.location,
      'content-type': first.headers['content-type'],
    });
    expect(again.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
    expect(await jobs()).toBe(before + 1);
  });

  it('is compared by what its body says, not by how it is written', async () => {
    const first = await service.post('/v1/scores', score(), keyed('order'));
    const { model, benchmarks, layers } = score();
    const turned = JSON.stringify({ layers, benchmarks, model }, null, 2);
    const again = await service.call('POST', '/v1/scores', {
      headers: keyed('order', { 'Content-Type': 'application/json' }),
      body: turned,
    });
    expect(again).toMatchObject({ status: 202, text: first.text });
  });

  it('with another body is refused', async () => {
    await service.post('/v1/scores', score(), keyed('other'));
    expect(await service.post('/v1/scores', score('part'), keyed('other'))).toMatchObject({
      status: 422,
      body: { type: '/problems/idempotency-mismatch' },
    });
  });

  it('is its own for each path and method', async () => {
    const before = await jobs();
    const upload = await service.call('POST', '/v1/models', {
      ...multipart([{ name: 'file', content: onnx }]),
      headers: { ...multipart([]).headers, ...keyed('shared') },
    });
    expect(upload.status).toBe(201);
    expect((await service.post('/v1/scores', score(), keyed('shared'))).status).toBe(202);
    const patched = await service.call('PATCH', upload.body.links.self, {
      headers: keyed('shared', { 'Content-Type': 'application/json' }),
      body: JSON.stringify({ name: 'x' }),
    });
    expect(patched).toMatchObject({ status: 200, body: { name: 'x' } });
    expect(
      (await service.call('DELETE', upload.body.links.self, { headers: keyed('shared') })).status,
    ).toBe(204);
    const again = await service.call('DELETE', upload.body.links.self, {
      headers: keyed('shared'),
    });
    expect(again).toMatchObject({ status: 204, text: '' });
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(await jobs()).toBe(before + 1);
  });

  it('that was refused is refused alike', async () => {
    const wrong = { ...score(), benchmarks: ['No.such'] };
    const first = await service.post('/v1/scores', wrong, keyed('wrong'));
    expect(first.status).toBe(422);
    const again = await service.post('/v1/scores', wrong, keyed('wrong'));
    expect(again).toMatchObject({ status: 422, text: first.text });
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.headers['content-type']).toBe(first.headers['content-type']);
  });

  it('whose body does not follow the description leaves the key free', async () => {
    expect((await service.post('/v1/scores', {}, keyed('free'))).status).toBe(400);
    expect((await service.post('/v1/scores', score(), keyed('free'))).status).toBe(202);
  });

  it.each(['', 'x'.repeat(256), 'ü'])('needs a key: not "%s"', async (key) => {
    expect(await service.post('/v1/scores', score(), keyed(key))).toMatchObject({
      status: 400,
      body: { type: '/problems/invalid-request' },
    });
  });

  it('is told to wait while the first is at work', async () => {
    const wait = keyed('busy', { Prefer: 'wait=60' });
    const first = service.post('/v1/scores', score('sleep=1500'), wait);
    while ((await service.get('/v1/scores?limit=1')).body.items[0]?.layers?.V1 !== 'sleep=1500') {
      await sleep(10);
    }
    const second = await service.post('/v1/scores', score('sleep=1500'), wait);
    expect(second).toMatchObject({ status: 409, body: { type: '/problems/request-in-flight' } });
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0);
    const { status, text } = await first;
    expect(status).toBe(200);
    expect(await service.post('/v1/scores', score('sleep=1500'), wait)).toMatchObject({
      status: 200,
      text,
    });
  });

  it('of many at once is done once', async () => {
    const before = await jobs();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => service.post('/v1/scores', score('many'), keyed('many'))),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202, 409]));
    const made = answers.filter(({ status }) => status === 202).map(({ body }) => body.id);
    expect(new Set(made).size).toBe(1);
    expect(await jobs()).toBe(before + 1);
  });

  it('whose client went away gives what was made, at once', async () => {
    const before = await jobs();
    const body = JSON.stringify(score('sleep=700'));
    const sent = request(`${service.url}/v1/scores`, {
      method: 'POST',
      headers: keyed('gone', { 'Content-Type': 'application/json', Prefer: 'wait=60' }),
    });
    sent.on('error', () => {});
    sent.end(body);
    while ((await jobs()) === before) await sleep(10);
    sent.destroy();
    const again = async () => {
      const answer = await service.post('/v1/scores', score('sleep=700'), {
        ...keyed('gone'),
        Prefer: 'wait=60',
      });
      return answer.status === 409 ? undefined : answer;
    };
    let answer = await again();
    while (!answer) answer = await again();
    expect(answer).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    expect(await jobs()).toBe(before + 1);
  });
});

describe('an upload with an Idempotency-Key', () => {
  const upload = (parts: Parameters<typeof multipart>[0], key: string) => {
    const { headers, body } = multipart(parts);
    return service.call('POST', '/v1/models', { headers: { ...headers, ...keyed(key) }, body });
  };
  const file = () => ({ name: 'file', filename: 'net.onnx', content: onnx });

  it('is compared by file and card once it has come', async () => {
    const first = await upload([file(), { name: 'card', content: yaml }], 'up');
    expect(first.status).toBe(201);
    const again = await upload([{ name: 'card', content: yaml }, file()], 'up');
    expect(again).toMatchObject({ status: 201, text: first.text });
    expect(again.headers['idempotency-replayed']).toBe('true');
    const refused = { status: 422, body: { type: '/problems/idempotency-mismatch' } };
    expect(await upload([file()], 'up')).toMatchObject(refused);
    expect(
      await upload(
        [
          { ...file(), content: 'else' },
          { name: 'card', content: yaml },
        ],
        'up',
      ),
    ).toMatchObject(refused);
    expect(await service.leftovers()).toEqual([]);
  });

  it('that broke off leaves the key free', async () => {
    const { headers, body } = multipart([file()]);
    const broken = await service.call('POST', '/v1/models', {
      headers: { ...headers, ...keyed('broken') },
      body: (body as Buffer).subarray(0, 3000),
    });
    expect(broken.status).toBe(400);
    expect((await upload([file()], 'broken')).status).toBe(200);
  });

  it('of a benchmark too', async () => {
    const archive = { headers: keyed('zip', { 'Content-Type': 'application/zip' }), body: 'no' };
    const first = await service.call('POST', '/v1/benchmarks', archive);
    expect(first.status).toBe(422);
    const again = await service.call('POST', '/v1/benchmarks', archive);
    expect(again).toMatchObject({ status: 422, text: first.text });
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(await service.leftovers()).toEqual([]);
  });
});
