import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { saveBackup } from '../../src/service/access/backup-access.js';
import { restoreBackup } from '../../src/service/backup/restore-backup.js';
import { unpackInChild } from '../../src/service/child/unpack-in-child.js';
import { openHomeStore } from '../../src/store/home-store.js';
import { generousQuotas } from '../../src/store/records/quota.js';
import {
  AWAY,
  away,
  changed,
  type Key,
  madeReceipt,
  type Receipt,
  registered,
  uploaded,
} from '../service/made-receipt.js';
import { type RunningService, runningService, suiteEngine } from '../service/running-service.js';
import { locally, makeKey } from '../service/with-key.js';
import { emptyPlace, removePlace } from '../store/engines.js';

let root: string;
let service: RunningService;
let ada: Key;
let bob: Key;
let genuine: Receipt;

/** Registrations and receipts of a day. */
const QUOTA = 8;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ventral-brought-'));
  genuine = await madeReceipt(root);
  service = await runningService({ quotas: { ...generousQuotas, uploads: QUOTA } });
  const home = locally(service);
  ada = await makeKey(service, { name: 'ada', role: 'member' }, home);
  bob = await makeKey(service, { name: 'bob', role: 'member' }, home);
  const model = await registered(ada);
  await uploaded(ada, root);
  await ada.patch(`/v1/models/${model}`, { visibility: 'public' });
});
afterAll(async () => {
  await service.stop();
  await rm(root, { recursive: true, force: true });
});

const bring = (receipt: Receipt) => ada.post('/v1/receipts', receipt);

it.each<[string, string, unknown]>([
  ['layer', '/runs/0/scores/0/layer', 'layer3.0'],
  ['choice of the layer', '/runs/0/scores/0/layerChoice', { by: 'flag' }],
  ['selection', '/runs/0/scores/0/selection', true],
  ['version of the benchmark', '/runs/0/scores/0/version', 2],
  ['region', '/runs/0/scores/0/region', 'V1'],
])('a receipt that says another %s is refused', async (_what, pointer, value) => {
  const { body } = await bring(changed(genuine, pointer, value));
  expect(body).toMatchObject({ type: '/problems/receipt-differs', errors: [{ pointer }] });
});

it('on data that are not here are marked as unchecked; each withdrawal shows the one before', async () => {
  const first = (await bring(away(genuine, 0.25))).body.items[0];
  expect(first.brought.unchecked).toEqual([AWAY]);
  const second = (await bring(away(genuine, 0.375))).body.items[0];
  const shown = async () =>
    (await bob.get(`/v1/leaderboard?benchmark=${AWAY}`)).body.items[0]?.scores[AWAY];
  expect(await shown()).toMatchObject({ value: 0.375, brought: true, job: second.id });
  expect((await bob.get(`/v1/scores/${second.id}`)).status).toBe(200);
  expect((await bob.remove(`/v1/scores/${second.id}`)).status).toBe(403);
  expect((await ada.remove(`/v1/scores/${second.id}`)).status).toBe(200);
  expect(await shown()).toMatchObject({ value: 0.25, job: first.id });
  expect((await ada.remove(`/v1/scores/${first.id}`)).status).toBe(200);
  expect(await shown()).toBeUndefined();
});

it('are kept by a backup', async () => {
  const [job] = (await bring(genuine)).body.items;
  const file = join(root, 'backup.ventral');
  await saveBackup(service.place, file);
  const place = await emptyPlace(suiteEngine);
  try {
    await restoreBackup(file, place, {
      unpack: unpackInChild(root, 2 ** 31),
      skipDamaged: false,
    });
    const store = await openHomeStore(place.home, place);
    expect(await store.jobs.find(job.id)).toMatchObject({
      state: 'succeeded',
      brought: { unchecked: [] },
      results: job.results,
    });
    expect(await store.brought.receipt(job.id)).toMatchObject({ receipt: 1 });
    const cells = await store.database.query<{ cells: object }>('select cells from scoreboards');
    expect(JSON.stringify(cells)).toMatch(/ brought-card /);
    await store.close();
  } finally {
    await removePlace(place);
  }
});

it('count among the registrations of a day', async () => {
  let last = await bring(away(genuine, 0.01));
  for (let n = 2; n < 2 + QUOTA && last.status !== 429; n++)
    last = await bring(away(genuine, n / 100));
  expect(last.body.type).toBe('/problems/quota-exceeded');
});
