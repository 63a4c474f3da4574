import { afterAll, beforeAll, expect, it } from 'vitest';
import { cardForm, type form, hostileCards, json } from '../../event-loop/hostile-bodies.js';
import {
  type Attack,
  type WatchedService,
  watchedService,
} from '../../event-loop/watched-service.js';
import { madeHome } from '../../store/made-home.js';

/** As `test/slow/event-loop.test.ts`, which goes through all operations and says how it is measured. */
const LOOP_MS = 50;

let service: WatchedService;
beforeAll(async () => {
  service = await watchedService(await madeHome('ventral-loop-'));
  await service.ask(post('/v1/models', cardForm('{')));
  await service.ask(post('/v1/scores', json('{}')));
});
afterAll(() => service.stop());

const post = (path: string, what: ReturnType<typeof json> | ReturnType<typeof form>): Attack => ({
  name: path,
  method: 'POST',
  path,
  ...what,
});

const stages = Array.from({ length: 8000 }, (_, i) => ({ average: { name: `a${i}`, of: 'x' } }));

it.each([
  ['a card of anchors', 422, post('/v1/models', cardForm(hostileCards.anchors))],
  ['a card of aliases', 422, post('/v1/models', cardForm(hostileCards['anchors and aliases']))],
  ['24,000 keys', 422, post('/v1/models', cardForm(hostileCards['24,000 keys']))],
  ['8,000 stages', 413, post('/v1/trainings', json(JSON.stringify({ recipe: { stages } })))],
  [
    '450,000 wrong items',
    413,
    post('/v1/scores', json(`{"model":"a","benchmarks":[${'1,'.repeat(450_000)}1]}`)),
  ],
  [
    '20,000 wrong items',
    400,
    post('/v1/scores', json(`{"model":"a","benchmarks":[${'1,'.repeat(20_000)}1]}`)),
  ],
  [
    'a Content-Type of blanks',
    400,
    {
      name: 'Content-Type',
      method: 'GET',
      path: '/v1/benchmarks',
      headers: [['Content-Type', `application/json;${' '.repeat(14_000)}x`]],
    },
  ],
] as const)('%s hold nobody', async (_what, status, attack) => {
  const answer = await service.held(attack, LOOP_MS);
  expect(answer.status).toBe(status);
  expect(answer.ms).toBeLessThan(LOOP_MS);
  expect(answer.text.length).toBeLessThan(20_000);
});
