import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeZip } from '../../src/formats/zip.js';
import { oraclePath } from '../oracle.js';
import { card, network, type RunningService, runningService } from '../service/running-service.js';
import { accessibilityFaults, exported, openBrowser, visit } from './browser.js';

const V1 = 'FreemanZiemba2013public.V1-pls';
const V2 = 'FreemanZiemba2013public.V2-pls';
const PROPERTY = 'Marques2020_DeValois1982-peak_sf';
const hostile = `<script>alert(1)</script>\u202egpj.exe ${'x'.repeat(150)}`;

let browser: Browser;
let service: RunningService;
let model: string;

/** Asks the stub for a score; `what` says what it does. */
const score = (what: string, benchmarks: string[]) =>
  service.post('/v1/scores', { model, benchmarks, layers: { V1: what } }, { Prefer: 'wait=30' });
const upload = async (name: string, content: Uint8Array) =>
  (
    await service.upload([
      { name: 'file', filename: 'net.onnx', content },
      { name: 'card', content: await card() },
      { name: 'name', content: name },
    ])
  ).body.id as string;

beforeAll(async () => {
  [browser, service] = await Promise.all([openBrowser(), runningService()]);
  model = await upload(hostile, await network());
  await score('score', [V1]);
  await score('score', [PROPERTY]);
  await score('part', [V2]);
  const map = { model, benchmarks: [V1, V2], layers: ['a'] };
  await service.post('/v1/layer-maps', map, { Prefer: 'wait=30' });
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

/** Another network, so that the first keeps its card and scores. */
const folded = () => readFile(oraclePath('09-end-to-end/resnet/folded.onnx'));

const open = async (options = {}, path = `/models/${model}`) => {
  const watched = await visit(browser, service.url, path, options);
  await watched.page.waitForSelector('h2#files');
  await watched.page.waitForSelector('.scores, #scores ~ p');
  return watched;
};

it.each([
  ['light', 1280],
  ['dark', 360],
] as const)(
  'has nothing that axe-core finds in the %s, %s pixels wide, and fits there',
  async (colorScheme, width) => {
    const { page, close } = await open({ colorScheme, viewport: { width, height: 900 } });
    await page.waitForSelector('.chart svg');
    await page.evaluate(
      'document.querySelectorAll("details").forEach((each) => { each.open = true; })',
    );
    await page.getByRole('status').getByText('of').first().waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    expect(await accessibilityFaults(page)).toEqual([]);
    await close();
  },
);

it('says that what draws did not arrive, and draws when the page is loaded again', async () => {
  const { page, close } = await visit(browser, service.url, '/benchmarks');
  // What lays figures out and draws them.
  await page.route('**/assets/drawn-*.js', (route) => route.abort());
  await page.goto(`${service.url}/models/${model}`);
  await page.getByText('A part of this page failed to load').waitFor();
  await page.unroute('**/assets/drawn-*.js');
  await page.getByRole('button', { name: 'Reload the page' }).click();
  await page.locator('.chart svg').first().waitFor();
  await close(/ERR_FAILED/);
});

it('shows scores with raw, ceiling and splits, failures with their reason, and names as text', async () => {
  const { page, close } = await open();
  await expect.poll(() => page.locator('h1').textContent()).toBe(hostile);
  await expect.poll(() => page.locator('h1 script').count()).toBe(0);
  const row = page.locator('.scores tbody tr').first();
  await expect.poll(() => row.textContent()).toContain(V1);
  await expect
    .poll(() => row.textContent())
    // The error is of the raw value; the score has its interval.
    .toMatch(/^[^±]*\[0\.100, 0\.200\]0\.500± 0\.0100\.500± 0\.010layer1.*card/);
  await expect
    .poll(() => page.locator('.problem').textContent())
    .toMatch(`${V2}: The layer has fewer units`);
  await page.locator('summary', { hasText: 'split by split' }).click();
  await expect.poll(() => page.locator('.chart table tbody tr').count()).toBeGreaterThanOrEqual(2);
  await close();
});

it('says where a layer was chosen on the benchmark, on the page of the job and of the model', async () => {
  const chosen = await upload('chosen', await folded());
  const asked = { model: chosen, benchmarks: [V1], layers: { V1: 'chosen' } };
  const { body } = await service.post('/v1/scores', asked, { Prefer: 'wait=30' });
  for (const path of [`/scores/${body.id}`, `/models/${chosen}`]) {
    const { page, close } = await visit(browser, service.url, path);
    const row = page.locator('.scores tbody tr').first();
    await expect
      .poll(() => row.textContent())
      .toContain('selection: the layer was chosen on this benchmark');
    await close();
  }
});

it('says what is most likely wrong in the card', async () => {
  const text = (await card()).replace(/mean: .*/, 'mean: [123.7, 116.3, 103.5]');
  const { body } = await service.upload([
    { name: 'file', filename: 'net.onnx', content: await folded() },
    { name: 'card', content: text },
  ]);
  const { page, close } = await visit(browser, service.url, `/models/${body.id}`);
  await page.getByText(/input\.mean 123\.7 with range 1\b/).waitFor();
  await close();
});

it('draws the distribution of a single-neuron property over the published one', async () => {
  const { page, close } = await open();
  const property = page.locator('.properties > section');
  await property.locator('.chart svg').waitFor();
  await expect.poll(() => property.count()).toBe(1);
  await expect
    .poll(() => property.locator('figcaption').textContent())
    .toBe(`Peak spatial frequency (${PROPERTY})`);
  // Three bins of neurons, and their sign in the legend; the units are an outline.
  await expect.poll(() => property.locator('.chart svg polygon').count()).toBe(4);
  await expect
    .poll(() => property.locator('p.quiet').textContent())
    .toMatch(
      /^Similarity 0\.500 ± 0\.010, ceiling 0\.500: score 0\.\d{3} \[0\.100, 0\.200\]\. 64 neurons, 4 without the property; 16 of the layer’s 34,656 units are at the stimulus, 14 measured, 2 without the property\.$/,
    );
  await property.locator('summary').click();
  await expect.poll(() => property.locator('tbody tr').nth(1).textContent()).toBe('0.7 to 1.4305');
  await close();
});

it('leads with its regions: score, rank, bar, ceiling, layer of the card and of the map, properties', async () => {
  const { page, close } = await open();
  const regions = page.locator('.regions');
  await regions.waitFor();
  const headings = await page.locator('h2').allTextContents();
  expect(headings[0]).toBe('Regions');
  expect(headings.at(-1)).toBe('File and network');
  const row = regions.locator('tr', { hasText: PROPERTY });
  await expect
    .poll(() => row.textContent())
    .toMatch(/real.*\[0\.100, 0\.200\].*1 of 1.*0\.500layer1$/);
  await expect
    .poll(() => row.locator('svg').getAttribute('aria-label'))
    .toMatch(/^score 0\.\d{3}; median 0\.\d{3}; best 0\.\d{3}, <script>/);
  const first = regions.locator('tr.region').first();
  await expect.poll(() => first.locator('th').textContent()).toMatch(/^V1 \d+ of \d+ benchmarks$/);
  await expect
    .poll(() => first.textContent())
    .toMatch(new RegExp(`card: .*map on ${V1}: layer1, no ties`));
  await expect.poll(() => page.locator('.sparks svg rect').count()).toBe(3);
  // Digest, opset, size and precision come last.
  await expect
    .poll(() => page.locator('.facts').last().textContent())
    .toMatch(/Digestsha256:[0-9a-f]{64}FileONNX, .*opset \d+Precisionfloat32/);
  await close();
});

it('shows the layer map: its cells by the keyboard, why some are refused, which are chosen', async () => {
  const { page, close } = await open();
  const cells = page.locator('.layer-heatmap td');
  await cells.first().waitFor();
  await expect
    .poll(() => page.locator('.layer-heatmap thead .chip').allTextContents())
    .toEqual(['real', 'real']);
  await cells.first().focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  await expect
    .poll(() => page.locator(':focus').getAttribute('title'))
    .toMatch(/^layer2, .*: 24 units < 25 components$/);
  await page.keyboard.press('Home');
  await expect
    .poll(() => page.locator('.layer-heatmap .cell-shown').textContent())
    .toMatch(
      /^layer1, V\d( #2)?: value 0\.\d{3}, 95 % interval \[0\.100, 0\.200\], raw 0\.500, ceiling 0\.500, the chosen layer$/,
    );
  await expect
    .poll(() => page.locator('.layer-heatmap .reasons').textContent())
    .toContain('folded');
  const download = await exported(page, 'the layer map', 'CSV');
  const csv = await readFile(await download.path(), 'utf8');
  expect(csv.split('\r\n')).toContain(`${V1},layer2,2,24,,,,,,,24 units < 25 components`);
  const figure = await exported(page, 'the layer map', 'Figure, one column (SVG)');
  expect(figure.suggestedFilename()).toMatch(/^layer-map_[^ ]+_\d{4}-\d\d-\d\d\.svg$/);
  const svg = await readFile(await figure.path(), 'utf8');
  expect(svg).toMatch(/^<svg [^>]*width="85mm"/);
  for (const word of ['layer1', 'layer2', 'ceiling 0.500', 'chosen'])
    expect(svg).toContain(`>${word}</text>`);
  await close();
});

it('shows a nested choice, and floors in the table, in the heat map and in the depth profile', async () => {
  const asked = { model, benchmarks: [V1], layers: ['a'], nested: true, null: ['rows'] };
  const { body: job } = await service.post('/v1/layer-maps', asked, { Prefer: 'wait=30' });
  const { page, close } = await visit(browser, service.url, `/layer-maps/${job.id}`);
  const nested = page.getByRole('region', { name: 'Nested choice' }).locator('tbody tr');
  await expect
    .poll(() => nested.textContent())
    .toMatch(
      new RegExp(
        `^${V1}0\\.\\d{3}0\\.420\\[0\\.300, 0\\.500\\]layer1 \\(1\\), layer3 \\(1\\) of 2 splits$`,
      ),
    );
  const cells = page.locator('.layer-heatmap tbody tr', { hasText: 'layer' }).locator('td');
  await expect
    .poll(() => cells.allTextContents())
    .toEqual([
      expect.stringMatching(/^◆ 0\.\d{3}$/),
      '– 1',
      expect.stringMatching(/^\(0\.\d{3}\)$/),
    ]);
  const chart = page.locator('figure.chart', { hasText: 'Depth profile' });
  await chart.locator('svg').waitFor();
  // The line of the floors, and its sign in the legend.
  await expect.poll(() => chart.locator('polyline[stroke-dasharray="1.2 1.4"]').count()).toBe(3);
  await expect
    .poll(() => chart.locator('svg').textContent())
    .toContain('floor: permuted stimuli; an open symbol is inside it');
  await chart.locator('.drawn').focus();
  for (const [key, said] of [
    ['Home', /^layer1, V1: .*, above its floor 0\.050, chosen$/],
    ['End', /^layer3, V1: .*, inside its floor 0\.400$/],
  ] as const) {
    await page.keyboard.press(key);
    await expect.poll(() => chart.locator('.value-shown').textContent()).toMatch(said);
  }
  await chart.locator('summary').click();
  await expect
    .poll(() => chart.locator('tbody tr td:nth-child(6)').allTextContents())
    .toEqual(['0.050', '0.400']);
  const download = await exported(page, 'Depth profile', 'Figure, values (CSV)');
  const csv = await readFile(await download.path(), 'utf8');
  expect(csv.split('\r\n')[0]).toMatch(/,reason,floor$/);
  expect(await accessibilityFaults(page)).toEqual([]);
  await close();
});

it('says of features that they were computed elsewhere, wherever they are named', async () => {
  const bytes = Buffer.from('stimulus_id,a\n1,0.5\n2,1.5\n');
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const { body: begun } = await service.post('/v1/uploads', { size: bytes.length, digest });
  await service.call('PATCH', `/v1/uploads/${begun.id}?offset=0`, {
    ...{ headers: { 'Content-Type': 'application/octet-stream' }, body: bytes },
  });
  const made = { upload: begun.id, format: 'csv', name: 'elsewhere' };
  const { body: features } = await service.post('/v1/features', made);
  const wanted = { model: features.id, benchmarks: [V1] };
  const { body: job } = await service.post('/v1/scores', wanted, { Prefer: 'wait=30' });
  for (const [path, named] of [
    ['/?set=public&layers=any', '.board th.model'],
    [`/models/${features.id}`, 'h1'],
    [`/scores/${job.id}`, 'h1'],
    [`/benchmarks/${V1}`, 'tbody th'],
  ]) {
    const { page, close } = await visit(browser, service.url, path);
    const chip = page.locator(named, { hasText: 'elsewhere' }).locator('.chip');
    await expect.poll(() => chip.allTextContents(), { message: path }).toContain('features');
    expect(await accessibilityFaults(page)).toEqual([]);
    await close();
  }
});

it('starts a score of the benchmarks that one chooses', async () => {
  const { page, close } = await open();
  await page.getByLabel('Simulated.V1-pls', { exact: true }).check();
  await page.getByRole('button', { name: 'Score on 1 benchmark' }).click();
  await page.waitForURL('**/scores/job_*');
  const job = new URL(page.url()).pathname.split('/').at(-1);
  expect((await service.get(`/v1/scores/${job}`)).body).toMatchObject({
    model,
    benchmarks: ['Simulated.V1-pls'],
  });
  await close();
});

it('starts one job however often its button is pressed', async () => {
  const { page, close } = await open();
  const jobs = async () => (await service.get(`/v1/scores?model=${model}`)).body.items.length;
  const before = await jobs();
  await page.getByLabel('Simulated.V2-pls', { exact: true }).check();
  // Both before the page is drawn again.
  await page.getByRole('button', { name: 'Score on 1 benchmark' }).waitFor();
  await page.evaluate(`(() => {
    const [button] = document.querySelectorAll('form.start button.primary, #score ~ form button.primary');
    button.click();
    button.click();
  })()`);
  await page.waitForURL('**/scores/job_*');
  expect(await jobs()).toBe(before + 1);
  await close();
});

it('maps the layers on recordings that were uploaded', async () => {
  const folder = oraclePath('09-end-to-end/neural-csv');
  const path = join(service.home, 'own.zip');
  const files = (await readdir(folder)).map(async (name) => ({
    ...{ name, data: await readFile(join(folder, name)), compress: true },
  }));
  await writeZip(path, await Promise.all(files));
  const headers = { 'Content-Type': 'application/zip' };
  const body = await readFile(path);
  const { body: own } = await service.call('POST', '/v1/benchmarks', { headers, body });
  const { page, close } = await open();
  await page.getByText('Map on uploaded or installed recordings').click();
  const name = own.benchmarks.map(({ id }: { id: string }) => id).join(', ');
  await page.getByRole('checkbox', { name: `Map on ${name}` }).check();
  await page.getByRole('button', { name: 'Map the layers' }).click();
  await page.waitForURL('**/layer-maps/job_*');
  const job = new URL(page.url()).pathname;
  expect((await service.get(`/v1${job}`)).body.benchmarks).toEqual(
    own.benchmarks.map(({ id }: { id: string }) => id),
  );
  await close();
});

it('says of a shipped model whose weights are random that they are', async () => {
  const { page, close } = await visit(browser, service.url, '/models/resnet-20');
  await expect.poll(() => page.locator('h1').textContent()).toBe('resnet-20 random weights');
  await page.getByText('what the architecture reaches without training').waitFor();
  await close();
});

it('saves a card only over the one that it was made from, and keeps edits until then', async () => {
  const path = `/models/${model}`;
  const { page, close } = await open();
  await page.getByText('Change the card').click();
  const area = page.getByLabel('Card as JSON');
  const card = JSON.parse(await area.inputValue());
  // Another tab saves first.
  const other = { ...card, visual_degrees: 4 };
  const saved = await service.call('PATCH', `/v1${path}`, {
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ card: other }),
  });
  expect(saved.status).toBe(200);
  await area.fill(JSON.stringify({ ...card, visual_degrees: 6 }));
  await page.getByRole('button', { name: 'Save the card' }).click();
  await page.getByText('The model was changed elsewhere').waitFor();
  const degrees = async () => (await service.get(`/v1${path}`)).body.card.visual_degrees;
  expect(await degrees()).toBe(4);
  await page.reload();
  await page.getByText('Unsaved edits from earlier are restored').waitFor();
  await expect.poll(() => area.inputValue()).toContain('"visual_degrees":6');
  await page.getByRole('button', { name: 'Save the card' }).click();
  await page.getByRole('button', { name: 'Overwrite it with my card' }).click();
  await expect.poll(degrees).toBe(6);
  // A layer that the graph lacks is told when the card is saved.
  await area.fill(JSON.stringify({ ...card, region_layer_map: { V1: 'layer9.9' } }));
  await page.getByRole('button', { name: 'Save the card' }).click();
  await expect.poll(() => page.getByRole('alert').textContent()).toContain('layer9.9');
  expect(await degrees()).toBe(6);
  await close(/41[2]|422/);
});

it('changes what its owner changes, and is deleted only after it was asked twice', async () => {
  const other = await upload(
    'other',
    await readFile(oraclePath('09-end-to-end/resnet/folded.onnx')),
  );
  const { page, close } = await open({}, `/models/${other}`);
  await page.getByLabel('Name', { exact: true }).fill('renamed');
  await page.getByLabel('Visibility').selectOption('public');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect.poll(() => page.locator('h1').textContent()).toBe('renamed');
  expect((await service.get(`/v1/models/${other}`)).body.visibility).toBe('public');
  await page.getByRole('button', { name: 'Delete this model' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  expect((await service.get(`/v1/models/${other}`)).status).toBe(200);
  await page.getByRole('button', { name: 'Delete this model' }).click();
  await page.getByRole('button', { name: 'Yes, delete it' }).click();
  await page.waitForURL(`${service.url}/`);
  expect((await service.get(`/v1/models/${other}`)).status).toBe(404);
  await close();
});

it('of a shipped model gives its file, and nothing to change', async () => {
  const { page, close } = await open({}, '/models/gabor-v1');
  const download = await exported(page, 'the model', /^ONNX file/);
  expect(download.suggestedFilename()).toBe('gabor-v1.onnx');
  const bytes = await readFile(await download.path());
  expect(bytes.length).toBe((await service.get('/v1/models/gabor-v1')).body.size);
  await expect.poll(() => page.getByText('Change or delete').count()).toBe(0);
  await close();
});
