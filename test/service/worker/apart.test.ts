import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { uploadBenchmark } from '../hostile-service.js';
import { card, network, type RunningService, runningService } from '../running-service.js';

let service: RunningService;
let uploaded: string;
let model: string;
beforeAll(async () => {
  service = await runningService();
  uploaded = await uploadBenchmark(service);
  const file = { name: 'file', filename: 'a.onnx', content: await network() };
  model = (await service.upload([file, { name: 'card', content: await card() }])).body.id;
});
afterAll(() => service.stop());

const score = async (benchmarks: readonly string[], how: string) => {
  const { body } = await service.post('/v1/scores', { model, benchmarks, layers: { V1: how } });
  const job = async () => (await service.get(`/v1/scores/${body.id}`)).body;
  await vi.waitFor(async () => expect((await job()).state).toMatch(/succeeded|failed/), 20_000);
  return job();
};

describe('a process that an uploaded benchmark has taken over', () => {
  it('gives no number on other benchmarks', async () => {
    const job = await score([uploaded, 'Simulated.V1-pls'], 'forge=other');
    expect(job.results).toMatchObject([{ benchmark: 'Simulated.V1-pls', value: 0.25 }]);
    expect(job.failures.map(({ benchmark }: { benchmark: string }) => benchmark)).not.toContain(
      'Simulated.V1-pls',
    );
  });

  // One of two is kept; what means nothing is not looked at.
  const taken = ['twice', 'zero', 'proto', 'draws'];
  const odd = [
    'long',
    'text',
    'few',
    'nothing',
    'list',
    'interval',
    'version',
    'usage',
    'map',
    'empty',
  ];
  it.each([...taken, ...odd])(
    'that answers with something odd (%s) fails its job alone',
    async (how) => {
      const job = await score(['Simulated.V1-pls'], `forge=${how}`);
      expect(job.state).toBe(taken.includes(how) ? 'succeeded' : 'failed');
      const { problem } = job.failures[0] ?? { problem: { type: '/problems/process-died' } };
      expect(problem.type).toBe('/problems/process-died');
      // What it said breaks nothing for those who look at all.
      for (const path of ['/v1/scores', '/v1/leaderboard?simulated=true'])
        expect((await service.get(path)).status, path).toBe(200);
    },
  );
});
