import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningService, runningService } from '../service/running-service.js';
import { accessibilityFaults, holdBack, openBrowser, visit } from './browser.js';

let browser: Browser;
let service: RunningService;
beforeAll(async () => {
  [browser, service] = await Promise.all([openBrowser(), runningService()]);
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

const WIDER = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';

it('documents are read, searched and followed without scripts', async () => {
  const { page, close } = await visit(browser, service.url, '/', { javaScriptEnabled: false });
  await page.getByRole('link', { name: 'Docs', exact: true }).click();
  await page.getByRole('heading', { name: 'Documentation', exact: true }).waitFor();
  await page.getByLabel('Search the documentation').fill('ceiling');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('link', { name: 'Ceiling', exact: true }).click();
  await page.waitForURL('**/docs/terms#ceiling');
  await page.getByRole('link', { name: 'the ceiling', exact: true }).click();
  await page.waitForURL('**/docs/how-a-number-is-made#6-the-ceiling');
  await page.getByRole('heading', { name: /^6\. The ceiling/ }).waitFor();
  await close();
});

it.each(['light', 'dark'] as const)(
  'documents have nothing that axe-core finds in the %s, and fit a telephone',
  async (colorScheme) => {
    const viewport = { width: 360, height: 740 };
    const { page, close } = await visit(browser, service.url, '/docs', { colorScheme, viewport });
    for (const path of [
      '/docs',
      '/docs/terms',
      '/docs/benchmark-file',
      '/docs/README',
      '/docs?q=pls',
    ]) {
      await page.goto(`${service.url}${path}`);
      expect([path, await accessibilityFaults(page)]).toEqual([path, []]);
      expect([path, await page.evaluate(WIDER)]).toEqual([path, false]);
    }
    await close();
  },
);

it('code is copied, of a terminal what was typed', async () => {
  const { page, close } = await visit(browser, service.url, '/docs/own-recordings', {
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const block = page.locator('pre[data-lang=console]').first();
  const copy = page.locator('p.copy:has(+ pre[data-lang=console])').first();
  await copy.getByRole('button').click();
  await copy.getByText('copied').waitFor();
  const typed = (await block.textContent())
    ?.split('\n')
    .filter((line) => line.startsWith('$ '))
    .map((line) => `${line.slice(2)}\n`);
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(typed?.join(''));
  await close();
});

it('a page of the application leads to the same pages as a document, and to what its terms mean', async () => {
  const { page, close } = await visit(browser, service.url, '/docs');
  const links = async () =>
    page
      .locator('header nav a')
      .evaluateAll((all) => all.map((link) => [link.getAttribute('href'), link.textContent]));
  const ofDocuments = await links();
  await page.goto(`${service.url}/submit`);
  await page.getByText('Drop an ONNX file').waitFor();
  expect(await links()).toEqual(ofDocuments);
  await page.goto(`${service.url}/benchmarks/FreemanZiemba2013.V1-pls`);
  await page.getByRole('link', { name: 'Ceiling', exact: true }).press('Enter');
  await page.waitForURL('**/docs/terms#ceiling');
  await page.goBack();
  await page.getByRole('heading', { name: /^FreemanZiemba2013.V1-pls/ }).waitFor();
  await close();
});

it('a new service says what one can do with it, until the reader hides that', async () => {
  const viewport = { width: 360, height: 740 };
  const { page, close } = await visit(browser, service.url, '/', { viewport });
  const introduction = page.getByRole('region', { name: 'About this service' });
  await introduction.getByText('how brain-like a vision network is').waitFor();
  expect(await accessibilityFaults(page)).toEqual([]);
  for (const [name, path] of [
    ['How a number is made', '**/docs/how-a-number-is-made'],
    ['Add recordings', '**/benchmarks#upload'],
    ['Submit a model', '**/submit'],
  ]) {
    await introduction.getByRole('link', { name }).click();
    await page.waitForURL(path);
    await page.goto(service.url);
  }
  await introduction.getByRole('button', { name: 'Hide this introduction' }).click();
  await introduction.waitFor({ state: 'detached' });
  await page.reload();
  await page.getByText('No model has a score on a real benchmark yet').waitFor();
  await expect.poll(() => introduction.count()).toBe(0);
  await close();
});

it('a click is answered before the page has come, and the first HTML stays until then', async () => {
  const { page, close } = await visit(browser, service.url, '/');
  const letThrough = await holdBack(page, '**/assets/compare-page-*.js');
  await page.getByRole('link', { name: 'Compare', exact: true }).click();
  await page.getByText('Loading the page…').waitFor({ state: 'attached' });
  await page.locator('nav [aria-current=page]', { hasText: 'Compare' }).waitFor();
  await page.goto(`${service.url}/compare`, { waitUntil: 'commit' });
  await page.getByText('Two to eight models side by side').waitFor();
  letThrough();
  await page.getByText('Choose two to eight models').waitFor();
  await expect.poll(() => page.getByText('Two to eight models side by side').count()).toBe(0);
  await expect.poll(() => page.getByText('Loading the page…').count()).toBe(0);
  await close();
});
