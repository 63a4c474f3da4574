import { readFile, rm } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import type { Queries } from '../../src/store/database/database.js';
import { openHomeStore } from '../../src/store/home-store.js';
import { type RunningService, runningService, suiteEngine } from '../service/running-service.js';
import { madePlace } from '../store/engines.js';
import { digestFor, madeModel, madeScores } from '../store/made-scores.js';
import { accessibilityFaults, exported, holdBack, openBrowser, visit } from './browser.js';

const V1 = 'FreemanZiemba2013.V1-pls';
const V4 = 'MajajHong2015.V4-pls';
const IT = 'MajajHong2015.IT-pls';
const HOSTILE = `<script>alert(1)</script>\u202e${'x'.repeat(150)}`;
const versions = new Map(listBenchmarks().map(({ id, version }) => [id, version]));

let browser: Browser;
let service: RunningService;
beforeAll(async () => {
  const place = await madePlace(suiteEngine, 'ventral-compare-');
  const store = await openHomeStore(place.home, place);
  await fill(store.database);
  await store.close();
  [browser, service] = await Promise.all([openBrowser(), runningService(place)]);
});
afterAll(async () => {
  await browser.close();
  await service.stop();
  await rm(service.home, { recursive: true, force: true });
});

/** A score of this half width. */
const about = (value: number, half = 0.02) => ({
  ...{ value, ci: [value - half, value + half] as const },
});

async function fill(queries: Queries): Promise<void> {
  const model = async (id: string, name: string, scores: Record<string, object>) => {
    // Checkpoints of a training say what they are.
    const card = id.startsWith('run') ? { weights: 'trained' } : undefined;
    await madeModel(queries, `mdl_${id}`, { name, ...(card && { card }) });
    const at = Object.entries(scores).map(([benchmark, score]) => [
      benchmark,
      { version: versions.get(benchmark), ...score },
    ]);
    await madeScores(queries, {
      ...{ id: `job_${id}`, model: `mdl_${id}`, scores: Object.fromEntries(at) },
    });
  };
  await model('first', 'first', {
    ...{ [V1]: about(0.4), [V4]: about(0.5), [IT]: about(0.45) },
    'FreemanZiemba2013public.V1-pls': about(0.37),
  });
  await model('second', 'second', { [V1]: about(0.41), [V4]: about(0.6), [IT]: about(0.3) });
  await model('third', HOSTILE, { [V1]: about(0.2), [V4]: { ...about(0.7), selection: true } });
  await model('made', 'made', { 'Simulated.V1-pls': about(0.9) });
  for (let epoch = 0; epoch < 4; epoch++)
    await model(`run${epoch}`, `run plain-epoch${epoch}`, {
      [V1]: about(0.2 + 0.05 * epoch),
      [IT]: about(0.1 + 0.08 * epoch, 0.01),
    });
  await model('size20', 'resnet-20', { [V1]: about(0.3), [V4]: about(0.3) });
  await model('size50', 'resnet-50', { [V1]: about(0.35), [V4]: about(0.33) });
  await madeModel(queries, 'mdl_bare', { name: 'bare' });
  await madeScores(queries, {
    id: 'job_random',
    model: 'resnet-50',
    owner: 'ventral',
    scores: { [V1]: { version: versions.get(V1), ...about(0.1) } },
  });
  await madeMap(queries, 'size20', ['layer1', 'layer2', 'layer3', 'layer4'], [0.1, 0.4, 0.3, 0.2]);
  await madeMap(queries, 'first', ['layer1', 'layer2', 'layer3'], [0.1, 0.3, 0.2]);
  await madeMap(queries, 'second', ['layer1', 'layer2', 'layer3'], [0.1, 0.2, 0.35]);
}

const part = (value: number) => ({ value, error: 0.01, splits: [value] });

function madeCell(model: string, layer: string, value: number) {
  return {
    ...{ benchmark: 'Simulated.V1-pls', version: 1, region: 'V1', simulated: true },
    ...{ verified: false, model: digestFor(`mdl_${model}`), name: model, layer },
    ...{ layerChoice: { by: 'flag' }, selection: true, error: 0.01 },
    ...{ value, ci: [value - 0.03, value + 0.03], formula: 'raw^2/ceiling', errorOf: 'raw' },
    ...{ errorKind: 'std over splits', raw: part(value), ceiling: part(0.9), warnings: [] },
    provenance: {},
  };
}

/** A map of one benchmark, whose best layer is chosen. */
async function madeMap(
  queries: Queries,
  model: string,
  layers: readonly string[],
  values: readonly number[],
): Promise<void> {
  const best = layers[values.indexOf(Math.max(...values))];
  const map = {
    ...{ model: digestFor(`mdl_${model}`), name: model, benchmarks: ['Simulated.V1-pls'] },
    layers: layers.map((layer, i) => ({
      ...{ layer, units: 100, depth: i + 1 },
      cells: { 'Simulated.V1-pls': madeCell(model, layer, values[i]) },
    })),
    chosen: { 'Simulated.V1-pls': { layer: best, tied: [], choice: { by: 'card' } } },
    plan: { layers: [], sets: [], memory: 0, scratch: 0 },
    provenance: {
      ...{ ventral: '0.1.0', inputs: 'sha256:0', seconds: 1, peakRssMiB: 1, selection: 'highest' },
      runtime: { ort: '1', provider: 'cpu', threads: 1 },
    },
  };
  const job = `job_map${model}`;
  await queries.query(
    `insert into jobs (id, kind, state, owner, registration, model, digest, model_name, card, benchmarks, sources, keys, holdout)
     values ($1, 'layer-map', 'succeeded', 'local', $2, $2, $3, $4, '{}', $5, $5, '[]', false)`,
    [job, `mdl_${model}`, digestFor(`mdl_${model}`), model, '["Simulated.V1-pls"]'],
  );
  await queries.query('insert into layer_maps (job, key, map) values ($1, $1, $2)', [
    ...[job, JSON.stringify(map)],
  ]);
  await queries.query('update jobs set map_of = $1 where id = $1', [job]);
}

const rowOf = (page: Page, title: string) =>
  page.locator('.differences tbody tr', { has: page.locator('th', { hasText: title }) });

const saved = async (page: Page, of: string, file: string): Promise<string> =>
  readFile(await (await exported(page, of, file)).path(), 'utf8');

it('goes from nothing chosen to two models by the keyboard, and the address says it', async () => {
  const { page, close } = await visit(browser, service.url, '/compare');
  const search = page.getByRole('searchbox', { name: 'Search models' });
  await search.fill('second');
  await page.getByRole('button', { name: 'Add second' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Remove second' }).waitFor();
  await page.getByRole('searchbox', { name: 'Search models' }).fill('first');
  await page.getByRole('button', { name: 'Add first' }).press('Enter');
  await page.getByRole('heading', { name: 'Differences from second' }).waitFor();
  await expect.poll(() => new URL(page.url()).search).toBe('?model=mdl_second&model=mdl_first');
  await page.getByRole('radio', { name: 'first' }).check();
  await page.getByRole('heading', { name: 'Differences from first' }).waitFor();
  await page.getByRole('button', { name: 'Remove second' }).click();
  await page.getByText('Choose at least one more model').waitFor();
  await expect.poll(() => new URL(page.url()).searchParams.getAll('model')).toEqual(['mdl_first']);
  await close();
});

it('tells what differs from what does not, averages before leaves, and saves it', async () => {
  const { page, close } = await visit(
    browser,
    service.url,
    '/compare?model=mdl_first&model=mdl_second',
    { acceptDownloads: true },
  );
  await page.getByRole('table', { name: /Averages come before/ }).waitFor();
  // Without the chip of a benchmark.
  const titles = (await page.locator('.differences tbody th').allTextContents()).map((title) =>
    title.replace(/ real$/, ''),
  );
  expect(titles.indexOf('V4')).toBe(titles.indexOf(V4) - 1);
  expect(titles[0]).toBe('average');
  // 0.01 ± √2 · 0.02, and 0.1 ± as much.
  await expect
    .poll(() => rowOf(page, V1).textContent())
    .toContain('not distinguishable: +0.010 [-0.018, 0.038]');
  await expect.poll(() => rowOf(page, V4).textContent()).toContain('higher: +0.100 [0.072, 0.128]');
  await expect
    .poll(() => rowOf(page, IT).textContent())
    .toContain('lower: -0.150 [-0.178, -0.122]');
  const rows = parse(await saved(page, 'the comparison', 'CSV'), { columns: true }) as Record<
    string,
    string
  >[];
  expect(rows.find((row) => row.column === V4 && row.model === 'mdl_second')).toMatchObject({
    value: '0.6',
    from: 'mdl_first',
    different: 'true',
  });
  const json = JSON.parse(await saved(page, 'the comparison', 'JSON'));
  expect(json).toMatchObject({ simulated: false });
  // Each difference says for itself whether it is paired: these scores have no draws.
  expect(
    json.rows.find(
      (row: { column: string; model: string }) => row.column === V4 && row.model === 'mdl_second',
    ),
  ).toMatchObject({ paired: false, reason: expect.stringMatching(/score again/) });
  const figure = await saved(page, 'the comparison', 'Figure, two columns (SVG)');
  expect(figure).toMatch(/^<svg [^>]*width="180mm"/);
  for (const word of ['first', 'second', 'V4', 'average', 'score (1 = ceiling)'])
    expect(figure).toContain(`>${word}</text>`);
  await page.getByLabel('Show only rows that differ').check();
  await rowOf(page, V1).waitFor({ state: 'detached' });
  await expect.poll(() => rowOf(page, V4).count()).toBe(1);
  await expect.poll(() => new URL(page.url()).searchParams.get('differing')).toBe('1');
  await page.getByLabel('Show only rows that differ').uncheck();
  await page.getByLabel('Stimulus set').selectOption('public');
  await rowOf(page, 'FreemanZiemba2013public.V1-pls').waitFor();
  await close();
});

it('saves nothing of the models before while those chosen now are read', async () => {
  const { page, close } = await visit(
    browser,
    service.url,
    '/compare?model=mdl_first&model=mdl_second',
  );
  const save = page.getByRole('button', { name: 'Export Differences', exact: true });
  await expect.poll(() => save.isEnabled()).toBe(true);
  const release = await holdBack(page, '**/v1/differences?**');
  await page.getByText(/^Add a model/).click();
  await page.getByRole('button', { name: 'Add run plain-epoch3', exact: true }).click();
  await expect
    .poll(() => new URL(page.url()).searchParams.getAll('model'))
    .toEqual(['mdl_first', 'mdl_second', 'mdl_run3']);
  for (const each of await page.getByRole('button', { name: /^Export/ }).all())
    expect(await each.isDisabled()).toBe(true);
  expect(await page.locator('.differences thead').textContent()).not.toContain('run plain-epoch3');
  release();
  await expect.poll(() => save.isEnabled()).toBe(true);
  const download = await exported(page, 'Differences', 'Figure, one column (SVG)');
  expect(await readFile(await download.path(), 'utf8')).toContain('run plain-epoch3');
  await close();
});

it('shows no layer maps of the models before while those chosen now are read', async () => {
  const now = '/compare?model=mdl_first&model=mdl_size20';
  const { page, close } = await visit(browser, service.url, now);
  const heads = page.locator('.side-by-side h3');
  await expect.poll(() => heads.allTextContents()).toEqual(['first', 'resnet-20']);
  const release = await holdBack(page, '**/v1/layer-maps?**');
  // As Back and Forward do: another model, as many as before.
  const other = '/compare?model=mdl_first&model=mdl_second';
  await page.evaluate(
    `history.pushState(null, '', '${other}'), dispatchEvent(new Event('popstate'))`,
  );
  await page.getByText('Loading layer maps…').waitFor();
  expect(await heads.count()).toBe(0);
  release();
  await expect.poll(() => heads.allTextContents()).toEqual(['first', 'second']);
  await close();
});

it('says the same numbers as the board, and which weights are random', async () => {
  const { page, close } = await visit(
    browser,
    service.url,
    '/compare?model=mdl_second&model=mdl_third&model=resnet-50',
  );
  await page.getByRole('table', { name: /Averages come before/ }).waitFor();
  const { items } = (await service.get('/v1/leaderboard?limit=200')).body;
  // Of two that were scored on other benchmarks, each over the whole tree.
  for (const model of ['mdl_second', 'mdl_third']) {
    const item = items.find((each: { model: string }) => each.model === model);
    const shown = item.averages.average.value.toFixed(3);
    await expect.poll(() => rowOf(page, 'average').first().textContent()).toContain(shown);
  }
  const heads = page.locator('.differences thead th');
  await expect.poll(() => heads.last().textContent()).toMatch(/resnet-50 random weights$/);
  await expect.poll(() => page.locator('.chosen-models').textContent()).toContain('random weights');
  await expect.poll(() => rowOf(page, V1).locator('th').textContent()).toBe(`${V1} real`);
  await close();
});

it('calls layers the same within one architecture alone', async () => {
  const { page, close } = await visit(
    browser,
    service.url,
    '/compare?model=mdl_first&model=mdl_size20',
  );
  const row = page
    .getByRole('table', { name: /The layer chosen by each map/ })
    .getByRole('row', { name: /Simulated.V1-pls/ });
  await expect.poll(() => row.textContent()).toContain('layer2 0.400 at 50 %');
  await expect.poll(() => row.textContent()).toContain('17 percentage points shallower');
  await expect.poll(() => row.textContent()).not.toContain('same layer');
  await close();
});

it('keeps hostile names text, marks selection scores and says what is missing', async () => {
  const { page, close } = await visit(
    browser,
    service.url,
    '/compare?model=mdl_first&model=mdl_third&model=mdl_bare&model=mdl_none',
    { viewport: { width: 360, height: 800 } },
  );
  await page.getByRole('table', { name: /Averages come before/ }).waitFor();
  await expect.poll(() => rowOf(page, V4).textContent()).toContain('0.700†');
  await expect
    .poll(() => rowOf(page, IT).textContent())
    .toContain('not comparable: a score is missing');
  await expect
    .poll(() => page.locator('.chosen-models').textContent())
    .toContain('No scores on these benchmarks');
  await expect.poll(() => page.locator('.chosen-models').textContent()).toContain('mdl_none');
  await expect.poll(() => page.locator('bdi', { hasText: '<script>' }).count()).toBeGreaterThan(1);
  const width = await page.evaluate<number>('document.documentElement.scrollWidth');
  expect(width).toBeLessThanOrEqual(360);
  // The service says of mdl_none that it is not there, and the browser notes every such answer.
  await close(/404/);
});

it('shows simulated scores alone where there are no real ones, and says so', async () => {
  const { page, close } = await visit(browser, service.url, '/compare?model=mdl_made');
  // Figures say it, too.
  const notice = page.locator('.notice', { hasText: 'Stimuli and recordings are generated' });
  await notice.waitFor();
  await expect
    .poll(() => page.getByRole('combobox', { name: 'Benchmarks' }).inputValue())
    .toBe('true');
  await page.getByRole('combobox', { name: 'Benchmarks' }).selectOption('Real recordings');
  await notice.waitFor({ state: 'detached' });
  await expect.poll(() => new URL(page.url()).searchParams.get('simulated')).toBe('false');
  await close();
});

it('sets two benchmarks against each other, for all models that one sees', async () => {
  const { page, close } = await visit(
    browser,
    service.url,
    `/compare?model=mdl_first&model=mdl_second&x=${V1}&y=${IT}`,
  );
  const figure = page.locator('figure', { has: page.getByText('Scatter', { exact: true }) });
  await figure.locator('svg').first().waitFor();
  await page.getByText('6 of 10 models have scores on both').waitFor();
  await expect.poll(() => figure.locator('svg text', { hasText: 'second' }).count()).toBe(1);
  await expect
    .poll(() => figure.locator('svg text').allTextContents())
    .toContainEqual(expect.stringMatching(/^r = −?\d\.\d\d \[.+\], ρ = .+, n = 6 models$/));
  await figure.getByText('as a table').click();
  await expect.poll(() => figure.locator('tbody tr').count()).toBe(6);
  await page.getByLabel('Y axis').selectOption(V4);
  await page.getByText('5 of 10 models have scores on both').waitFor();
  await close();
});

it('draws a figure in the theme of the page, tells its values by the keyboard, and saves it on a light ground', async () => {
  const { page, close } = await visit(
    browser,
    service.url,
    `/compare?model=mdl_first&model=mdl_second&x=${V1}&y=${IT}`,
    { colorScheme: 'dark', acceptDownloads: true },
  );
  const figure = page.locator('figure', { has: page.getByText('Scatter', { exact: true }) });
  await figure.locator('svg').first().waitFor();
  const fill = 'getComputedStyle(document.querySelector(".chart svg text")).fill';
  expect(await page.evaluate(fill)).toBe('rgb(230, 235, 241)');
  await figure.locator('.drawn').focus();
  await page.keyboard.press('ArrowRight');
  await expect
    .poll(() => figure.locator('.value-shown').textContent())
    .toMatch(
      /^.+: FreemanZiemba2013\.V1-pls 0\.\d{3} \[.+\], MajajHong2015\.IT-pls 0\.\d{3} \[.+\]$/,
    );
  await page.keyboard.press('End');
  // The square of the second model, behind that of the legend.
  await figure.locator('svg polygon').last().hover({ force: true });
  await expect.poll(() => figure.locator('.value-shown').textContent()).toMatch(/^second: /);
  const download = async (item: string) => {
    const file = await exported(page, 'Scatter', item);
    expect(file.suggestedFilename()).toMatch(
      /^scatter_FreemanZiemba2013\.V1-pls_MajajHong2015\.IT-pls_\d{4}-\d\d-\d\d\.(svg|png|csv)$/,
    );
    return readFile(await file.path());
  };
  const svg = (await download('Figure, one column (SVG)')).toString();
  expect(svg).toMatch(/^<svg [^>]*width="85mm"/);
  expect(svg).toContain('fill="#ffffff"/>');
  expect(svg).toContain('@font-face{font-family:Arimo;src:url(data:font/ttf;base64,');
  expect(svg).not.toContain('var(');
  const png = await download('Figure, two columns (PNG)');
  const { width, density, format } = await sharp(png).metadata();
  expect([format, Math.round((width / (density ?? 1)) * 25.4)]).toEqual(['png', 180]);
  const corner = await sharp(png)
    .extract({ left: 0, top: 0, width: 1, height: 1 })
    .raw()
    .toBuffer();
  expect([...corner.subarray(0, 3)]).toEqual([255, 255, 255]);
  const rows = parse(await download('Figure, values (CSV)'), { columns: true });
  expect(rows).toHaveLength(6);
  expect(rows[0]).toMatchObject({ simulated: 'false', x_ci_low: expect.stringMatching(/^0\.\d+/) });
  await close();
});

it('puts layer maps side by side and says where they go apart', async () => {
  const { page, close } = await visit(
    browser,
    service.url,
    '/compare?model=mdl_first&model=mdl_second&model=mdl_third',
  );
  const table = page.getByRole('table', { name: /The layer chosen by each map/ });
  await table.waitFor();
  const row = table.getByRole('row', { name: /Simulated.V1-pls/ });
  await expect.poll(() => row.textContent()).toContain('layer2 0.300 at 67 %');
  await expect.poll(() => row.textContent()).toContain('layer3 0.350 at 100 %≠ layer2');
  await expect.poll(() => page.getByRole('grid').count()).toBe(2);
  await page.getByText('No layer map.').waitFor();
  await close();
});

it('draws models whose names end in an epoch as one training, and no other numbers', async () => {
  const { page, close } = await visit(browser, service.url, '/compare?series=run+plain', {
    acceptDownloads: true,
  });
  const series = page.getByRole('combobox', { name: 'Series' });
  await series.waitFor();
  await expect
    .poll(() => series.locator('option').allTextContents())
    .toEqual(['none', 'run plain (4 models)']);
  const figure = page.locator('figure', { has: page.getByText('Regions over training') });
  await figure.locator('svg').waitFor();
  await figure.getByText('as a table').click();
  const rows = await figure.locator('tbody tr').allTextContents();
  expect(rows).toHaveLength(4);
  expect(rows[3]).toMatch(/^3run plain-epoch3 trained0\.175 .*0\.340 /);
  // Averages are of the recordings of the catalog alone.
  expect(await figure.locator('thead .chip').allTextContents()).toEqual(['real', 'real']);
  const drawn = await saved(page, 'Regions over training', 'Figure, one column (SVG)');
  for (const word of ['epoch', 'V1', 'score (1 = ceiling)'])
    expect(drawn).toContain(`>${word}</text>`);
  await close();
});

it('reads a series again while it is looked at', async () => {
  const { page, close } = await visit(browser, service.url, '/compare?series=run+plain');
  await page.clock.install();
  await page.reload();
  const figure = page.locator('figure', { has: page.getByText('Regions over training') });
  await figure.locator('svg').waitFor();
  const again = page.waitForResponse((response) => response.url().includes('/v1/leaderboard?'));
  await page.clock.fastForward(16_000);
  expect((await again).ok()).toBe(true);
  await close();
});

it.each(['light', 'dark'] as const)(
  'has nothing that axe-core finds in the %s',
  async (colorScheme) => {
    const { page, close } = await visit(
      browser,
      service.url,
      '/compare?model=mdl_first&model=mdl_second&model=mdl_third&series=run+plain',
      { colorScheme },
    );
    await page.getByRole('grid').first().waitFor();
    await page.locator('figure svg').nth(2).waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await close();
  },
);
