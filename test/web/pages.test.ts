import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningService, runningService } from '../service/running-service.js';
import { accessibilityFaults, exported, openBrowser, visit } from './browser.js';

let browser: Browser;
let service: RunningService;
beforeAll(async () => {
  [browser, service] = await Promise.all([openBrowser(), runningService()]);
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

const pages = ['/', '/compare', '/benchmarks', '/submit', '/trainings', '/admin'];

describe.each(['light', 'dark'] as const)('in the %s', (colorScheme) => {
  it.each(pages)(
    '%s has nothing that axe-core finds, no error and no foreign request',
    async (path) => {
      const { page, close } = await visit(browser, service.url, path, { colorScheme });
      await page.waitForSelector('h1');
      expect(await accessibilityFaults(page)).toEqual([]);
      await close();
    },
  );
});

it('opens an Export menu by the keyboard, goes through it, and comes back to its button', async () => {
  const { page, close } = await visit(browser, service.url, '/');
  const button = page.getByRole('button', { name: 'Export the leaderboard' });
  const focused = () => page.locator(':focus').textContent();
  await button.focus();
  await page.keyboard.press('Enter');
  await expect.poll(focused).toBe('CSV');
  expect(await button.getAttribute('aria-expanded')).toBe('true');
  expect(await accessibilityFaults(page)).toEqual([]);
  await page.keyboard.press('ArrowDown');
  await expect.poll(focused).toBe('JSON');
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowDown');
  await expect.poll(focused).toBe('CSV');
  await page.keyboard.press('Escape');
  await expect.poll(() => page.getByRole('menu').count()).toBe(0);
  await expect.poll(focused).toMatch(/^Export/);
  expect(await button.getAttribute('aria-expanded')).toBe('false');
  // By the mouse it opens and closes, and a choice saves a file.
  await button.click();
  await page.getByRole('menu').waitFor();
  await button.click();
  await expect.poll(() => page.getByRole('menu').count()).toBe(0);
  const file = await exported(page, 'the leaderboard', 'CSV');
  expect(file.suggestedFilename()).toMatch(/^leaderboard-(?:real|simulated)\.csv$/);
  await expect.poll(focused).toMatch(/^Export/);
  await close();
});

it('leads from page to page by the keyboard', async () => {
  const { page, close } = await visit(browser, service.url, '/');
  await page.waitForSelector('h1');
  await page.keyboard.press('Tab');
  await expect.poll(() => page.locator(':focus').textContent()).toContain('Skip');
  for (let tab = 0; tab < 3; tab++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/compare');
  await page.locator('main:focus').waitFor();
  await close();
});

it('says that a page did not arrive, and has it when the document is loaded again', async () => {
  const { page, close } = await visit(browser, service.url, '/');
  await page.route('**/assets/compare-page-*.js', (route) => route.abort());
  await page.getByRole('link', { name: 'Compare', exact: true }).click();
  await page.getByText('A part of this page failed to load').waitFor();
  expect(await accessibilityFaults(page)).toEqual([]);
  await page.unroute('**/assets/compare-page-*.js');
  await page.getByRole('button', { name: 'Reload the page' }).click();
  await page.getByRole('heading', { name: 'Compare models' }).waitFor();
  await expect.poll(() => page.getByRole('alert').count()).toBe(0);
  await close(/ERR_FAILED|dynamically imported module/);
});
