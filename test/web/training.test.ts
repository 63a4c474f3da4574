import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type RunningService, runningService } from '../service/running-service.js';
import {
  ask,
  checkpoints,
  endless,
  plain,
  smallRecipe,
  until,
  uploadSmall,
} from '../service/small-training.js';
import { exported, faultsAtWidths, openBrowser, visit } from './browser.js';
import { droppingProxy } from './dropping-proxy.js';

const attacked = {
  evaluate: {
    checkpoints: ['plain'],
    threats: [{ norm: 'Linf', epsilon: '4/255' }],
    count: 10,
  },
};
/** Some seconds of them. */
const EPOCHS = 80;
const mean = { average: { name: 'mean', of: 'plain' } };

let browser: Browser;
let service: RunningService;
let model: string;
beforeAll(async () => {
  [browser, service] = await Promise.all([openBrowser(), runningService()]);
  model = await uploadSmall(service);
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

async function saved(page: Page, button: string): Promise<Buffer> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: button, exact: true }).click(),
  ]);
  return readFile(await download.path());
}

const contentOf = async (page: Page, of: string, file: string): Promise<Buffer> =>
  readFile(await (await exported(page, of, file)).path());

const ended = async (path: string) =>
  until(service, path, ({ state }) => !['queued', 'running'].includes(state));

describe('a training in the browser', () => {
  it('is started, followed through a dropped connection to its end, and its network taken in', async () => {
    const proxy = await droppingProxy(service.url);
    const { page, close } = await visit(browser, proxy.url, '/trainings', {
      acceptDownloads: true,
    });
    const text = page.getByLabel('Recipe (YAML or JSON)');
    const yaml = (epochs: number) =>
      stringify(smallRecipe(model, [plain({ epochs }), mean, attacked]));
    await text.fill('stages: [');
    await page.getByRole('button', { name: 'Start the training' }).click();
    await page.getByRole('button', { name: 'Line 1', exact: true }).waitFor();
    await text.fill(yaml(1e9));
    await page.getByRole('button', { name: 'Start the training' }).click();
    const line =
      yaml(1e9)
        .split('\n')
        .findIndex((words) => words.includes('epochs:')) + 1;
    await page
      .getByRole('button', { name: `Line ${line}`, exact: true })
      .first()
      .click();
    const selected = await page.evaluate<string>(
      '(area => area.value.slice(area.selectionStart, area.selectionEnd))(document.activeElement)',
    );
    expect(selected).toBe('1000000000');
    await text.fill(yaml(EPOCHS));
    await page.getByRole('button', { name: 'Start the training' }).click();
    await page.waitForURL('**/trainings/job_*');
    const path = `/v1${new URL(page.url()).pathname}`;

    const epochs = page.getByRole('region', { name: 'Runs in the charts' }).locator('td').nth(1);
    await until(service, path, ({ curves }) => curves.length > 3);
    // What is cut must stand: the page follows, and neither it nor what draws is still being read.
    await epochs.waitFor();
    await page.locator('figure svg').first().waitFor();
    await proxy.dropWhile(async () => {
      await page.getByText('connection lost').waitFor();
      const { curves } = (await service.get(path)).body;
      await until(
        service,
        path,
        (now) => now.curves.length > curves.length + 3 || now.state === 'succeeded',
      );
    });
    const training = await ended(path);
    expect(training.state).toBe('succeeded');
    await page.getByText('succeeded').first().waitFor();
    await expect.poll(() => epochs.textContent()).toBe(String(EPOCHS));

    const told = (kind: string) =>
      training.curves.filter((event: { kind: string }) => event.kind === kind);
    const rows = async (file: string) =>
      parse(await contentOf(page, 'the curves', file), { columns: true, cast: true }) as Record<
        string,
        unknown
      >[];
    expect((await rows('Epochs (CSV)')).map(({ epoch, loss }) => ({ epoch, loss }))).toEqual(
      told('epoch').map(({ epoch, loss }: { epoch: number; loss: number }) => ({ epoch, loss })),
    );
    expect((await rows('Steps (CSV)')).map(({ step, loss }) => ({ step, loss }))).toEqual(
      told('step').map(({ step, loss }: { step: number; loss: number }) => ({ step, loss })),
    );

    const { mean: digest } = await checkpoints(service, path);
    const bytes = await saved(page, 'Download mean');
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(digest);
    expect((await contentOf(page, 'the training', 'Report (HTML)')).toString()).toContain(
      '<h1>Training of',
    );

    for (const name of ['plain-epoch0', 'plain-epoch9', 'mean'])
      await page.getByLabel(`Select ${name}`, { exact: true }).check();
    await page.getByRole('button', { name: 'Register and score' }).click();
    await page
      .getByRole('link', { name: /is being scored/ })
      .nth(2)
      .waitFor();
    const jobs = await page.getByRole('link', { name: /is being scored/ }).all();
    for (const job of jobs)
      expect((await ended(`/v1${await job.getAttribute('href')}`)).state).toBe('succeeded');
    await page.getByRole('link', { name: 'Scores by epoch' }).click();
    await page.getByText(`2 of ${EPOCHS} checkpoints have scores`).waitFor();
    await page.locator('figure', { hasText: 'Regions over training' }).locator('svg').waitFor();
    // The browser notes the recipe that was refused, and the connections that were cut.
    await close(
      /status of 422|ERR_(?:INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|CONNECTION_RESET)/,
    );
    await proxy.close();
  });

  it('is laid over another one, with what the address says of smoothing, axis and stage', async () => {
    const [first, second] = await Promise.all([
      ask(service, smallRecipe(model, [plain()], { name: 'first' })),
      ask(service, smallRecipe(model, [plain({ rate: 0.1 })], { name: 'second' })),
    ]);
    await Promise.all([ended(first), ended(second)]);
    const [one, other] = [first, second].map((path) => path.split('/').at(-1) as string);
    const { page, close } = await visit(browser, service.url, '/trainings');
    await page.getByLabel(`Compare first (${one})`).check();
    await page.getByLabel(`Compare second (${other})`).check();
    await page.getByRole('link', { name: 'Compare 2 runs' }).click();
    await page.getByRole('button', { name: 'Remove second' }).waitFor();
    await page.getByLabel(/Smoothing/).fill('0.6');
    await page.getByLabel('Logarithmic loss and learning rate').check();
    const loss = page.locator('figure', { has: page.locator('figcaption', { hasText: 'Loss' }) });
    await loss.locator('svg text', { hasText: 'second: validation' }).waitFor();
    await expect
      .poll(() => loss.locator('svg text', { hasText: 'first: training' }).count())
      .toBe(1);
    const { pathname, search } = new URL(page.url());
    expect(pathname + search).toBe(`/trainings/${one}?with=${other}&smooth=0.6&log=1`);
    await page.reload();
    await page.getByRole('button', { name: 'Remove second' }).waitFor();
    await expect.poll(() => page.getByLabel(/Smoothing/).inputValue()).toBe('0.6');
    await expect
      .poll(() => page.getByLabel('Logarithmic loss and learning rate').isChecked())
      .toBe(true);
    await close();
  });

  it('is stopped after a second question', async () => {
    const path = await ask(service, smallRecipe(model, [endless]));
    const { page, close } = await visit(browser, service.url, path.replace('/v1', ''));
    await page.getByRole('button', { name: 'Stop the training' }).click();
    await page.getByRole('button', { name: 'Stop it and remove its checkpoints' }).click();
    await page.getByText('cancelled').first().waitFor();
    expect((await ended(path)).state).toBe('cancelled');
    await close();
  });

  it('says why it failed', async () => {
    const path = await ask(service, smallRecipe(model, [plain({ only: ['nowhere.*'] })]));
    const { problem } = await ended(path);
    const { page, close } = await visit(browser, service.url, path.replace('/v1', ''));
    await page.getByRole('alert').waitFor();
    await expect.poll(() => page.getByRole('alert').textContent()).toContain(problem.detail);
    await close();
  });
});

it('keeps edits of a recipe until they are started or discarded, each recipe its own', async () => {
  const { page, close } = await visit(browser, service.url, '/trainings?recipe=objects-resnet');
  const text = page.getByLabel('Recipe (YAML or JSON)');
  await expect.poll(() => text.inputValue()).toContain('stages:');
  const original = await text.inputValue();
  const edited = original.replace('stages:', '# mine\nstages:');
  await text.fill(edited);
  const recipe = page.getByRole('combobox', { name: 'Recipe' });
  await recipe.selectOption('');
  await expect.poll(() => text.inputValue()).toBe('');
  await recipe.selectOption('objects-resnet');
  await expect.poll(() => text.inputValue()).toBe(edited);
  await page.reload();
  await page.getByText('Unsaved edits from earlier are restored').waitFor();
  expect(await text.inputValue()).toBe(edited);
  await page.getByRole('button', { name: 'Discard them' }).click();
  await expect.poll(() => text.inputValue()).toBe(original);
  await page.reload();
  await expect.poll(() => text.inputValue()).toBe(original);
  expect(await page.getByText('Unsaved edits').count()).toBe(0);
  await text.fill(stringify(smallRecipe(model, [plain({ epochs: 1 })])));
  await page.getByRole('button', { name: 'Start the training' }).click();
  await page.waitForURL('**/trainings/job_*');
  await page.goto(`${service.url}/trainings?recipe=objects-resnet`);
  await expect.poll(() => text.inputValue()).toBe(original);
  await close();
});

describe('the pages of trainings', () => {
  let full: string;
  beforeAll(async () => {
    const stages = [plain(), mean, attacked];
    full = await ask(service, smallRecipe(model, stages, { name: 'full' }));
    await ended(full);
  });

  it('fit every width, light and dark, and axe-core finds nothing', async () => {
    const path = '/trainings?recipe=first-training';
    const { page, close } = await visit(browser, service.url, path, { reducedMotion: 'reduce' });
    await page.getByText('A first training').waitFor();
    await page.getByRole('link', { name: 'full' }).first().click();
    await page.getByRole('heading', { name: 'Accuracy under attack' }).waitFor();
    await page.locator('figure svg').nth(3).waitFor();
    await page.getByLabel('Select mean').check();
    expect(await faultsAtWidths(page)).toEqual([]);
    await page.goBack();
    await page.getByRole('link', { name: 'full' }).first().waitFor();
    expect(await faultsAtWidths(page)).toEqual([]);
    await close();
  });
});
