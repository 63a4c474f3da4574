import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningService, runningService } from '../service/running-service.js';
import { makeKey } from '../service/with-key.js';
import { accessibilityFaults, openBrowser, visit } from './browser.js';

let browser: Browser;
let service: RunningService;
/** Made by the first test, in the browser. */
let root: string;
beforeAll(async () => {
  [browser, service] = await Promise.all([openBrowser(), runningService()]);
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

const bearer = () => ({ Authorization: `Bearer ${root}` });

const signIn = async (page: Page, key: string) => {
  await page.getByLabel('Key', { exact: true }).fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
};

it('shows an admin health, queue, workers, keys and changes, and makes the first key', async () => {
  const asked = { model: 'pixels', benchmarks: ['Simulated.V1-pls'] };
  const first = await service.post('/v1/scores', { ...asked, layers: { V1: 'sleep=60000' } });
  const more = [];
  for (const sleep of ['sleep=60001', 'sleep=60002', 'sleep=60003'])
    more.push(await service.post('/v1/scores', { ...asked, layers: { V1: sleep } }));
  const { page, close } = await visit(browser, service.url, '/admin');
  const queue = page.getByRole('region', { name: 'Queue' });
  await page.getByText('ready', { exact: true }).waitFor();
  // Running ones first, then in the order in which they start.
  await queue.getByText('1 running, 3 queued').waitFor();
  const rows = queue.locator('tbody tr');
  await expect.poll(() => rows.first().textContent()).toContain(first.body.id);
  for (const [k, { body }] of more.entries())
    await expect
      .poll(() => rows.nth(k + 1).textContent())
      .toMatch(new RegExp(`${body.id}.*position ${k + 1}`));
  for (const { body } of more.slice(1)) await queue.getByLabel(`Select ${body.id}`).check();
  await queue.getByRole('button', { name: 'Cancel 2 selected' }).click();
  await queue.getByText('1 running, 1 queued').waitFor();
  await queue.getByRole('button', { name: `Cancel ${first.body.id}` }).click();
  await expect.poll(() => queue.getByRole('button', { name: /^Cancel job/ }).count()).toBe(1);
  expect((await service.get(`/v1/scores/${first.body.id}`)).body.state).toBe('cancelled');
  const workers = page.getByRole('region', { name: 'Workers', exact: true });
  await expect.poll(() => workers.getByRole('row').count()).toBe(2);

  await page.getByLabel('Name', { exact: true }).fill('root');
  await page.getByRole('button', { name: 'Create key' }).click();
  root = await page.getByLabel('Key', { exact: true }).inputValue();
  expect(root).toMatch(/^vk_/);
  await page.getByRole('button', { name: 'Revoke root…' }).waitFor();
  await page.getByText('key.create').waitFor();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await accessibilityFaults(page)).toEqual([]);
  }
  await page.reload();
  await page.getByRole('button', { name: /^Sign out/ }).waitFor();
  await page.getByRole('button', { name: 'Revoke root…' }).waitFor();
  expect(await page.content()).not.toContain(root);
  // The queue may be asked for while the service has the key and the page not yet.
  await close(/401/);
});

it('says at sign-in that a key is refused, and lets its owner out again', async () => {
  const { page, close } = await visit(browser, service.url, '/admin');
  await signIn(page, `${root.slice(0, -1)}${root.endsWith('A') ? 'B' : 'A'}`);
  await expect
    .poll(() => page.getByRole('alert').textContent())
    .toContain('unknown, revoked or expired');
  expect(await accessibilityFaults(page)).toEqual([]);
  await signIn(page, root);
  await page.getByRole('region', { name: 'Keys', exact: true }).waitFor();
  await page.getByRole('button', { name: /^Sign out/ }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(await page.evaluate('[localStorage.length, document.cookie]')).toEqual([0, '']);
  expect(await page.context().cookies()).toEqual([]);
  await close(/401/);
});

it('keeps nothing of a key within the reach of scripts, and takes the one in that was kept there', async () => {
  const { page, close } = await visit(browser, service.url, '/admin');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.evaluate(`localStorage.setItem('ventral-key', ${JSON.stringify(root)})`);
  await page.reload();
  await page.getByRole('region', { name: 'Keys', exact: true }).first().waitFor();
  expect(
    await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie]'),
  ).toEqual([0, 0, '']);
  expect(await page.context().cookies()).toMatchObject([
    { name: 'ventral_session', httpOnly: true, sameSite: 'Strict', path: '/' },
  ]);
  await page.reload();
  await page.getByRole('region', { name: 'Keys', exact: true }).first().waitFor();
  await page.getByRole('button', { name: 'Sign out root' }).waitFor();
  await close();
});

it('is no way in for a page of another site', async () => {
  const { page, close } = await visit(browser, service.url, '/admin', { key: root });
  await page.getByRole('region', { name: 'Keys', exact: true }).waitFor();
  // Another port of the same host is the same site: SameSite alone would let it in.
  const elsewhere = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><p>hello');
  });
  await new Promise<void>((done) => elsewhere.listen(0, '127.0.0.1', () => done()));
  const { port } = elsewhere.address() as AddressInfo;
  const evil = await page.context().newPage();
  await evil.goto(`http://127.0.0.1:${port}/`);
  const before = (await service.call('GET', '/v1/keys', { headers: bearer() })).body.items.length;
  await evil.evaluate(`(async () => {
    const send = (path, init) => fetch(${JSON.stringify(service.url)} + path, {
      mode: 'no-cors', credentials: 'include', ...init }).catch(() => {});
    await send('/v1/keys', { method: 'POST', body: '{"name":"evil","role":"admin"}' });
    await send('/v1/session', { method: 'POST', body: '{"key":"x"}' });
    const form = document.createElement('form');
    form.method = 'post';
    form.action = ${JSON.stringify(service.url)} + '/v1/keys';
    form.target = 'frame';
    document.body.append(form);
    form.submit();
  })()`);
  await page.reload();
  await page.getByRole('region', { name: 'Keys', exact: true }).waitFor();
  const after = await service.call('GET', '/v1/keys', { headers: bearer() });
  expect(after.body.items.length).toBe(before);
  elsewhere.closeAllConnections();
  elsewhere.close();
  await close();
});

it('shows those who are no admins what is theirs, and asks for nothing else', async () => {
  const ada = await makeKey(service, { name: 'ada', role: 'reader' }, root);
  const { page, close } = await visit(browser, service.url, '/admin', { key: ada.key });
  await page.getByText('Only admins see workers').waitFor();
  await page.getByText('No jobs.').first().waitFor();
  await expect.poll(() => page.getByRole('region', { name: 'Keys', exact: true }).count()).toBe(0);
  for (const path of ['/submit', '/benchmarks', '/trainings']) {
    await page.goto(`${service.url}${path}`);
    await page.getByText('This key is read-only').waitFor();
    await expect.poll(() => page.locator('form').count()).toBe(0);
  }
  // No refusal has come: the page knows whose it is.
  await close();
});

it('ends the session of a key that is revoked', async () => {
  const ada = await makeKey(service, { name: 'gone', role: 'member' }, root);
  const { page, close } = await visit(browser, service.url, '/submit', { key: ada.key });
  await page.getByRole('button', { name: 'Sign out gone' }).waitFor();
  await service.call('DELETE', `/v1/keys/${ada.id}`, {
    headers: { Authorization: `Bearer ${root}` },
  });
  await page.reload();
  await expect.poll(() => page.getByRole('alert').textContent()).toContain('session has ended');
  await close(/401/);
});

it('leads to the sign-in form when the key is revoked while the page is open', async () => {
  const ada = await makeKey(service, { name: 'midway', role: 'member' }, root);
  const { page, close } = await visit(browser, service.url, '/benchmarks', { key: ada.key });
  await page.getByRole('button', { name: 'Sign out midway' }).waitFor();
  await service.call('DELETE', `/v1/keys/${ada.id}`, { headers: bearer() });
  // Within the page: nothing is loaded anew.
  await page.getByRole('link', { name: 'Train', exact: true }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await expect.poll(() => page.getByRole('alert').textContent()).toContain('session has ended');
  await close(/401/);
});
