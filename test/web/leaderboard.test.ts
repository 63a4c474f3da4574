import { readFile, rm } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import type { Queries } from '../../src/store/database/database.js';
import { openHomeStore } from '../../src/store/home-store.js';
import { type RunningService, runningService, suiteEngine } from '../service/running-service.js';
import { makeKey } from '../service/with-key.js';
import { madePlace, type StorePlace } from '../store/engines.js';
import {
  digestFor,
  type MadeScore,
  madeModel,
  madeScores,
  madeUpload,
} from '../store/made-scores.js';
import { accessibilityFaults, exported, openBrowser, visit } from './browser.js';

const V1 = 'FreemanZiemba2013.V1-pls';
const V2 = 'FreemanZiemba2013.V2-pls';
const IT = 'MajajHong2015.IT-pls';
const HOSTILE = `</script><script>alert(1)</script>\u202e${'long'.repeat(40)}`;
const MANY = 230;
const versions = new Map(listBenchmarks().map(({ id, version }) => [id, version]));

let browser: Browser;
let service: RunningService;
beforeAll(async () => {
  const place = await madePlace(suiteEngine, 'ventral-board-');
  await fill(place);
  [browser, service] = await Promise.all([openBrowser(), runningService(place)]);
});
afterAll(async () => {
  await browser.close();
  await service.stop();
  await rm(service.home, { recursive: true, force: true });
});

/** Two models that are tied, one with a bad name, one with simulated scores, and many others. */
async function fill(place: StorePlace): Promise<void> {
  const store = await openHomeStore(place.home, place);
  const model = async (
    id: string,
    name: string,
    scores: Record<string, MadeScore>,
    card?: object,
  ) => {
    await madeModel(store.database, `mdl_${id}`, { name, ...(card && { card }) });
    const at = Object.entries(scores).map(([benchmark, score]) => [
      benchmark,
      { version: versions.get(benchmark), ...score },
    ]);
    await madeScores(store.database, {
      ...{ id: `job_${id}`, model: `mdl_${id}`, scores: Object.fromEntries(at) },
    });
  };
  await model(
    'best',
    'best',
    { [V1]: whole(V1, 0.6), [V2]: whole(V2, 0.4), [IT]: whole(IT, 0.6) },
    { family: 'resnet', parameters: 25_557_032 },
  );
  await model(
    'near',
    'near',
    { [V1]: { value: 0.6 }, [V2]: { value: 0.4 }, [IT]: { value: 0.59 } },
    { family: 'ViT', parameters: 86_567_656 },
  );
  // V1 is half Marques2020, on which nobody has a score here.
  await model('hostile', HOSTILE, { [V1]: { value: 0.58 }, [V2]: { value: 0.9, selection: true } });
  await model('made', 'made', { 'Simulated.V1-pls': { value: 0.8 } });
  await madeUpload(store.database, 'bmk_lab', [{ id: 'lab.V4', region: 'V4' }]);
  await madeScores(store.database, {
    ...{ id: 'job_lab', model: 'mdl_best', sources: ['bmk_lab'] },
    scores: { 'lab.V4': { value: 0.45, ci: [0.4, 0.47] } },
  });
  await madeScores(store.database, {
    id: 'job_random',
    model: 'resnet-20',
    owner: 'ventral',
    scores: { [V1]: { value: 0.05, version: versions.get(V1) } },
  });
  await madeMany(store.database);
  await store.close();
}

/** Many models with a score on V2 alone, by as many statements as there are tables. */
async function madeMany(queries: Queries): Promise<void> {
  const each = `from generate_series(0, ${MANY - 1}) as k`;
  await queries.query(
    `insert into models (id, owner, digest, name, visibility, size, graph)
     select 'mdl_' || k, 'local', 'sha256:' || lpad(k::text, 64, '0'), 'many-' || lpad(k::text, 3, '0'), 'public', 1, '{}' ${each}`,
  );
  await queries.query(
    `insert into jobs (id, kind, state, owner, registration, model, digest, model_name, card, benchmarks, sources, keys)
     select 'job_' || k, 'score', 'succeeded', 'local', 'mdl_' || k, 'mdl_' || k, 'sha256:' || lpad(k::text, 64, '0'),
       'many', '{}', $1::jsonb, $1::jsonb, $1::jsonb ${each}`,
    [JSON.stringify([V2])],
  );
  const score = { version: versions.get(V2), selection: false, layerChoice: { by: 'card' } };
  await queries.query(
    `insert into results (job, benchmark, key, score)
     select 'job_' || k, $1, 'key ' || k, $2::jsonb || jsonb_build_object('value', 0.2 - k / 10000.0) ${each}`,
    [V2, JSON.stringify(score)],
  );
}

/** A score with all that stands behind it. */
function whole(benchmark: string, value: number) {
  const part = (of: number) => ({ value: of, error: 0.01, splits: [of] });
  return {
    ...{ benchmark, region: 'V1', simulated: false, verified: false, value, error: 0.01 },
    ...{ model: digestFor('mdl_best'), name: 'best', layer: 'layer1.0', selection: false },
    ...{ layerChoice: { by: 'card' }, formula: 'raw^2/ceiling', errorOf: 'raw' },
    ...{ errorKind: 'sem over splits', raw: part(0.71), ceiling: part(0.87), warnings: [] },
    ...{ ci: [value - 0.02, value + 0.02] as const, provenance: {} },
    generalises: { to: 'neuroids', units: { neuroids: 102 }, degrees: 101, animals: 2 },
  };
}

const names = (page: Page) => page.locator('.board tbody th a').allTextContents();
const header = (page: Page, name: string) => page.getByRole('columnheader', { name });
const sorter = (page: Page, name: string) =>
  page.locator('.board thead').getByRole('button', { name, exact: true });

it('is a table before any script has run', async () => {
  const { page, close } = await visit(browser, service.url, '/?open=all&pick=mdl_near&x=1', {
    javaScriptEnabled: false,
  });
  expect((await names(page)).slice(0, 3)).toEqual(['best', 'near', HOSTILE]);
  await expect.poll(() => page.locator('tbody tr').count()).toBe(30);
  const best = page.locator('tbody tr').first();
  // A table without scripts has its groups when it is asked for again.
  await expect
    .poll(() => page.reload().then(() => best.textContent()))
    .toMatch(/^=1≈ best \(1–\d+\)\*best0\.162 3 of 44\[0\.159, 0\.16\d\]/);
  await page.getByRole('link', { name: 'Next models' }).click();
  expect((await names(page))[0]).toBe('many-027');
  await page.getByRole('link', { name: 'Model', exact: true }).click();
  expect((await names(page)).slice(0, 2)).toEqual([HOSTILE, 'best']);
  await close();
});

it('shows the table within the first screen of a telephone, below a line of what one can do here', async () => {
  const viewport = { width: 360, height: 740 };
  const { page, close } = await visit(browser, service.url, '/', { viewport });
  const introduction = page.getByRole('region', { name: 'About this service' });
  await introduction.getByRole('link', { name: 'How a number is made' }).waitFor();
  expect(await introduction.getByText('how brain-like').count()).toBe(0);
  const top = await page.locator('.board tbody tr:not(.space)').first().boundingBox();
  expect(top?.y).toBeLessThan(viewport.height);
  await close();
});

it('goes on from what the document brought, and keeps its whole view in the address', async () => {
  const { page, close } = await visit(browser, service.url, '/');
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.reload();
  await page.locator('.board [aria-sort=descending]').waitFor();
  await expect
    .poll(() => page.getByRole('status').first().textContent())
    .toContain('234 models, by average');
  expect(asked.filter((path) => path === '/v1/leaderboard')).toEqual([]);

  await sorter(page, 'V1').click();
  await page.waitForURL('**/?sort=-V1');
  await sorter(page, 'V1').click();
  await page.locator('tr[aria-rowindex="3"]').getByText('alert(1)').waitFor();
  await expect.poll(() => header(page, 'V1').first().getAttribute('aria-sort')).toBe('ascending');
  await page.getByRole('button', { name: '+ 23 benchmarks of V1' }).click();
  await page.getByText('Columns', { exact: true }).click();
  await page.getByRole('checkbox', { name: 'engineering' }).uncheck();
  await page.getByLabel('Search models').fill('BEST');
  await page.getByText('1 of 234 models shown, by V1').waitFor();
  await page.getByLabel('Search models').fill('');
  await page.getByText('234 models, by').waitFor();

  const shared = await visit(
    browser,
    service.url,
    new URL(page.url()).pathname + new URL(page.url()).search,
  );
  await sorter(shared.page, V1).waitFor();
  await expect.poll(() => names(shared.page)).toEqual(await names(page));
  await expect.poll(() => header(shared.page, 'engineering').count()).toBe(0);
  await shared.close();
  await close();
});

it('says what is tied, over how many an average is, and which layer was chosen on its own pictures', async () => {
  const { page, close } = await visit(browser, service.url, '/?open=average&open=neural&open=V2');
  const row = (name: string) =>
    page.locator('tbody tr', { has: page.locator('th', { hasText: name }) });
  // Without draws they are compared by their intervals, which the asterisk says.
  const rank = (name: string) => row(name).locator('.rank').textContent();
  await expect.poll(() => rank('best')).toMatch(/^=1\(1–\d+\)\*≈ best$/);
  await expect.poll(() => rank('near')).toMatch(/^=1\(1–\d+\)\*≈ best$/);
  await expect.poll(() => rank('alert')).toMatch(/^3\(\d–\d+\)\*/);
  await page.getByText('over all pairs of', { exact: false }).waitFor();
  await expect.poll(() => row('best').first().textContent()).toContain('3 of 44');
  await expect.poll(() => row('alert').getByRole('button').textContent()).toBe('0.900 †');
  // It is in no average unless asked for.
  const average = page.locator('td', { hasText: '0 of 1' });
  await expect.poll(() => row('alert').locator(average).first().textContent()).toContain('–');
  await page.getByText('Filters').click();
  await page.getByLabel('Selection scores (†)').selectOption('include');
  await page.waitForURL('**selection=include**');
  await row('alert').getByText('0.900', { exact: false }).nth(1).waitFor();
  await close();
});

it('says beside intervals what they generalise to', async () => {
  const { page, close } = await visit(browser, service.url, '/?open=average&open=neural&open=V1');
  const interval = page.locator('.board small.interval[title]').first();
  const words = 'new neuroids (102); two animals say nothing about other animals';
  expect(await interval.getAttribute('title')).toBe(`Generalises to ${words}`);
  await page
    .getByText(`The 95 % interval on ${V1}, ${V2}, ${IT} generalises to ${words}.`)
    .waitFor();
  await page.goto(`${service.url}/benchmarks/${V1}`);
  await page.getByText(`The 95 % interval on ${V1} generalises to ${words}.`).waitFor();
  await close();
});

it('shows raw score and ceiling, by the keyboard alone', async () => {
  const { page, close } = await visit(browser, service.url, '/?open=average&open=neural&open=V1');
  await page.getByRole('link', { name: 'best', exact: true }).focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await expect.poll(() => page.locator(':focus').textContent()).toBe('0.600');
  await page.keyboard.press('Enter');
  const detail = page.getByRole('dialog', { name: `${V1}, best` });
  await detail.getByText('0.710 ± 0.010').waitFor();
  await expect.poll(() => detail.textContent()).toContain('0.870 ± 0.010');
  await expect.poll(() => detail.textContent()).toContain('layer1.0');
  expect(await accessibilityFaults(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await detail.waitFor({ state: 'detached' });
  await expect.poll(() => page.locator(':focus').textContent()).toBe('0.600');
  await close();
});

it('keeps the rank of a model whatever the search and the filters leave of the others', async () => {
  const { page, close } = await visit(browser, service.url, '/?search=alert');
  await page.getByText('1 of 234 models shown').waitFor();
  await expect.poll(() => page.locator('tbody .rank').textContent()).toMatch(/^3\(\d–\d+\)\*$/);
  await page.getByLabel('Search models').fill('best');
  await expect
    .poll(() => page.locator('tbody .rank').textContent())
    .toMatch(/^=1\(1–\d+\)\*≈ best$/);
  await close();
});

it('has columns of what cards say, and filters by it, both in the address', async () => {
  const { page, close } = await visit(browser, service.url, '/');
  await page.locator('.board tbody th a', { hasText: 'best' }).waitFor();
  await page.getByText('Columns', { exact: true }).click();
  for (const fact of ['Family', 'Parameters'])
    await page.getByRole('checkbox', { name: fact }).check();
  const row = page.locator('.board tbody tr', { hasText: 'best' }).first();
  await expect.poll(() => row.locator('.fact').allTextContents()).toEqual(['25.6 M', 'resnet']);
  await page.getByText('Columns', { exact: true }).click();
  await expect.poll(() => row.locator('.rank').textContent()).toMatch(/^=1/);
  await page.getByText('Models', { exact: true }).click();
  const family = page.getByPlaceholder('resnet,vit');
  await family.fill('!unknown,!resnet');
  await family.press('Enter');
  await expect.poll(() => names(page)).toEqual(['near']);
  await page.getByText(/^1 of \d+ models shown/).waitFor();
  await family.fill('resnet,vit');
  await family.press('Enter');
  await expect.poll(() => names(page)).toEqual(['best', 'near', 'resnet-20']);
  // Its rank is that among all.
  await expect.poll(() => row.locator('.rank').textContent()).toMatch(/^=1/);
  const parameters = page.getByPlaceholder('1M..30M');
  await parameters.fill('20M..30M');
  await parameters.press('Enter');
  await expect.poll(() => names(page)).toEqual(['best']);
  const { searchParams } = new URL(page.url());
  expect(searchParams.get('family')).toBe('resnet,vit');
  expect(searchParams.getAll('show').sort()).toEqual(['family', 'parameters']);
  // Another browser sees the same.
  const other = await visit(browser, service.url, new URL(page.url()).search);
  await expect.poll(() => names(other.page)).toEqual(['best']);
  await other.page.getByRole('columnheader', { name: 'Family' }).waitFor();
  await other.close();
  await parameters.fill('lots');
  await parameters.press('Enter');
  await page
    .getByText(/parameters: expected a number or a range/)
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'Remove the filter Parameters' }).click();
  await page.getByRole('button', { name: 'Remove the filter Family' }).click();
  await page.getByRole('button', { name: 'Parameters', exact: true }).click();
  await expect.poll(async () => (await names(page)).slice(0, 2)).toEqual(['near', 'best']);
  await close(/400/);
});

it('shows uploaded recordings beside the real ones, and says what is uploaded and what is random', async () => {
  const { page, close } = await visit(browser, service.url, '/');
  const row = (name: string) =>
    page.locator('tbody tr', { has: page.locator('th', { hasText: name }) });
  await expect.poll(() => header(page, 'lab.V4').textContent()).toMatch(/uploaded$/);
  await expect.poll(() => row('best').first().textContent()).toContain('0.450');
  // It enters no average: V4 has none.
  await expect
    .poll(() => row('best').first().locator('td').nth(5).textContent())
    .toMatch(/^– 0 of/);
  await page.getByRole('link', { name: 'About lab.V4' }).click();
  await page.waitForURL('**/benchmarks/bmk_lab');
  await expect.poll(() => page.locator('h1').textContent()).toBe('lab.V4 uploaded');
  await page.goto(`${service.url}/?sort=name&search=resnet`);
  await expect.poll(() => row('resnet-20').locator('th').textContent()).toMatch(/random weights$/);
  // What was uploaded is a record here, without its files.
  await close(/422/);
  const plain = await visit(browser, service.url, '/?search=resnet', { javaScriptEnabled: false });
  await expect.poll(() => plain.page.locator('tbody th').textContent()).toMatch(/random weights$/);
  await plain.close();
});

it('says the same interval of an average as of its only benchmark', async () => {
  const { page, close } = await visit(browser, service.url, '/?benchmark=bmk_lab&open=all');
  await expect
    .poll(() => page.locator('tbody .interval').allTextContents())
    .toEqual(Array(4).fill('[0.400, 0.470]'));
  await close();
});

it('checks a formula as it is written, and shows it as a column', async () => {
  const { page, close } = await visit(browser, service.url, '/');
  await page.getByText('Formulas').click();
  const field = page.getByLabel('Formula', { exact: true });
  await field.fill('V1 + V9');
  await page.getByText('“V9” is not one of average').waitFor();
  await field.fill('V1 + (V2');
  await page.getByText('Parenthesis ) expected').waitFor();
  await field.fill('b("V9")');
  await field.press('Enter');
  await page.getByText('there is no benchmark "V9"').waitFor();
  await field.fill('2 * V1 - V2');
  await field.press('Enter');
  await sorter(page, '2 * V1 - V2').click();
  await page.waitForURL('**sort=-column.0');
  await expect.poll(() => page.locator('tbody tr').first().textContent()).toContain('0.200');
  await page.getByRole('button', { name: 'Remove 2 * V1 - V2' }).click();
  await page.waitForURL(/\/$/);
  await close(/422/);
});

it('draws the rows that can be seen, counts all, and reads those that one scrolls to at once', async () => {
  const { page, close } = await visit(browser, service.url, '/?sort=name');
  const asked: string[] = [];
  page.on('request', (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname === '/v1/leaderboard') asked.push(searchParams.get('offset') ?? '0');
  });
  const table = page.getByRole('table');
  await expect.poll(() => table.getAttribute('aria-rowcount')).toBe(String(MANY + 5));
  await expect.poll(() => page.locator('tbody tr').count()).toBeLessThan(60);
  await page.locator('.board-scroll').focus();
  await page.keyboard.press('End');
  const last = page.locator(`tr[aria-rowindex="${MANY + 5}"]`);
  await last.waitFor();
  await expect.poll(() => last.locator('a').textContent()).toBe('resnet-20');
  expect(asked.some((offset) => Number(offset) > MANY - 100)).toBe(true);
  await expect.poll(() => page.locator('tbody tr').count()).toBeLessThan(60);
  await page.evaluate(`dispatchEvent(new Event('beforeprint'))`);
  await expect.poll(() => page.locator('tr[aria-rowindex]').count()).toBe(MANY + 5);
  await close();
});

it('gives all models of the view as CSV, JSON and Markdown', async () => {
  const { page, close } = await visit(browser, service.url, '/?search=a&column=V1*2');
  const saved = async (format: string) =>
    readFile(await (await exported(page, 'the leaderboard', format)).path(), 'utf8');
  const rows: Record<string, string>[] = parse(await saved('CSV'), { columns: true });
  const board = JSON.parse(await saved('JSON'));
  const table = (await saved('Markdown')).split('\n').filter((line) => line.startsWith('|'));
  expect(rows).toHaveLength(MANY + 2);
  expect(rows.map(({ model }) => model)).toEqual(
    board.items.map(({ model }: { model: string }) => model),
  );
  expect(rows[0]).toMatchObject({ name: 'near', 'V1*2': '0.6' });
  expect(table).toHaveLength(MANY + 4);
  await close();
});

it('leads to a comparison of the models that are chosen', async () => {
  const { page, close } = await visit(browser, service.url, '/');
  await page.getByLabel('Compare best').check();
  await page.getByText('Choose one more').waitFor();
  await page.getByLabel('Compare near').check();
  await page.getByRole('link', { name: 'Compare 2 models' }).click();
  await page.waitForURL('**/compare?model=mdl_best&model=mdl_near');
  await close();
});

it('shows simulated scores apart, and says so', async () => {
  const { page, close } = await visit(browser, service.url, '/?sort=-V1&open=V1');
  await page.getByLabel('Simulated').check();
  await page.getByText('never about a brain').waitFor();
  await page.getByText('1 model, by average').waitFor();
  await expect.poll(() => names(page)).toEqual(['made']);
  await page.getByLabel('Real').check();
  await page.getByText('234 models, by').waitFor();
  await close();
});

describe.each(['light', 'dark'] as const)('in the %s', (colorScheme) => {
  it('has nothing that axe-core finds, with every panel open, on a narrow screen too', async () => {
    const viewport = { width: colorScheme === 'light' ? 1280 : 360, height: 800 };
    const { page, close } = await visit(
      browser,
      service.url,
      '/?open=all&column=V1&pick=mdl_best',
      {
        ...{ colorScheme, viewport },
      },
    );
    for (const panel of ['Filters', 'Columns', 'Formulas'])
      await page.getByText(panel).first().click();
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width);
    await close();
  });
});

it('shows the board of an earlier date, says so, and leads back; ranks over time and correlations open on their pages', async () => {
  const today = new Date().toISOString().slice(0, 10);
  const { page, close } = await visit(browser, service.url, '/');
  await page.getByLabel('As of').fill('2001-02-03');
  await page.getByText('at the end of 2001-02-03 (UTC)').waitFor();
  expect(new URL(page.url()).searchParams.get('at')).toBe('2001-02-03');
  await page.getByText('No model has a score that matches').waitFor();
  await page.getByLabel('As of').fill(today);
  await expect.poll(async () => (await names(page)).slice(0, 2)).toEqual(['best', 'near']);
  expect(await accessibilityFaults(page)).toEqual([]);
  await page.getByRole('button', { name: 'Show the current leaderboard' }).click();
  await expect.poll(() => new URL(page.url()).search).toBe('');
  await page.goto(`${service.url}/models/mdl_best`);
  await page.getByText('Rank over time').first().click();
  await page.getByText('entered at rank').waitFor();
  expect(await page.getByRole('link', { name: today }).getAttribute('href')).toBe(`/?at=${today}`);
  await page.goto(`${service.url}/benchmarks`);
  await page.getByText('Correlations of benchmarks').first().click();
  await page.getByText('No two benchmarks have four models in common yet.').waitFor();
  expect(await accessibilityFaults(page)).toEqual([]);
  // Made scores lack what the page of a model asks for beside.
  await close(/\/v1\/scores/);
});

it('shows what was scored while it is looked at', async () => {
  const { page, close } = await visit(browser, service.url, '/?simulated=true');
  // Its hands are turned: nobody waits for the next look.
  await page.clock.install();
  await page.reload();
  await page.getByRole('link', { name: 'made', exact: true }).waitFor();
  const asked = { model: 'pixels', benchmarks: ['Simulated.V1-pls'] };
  const job = await service.post('/v1/scores', asked, { Prefer: 'wait=60' });
  expect(job.body.state).toBe('succeeded');
  await page.clock.fastForward(10_000);
  await page.getByRole('link', { name: 'pixels', exact: true }).waitFor();
  await close();
});

it('of a new service shows what is simulated, and nothing to who has no key', async () => {
  const place = await madePlace(suiteEngine, 'ventral-new-board-');
  const store = await openHomeStore(place.home, place);
  await madeModel(store.database, 'mdl_made', { name: 'made', visibility: 'private' });
  await madeScores(store.database, {
    ...{ id: 'job_made', model: 'mdl_made', scores: { 'Simulated.V1-pls': 0.8 } },
  });
  await store.close();
  const fresh = await runningService(place);
  const { page, close } = await visit(browser, fresh.url, '/');
  await page.getByText('never about a brain').waitFor();
  await expect.poll(() => names(page)).toEqual(['made']);
  await sorter(page, 'V1').click();
  await page.waitForURL('**/?simulated=true&sort=-simulated.V1');
  await page.getByLabel('Real').check();
  await page.getByText('No model has a score on a real benchmark yet').waitFor();
  await close();

  const key = async (owner: string, role: string, token?: string) => {
    const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
    const made = await fresh.post('/v1/keys', { name: owner, owner, role }, headers);
    return made.body.key as string;
  };
  const admin = await key('root', 'admin');
  const reader = await key('carol', 'reader', admin);
  expect((await fresh.get('/')).text).not.toContain('made');
  const other = await visit(browser, fresh.url, '/', { key: reader });
  await other.page.getByText('No model has a score on a real benchmark yet').waitFor();
  await other.close();
  const own = await visit(browser, fresh.url, '/', { key: admin });
  await own.page.getByText('never about a brain').waitFor();
  await expect.poll(() => names(own.page)).toEqual(['made']);
  await own.close();
  await fresh.stop();
  await rm(fresh.home, { recursive: true, force: true });
});

it('opens on uploaded recordings where there are no other real scores, for their owner alone', async () => {
  const place = await madePlace(suiteEngine, 'ventral-lab-board-');
  const store = await openHomeStore(place.home, place);
  await madeModel(store.database, 'mdl_net', { name: 'net', owner: 'ada' });
  await madeModel(store.database, 'mdl_low', { name: 'low', owner: 'ada' });
  const own = { owner: 'ada', visibility: 'private' } as const;
  await madeUpload(store.database, 'bmk_lab', [{ id: 'lab.V4', region: 'V4' }], own);
  const scored = (model: string, scores: Record<string, number>, sources: string[]) =>
    madeScores(store.database, {
      ...{ id: `job_${model}_${sources[0]}`, model: `mdl_${model}`, owner: 'ada', scores, sources },
    });
  await scored('net', { 'Simulated.V1-pls': 0.8 }, ['Simulated.V1-pls']);
  await scored('net', { 'lab.V4': 0.45 }, ['bmk_lab']);
  await scored('low', { 'lab.V4': 0.3 }, ['bmk_lab']);
  await store.close();
  const lab = await runningService(place);
  const root = await makeKey(lab, { name: 'root', role: 'admin' });
  const ada = await makeKey(lab, { name: 'ada', role: 'member' }, root.key);
  const bob = await makeKey(lab, { name: 'bob', role: 'member' }, root.key);
  const hers = await visit(browser, lab.url, '/', { key: ada.key });
  await expect.poll(() => names(hers.page)).toEqual(['net', 'low']);
  await expect.poll(() => hers.page.getByLabel('Real').isChecked()).toBe(true);
  await expect
    .poll(() => hers.page.locator('tbody tr').first().textContent())
    .toMatch(/^1\(1–1\)\*net0\.450/);
  await hers.close();
  const his = await visit(browser, lab.url, '/', { key: bob.key });
  await his.page.getByText('never about a brain').waitFor();
  expect((await bob.get('/v1/leaderboard')).text).not.toContain('lab.V4');
  expect((await bob.get('/v1/leaderboard')).body).toMatchObject({ models: 0, total: 0 });
  await his.close();
  await lab.stop();
  await rm(lab.home, { recursive: true, force: true });
});
