import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { writeZip } from '../../src/formats/zip.js';
import { runningService } from '../service/running-service.js';
import { openBrowser, visit } from '../web/browser.js';
import { byKeyboard, byMouse } from '../web/hands.js';
import { homeWithShipped, sameThere, walkRoad } from '../web/own-recordings.js';
import { sharedData } from './shared-data.js';

const data = sharedData('v4-hvm640');
const PATIENCE_MS = 600_000;

const benchmarkFile = (name: string) => `identifier: ${name}.{region}-pls
version: 1
regions: [V4]
visual_degrees: 8
stimuli: { csv: stimuli.csv, images: images_210325.zip }
recordings: recordings.csv
metric: { name: pls, components: 25 }
cross_validation: { splits: 10, train_size: 0.9, seed: 1, stratify_on: object_name }
`;

describe.skipIf(!data)('macaque V4 as a ZIP, in the browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ventral-v4-road-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What its experimenter would pack. */
  async function zipped(name: string): Promise<string> {
    const path = join(folder, `${name}.zip`);
    const names = ['stimuli.csv', 'images_210325.zip', 'recordings.csv'];
    const files = names.map(async (file) => ({
      ...{ name: file, data: await readFile(join(data ?? '', file)), compress: true },
    }));
    const yaml = { name: `${name}.yaml`, data: Buffer.from(benchmarkFile(name)), compress: true };
    await writeZip(path, [yaml, ...(await Promise.all(files))]);
    return path;
  }

  it.each([
    ['mouse', byMouse],
    ['keyboard', byKeyboard],
  ] as const)(
    'walked by the %s: upload, board, layer map, comparison, figures, another browser',
    async (by, handOf) => {
      const place = await homeWithShipped();
      const [browser, service] = await Promise.all([
        openBrowser(),
        runningService({ ...place, scoreScript: undefined, concurrency: 2, maxMemory: 2 ** 31 }),
      ]);
      try {
        const name = `${by}-v4`;
        const { page, close } = await visit(browser, service.url, '/');
        page.setDefaultTimeout(PATIENCE_MS);
        const address = await walkRoad(page, handOf(page), {
          ...{ zip: await zipped(name), benchmark: `${name}.V4-pls`, preset: 'bytes' },
          ...{ network: join(data ?? '', 'v4_shared_compact_5.onnx'), name: 'v4_shared_compact_5' },
        });
        const { pathname, search } = new URL(address);
        const there = await visit(browser, service.url, pathname + search);
        await sameThere(page, there.page);
        await Promise.all([close(), there.close()]);
      } finally {
        await browser.close();
        await service.stop();
        rmSync(place.home, { recursive: true, force: true });
      }
    },
  );
});
