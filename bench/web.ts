import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import chromium from '@sparticuz/chromium';
import { type Browser, chromium as driver, type Page } from 'playwright-core';
import { packageRoot } from '../src/formats/package-root.js';
import { RandomState } from '../src/numerics/random/random-state.js';
import { median } from '../src/numerics/statistics/statistics.js';
import { listBenchmarks } from '../src/scoring/registry/registry.js';
import type { Queries } from '../src/store/database/database.js';
import { openHomeStore } from '../src/store/home-store.js';

/**
 * The leaderboard of 1,000 models on 60 benchmarks in a browser: what the first load transfers (at most 100 kB,
 * compressed as it travels), when the table can be used (sorted, all its rows counted; at most 300 ms), when a press
 * is answered by something that is seen (100 ms), and how long it takes until it is sorted, searched, which waits
 * 150 ms for the writing to rest, and scrolled to the last row (500 ms). Each visitor comes with an empty cache.
 *
 *   node dist/bench/web.js [--save]
 */

const MODELS = 1000;
const UPLOADS = 21;
/** Models that are written by one statement. */
const CHUNK = 20;
const ROUNDS = 10;

/** The 39 that ventral ships with their private sets, and uploads beside them. */
function benchmarksOfBoard() {
  const shipped = listBenchmarks().filter(
    ({ id, simulated }) => !simulated && !/public[.-]/.test(id),
  );
  return [
    ...shipped.map(({ id, version }) => ({ id, source: id, version })),
    ...Array.from({ length: UPLOADS }, (_, k) => ({
      ...{ id: `lab${k}.IT-pls`, source: `bmk_${k}`, version: 1 },
    })),
  ];
}

/** Writes models and their scores past the service, as its tables hold them. */
async function fill(home: string): Promise<readonly string[]> {
  const benchmarks = benchmarksOfBoard();
  const random = new RandomState(0);
  const store = await openHomeStore(home);
  const { database } = store;
  for (let k = 0; k < UPLOADS; k++) await writeUpload(database, k);
  for (let start = 0; start < MODELS; start += CHUNK)
    await writeModels(database, start, benchmarks, random);
  await store.close();
  return benchmarks.map(({ source }) => source);
}

async function writeUpload(database: Queries, k: number): Promise<void> {
  const benchmarks = [{ id: `lab${k}.IT-pls`, region: 'IT' }];
  const summary = {
    ...{ identifier: benchmarks[0].id, version: 1, simulated: false, metric: 'pls' },
    ...{ visualDegrees: 8, reference: null, benchmarks },
  };
  await database.query(
    `insert into benchmarks (id, owner, digest, file, visibility, size, summary)
     values ($1, 'local', $2, 'benchmark.yaml', 'public', 1, $3)`,
    [`bmk_${k}`, `sha256:${String(k).padStart(64, '0')}`, JSON.stringify(summary)],
  );
}

async function writeModels(
  database: Queries,
  start: number,
  benchmarks: ReturnType<typeof benchmarksOfBoard>,
  random: RandomState,
): Promise<void> {
  const numbers = Array.from({ length: CHUNK }, (_, k) => String(start + k).padStart(4, '0'));
  await database.query(
    `insert into models (id, owner, digest, name, visibility, size, graph)
     select 'mdl_' || n, 'local', 'sha256:' || lpad(n, 64, '0'), 'network-' || n, 'public', 1, '{}' from unnest($1::text[]) as n`,
    [numbers],
  );
  await database.query(
    `insert into jobs (id, kind, state, owner, registration, model, digest, model_name, card, benchmarks, sources, keys)
     select 'job_' || n, 'score', 'succeeded', 'local', 'mdl_' || n, 'mdl_' || n, 'sha256:' || lpad(n, 64, '0'), 'network-' || n,
       '{}', $2::jsonb, $3::jsonb, $2::jsonb from unnest($1::text[]) as n`,
    [
      numbers,
      JSON.stringify(benchmarks.map(({ id }) => id)),
      JSON.stringify(benchmarks.map(({ source }) => source)),
    ],
  );
  const results = numbers.flatMap((n) =>
    benchmarks.map(({ id, version }) => {
      const [value, error] = [random.double(), 0.02 * random.double()];
      const ci = [value - 2 * error, value + 2 * error];
      const score = { value, error, ci, version, selection: false, layerChoice: { by: 'card' } };
      return { job: `job_${n}`, benchmark: id, score };
    }),
  );
  await database.query(
    `insert into results (job, benchmark, key, score)
     select job, benchmark, job || ' ' || benchmark, score
     from jsonb_to_recordset($1::jsonb) as made (job text, benchmark text, score jsonb)`,
    [JSON.stringify(results)],
  );
}

/** A service in a process of its own, and how to end it. */
async function serve(home: string) {
  const main = join(packageRoot, 'dist', 'src', 'cli', 'main.js');
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
  while (!(await page.evaluate<boolean>(`Boolean(${condition})`))) await setTimeout(20);
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
  const { values } = parseArgs({ options: { save: { type: 'boolean', default: false } } });
  const home = mkdtempSync(join(tmpdir(), 'ventral-bench-web-'));
  try {
    const sources = await fill(home);
    const service = await serve(home);
    process.once('exit', service.kill);
    const browser = await driver.launch({
      ...{ executablePath: await chromium.executablePath(), args: ['--no-sandbox'] },
    });
    const query = new URLSearchParams(
      sources.map((source): [string, string] => ['benchmark', source]),
    );
    const rounds: Round[] = [];
    // The first one finds a service that has read nothing yet, and is left out.
    for (let k = 0; k <= ROUNDS; k++) rounds.push(await round(browser, `${service.url}/?${query}`));
    await browser.close();
    await service.stop();
    const counted = rounds.slice(1);
    const results = {
      machine: `${cpus()[0].model.trim()}, ${availableParallelism()} threads, Node ${process.versions.node}`,
      load: loadavg()[0],
      board: { models: MODELS, benchmarks: sources.length, rounds: ROUNDS },
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
    if (values.save) save(results);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function save(results: object): void {
  const file = join(packageRoot, 'bench', 'results', 'web.json');
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`kept in ${file}`);
}

await main();
