import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileDigest } from '../../src/web/pages/submit/sha256.js';
import { oraclePath } from '../oracle.js';
import { card, network, type RunningService, runningService } from '../service/running-service.js';
import { accessibilityFaults, openBrowser, visit } from './browser.js';

const V1 = 'FreemanZiemba2013public.V1-pls';
const V2 = 'FreemanZiemba2013public.V2-pls';
const folded = oraclePath('09-end-to-end/resnet/folded.onnx');

let browser: Browser;
let service: RunningService;
let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-submit-'));
  [browser, service] = await Promise.all([openBrowser(), runningService()]);
  const parts = [
    { name: 'file', filename: 'net.onnx', content: await network() },
    { name: 'card', content: await card() },
  ];
  model = (await service.upload(parts)).body.id;
});
afterAll(async () => {
  await browser.close();
  await service.stop();
  await rm(folder, { recursive: true });
});

const submitPage = () => visit(browser, service.url, '/submit');

describe('a digest', () => {
  it.each([0, 1, 55, 56, 63, 64, 65, 119, 1000, 2 ** 22 + 100])('of %i bytes', async (size) => {
    const bytes = randomBytes(size);
    const told: number[] = [];
    const digest = await fileDigest(new Blob([bytes]), (read) => told.push(read), signal);
    expect(digest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    expect(told.at(-1)).toBe(size === 0 ? undefined : size);
  });
});
const { signal } = new AbortController();

describe('a file', () => {
  it('that is registered already is not sent again', async () => {
    const { page, close } = await submitPage();
    const sent: string[] = [];
    page.on('request', (request) => void (request.method() === 'POST' && sent.push(request.url())));
    const path = oraclePath('09-end-to-end/resnet/model.onnx');
    await page.getByLabel('Drop an ONNX file here').setInputFiles(path);
    await page.getByText('This file is already registered').waitFor();
    await page.getByRole('button', { name: 'Continue with this model' }).click();
    await page.getByText('was already registered').waitFor();
    await expect.poll(() => new URL(page.url()).searchParams.get('model')).toBe(model);
    expect(sent).toEqual([]);
    await close();
  });

  it('that is no network is refused in words', async () => {
    const path = join(folder, 'words.onnx');
    await writeFile(path, 'these are words');
    const { page, close } = await submitPage();
    await page.getByLabel('Drop an ONNX file here').setInputFiles(path);
    await page.getByRole('button', { name: 'Upload and check' }).click();
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('not an ONNX model');
    await close(/422/);
  });

  it('that is on its way can be held back', async () => {
    const { page, close } = await submitPage();
    await page.route(
      '**/v1/models',
      (route) => route.request().method() === 'GET' && route.continue(),
    );
    await page.getByLabel('Drop an ONNX file here').setInputFiles(folded);
    await page.getByRole('button', { name: 'Upload and check' }).click();
    await page.getByRole('button', { name: 'Cancel the upload' }).click();
    await page.getByRole('button', { name: 'Upload and check' }).waitFor();
    await close();
  });
});

/** Fields of the form by their labels, and what is written there. */
const metadata = {
  ...{ Family: 'resnet', Parameters: '1234', 'Training data': 'imagenet-1k, coco' },
  ...{ 'Date of publication': '2019-05', 'Licence of the weights': 'MIT' },
};

it('asks for what the file does not say, and shows what is wrong where it stands', async () => {
  const { page, close } = await submitPage();
  await page.getByLabel('Drop an ONNX file here').setInputFiles(folded);
  await page.getByLabel('Visibility').selectOption('public');
  await page.getByRole('button', { name: 'Upload and check' }).click();
  await page.getByText('Save the card to score the model').waitFor();
  await expect.poll(() => page.getByText('Not set').count()).toBeGreaterThan(0);
  await page.getByRole('radio', { name: 'torchvision' }).check();
  await expect.poll(() => page.getByText('mean: [0.485, 0.456, 0.406]').count()).toBe(1);
  await page.getByRole('radio', { name: 'custom' }).check();
  await page.getByLabel('Standard deviation, red').fill('0');
  await page.getByRole('button', { name: 'Save the card' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Range').fill('-1');
  await page.getByRole('button', { name: 'Save the card' }).click();
  await page.locator('[aria-invalid]').waitFor();
  await expect
    .poll(() => page.locator('[aria-invalid]').getAttribute('id'))
    .toBe(await page.getByLabel('Range').getAttribute('id'));
  await page.getByRole('radio', { name: 'zero-to-one' }).check();
  await page.getByLabel('Layer for V1').fill('layer99');
  await page.getByRole('button', { name: 'Save the card' }).click();
  await page.locator('.wrong', { hasText: 'has no layer layer99' }).waitFor();
  expect(await page.getByLabel('Layer for V1').getAttribute('aria-invalid')).toBe('true');
  await page.getByLabel('Layer for V1').fill('layer1');
  for (const [label, text] of Object.entries(metadata)) await page.getByLabel(label).fill(text);
  await page.getByRole('button', { name: 'Save the card' }).click();
  await page.getByText('The card is saved.', { exact: true }).waitFor();
  await expect.poll(() => page.getByText('Not set').count()).toBe(0);
  const id = new URL(page.url()).searchParams.get('model');
  const { body } = await service.get(`/v1/models/${id}`);
  expect(body).toMatchObject({
    visibility: 'public',
    card: { input: { mean: [0, 0, 0], std: [1, 1, 1] }, region_layer_map: { V1: 'layer1' } },
    metadata: {
      ...{ family: 'resnet', parameters: 1234, trainingData: ['imagenet-1k', 'coco'] },
      ...{ date: '2019-05', licence: 'MIT' },
    },
  });
  await page.getByLabel('Training data').fill('none');
  await page.getByRole('button', { name: 'Save the card' }).click();
  await expect
    .poll(async () => (await service.get(`/v1/models/${id}`)).body.metadata.trainingData)
    .toEqual([]);
  const chosen = page.getByRole('group', { name: 'Simulated benchmarks' }).locator(':checked');
  await expect.poll(() => chosen.count()).toBe(2);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await accessibilityFaults(page)).toEqual([]);
  }
  await page.getByRole('button', { name: 'Score on 2 benchmarks and map the layers' }).click();
  await page.getByText('Done', { exact: true }).waitFor();
  await page.getByRole('link', { name: 'Layer map' }).click();
  await page.getByRole('grid').waitFor();
  await close(/422/);
});

describe('a job', () => {
  const ask = (what: string, kind = 'scores') =>
    service.post(`/v1/${kind}`, {
      model,
      benchmarks: [V1, V2],
      layers: kind === 'scores' ? { V1: what, V2: what } : [what],
    });

  it('shows each score when it comes', async () => {
    const { body } = await ask('steady=5000');
    const { page, close } = await visit(browser, service.url, `/scores/${body.id}`);
    await page.getByText('1 of 2', { exact: true }).waitFor();
    await page.getByText(`Pending: ${V2}`).waitFor();
    await expect.poll(() => page.getByRole('row', { name: V1 }).count()).toBe(1);
    await page.getByText('Done', { exact: true }).waitFor();
    await expect.poll(() => page.getByRole('row', { name: V2 }).count()).toBe(1);
    await close();
  });

  it('shows the cells of a map when they come', async () => {
    const { body } = await ask('cells=6000', 'layer-maps');
    const { page, close } = await visit(browser, service.url, `/layer-maps/${body.id}`);
    await page.getByText('5 of 6 cells').waitFor();
    await expect.poll(() => page.getByText('Done', { exact: true }).count()).toBe(0);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await accessibilityFaults(page)).toEqual([]);
    }
    await page.getByText('Done', { exact: true }).waitFor();
    await page.getByRole('table', { name: 'Chosen layers' }).waitFor();
    await close();
  });

  it('is cancelled where one wants it to be', async () => {
    const { body } = await ask('sleep=60000');
    const { page, close } = await visit(browser, service.url, `/scores/${body.id}`);
    await page.getByRole('button', { name: 'Cancel the job' }).click();
    await page.getByText('Cancelled', { exact: true }).waitFor();
    expect((await service.get(`/v1/scores/${body.id}`)).body.state).toBe('cancelled');
    await close();
  });

  it('says why a benchmark has no score, and what to do', async () => {
    const { body } = await ask('part');
    const { page, close } = await visit(browser, service.url, `/scores/${body.id}`);
    await page.getByText('Partly failed').waitFor();
    const failures = page.getByRole('region', { name: 'Failures' });
    await expect.poll(() => failures.textContent()).toContain(`${V1}The layer has fewer units`);
    await expect
      .poll(() => failures.getByRole('link').getAttribute('href'))
      .toBe(`/submit?model=${model}`);
    expect(await accessibilityFaults(page)).toEqual([]);
    await close();
  });
});
