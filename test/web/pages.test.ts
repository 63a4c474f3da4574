import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningService, runningService } from '../service/running-service.js';
import { accessibilityFaults, openBrowser, visit } from './browser.js';

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

it('leads from page to page by the keyboard', async () => {
  const { page, close } = await visit(browser, service.url, '/');
  await page.waitForSelector('h1');
  await page.keyboard.press('Tab');
  expect(await page.locator(':focus').textContent()).toContain('Skip');
  for (let tab = 0; tab < 3; tab++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/compare');
  await page.locator('main:focus').waitFor();
  await close();
});
