import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { card, network, type RunningService, runningService } from '../service/running-service.js';
import { makeKey, withKey } from '../service/with-key.js';
import { openBrowser, visit } from './browser.js';

// Its own jobs are some seconds of work, in steps.
const scoreScript = join(packageRoot, 'test', 'service', 'patient-score-child.mjs');

let browser: Browser;
let service: RunningService;
beforeAll(async () => {
  [browser, service] = await Promise.all([
    openBrowser(),
    runningService({ scoreShipped: true, scoreScript }),
  ]);
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

it('a job of the service is called that: in the queue, on its page, and when it has ended', async () => {
  const { page, close } = await visit(browser, service.url, '/admin');
  const row = page.getByRole('region', { name: 'Queue' }).locator('tbody tr').first();
  await row.getByText('background', { exact: true }).waitFor();
  await row.getByRole('link', { name: 'Scores' }).click();
  await page.waitForURL('**/scores/job_*');
  const job = new URL(page.url()).pathname.split('/').at(-1) as string;
  await page.locator('.job-state').getByText('background', { exact: true }).waitFor();
  await page.getByText('Done', { exact: true }).waitFor();
  // How long it took, and by which stages.
  await expect.poll(() => page.locator('.job .facts').textContent()).toMatch(/Ended.*, after \d/);
  const stages = page.locator('table.stages tbody th');
  await expect
    .poll(() => stages.allTextContents())
    .toEqual(['Running the network over the stimuli', 'Comparing layers with recordings']);
  await page.goto(`${service.url}/admin?state=succeeded`);
  const ended = page.locator('tbody tr', { hasText: job });
  await ended.getByText('background', { exact: true }).waitFor();
  // The page asks for health, too: a service that has just started is not ready at once.
  await close(/\/v1\/ready/);
});

it('a job is not offered to be cancelled by a member who may not', async () => {
  const root = await makeKey(service, { name: 'root', role: 'admin' });
  const owner = (name: string) => makeKey(service, { name, role: 'member', owner: name }, root.key);
  const [ada, otto] = [await owner('ada'), await owner('otto')];
  const hers = withKey(service, ada.key);
  const { body: model } = await hers.upload([
    { name: 'file', filename: 'net.onnx', content: await network() },
    { name: 'card', content: await card() },
    { name: 'visibility', content: 'public' },
  ]);
  const asked = {
    model: model.id,
    benchmarks: ['Simulated.V1-pls'],
    layers: { V1: 'sleep=60000' },
  };
  const { body: job } = await hers.post('/v1/scores', asked);
  const pageOf = async (key: string) => {
    const opened = await visit(browser, service.url, `/scores/${job.id}`, { key });
    await opened.page.getByText('Submitted').waitFor();
    return opened;
  };
  const his = await pageOf(otto.key);
  await his.page.getByText('Running', { exact: true }).waitFor();
  expect(await his.page.getByRole('button', { name: 'Cancel the job' }).count()).toBe(0);
  await his.close();
  const own = await pageOf(ada.key);
  await own.page.getByRole('button', { name: 'Cancel the job' }).click();
  await own.page.getByText('Cancelled', { exact: true }).waitFor();
  await own.close();
});
