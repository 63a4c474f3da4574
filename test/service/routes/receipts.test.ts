import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leaderboardHtml } from '../../../src/service/pages/leaderboard-html.js';
import {
  away,
  changed,
  IT,
  type Key,
  madeReceipt,
  type Receipt,
  registered,
  uploaded,
  V4,
} from '../made-receipt.js';
import { type RunningService, runningService } from '../running-service.js';
import { locally, makeKey } from '../with-key.js';

let root: string;
let service: RunningService;
let ada: Key;
let bob: Key;
let model: string;
let upload: string;
let genuine: Receipt;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ventral-brought-'));
  genuine = await madeReceipt(root);
  // The real scoring process: it comes to the very values of the receipt.
  service = await runningService({ scoreScript: undefined });
  const home = locally(service);
  ada = await makeKey(service, { name: 'ada', role: 'member' }, home);
  bob = await makeKey(service, { name: 'bob', role: 'member' }, home);
  model = await registered(ada);
  upload = await uploaded(ada, root);
});
afterAll(async () => {
  await service.stop();
  await rm(root, { recursive: true, force: true });
});

const bring = (receipt: Receipt, key = ada) => key.post('/v1/receipts', receipt);
const board = async (query = '') =>
  (await ada.get(`/v1/leaderboard?benchmark=${upload}${query}`)).body.items[0];

describe('scores that are brought', () => {
  let job: string;

  it('are a job that nobody ran, with the receipt, without paths and foreign fields', async () => {
    const odd = changed(genuine, '/runs/0/scores/0/provenance/secret', '<script>');
    const answer = await bring({ ...odd, secret: 1 });
    expect([answer.status, answer.text]).toEqual([201, expect.stringMatching(/"value":/)]);
    const [made] = answer.body.items;
    job = made.id;
    expect(made).toMatchObject({
      state: 'succeeded',
      model,
      attempt: 0,
      startedAt: null,
      benchmarks: [V4, IT],
      brought: {
        ventral: genuine.ventral,
        runtime: { node: process.versions.node },
        unchecked: [],
      },
    });
    const valuesOf = (scores: Receipt) => scores.map(({ value }: Receipt) => value);
    expect(valuesOf(made.results)).toEqual(valuesOf(genuine.runs[0].scores));
    const receipt = await ada.get(`/v1/scores/${job}/receipt`);
    expect(receipt.body.runs[0].model.digest).toBe(genuine.runs[0].model.digest);
    expect(`${answer.text}${receipt.text}`).not.toMatch(new RegExp(`script|secret|${root}`));
    const events = await ada.get(`/v1/scores/${job}/events`);
    expect(events.text.match(/^event: .*$/gm)).toEqual(
      ['state', 'result', 'result', 'end'].map((type) => `event: ${type}`),
    );
  });

  it('are marked on the board, as JSON, CSV, Markdown and page, outside averages and ranks', async () => {
    const item = await board();
    expect(item).toMatchObject({ model, rank: null });
    const { value } = genuine.runs[0].scores[0];
    expect(item.scores[`${upload}.V4`]).toMatchObject({ brought: true, job, value });
    expect(item.averages.V4).toMatchObject({ value: null, n: 0 });
    const counted = await board('&brought=include');
    expect(counted).toMatchObject({ rank: 1 });
    expect(counted.averages.V4.n).toBe(1);
    // What they say of their intervals was not checked, and speaks for no others.
    const { body } = await ada.get(`/v1/leaderboard?benchmark=${upload}&brought=include`);
    expect(item.scores[`${upload}.V4`].ci).not.toBeNull();
    expect(body.columns.filter((column: object) => 'generalises' in column)).toEqual([]);
    const as = async (path: string, type: string) =>
      (await ada.call('GET', `${path}benchmark=${upload}`, { headers: { Accept: type } })).text;
    const csv = await as('/v1/leaderboard?', 'text/csv');
    const [head, row] = csv.split('\n').map((line) => line.split(','));
    expect(row[head.indexOf(`${upload}.V4 brought`)]).toBe('true');
    expect(await as('/v1/leaderboard?', 'text/markdown')).toMatch(/ ‡ .*\n\n‡ Computed elsewhere/s);
    const { body: shown } = await ada.get(`/v1/leaderboard?benchmark=${upload}`);
    const page = leaderboardHtml(shown, false, new URLSearchParams({ open: 'all' }));
    expect(String(page)).toContain('<small>‡</small>');
  });

  it('come once, however often they are sent; the audit has them', async () => {
    const odd = changed(genuine, '/runs/0/scores/0/provenance/secret', '<script>');
    const again = await bring(odd);
    expect([again.status, again.body.items[0].id]).toEqual([200, job]);
    const { body } = await locally(service).get('/v1/audit?limit=1');
    expect(body.items).toMatchObject([{ action: 'receipt.create', owner: 'ada', target: job }]);
  });

  it('answer no request, and give way to scores of the service, which they may not contradict', async () => {
    const request = { model, benchmarks: [upload] };
    const { body } = await ada.post('/v1/scores', request, { Prefer: 'wait=60' });
    expect(body).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect(body.brought).toBeUndefined();
    const own = { brought: false, job: body.id };
    expect((await board()).scores[`${upload}.V4`]).toMatchObject(own);
    const later = await bring(changed(genuine, '/runtime/threads', 7));
    expect(later.status).toBe(201);
    expect((await board('&brought=include')).scores[`${upload}.V4`]).toMatchObject(own);
    const better = changed(genuine, '/runs/0/scores/0/value', body.results[0].value + 0.1);
    expect((await bring(better)).body).toMatchObject({
      type: '/problems/receipt-differs',
      errors: [{ pointer: '/runs/0/scores/0/value' }],
    });
  });

  it('are private with their model, which has to be one’s own', async () => {
    expect((await bob.get(`/v1/scores/${job}`)).status).toBe(404);
    expect((await bob.get(`/v1/scores/${job}/receipt`)).status).toBe(404);
    const { body } = await bring(genuine, bob);
    expect(body.type).toBe('/problems/not-found');
    expect(body.errors[0].pointer).toBe('/runs/0/model/digest');
    await ada.patch(`/v1/models/${model}`, { visibility: 'public' });
    expect((await bring(genuine, bob)).body.type).toBe('/problems/forbidden');
    // The benchmark is still private.
    expect((await bob.get(`/v1/scores/${job}`)).status).toBe(404);
    const reader = await makeKey(service, { name: 'r', role: 'reader' }, locally(service));
    expect((await bring(genuine, reader)).status).toBe(403);
  });

  it('can be withdrawn', async () => {
    expect((await bob.remove(`/v1/scores/${job}`)).status).not.toBe(200);
    const removed = await ada.remove(`/v1/scores/${job}`);
    expect(removed.body).toMatchObject({ state: 'cancelled', results: [], brought: {} });
    expect((await ada.get(`/v1/scores/${job}/receipt`)).status).toBe(404);
    expect((await board()).scores[`${upload}.V4`].brought).toBe(false);
  });
});

describe('a receipt is refused', () => {
  const sha = `sha256:${'0'.repeat(64)}`;

  it.each<[string, string, unknown, string]>([
    ['of another format', '/receipt', 2, 'invalid-request'],
    ['of other numerics', '/numerics', 999, 'receipt-invalid'],
    ['of another screen', '/screen', 999, 'receipt-invalid'],
    ['of a map', '/runs/0/kind', 'map', 'invalid-request'],
    ['without runs', '/runs', [], 'invalid-request'],
    ['of another model', '/runs/0/scores/0/model', sha, 'receipt-invalid'],
    ['of an unknown model', '/runs/0/model/digest', sha, 'receipt-invalid'],
    ['with a benchmark twice', '/runs/0/scores/1/benchmark', V4, 'receipt-invalid'],
    ['of a benchmark it does not record', '/runs/0/benchmarks/0/id', 'x', 'receipt-invalid'],
    ['of another metric', '/runs/0/scores/0/provenance/metric', 'pls@9', 'receipt-invalid'],
    ['without inputs', '/runs/0/scores/0/provenance/inputs', 'x', 'receipt-invalid'],
    ['with a number as text', '/runs/0/scores/0/value', '0.9', 'invalid-request'],
    ['with an interval that is none', '/runs/0/scores/0/ci', [1, 0], 'receipt-invalid'],
  ])('%s', async (_what, pointer, value, code) => {
    const { body } = await bring(changed(genuine, pointer, value));
    expect(body.type).toBe(`/problems/${code}`);
    expect(body.errors[0].pointer).toMatch(/^\/(?:receipt|numerics|screen|runs)/);
    expect(body.detail.length).toBeLessThan(500);
  });

  it('that says other inputs, and one that is too large', async () => {
    const { body } = await bring(changed(genuine, '/runs/0/scores/1/provenance/inputs', sha));
    expect(body).toMatchObject({
      type: '/problems/receipt-differs',
      errors: [{ pointer: '/runs/0/scores/1/provenance/inputs' }],
    });
    const splits = Array.from({ length: 31_000 }, () => 0);
    expect((await bring(changed(genuine, '/runs/0/scores/0/raw/splits', splits))).status).toBe(413);
    expect((await bring(away(genuine, 0.5), bob)).status).toBe(403);
  });
});
