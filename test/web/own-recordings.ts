import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Download, Page } from 'playwright-core';
import { expect } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { writeZip } from '../../src/formats/zip.js';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import { openHomeStore } from '../../src/store/home-store.js';
import { suiteEngine } from '../service/running-service.js';
import { madePlace, type StorePlace } from '../store/engines.js';
import { madeScores } from '../store/made-scores.js';
import type { Hand } from './hands.js';

/** What a person brings along. */
export interface Own {
  /** The ZIP of recordings, and what its benchmark is called. */
  readonly zip: string;
  readonly benchmark: string;
  /** An ONNX file, what it is called then, and how its images go into it. */
  readonly network: string;
  readonly name: string;
  readonly preset: string;
}

const example = join(packageRoot, 'docs', 'examples', 'recordings');

/** Packs the example of the documents, made recordings of 16 neuroids, as a service takes it. */
export async function zipExample(path: string, identifier: string): Promise<void> {
  const images = join(example, 'images');
  const packed = `${path}-images`;
  await writeZip(packed, await filesOf(images, await readdir(images)));
  const yaml = (await readFile(join(example, 'v4.yaml'), 'utf8'))
    .replace('my-lab', identifier)
    .replace('images: images', 'images: images.zip');
  await writeZip(path, [
    { name: 'v4.yaml', data: Buffer.from(yaml), compress: true },
    { name: 'images.zip', data: await readFile(packed), compress: false },
    ...(await filesOf(example, ['stimuli.csv', 'recordings.csv', 'neuroids.csv'])),
  ]);
}

const filesOf = (folder: string, names: readonly string[]) =>
  Promise.all(
    names.map(async (name) => ({
      ...{ name, data: await readFile(join(folder, name)), compress: true },
    })),
  );

/** Shipped models to compare with. */
const others = ['objects-resnet', 'pixels'];

/** A home as the first start of a service leaves it: the shipped models have scores, and are known by them. */
export async function homeWithShipped(): Promise<StorePlace> {
  const place = await madePlace(suiteEngine, 'ventral-own-recordings-');
  const store = await openHomeStore(place.home, place);
  const benchmark = 'Simulated.V4-pls';
  const version = listBenchmarks().find(({ id }) => id === benchmark)?.version ?? 1;
  for (const model of others)
    await madeScores(store.database, {
      ...{ id: `job_${model.replace('-', '')}`, model, owner: 'ventral' },
      scores: { [benchmark]: { value: 0.2, version } },
    });
  await store.close();
  return place;
}

/**
 * From a ZIP of recordings to figures of a comparison: upload, score two models on it and see them on the board, map the
 * layers of a network of one's own on it, score that, compare all three, save two figures.
 * @param page at the leaderboard, signed in
 * @returns the address of the comparison
 */
export async function walkRoad(page: Page, hand: Hand, own: Own): Promise<string> {
  await uploadRecordings(page, hand, own);
  const benchmark = page.url();
  for (const other of others) {
    if (page.url() !== benchmark) await page.goBack();
    await scoreThere(page, hand, other);
  }
  await seeOnTheBoard(page, hand, own, others);
  await submitNetwork(page, hand, own);
  await mapLayers(page, hand, own);
  await scoreOwn(page, hand, own);
  await compareThree(page, hand, own);
  await saveFigures(page, hand, own);
  return page.url();
}

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const place = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name });
const box = (page: Page, name: string) => page.getByRole('checkbox', { name, exact: true });
const done = (page: Page) => page.getByText('Done', { exact: true }).waitFor();

async function uploadRecordings(page: Page, hand: Hand, { zip, benchmark }: Own): Promise<void> {
  await hand.press(page.getByRole('link', { name: 'Add recordings' }));
  await page.waitForURL('**/benchmarks#upload');
  await hand.give(page.getByLabel('ZIP archive'), zip);
  await hand.choose(page.getByLabel('Visibility'), 'everyone');
  await hand.press(button(page, /^Upload/));
  await page.waitForURL('**/benchmarks/bmk_*');
  await expect.poll(() => page.locator('h1').textContent()).toBe(`${benchmark} uploaded`);
  // What was recorded is described, and its ceiling computed.
  const ceiling = page.getByRole('region', { name: 'Ceilings' }).getByRole('row').last();
  await expect.poll(() => ceiling.textContent(), { timeout: 300_000 }).toMatch(/0\.\d{3}/);
}

async function scoreThere(page: Page, hand: Hand, model: string): Promise<void> {
  await hand.press(page.getByText('Score a model on this benchmark'));
  const list = page.getByRole('combobox', { name: /^Model/ });
  await list.waitFor();
  const words = await list.locator('option', { hasText: model }).textContent();
  await hand.choose(list, words ?? model);
  await hand.press(page.getByRole('button', { name: 'Score', exact: true }));
  await page.waitForURL('**/scores/job_*');
  await done(page);
  await page.getByRole('heading', { name: `Scores of ${model}` }).waitFor();
}

/** A column of its own, called uploaded, with a score of each. */
async function seeOnTheBoard(
  page: Page,
  hand: Hand,
  { benchmark }: Own,
  models: readonly string[],
): Promise<void> {
  await hand.press(page.getByRole('link', { name: 'Leaderboard' }).last());
  const head = page.locator('.board thead th').filter({ hasText: benchmark.split('-')[0] });
  await expect.poll(() => head.textContent()).toContain('uploaded');
  for (const model of models)
    await expect
      .poll(() => page.locator('.board tbody tr').filter({ hasText: model }).textContent())
      .toMatch(/-?0\.\d{3}/);
}

async function submitNetwork(page: Page, hand: Hand, { network, preset }: Own): Promise<void> {
  await hand.press(place(page, 'Submit'));
  await hand.give(page.getByLabel('Drop an ONNX file here'), network);
  await hand.choose(page.getByLabel('Visibility'), 'public: everyone with a key');
  await hand.press(button(page, 'Upload and check'));
  await hand.press(page.getByRole('radio', { name: preset }));
  await hand.press(button(page, 'Save the card'));
  await page.getByText('The card is saved.', { exact: true }).waitFor();
}

async function mapLayers(page: Page, hand: Hand, { benchmark }: Own): Promise<void> {
  for (const role of ['V1', 'V2', 'V4', 'IT', 'behavior']) await hand.press(box(page, role));
  await hand.press(page.getByText(/^Map on uploaded or installed recordings/));
  await hand.press(box(page, `Map on ${benchmark}`));
  await hand.press(button(page, 'Map the layers'));
  await page.waitForURL('**/layer-maps/job_*');
  await done(page);
  await page.getByRole('table', { name: 'Chosen layers' }).waitFor();
  await page.locator('.chart svg').waitFor();
}

async function scoreOwn(page: Page, hand: Hand, own: Own): Promise<void> {
  await hand.press(button(page, 'Write the chosen layers to the model’s card'));
  await hand.press(page.getByRole('link', { name: 'Score the model' }));
  await hand.press(button(page, 'Clear simulated'));
  await hand.press(box(page, own.benchmark));
  for (const role of ['V1', 'V2', 'IT', 'behavior']) await hand.press(box(page, role));
  await hand.press(button(page, 'Score on 1 benchmark'));
  await page.waitForURL('**/scores/job_*');
  await done(page);
  // Its layer was chosen on the same stimuli.
  await expect
    .poll(() => page.getByRole('row', { name: own.benchmark }).textContent())
    .toContain('selection');
}

async function compareThree(page: Page, hand: Hand, { name }: Own): Promise<void> {
  await hand.press(page.getByRole('link', { name: 'Compare with other models' }));
  // Those who add a first one find the search open, and then have it to open again.
  await hand.press(button(page, `Add ${others[0]}`));
  await page.getByText(/2 of at most/).waitFor();
  const second = button(page, `Add ${others[1]}`);
  if (!(await second.isVisible())) await hand.press(page.getByText(/^Add a model/));
  await hand.press(second);
  await page.getByRole('heading', { name: `Differences from ${name}` }).waitFor();
  await expect
    .poll(() => new URL(page.url()).searchParams.getAll('model').length, { timeout: 120_000 })
    .toBe(3);
  const heads = page.locator('table.differences thead');
  for (const other of others) await expect.poll(() => heads.textContent()).toContain(other);
}

/** The differences of a comparison and the map of one's own network, for a paper. */
async function saveFigures(page: Page, hand: Hand, { name, benchmark }: Own): Promise<void> {
  const saved = async (of: string, item: string): Promise<Download> => {
    await hand.press(page.getByRole('button', { name: `Export ${of}`, exact: true }));
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      hand.press(page.getByRole('menuitem', { name: item, exact: true })),
    ]);
    return download;
  };
  const forest = await saved('Differences', 'Figure, one column (SVG)');
  const map = await saved(`Layers of ${name} by benchmarks`, 'Heat map, two columns (SVG)');
  for (const [download, width, words] of [
    [forest, 85, [...others, name]],
    [map, 180, [name, benchmark]],
  ] as const) {
    const svg = await readFile(await download.path(), 'utf8');
    expect(download.suggestedFilename()).toMatch(/^[\p{L}\p{N}._-]+_\d{4}-\d\d-\d\d\.svg$/u);
    expect(svg).toMatch(new RegExp(`^<svg [^>]*width="${width}mm"`));
    const text = [...svg.matchAll(/>([^<>]+)<\/text>/g)].map(([, each]) => each).join(' ');
    for (const word of words) expect(text).toContain(word);
  }
}

/** Another browser at the address of a comparison has the same models and numbers. */
export async function sameThere(page: Page, there: Page): Promise<void> {
  const cells = (of: Page) => of.locator('table.differences').allTextContents();
  const own = await cells(page);
  expect(own.join()).toMatch(/0\.\d{3}/);
  await expect.poll(() => cells(there)).toEqual(own);
  await expect
    .poll(() => new URL(there.url()).searchParams.getAll('model'))
    .toEqual(new URL(page.url()).searchParams.getAll('model'));
}
