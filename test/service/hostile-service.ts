import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { writeZip } from '../../src/formats/zip.js';
import { oraclePath } from '../oracle.js';
import { hostileCard } from './hostile-models.js';
import { childrenOf } from './process.js';
import { type RunningService, runningService } from './running-service.js';

/** A service with real child processes, which hostile models are sent to. */
export const serviceOn = (home: string, childSeconds?: number) =>
  runningService({
    home,
    scoreScript: undefined,
    maxMemory: 2 ** 29,
    ...(childSeconds ? { childSeconds } : {}),
  });

/** Registers a model with a card that fits it. */
export const upload = (service: RunningService, name: string, content: Uint8Array) =>
  service.upload([
    { name: 'file', filename: `${name}.onnx`, content },
    { name: 'card', content: hostileCard(name) },
  ]);

/** Registers a small benchmark of the oracle; gives its id. */
export async function uploadBenchmark(service: RunningService): Promise<string> {
  const folder = oraclePath('09-end-to-end/neural-csv');
  const path = join(service.home, 'a.zip');
  const names = await readdir(folder);
  const data = await Promise.all(names.map((name) => readFile(join(folder, name))));
  await writeZip(
    path,
    names.map((name, i) => ({ name, data: data[i], compress: true })),
  );
  const body = await readFile(path);
  await rm(path);
  const headers = { 'Content-Type': 'application/zip' };
  return (await service.call('POST', '/v1/benchmarks', { headers, body })).body.id;
}

/** The service is as it was: no process, no temporary file, ready. */
export async function expectUnharmed(service: RunningService): Promise<void> {
  await vi.waitFor(async () => expect(await service.leftovers()).toEqual([]), 20_000);
  expect(childrenOf(process.pid)).toEqual([]);
  expect((await service.get('/v1/ready')).body).toMatchObject({ status: 'ready' });
}
