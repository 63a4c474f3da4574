import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import chromium from '@sparticuz/chromium';
import { type Browser, chromium as driver, type Page } from 'playwright-core';
import { packageRoot } from '../src/formats/package-root.js';
import { median } from '../src/numerics/statistics/statistics.js';
import { openHomeStore } from '../src/store/home-store.js';
import { fillBoard } from './growth/made-board.js';
import { resultOptions, writeResults } from './results-file.js';

/**
 * The leaderboard of 1,000 models on 60 benchmarks in a browser: what the first load transfers (at most 100 kB,
 * compressed as it travels), when the table can be used (sorted, all its rows counted; at most 300 ms), when a press
 * is answered by something that is seen (100 ms), and how long it takes until it is sorted, searched, which waits
 * 150 ms for the writing to rest, and scrolled to the last row (500 ms). Each visitor comes with an empty cache.
 *
 *   node dist/bench/web.js [--rounds 10] [--save]
 */

const MODELS = 1000;
/** A page that takes longer is broken. */
const PATIENCE_MS = 30_000;

/** @returns the benchmarks of the board */
async function fill(home: string): Promise<readonly string[]> {
  const store = await openHomeStore(home);
  const sources = await fillBoard(store.database, MODELS);
  await store.close();
  return sources;
}

/** A service in a process of its own, and how to end it. */
async function serve(home: string) {
  const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');
  const words = ['serve', '--home', home, '--port', '0', '--no-score-shipped'];
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    said += text;
    if (said.includes('\n')) break;
  }
  const url = /ready at (\S+)/.exec(said)?.[1];
  if (!url) throw new Error(`it did not start: ${said}`);
  return {
    url,
    kill: () => child.kill(),
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** Kept by the page: when the table could first be sorted with all its rows counted, in milliseconds since navigation. */
const watch = `new MutationObserver((_changes, observer) => {
  const table = document.querySelector('.board[aria-rowcount="${MODELS + 1}"]');
  if (!table?.querySelector('.sort')) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.interactive = performance.now(); }));
}).observe(document, { childList: true, subtree: true });`;

/** Milliseconds in the page from an action until something is so and painted. */
const timed = (page: Page, action: string, until: string) =>
  page.evaluate<number>(`new Promise((resolve) => {
    const start = performance.now();
    ${action};
    const look = () => {
      if (${until}) requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
      else requestAnimationFrame(look);
    };
    look();
  })`);

/** Waits by the debugger: the page's Content-Security-Policy lets nothing be evaluated in it. */
async function become(page: Page, condition: string): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await page.evaluate<boolean>(`Boolean(${condition})`))) {
    if (Date.now() > end) throw new Error(`the page did not come to ${condition}`);
    await setTimeout(20);
  }
}

/** One visitor with an empty cache. */
async function round(browser: Browser, address: string) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await context.addInitScript(watch);
  const page = await context.newPage();
  const network = await context.newCDPSession(page);
  let bytes = 0;
  network.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await network.send('Network.enable');
  await page.goto(address, { waitUntil: 'networkidle' });
  const firstLoad = bytes;
  await become(page, 'window.interactive');
  const interactive = await page.evaluate<number>('window.interactive');
  const settled = `document.querySelector('[aria-busy="false"]')`;
  // What the browser needs from a press to the next picture that differs (Interaction to Next Paint).
  const answered = await timed(
    page,
    `[...document.querySelectorAll('.board .sort')].find((button) => button.textContent === 'V2').click()`,
    `document.querySelector('[aria-sort="descending"] .sort')?.textContent === 'V2'`,
  );
  await become(page, settled);
  const sort = await timed(
    page,
    `[...document.querySelectorAll('.board .sort')].find((button) => button.textContent === 'V1').click()`,
    `document.querySelector('[aria-sort="descending"] .sort')?.textContent === 'V1' && ${settled}`,
  );
  const scroll = await timed(
    page,
    `document.querySelector('.board-scroll').scrollTo(0, 1e9)`,
    `document.querySelector('[aria-rowindex="${MODELS + 1}"] a')`,
  );
  const search = await timed(
    page,
    `const field = document.querySelector('input[type="search"]');
     field.value = '99'; field.dispatchEvent(new Event('input', { bubbles: true }))`,
    `document.querySelector('.board[aria-rowcount="20"]') && ${settled}`,
  );
  await context.close();
  return { firstLoad, interactive, answered, sort, scroll, search };
}

type Round = Awaited<ReturnType<typeof round>>;

function spread(rounds: readonly Round[], of: keyof Round) {
  const values = rounds.map((each) => Math.round(each[of]));
  return { median: median(values), most: Math.max(...values) };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '10' }, ...resultOptions },
  });
  const many = Number(values.rounds);
  const home = mkdtempSync(join(tmpdir(), 'ventral-bench-web-'));
  const sources = await fill(home);
  const service = await serve(home);
  process.once('exit', service.kill);
  const browser = await driver.launch({
    ...{ executablePath: await chromium.executablePath(), args: ['--no-sandbox'] },
  });
  try {
    const query = new URLSearchParams(
      sources.map((source): [string, string] => ['benchmark', source]),
    );
    const rounds: Round[] = [];
    // The first one finds a service that has read nothing yet, and is left out.
    for (let k = 0; k <= many; k++) rounds.push(await round(browser, `${service.url}/?${query}`));
    const counted = rounds.slice(1);
    const results = {
      machine: `${cpus()[0].model.trim()}, ${availableParallelism()} threads, Node ${process.versions.node}`,
      load: loadavg()[0],
      board: { models: MODELS, benchmarks: sources.length, rounds: many },
      firstLoadBytes: spread(counted, 'firstLoad'),
      milliseconds: {
        interactive: spread(counted, 'interactive'),
        pressAnswered: spread(counted, 'answered'),
        sort: spread(counted, 'sort'),
        search: spread(counted, 'search'),
        scrollToLast: spread(counted, 'scroll'),
      },
    };
    console.log(JSON.stringify(results, null, 2));
    writeResults('web', results, values);
  } finally {
    await browser.close();
    await service.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

await main();
