import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { build } from '../../models/gabor-v1/build.js';
import { type RunningService, runningService } from '../service/running-service.js';
import { makeKey } from '../service/with-key.js';
import { openBrowser, visit } from '../web/browser.js';
import { byKeyboard, byMouse } from '../web/hands.js';
import { homeWithShipped, sameThere, walkRoad, zipExample } from '../web/own-recordings.js';

/** Real scores on a machine that has other work, too. */
const PATIENCE_MS = 240_000;

let browser: Browser;
let service: RunningService;
let folder: string;
/** By name, of a member and of one who reads what that one has. */
const keys = new Map<string, { readonly member: string; readonly reader: string }>();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-own-recordings-'));
  const place = await homeWithShipped();
  [browser, service] = await Promise.all([
    openBrowser(),
    runningService({ ...place, scoreScript: undefined, concurrency: 2 }),
  ]);
  await writeFile(join(folder, 'lab-net.onnx'), build());
  const root = await makeKey(service, { name: 'root', role: 'admin' });
  for (const name of ['mouse', 'keyboard']) {
    const [member, reader] = await Promise.all(
      (['member', 'reader'] as const).map((role) =>
        makeKey(service, { name: `${name}-${role}`, role, owner: name }, root.key),
      ),
    );
    keys.set(name, { member: member.key, reader: reader.key });
  }
});
afterAll(async () => {
  await browser.close();
  await service.stop();
  await rm(service.home, { recursive: true, force: true });
  await rm(folder, { recursive: true });
});

describe('the road of a person with recordings of their own', () => {
  it.each([
    ['mouse', byMouse],
    ['keyboard', byKeyboard],
  ] as const)(
    'is walked by the %s alone, and its end is seen in another browser',
    async (name, handOf) => {
      const benchmark = `${name}-lab`;
      const zip = join(folder, `${benchmark}.zip`);
      await zipExample(zip, benchmark);
      const { page, close } = await visit(browser, service.url, '/', {
        key: keys.get(name)?.member,
      });
      page.setDefaultTimeout(PATIENCE_MS);
      const address = await walkRoad(page, handOf(page), {
        ...{ zip, benchmark: `${benchmark}.V4-pls`, preset: 'minus-one-to-one' },
        ...{ network: join(folder, 'lab-net.onnx'), name: 'lab-net' },
      });
      const there = await visit(
        browser,
        service.url,
        new URL(address).pathname + new URL(address).search,
        {
          key: keys.get(name)?.reader,
        },
      );
      await sameThere(page, there.page);
      await Promise.all([close(), there.close()]);
    },
  );
});
