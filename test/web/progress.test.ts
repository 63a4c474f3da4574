import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningService, runningService } from '../service/running-service.js';
import { openBrowser, visit } from './browser.js';

let service: RunningService;
let browser: Browser;
beforeAll(async () => {
  service = await runningService();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

it('a job has one progress, of the whole of it, over HTTP, in its events and on its page', async () => {
  const asked = {
    model: 'gabor-v1',
    benchmarks: ['Simulated.V1-pls'],
    layers: { V1: 'far=60000' },
  };
  const { id } = (await service.post('/v1/scores', asked)).body;
  const progress = async () => (await service.get(`/v1/scores/${id}`)).body.progress;
  await expect.poll(async () => (await progress())?.stage).toBe('metric');
  expect(await progress()).toMatchObject({ done: 3, total: 4, share: 0.4, etaSeconds: 30 });
  expect((await progress()).elapsedSeconds).toBeGreaterThan(0);

  const { page, close } = await visit(browser, service.url, `/scores/${id}`);
  const bar = page.getByRole('progressbar', { name: 'Progress of the job' });
  await bar.waitFor();
  // The stream begins with what was told first.
  await expect.poll(() => bar.getAttribute('value')).toBe('0.4');
  const line = page.locator('.job-progress');
  expect(await line.innerText()).toMatch(/^\s*40 % · .+ elapsed · about (30|2\d) s left/);
  expect(await line.innerText()).toContain('Comparing layers with recordings, comparison 3 of 4');
  // The job says nothing, and the remaining time goes on.
  await page.getByText(/about 2[0-7] s left/).waitFor();
  await close();
  await service.call('DELETE', `/v1/scores/${id}`);
});
