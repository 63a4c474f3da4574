import { afterAll, beforeAll, expect, it } from 'vitest';
import { FairTurns } from '../../../src/service/http/fair-turns.js';
import { type RunningService, runningService } from '../running-service.js';
import { makeKey } from '../with-key.js';

let service: RunningService;
beforeAll(async () => {
  service = await runningService();
});
afterAll(() => service.stop());

it('one of each owner begins in a turn of the event loop', async () => {
  const turns = new FairTurns();
  const began: string[] = [];
  const begin = (owner: string) => turns.begin(owner).then(() => began.push(owner));
  const all = [
    ...Array.from({ length: 50 }, () => begin('ada')),
    ...Array.from({ length: 3 }, () => begin('bea')),
    begin('cleo'),
  ];
  await Promise.all(all);
  expect(began.slice(0, 7)).toEqual(['ada', 'bea', 'cleo', 'ada', 'bea', 'ada', 'bea']);
  expect(began).toHaveLength(54);
});

it('who comes later than another begins before what that one has waiting', async () => {
  const turns = new FairTurns();
  const began: string[] = [];
  const begin = (owner: string) => turns.begin(owner).then(() => began.push(owner));
  const all = Array.from({ length: 50 }, () => begin('ada'));
  await new Promise((resolve) => setImmediate(resolve));
  all.push(begin('bea'));
  await Promise.all(all);
  expect(began.indexOf('bea')).toBeLessThan(5);
});

it('a read is answered before the many that another owner sent first', async () => {
  const root = await makeKey(service, { name: 'root', role: 'admin' });
  const ada = await makeKey(service, { name: 'ada', role: 'member' }, root.key);
  const bea = await makeKey(service, { name: 'bea', role: 'member' }, root.key);
  let answered = 0;
  const many = Array.from({ length: 200 }, () =>
    ada.get('/v1/models').then(() => {
      answered++;
    }),
  );
  // The first of them is on its way.
  await Promise.race(many);
  const before = answered;
  expect((await bea.get('/v1/models')).status).toBe(200);
  expect(answered - before).toBeLessThan(100);
  await Promise.all(many);
});
