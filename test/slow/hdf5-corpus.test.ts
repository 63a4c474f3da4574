import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { openNetcdf } from '../../src/formats/netcdf.js';
import { archiveOf, CANARY, hostileFiles, plantCanaries } from '../formats/hostile-netcdf.js';
import { type RunningService, runningService } from '../service/running-service.js';

let folder: string;
let files: ReadonlyMap<string, Buffer>;
let service: RunningService;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-corpus-'));
  service = await runningService();
  await plantCanaries(folder);
  await plantCanaries(service.home);
  files = new Map([...(await hostileFiles(folder))].filter(([name]) => name !== 'canary.nc'));
});
afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

/** Everything that can be read of a file, as text. */
async function readAll(path: string): Promise<string> {
  const file = await openNetcdf(path);
  try {
    const found = [JSON.stringify([...file.root.attributes])];
    for (const { name, dtype } of file.root.variables) {
      if (dtype === undefined) continue;
      const values = await file.read(name);
      found.push(Array.from(values.slice(0, 100) as ArrayLike<unknown>, String).join());
    }
    return found.join('\n');
  } finally {
    await file.close();
  }
}

it('every hostile file is read or refused in bounded memory, without a byte of another file', async () => {
  expect(files.size).toBeGreaterThanOrEqual(60);
  for (const [name, bytes] of files) {
    const path = join(folder, name);
    await writeFile(path, bytes);
    const answer = await readAll(path).catch((error: unknown) => {
      expect(error).toBeInstanceOf(VentralError);
      expect(error).toMatchObject({ code: 'netcdf-invalid', details: { file: path } });
      const { message, details } = error as VentralError;
      expect(message.length).toBeLessThan(1000);
      return message + JSON.stringify(details);
    });
    expect(answer, name).not.toContain(CANARY);
    expect(process.memoryUsage().rss, name).toBeLessThan(3 * 2 ** 30);
    await rm(path);
  }
});

it('the service answers no byte of another file', async () => {
  const leading = [...files].filter(([name]) => /^(external|virtual|link|driver|text)/.test(name));
  for (const [name, bytes] of leading) {
    const path = join(folder, `${name}.zip`);
    await archiveOf(path, bytes);
    const headers = { 'Content-Type': 'application/zip' };
    const body = await readFile(path);
    const uploaded = await service.call('POST', '/v1/benchmarks', { headers, body });
    const { id } = uploaded.body;
    const answers = [uploaded, await service.get(`/v1/benchmarks/${id}/data`)];
    for (const { text } of answers) {
      expect(text, name).not.toContain(CANARY);
      expect(text.length, name).toBeLessThan(10_000);
    }
    await rm(path);
  }
});
