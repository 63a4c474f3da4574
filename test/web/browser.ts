import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import {
  type Browser,
  type BrowserContextOptions,
  type Download,
  chromium as driver,
  type Page,
} from 'playwright-core';
import { expect, inject } from 'vitest';

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);

/** A real browser without a window; one serves a whole test file. */
export function openBrowser(): Promise<Browser> {
  const libraries = inject('chromiumLibraries');
  return driver.launch({
    executablePath: inject('chromium'),
    args: ['--no-sandbox'],
    ...(libraries ? { env: { ...process.env, LD_LIBRARY_PATH: libraries } } : {}),
  });
}

/** As long as `expect.poll` waits in the configurations of the tiers. */
const PATIENCE_MS = 90_000;

/** A page, and what went wrong on it so far. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors of the console and of scripts, policy violations, and requests that left the origin. */
  readonly faults: string[];
  /** Closes it, and expects that nothing went wrong but what is named. */
  close(expected?: RegExp): Promise<void>;
}

/**
 * Opens a page as a new visitor.
 * @param origin the service's; requests that go elsewhere are faults
 * @param key a key with which the visitor has signed in before
 */
export async function visit(
  browser: Browser,
  origin: string,
  path: string,
  { key, ...options }: BrowserContextOptions & { readonly key?: string } = {},
): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  // Jobs have the lowest priority: beside other tests they wait.
  context.setDefaultTimeout(PATIENCE_MS);
  if (key) await context.request.post(`${origin}/v1/session`, { data: { key } });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error')
      faults.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => faults.push(`script: ${error.stack || error.message}`));
  page.on('request', (request) => {
    if (!/^(?:blob|data):/.test(request.url()) && new URL(request.url()).origin !== origin)
      faults.push(`request to ${request.url()}`);
  });
  await page.goto(`${origin}${path}`);
  return {
    page,
    faults,
    async close(expected) {
      await context.close();
      expect(faults.filter((fault) => !expected?.test(fault))).toEqual([]);
    },
  };
}

/** The file that an Export menu saves: `exported(page, 'the comparison', 'CSV')`. */
export async function exported(page: Page, of: string, file: string | RegExp): Promise<Download> {
  await page.getByRole('button', { name: `Export ${of}`, exact: true }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: file, exact: true }).click(),
  ]);
  return download;
}

/** Holds requests of a page back until what it returns is called. */
export async function holdBack(page: Page, url: string): Promise<() => void> {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(url, async (route) => {
    await held;
    await route.continue();
  });
  return release;
}

/**
 * What axe-core finds on a page as it stands: nothing is expected, the names of its rules tell what.
 * @param targets whether what is pressed has to be as large as WCAG 2.2 wants it, 24 × 24 pixels
 */
export async function accessibilityFaults(
  page: Page,
  { targets = false }: { readonly targets?: boolean } = {},
): Promise<string[]> {
  // Evaluated by the debugger, which the page's Content-Security-Policy does not hold.
  await page.evaluate(axeSource);
  const rules = JSON.stringify({ 'target-size': { enabled: targets } });
  const { violations } = await page.evaluate<AxeResults>(`axe.run({ rules: ${rules} })`);
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`,
  );
}

/** A phone, a tablet, a laptop and a wide screen. */
const WIDTHS = [360, 768, 1280, 1920];
export const HEIGHT = 640;

/** What is too wide, or found by axe-core, on a page as it stands at each width. */
export async function faultsAtWidths(page: Page): Promise<string[]> {
  const faults: string[] = [];
  // What axe-core finds depends on the width or on the theme, hardly ever on both.
  for (const [i, width] of WIDTHS.entries()) {
    const colorScheme = i % 2 === 0 ? 'light' : 'dark';
    await page.setViewportSize({ width, height: HEIGHT });
    await page.emulateMedia({ colorScheme });
    for (const fault of await tooWide(page)) faults.push(`${width}: ${fault}`);
    for (const fault of await accessibilityFaults(page, { targets: true }))
      faults.push(`${width}, ${colorScheme}: ${fault}`);
  }
  return faults;
}

/** What is wider than the page, by its class, and not in a box that scrolls. */
const tooWide = (page: Page) =>
  page.evaluate<string[]>(`(() => {
    const wide = document.documentElement.scrollWidth > innerWidth;
    if (!wide) return [];
    return [...document.querySelectorAll('main *')]
      .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
      .map((each) => each.tagName + '.' + each.className).slice(0, 5);
  })()`);
