import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeZip } from '../../src/formats/zip.js';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import { oraclePath } from '../oracle.js';
import { type RunningService, runningService } from '../service/running-service.js';
import { accessibilityFaults, holdBack, openBrowser, visit } from './browser.js';

const folder = oraclePath('09-end-to-end/neural-csv');

let browser: Browser;
let service: RunningService;
let archive: Buffer;
let benchmark: string;

/** A ZIP of a benchmark of the oracle, its YAML changed. */
async function zipped(change: (text: string) => string): Promise<Buffer> {
  const path = join(service.home, 'a.zip');
  const files = (await readdir(folder)).map(async (name) => {
    const data = await readFile(join(folder, name));
    const own = name.endsWith('.yaml') ? Buffer.from(change(data.toString())) : data;
    return { name, data: own, compress: true };
  });
  await writeZip(path, await Promise.all(files));
  const bytes = await readFile(path);
  await rm(path);
  return bytes;
}

beforeAll(async () => {
  [browser, service] = await Promise.all([openBrowser(), runningService()]);
  archive = await zipped((text) => text);
  const headers = { 'Content-Type': 'application/zip' };
  benchmark = (await service.call('POST', '/v1/benchmarks', { headers, body: archive })).body.id;
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

describe('the list', () => {
  it('keeps recorded and simulated apart, and its view in the address', async () => {
    const { page, close } = await visit(browser, service.url, '/benchmarks?region=V1');
    const recorded = page.getByRole('region', { name: 'Recorded benchmarks' });
    await recorded.waitFor();
    await expect.poll(() => recorded.textContent()).not.toContain('Simulated');
    await expect
      .poll(() => recorded.getByRole('link').allTextContents())
      .toEqual(
        listBenchmarks()
          .filter(({ region, simulated }) => region === 'V1' && !simulated)
          .map(({ id }) => id),
      );
    await page.getByLabel('Data').selectOption('here');
    await expect
      .poll(() => recorded.getByRole('link').allTextContents())
      .toEqual(Array(7).fill(expect.stringMatching(/^Marques2020_/)));
    await expect.poll(() => new URL(page.url()).searchParams.get('data')).toBe('here');
    await page.getByLabel('Data').selectOption('');
    await page.getByLabel('Region').selectOption('');
    await page.getByLabel('Search').fill('geirhos sketch');
    await expect.poll(() => recorded.getByRole('link').count()).toBe(2);
    await expect.poll(() => new URL(page.url()).searchParams.get('search')).toBe('geirhos sketch');
    await close();
  });

  it('shows what the service finds in an archive, and leads to what it took in', async () => {
    const { page, close } = await visit(browser, service.url, '/benchmarks');
    const wrong = await zipped((text) => text.replace('visual_degrees', 'visual_degree'));
    const choose = page.getByLabel('ZIP archive');
    await choose.setInputFiles({ name: 'b.zip', mimeType: 'application/zip', buffer: wrong });
    await page.getByRole('button', { name: 'Upload' }).click();
    const problem = page.getByRole('alert');
    await problem.waitFor();
    await expect.poll(() => problem.textContent()).toContain('/visual_degree');
    const other = await zipped((text) => text.replace('objects', 'others'));
    await choose.setInputFiles({ name: 'c.zip', mimeType: 'application/zip', buffer: other });
    await page.getByRole('button', { name: 'Upload' }).click();
    await page.waitForURL('**/benchmarks/bmk_*');
    await page.getByRole('button', { name: 'Delete this benchmark' }).click();
    await page.getByRole('button', { name: 'Yes, delete it' }).click();
    await page.waitForURL('**/benchmarks');
    expect(
      (await service.get('/v1/benchmarks')).body.items.map(({ id }: { id: string }) => id),
    ).toContain(benchmark);
    await expect.poll(() => page.getByText('end-to-end.others').count()).toBe(0);
    await close(/422/);
  });
});

describe('a benchmark', () => {
  it('shows its stimuli on a screen of the degrees that one chooses', async () => {
    const { page, close } = await visit(browser, service.url, `/benchmarks/${benchmark}`);
    const picture = page.locator('canvas.stimulus').first();
    const painted = () =>
      page.evaluate<number>(`(() => {
        const canvas = document.querySelector('canvas.stimulus');
        return canvas?.getContext('2d').getImageData(0, 0, 1, 1).data[3] ? canvas.width : 0;
      })()`);
    await expect.poll(painted).toBeGreaterThan(0);
    const stored = await painted();
    await page.getByLabel('Visual angle of the model').selectOption('16');
    await expect.poll(painted).toBe(2 * stored);
    await expect.poll(() => picture.getAttribute('aria-label')).toContain('16 degrees');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText('13 to 24 of').waitFor();
    await expect.poll(() => new URL(page.url()).search).toBe('?degrees=16&from=12');
    await close();
  });

  it('calls no picture by an angle that it was not drawn for', async () => {
    const { page, close } = await visit(browser, service.url, `/benchmarks/${benchmark}`);
    const picture = page.locator('canvas.stimulus').first();
    await expect.poll(() => picture.getAttribute('aria-label')).toContain('8 degrees');
    const opacity = () =>
      page.evaluate<string>("getComputedStyle(document.querySelector('canvas.stimulus')).opacity");
    const release = await holdBack(page, '**/picture?*degrees=16*');
    await page.getByLabel('Visual angle of the model').selectOption('16');
    await page.waitForURL('**degrees=16**');
    await expect.poll(() => picture.getAttribute('aria-label')).toMatch(/ loading$/);
    await expect.poll(opacity).toBe('0');
    release();
    await expect.poll(() => picture.getAttribute('aria-label')).toContain('16 degrees');
    await expect.poll(opacity).toBe('1');
    await close();
  });

  it('says what was recorded and how it is compared, with the ceiling of each region', async () => {
    const { page, close } = await visit(browser, service.url, `/benchmarks/${benchmark}`);
    const { items } = (await service.get(`/v1/benchmarks/${benchmark}/data`)).body;
    const recorded = page.getByRole('region', { name: 'Recordings' });
    await recorded.waitFor();
    const neuroids = recorded.getByRole('row').filter({ hasText: /^Neuroids\d/ });
    await expect
      .poll(() => neuroids.getByRole('cell').allTextContents())
      .toEqual(
        items.map((item: { recordings: { neuroids: number } }) => String(item.recordings.neuroids)),
      );
    await expect.poll(() => page.locator('math').textContent()).toBe('score=raw2ceiling');
    const ceilings = page.getByRole('region', { name: 'Ceilings' });
    for (const { id, measuredCeiling } of items)
      await expect
        .poll(() => ceilings.getByRole('row').filter({ hasText: id }).textContent())
        .toContain(measuredCeiling.value.toFixed(3));
    await close();
  });

  it('of films that leak says so, with the licence of its data', async () => {
    const { page, close } = await visit(
      browser,
      service.url,
      '/benchmarks/Henaff2021random.V1-pls',
    );
    for (const said of [
      'neighbouring frames are near copies',
      'No licence is stated',
      '@article{Henaff2021',
    ])
      await expect.poll(() => page.locator('main').textContent()).toContain(said);
    await close();
  });

  it('whose data are private says so, with what is published, its citation, and no error', async () => {
    const { page, close } = await visit(
      browser,
      service.url,
      '/benchmarks/FreemanZiemba2013.V1-pls',
    );
    await page.getByRole('region', { name: 'Ceilings' }).waitFor();
    for (const said of ['they are private', '102 (as published)', '0.873345', '@article{freeman'])
      await expect.poll(() => page.locator('main').textContent()).toContain(said);
    await expect.poll(() => page.locator('canvas').count()).toBe(0);
    await close();
  });

  it.each(['light', 'dark'] as const)(
    'has nothing that axe-core finds in the %s, nor is it too wide',
    async (colorScheme) => {
      const viewport = { width: 360, height: 800 };
      const { page, close } = await visit(browser, service.url, `/benchmarks/${benchmark}`, {
        colorScheme,
        viewport,
      });
      await page.getByRole('region', { name: 'Ceilings' }).waitFor();
      await page.evaluate(
        'document.querySelectorAll("details").forEach((each) => { each.open = true; })',
      );
      expect(await accessibilityFaults(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      await close();
    },
  );
});
