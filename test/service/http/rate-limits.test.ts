import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningService, runningService } from '../running-service.js';
import { locally } from '../with-key.js';

let service: RunningService;

beforeAll(async () => {
  service = await runningService({ rateLimit: 5 });
});
afterAll(() => service.stop());

describe('a caller', () => {
  it('is told its limit, and refused beyond it', async () => {
    const first = await service.get('/v1/benchmarks');
    expect(first.headers['ratelimit-policy']).toMatch(/^"requests"; q=5; w=60/);
    expect(first.headers.ratelimit).toMatch(/^"requests"; r=4; t=\d+$/);
    expect(first.headers).not.toHaveProperty('x-ratelimit-limit');
    for (let n = 0; n < 4; n++) await service.get('/v1/models');
    const refused = await service.post('/v1/scores', {});
    expect(refused).toMatchObject({
      status: 429,
      body: { type: '/problems/rate-limited', status: 429 },
    });
    expect(refused.headers['content-type']).toMatch('application/problem+json');
    const seconds = Number(refused.headers['retry-after']);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
  });

  it('that watches over the service is not counted', async () => {
    for (let n = 0; n < 10; n++) {
      const answer = await service.get(n % 2 ? '/v1/health' : '/v1/ready');
      expect(answer.status).toBe(200);
      expect(answer.headers).not.toHaveProperty('ratelimit');
    }
  });

  it('that is a command on this machine is not counted', async () => {
    for (let n = 0; n < 10; n++) {
      expect((await locally(service).get('/v1/models')).status).toBe(200);
    }
  });
});
