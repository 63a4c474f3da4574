import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningService, runningService } from '../running-service.js';

let service: RunningService;
beforeAll(async () => {
  service = await runningService();
});
afterAll(() => service.stop());

const value = (text: string, line: string) =>
  Number(
    text
      .split('\n')
      .find((each) => each.startsWith(`${line} `))
      ?.split(' ')[1],
  );

describe('/v1/metrics', () => {
  it('tells of answers by route, and of each ended job once', async () => {
    await service.get('/v1/models/mdl_nope');
    await service.get('/v1/models/mdl_other');
    await service.get('/nowhere/at/all');
    const asked = { model: 'pixels', benchmarks: ['Simulated.V1-pls'], layers: { V1: 'fine' } };
    await service.post('/v1/scores', asked, { Prefer: 'wait=30' });
    const before = await service.get('/v1/metrics');
    expect(before.headers['content-type']).toMatch(/^text\/plain/);
    const after = await service.get('/v1/metrics');
    for (const { text } of [before, after]) {
      const missed = 'ventral_http_seconds_count{method="GET",route="/models/:model",status="404"}';
      expect(value(text, missed)).toBe(2);
      expect(text).not.toContain('nowhere');
      expect(value(text, 'ventral_jobs_ended_total{kind="score",state="succeeded"}')).toBe(1);
      expect(value(text, 'ventral_job_run_seconds_count{kind="score"}')).toBe(1);
      expect(value(text, 'ventral_jobs_oldest_wait_seconds')).toBe(0);
      expect(text).toContain('process_resident_memory_bytes');
    }
  });
});
