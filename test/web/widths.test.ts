import { readFile } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oraclePath } from '../oracle.js';
import { card, network, type RunningService, runningService } from '../service/running-service.js';
import { makeKey } from '../service/with-key.js';
import { faultsAtWidths, HEIGHT, openBrowser, visit } from './browser.js';

const V1 = 'FreemanZiemba2013public.V1-pls';
const V2 = 'FreemanZiemba2013public.V2-pls';
const LONG = `a_checkpoint_with_a_long_name_${'x'.repeat(100)}`;

let browser: Browser;
let service: RunningService;
let models: readonly string[];
let jobs: readonly string[];

beforeAll(async () => {
  [browser, service] = await Promise.all([openBrowser(), runningService()]);
  models = [
    await upload(LONG, await network()),
    await upload('resnet', await readFile(oraclePath('09-end-to-end/resnet/folded.onnx'))),
  ];
  const [model] = models;
  const made = await Promise.all([
    ...models.map((each) => post('/v1/scores', { model: each, benchmarks: [V1] })),
    post('/v1/scores', { model, benchmarks: [V2], layers: { V1: 'part' } }),
    post('/v1/layer-maps', { model, benchmarks: [V1, V2], layers: ['a'] }),
  ]);
  jobs = made.map(({ id }) => id);
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

const upload = async (name: string, content: Uint8Array): Promise<string> =>
  (
    await service.upload([
      { name: 'file', filename: 'net.onnx', content },
      { name: 'card', content: await card() },
      { name: 'name', content: name },
    ])
  ).body.id;

/** The stub of the worker makes scores of what a layer is called. */
const post = async (path: string, body: object): Promise<{ readonly id: string }> =>
  (
    await service.post(path, path === '/v1/scores' ? { layers: { V1: 'score' }, ...body } : body, {
      Prefer: 'wait=30',
    })
  ).body;

/** Every page by what is waited for on it. */
const pages: Readonly<Record<string, readonly [path: () => string, ready: string]>> = {
  leaderboard: [() => '/?set=public&layers=any&selection=include', '.board'],
  model: [() => `/models/${models[0]}`, '.layer-heatmap td'],
  compare: [
    () => `/compare?set=public&layers=any&selection=include&model=${models.join('&model=')}`,
    '.layer-heatmap td',
  ],
  benchmarks: [() => '/benchmarks?search=freeman', '.benchmarks'],
  benchmark: [() => `/benchmarks/${V1}`, '.recorded'],
  submit: [() => '/submit', '.drop'],
  'a model to submit': [() => `/submit?model=${models[1]}`, '.start'],
  scores: [() => `/scores/${jobs[0]}`, '.scores'],
  'a failed job': [() => `/scores/${jobs[2]}`, '.problem'],
  'layer map': [() => `/layer-maps/${jobs[3]}`, '.layer-heatmap td'],
  trainings: [() => '/trainings', 'textarea'],
  service: [() => '/admin', '.admin dd'],
  documents: [() => '/docs', '.document'],
  'a document': [() => '/docs/own-recordings', '.document h2'],
  nothing: [() => '/nowhere', 'h1'],
};

const expected: Readonly<Record<string, RegExp>> = { nothing: /404/, service: /503.*\/v1\/ready/ };

describe.each(Object.entries(pages))('the page of %s', (name, [path, ready]) => {
  it('fits every width, light and dark, and axe-core finds nothing', async () => {
    const { page, close } = await visit(browser, service.url, path(), {
      reducedMotion: 'reduce',
    });
    await page.waitForSelector(ready);
    expect(await faultsAtWidths(page)).toEqual([]);
    // What a browser says of an address at which nothing is, and of a service that other tests keep from its disk for a second.
    await close(expected[name]);
  });
});

it('has the first rows of the leaderboard on the first screen of a phone, and their names stay', async () => {
  const { page, close } = await visit(browser, service.url, pages.leaderboard[0](), {
    viewport: { width: 360, height: HEIGHT },
  });
  await page.waitForSelector('.board tbody tr');
  const row = page.locator('.board tbody tr').first();
  const place = await row.boundingBox();
  expect((place?.y ?? HEIGHT) + (place?.height ?? 0)).toBeLessThan(HEIGHT);
  // A name has room in the search.
  expect((await page.getByLabel('Search models').boundingBox())?.width).toBeGreaterThan(100);
  await page.evaluate(`document.querySelector('.board-scroll').scrollTo(400, 0)`);
  const name = row.locator('th');
  await expect.poll(async () => (await name.boundingBox())?.x).toBeLessThan(20);
  await close();
});

it('uses a wide screen, and keeps lines of text short', async () => {
  const { page, close } = await visit(browser, service.url, `/benchmarks/${V1}`, {
    viewport: { width: 1920, height: HEIGHT },
  });
  await page.getByRole('heading', { name: 'Metric' }).waitFor();
  const left = async (name: string) =>
    (await page.getByRole('heading', { name }).boundingBox())?.x ?? 0;
  expect(await left('Metric')).toBeGreaterThan((await left('Recordings')) + 600);
  const widest = await page.evaluate<number>(
    `Math.max(...[...document.querySelectorAll('main p')].map((each) => each.getBoundingClientRect().width))`,
  );
  expect(widest).toBeLessThan(1000);
  await close();
});

it('has a sign-in form that fits every width once there is a key', async () => {
  await makeKey(service, { name: 'root', role: 'admin' });
  const { page, close } = await visit(browser, service.url, '/');
  await page.waitForSelector('.sign-in');
  expect(await faultsAtWidths(page)).toEqual([]);
  await close(/401/);
});
