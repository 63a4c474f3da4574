import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import { attacksOn } from '../event-loop/attacks.js';
import { form } from '../event-loop/hostile-bodies.js';
import { type Known, largeHome } from '../event-loop/large-home.js';
import { type WatchedService, watchedService } from '../event-loop/watched-service.js';
import { operations } from '../fuzz/description.js';
import { card, network } from '../service/running-service.js';

/**
 * No request may hold the event loop longer: everybody else's requests wait for as long.
 * It is measured as the time that the main thread has the processor between two turns of its loop, so that other processes of
 * a busy machine do not count; and it is the least of three tries, because the runtime compiles and collects garbage when it
 * likes.
 */
const LOOP_MS = 50;

let service: WatchedService;
const known: Known = {
  model: 'mdl_heavy1',
  benchmark: 'Simulated.V1-pls',
  benchmarks: 'Simulated.V1-pls',
  'scores job': 'job_detail1',
  'trainings job': 'job_training1',
  'layer-maps job': 'job_map1',
  digest: `sha256:${'0'.repeat(64)}`,
};

beforeAll(async () => {
  service = await watchedService(await largeHome(listBenchmarks().map(({ id }) => id)));
  const parts = [
    { name: 'file', filename: 'net.onnx', content: await network() },
    { name: 'card', content: await card() },
  ];
  const upload = { name: 'upload', method: 'POST', path: '/v1/models', ...form(parts) };
  expect((await service.ask(upload)).status).toBe(201);
});
afterAll(() => service.stop());

describe.each(
  operations.map(
    (operation, position) =>
      [`${operation.method} ${operation.path}`, operation, position] as const,
  ),
)('%s', (_name, operation, position) => {
  it('is answered without holding the loop, whatever is sent', async () => {
    const slow: string[] = [];
    for (const attack of attacksOn(operation, known, position)) {
      const { ms, status, text } = await service.held(attack, LOOP_MS);
      if (ms > LOOP_MS)
        slow.push(`${attack.name}: ${ms.toFixed(0)} ms, ${status} ${text.slice(0, 100)}`);
    }
    expect(slow).toEqual([]);
  });
});

it.each([
  ...['/', '/models/mdl_heavy1', '/benchmarks', '/scores/job_detail1', '/layer-maps/job_map1'],
  ...['/docs', '/docs/benchmarks', '/docs/benchmark-file', '/docs/spec', '/docs?q=a+b+c+d+e+f+g+h'],
])('the page %s is rendered without holding the loop', async (path) => {
  const { ms } = await service.held({ name: 'page', method: 'GET', path }, LOOP_MS);
  expect(ms).toBeLessThanOrEqual(LOOP_MS);
});
