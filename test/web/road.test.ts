import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../models/gabor-v1/build.js';
import { type RunningService, runningService } from '../service/running-service.js';
import { makeKey } from '../service/with-key.js';
import { openBrowser, visit } from './browser.js';
import { byKeyboard, tabTo } from './hands.js';

const V1 = 'Simulated.V1-pls';
/** Real scores on a machine that has other work, too. */
const PATIENCE_MS = 300_000;

let browser: Browser;
let service: RunningService;
let line: Awaited<ReturnType<typeof breakableLine>>;
let folder: string;
let file: string;
let ada: Awaited<ReturnType<typeof makeKey>>;
let otto: Awaited<ReturnType<typeof makeKey>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-road-'));
  file = join(folder, 'of-ada.onnx');
  await writeFile(file, build());
  [browser, service] = await Promise.all([
    openBrowser(),
    runningService({ scoreScript: undefined, concurrency: 2 }),
  ]);
  line = await breakableLine(service.url);
  const root = await makeKey(service, { name: 'root', role: 'admin' });
  ada = await makeKey(service, { name: 'ada', role: 'member' }, root.key);
  otto = await makeKey(service, { name: 'otto', role: 'member' }, root.key);
  // What ada compares with. Both sets of simulated data are made meanwhile.
  const score = (benchmark: string) =>
    ada.post('/v1/scores', { model: 'pixels', benchmarks: [benchmark] }, { Prefer: 'wait=60' });
  await Promise.all([score(V1), score('Simulatedpublic.V1-pls')]);
});
afterAll(async () => {
  await browser.close();
  line.close();
  await service.stop();
  await rm(folder, { recursive: true });
});

/** A way to the service that can be cut: what is open then ends, and nothing new gets through until it is mended. */
async function breakableLine(url: string) {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  let cut = false;
  const server = createServer((near) => {
    if (cut) return near.destroy();
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      open.add(from);
      from.pipe(to);
      from
        .on('error', () => {})
        .on('close', () => {
          open.delete(from);
          to.destroy();
        });
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const end = () => {
    cut = true;
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: end,
    mend: () => {
      cut = false;
    },
    close() {
      end();
      server.close();
    },
  };
}

/** Lets the file fall where the page waits for one. */
async function drop(page: Page): Promise<void> {
  const content = (await readFile(file)).toString('base64');
  const dropped = await page.evaluateHandle(`(() => {
    const bytes = Uint8Array.from(atob('${content}'), (char) => char.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], 'of-ada.onnx'));
    return data;
  })()`);
  await page.getByRole('region', { name: 'The ONNX file' }).dispatchEvent('drop', {
    dataTransfer: dropped,
  });
}

describe('the road of a new checkpoint', () => {
  it('is walked by the mouse alone, from the file to a comparison that nobody else sees', async () => {
    const { page, close } = await visit(browser, line.url, '/submit', { key: ada.key });
    page.setDefaultTimeout(PATIENCE_MS);
    const click = (name: string | RegExp) => page.getByRole('button', { name }).click();
    await drop(page);
    await click('Upload and check');
    await page.getByRole('radio', { name: /minus-one-to-one/ }).click();
    await click('Save the card');

    for (const role of ['V2', 'V4', 'IT', 'behavior'])
      await page.getByRole('checkbox', { name: role, exact: true }).click();
    await click('Map the layers');
    await page.waitForURL('**/layer-maps/*');
    await page.getByRole('button', { name: 'Cancel the job' }).waitFor();
    line.cut();
    await page.getByText('Connection lost').waitFor();
    line.mend();
    await page.getByRole('grid').waitFor();
    await page.getByText('Done', { exact: true }).waitFor();
    const map = page.url();
    await click('Write the chosen layers to the model’s card');
    await page.getByRole('link', { name: 'Score the model' }).click();

    await click('Clear simulated');
    await page.getByRole('checkbox', { name: V1, exact: true }).click();
    for (const role of ['V2', 'V4', 'IT', 'behavior'])
      await page.getByRole('checkbox', { name: role, exact: true }).click();
    await click('Score on 1 benchmark');
    await page.getByText('Done', { exact: true }).waitFor();
    const scores = page.url();
    const { body } = await ada.get(`/v1/scores/${scores.split('/').at(-1)}`);
    const [score] = body.results;
    expect(score).toMatchObject({ benchmark: V1, simulated: true, selection: false });
    // The card remembers which images its layer was chosen on.
    const chosenOn = { model: body.model, benchmarks: ['Simulatedpublic.V1-pls'] };
    const onThem = await ada.post('/v1/scores', chosenOn, { Prefer: 'wait=60' });
    expect(onThem.body.results).toMatchObject([{ layer: score.layer, selection: true }]);
    const row = page.getByRole('row', { name: new RegExp(V1) });
    await expect.poll(() => row.textContent()).toContain(score.value.toFixed(3));

    await page.getByRole('link', { name: 'Compare with other models' }).click();
    await page.getByRole('button', { name: 'Add pixels' }).click();
    await page
      .getByText(/pixels/)
      .first()
      .waitFor();
    await expect.poll(() => new URL(page.url()).searchParams.getAll('model')).toHaveLength(2);
    const compared = page.url();
    await close(/ERR_(?:CONNECTION|SOCKET|INCOMPLETE|EMPTY)/);

    const other = await visit(browser, service.url, '/', { key: otto.key });
    for (const address of [map, scores, compared, `/models/${body.model}`]) {
      const { pathname, search } = new URL(address, service.url);
      await other.page.goto(`${service.url}${pathname}${search}`);
      await other.page.waitForLoadState('networkidle');
      await expect.poll(() => other.page.locator('main').textContent()).not.toContain('of-ada');
    }
    await other.close(/404/);
  });

  it('is walked by the keyboard alone, from the file to a score', async () => {
    const { page, close } = await visit(browser, service.url, '/submit', { key: otto.key });
    page.setDefaultTimeout(PATIENCE_MS);
    const { keyboard } = page;
    // Signing in draws the page again: what had the focus is another element then.
    await page.getByRole('button', { name: /^Sign out/ }).waitFor();
    await page.waitForLoadState('networkidle');
    await byKeyboard(page).give(page.getByLabel('Drop an ONNX file here'), file);
    await tabTo(page, page.getByRole('button', { name: 'Upload and check' }));
    await keyboard.press('Enter');
    await tabTo(page, page.getByRole('radio', { name: 'torchvision' }));
    for (let i = 0; i < 2; i++) await keyboard.press('ArrowDown');
    await tabTo(page, page.getByLabel('Layer for V1'));
    await keyboard.type('v1');
    await tabTo(page, page.getByRole('button', { name: 'Save the card' }));
    await keyboard.press('Enter');
    for (const name of ['Simulatedpublic.V1-pls', 'V2', 'V4', 'IT', 'behavior']) {
      await tabTo(page, page.getByRole('checkbox', { name, exact: true }));
      await keyboard.press('Space');
    }
    await tabTo(page, page.getByRole('button', { name: 'Score on 1 benchmark' }));
    await keyboard.press('Enter');
    await page.getByText('Done', { exact: true }).waitFor();
    await expect
      .poll(() => page.getByRole('row', { name: new RegExp(V1) }).textContent())
      .toMatch(/0\.\d{3}/);
    await close();
  });
});

const card = {
  input: {
    resize: { to: 112, mode: 'square', filter: 'bilinear', library: 'pillow' },
    range: 1,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  },
  visual_degrees: 8,
  region_layer_map: { V1: 'v1' },
};

const hostile = [
  `<script>hostile=1</script><img src=x onerror=hostile=1>${'w'.repeat(140)}`,
  '\u202eright to left \u0627\u0644\u0639\u0631\u0628\u064a\u0629',
];

it.each(hostile)('a name like %s stays text everywhere', async (name) => {
  const parts = [
    { name: 'file', filename: 'gabor.onnx', content: build() },
    { name: 'card', content: JSON.stringify(card) },
    { name: 'name', content: name },
  ];
  const { id } = (await ada.upload(parts)).body;
  const asked = { model: id, benchmarks: [V1] };
  const { body: job } = await ada.post('/v1/scores', asked);
  await expect
    .poll(async () => (await ada.get(`/v1/scores/${job.id}`)).body.results[0]?.name, {
      timeout: PATIENCE_MS,
    })
    .toBe(name);
  const { page, close } = await visit(browser, service.url, '/', {
    key: ada.key,
    viewport: { width: 360, height: 800 },
  });
  const pages = [
    '/?simulated=true',
    `/models/${id}`,
    `/compare?model=${id}&model=pixels&simulated=true`,
    `/scores/${job.id}`,
    `/submit?model=${id}`,
    '/admin',
  ];
  for (const path of pages) {
    await page.goto(`${service.url}${path}`);
    if (path !== '/admin') await page.getByText(name.slice(0, 20)).first().waitFor();
    expect(await page.evaluate('typeof hostile')).toBe('undefined');
    const wide = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
    expect(await page.evaluate(wide), `${path} is wider than the screen`).toBe(false);
  }
  await close();
});
