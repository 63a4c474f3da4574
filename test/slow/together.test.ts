import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { oraclePath } from '../oracle.js';
import { serve, ventral } from '../service/process.js';
import { madeHome } from '../store/made-home.js';

let home: string;
beforeEach(async () => {
  home = await madeHome('ventral-together-');
});
afterEach(() => rm(home, { recursive: true, force: true }));

it('serves, scores twice and adds a model on one home at the same time', async () => {
  const network = oraclePath('09-end-to-end/resnet/model.onnx');
  const card = oraclePath('09-end-to-end/resnet/card.yaml');
  const score = () =>
    ventral(
      'score',
      network,
      '--card',
      card,
      '--benchmark',
      'Simulated.V1-pls',
      '--json',
      '--home',
      home,
    );
  const serving = serve(home);
  const [first, second, added] = await Promise.all([
    score(),
    score(),
    ventral('models', 'add', network, '--card', card, '--home', home),
  ]);
  const service = await serving;
  expect([first.status, second.status, added.status]).toEqual([0, 0, 0]);
  const [score1] = JSON.parse(first.out);
  const [score2] = JSON.parse(second.out);
  const model = added.out.trim();
  const asked = {
    headers: { 'Content-Type': 'application/json', Prefer: 'wait=60' },
    body: JSON.stringify({ model, benchmarks: ['Simulated.V1-pls'] }),
  };
  const job = await service.call('POST', '/v1/scores', asked);
  expect(job).toMatchObject({ status: 200, body: { state: 'succeeded' } });
  const [score3] = job.body.results;
  expect(score2.value).toBe(score1.value);
  // The command and the service agree to the last bit, on equal inputs.
  expect(score3.value).toBe(score1.value);
  expect(score3.provenance.inputs).toBe(score1.provenance.inputs);
  expect((await service.end('SIGTERM')).status).toBe(0);
  expect(existsSync(join(home, 'owner.json'))).toBe(false);
  expect(
    JSON.parse((await ventral('models', 'list', '--json', '--home', home)).out).registered,
  ).toHaveLength(1);
});
