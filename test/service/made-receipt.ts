import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ContentCache } from '../../src/activations/cache/content-cache.js';
import { writeZip } from '../../src/formats/zip.js';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { writeReceipt } from '../../src/scoring/receipt/write-receipt.js';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import { oraclePath } from '../oracle.js';
import { card, multipart, network } from './running-service.js';
import type { makeKey } from './with-key.js';

// biome-ignore lint/suspicious/noExplicitAny: a test spoils receipts in every place.
export type Receipt = any;
export type Key = Awaited<ReturnType<typeof makeKey>>;

const folder = oraclePath('09-end-to-end/neural-csv');

/** The benchmarks of {@link madeReceipt}. */
export const [V4, IT] = ['end-to-end.objects.V4-pls', 'end-to-end.objects.IT-pls'];
/** A shipped benchmark whose data are on no machine that runs the tests. */
export const AWAY = 'FreemanZiemba2013.V1-pls';

/** What `ventral score --receipt` writes of a small network on two benchmarks. */
export async function madeReceipt(root: string): Promise<Receipt> {
  const [net, path] = [join(root, 'net.onnx'), join(root, 'receipt.json')];
  await writeFile(net, await network());
  await writeFile(join(root, 'net.yaml'), (await card()).replace(/^file: .*\n/m, ''));
  const home = join(root, 'home');
  const cache = await ContentCache.open(home, { maxBytes: 2 ** 26 });
  const request = { model: { path: net }, benchmarks: [join(folder, 'benchmark.yaml')] };
  const context = { home, threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30, cache };
  const { scores } = await scoreModel(request, context);
  await writeReceipt(path, [{ kind: 'score', request, scores }], context);
  return JSON.parse(await readFile(path, 'utf8'));
}

/** A copy with another value at a pointer. */
export function changed(receipt: Receipt, pointer: string, value: unknown): Receipt {
  const copy = structuredClone(receipt);
  const keys = pointer.slice(1).split('/');
  const last = keys.pop() as string;
  const place = keys.reduce((at, key) => at[key], copy);
  place[last] = value;
  return copy;
}

/** The first score, said to be of {@link AWAY}, with another value. */
export function away(receipt: Receipt, value: number): Receipt {
  const copy = structuredClone(receipt);
  const [run] = copy.runs;
  const { version, simulated, region = null } = listBenchmarks().find(({ id }) => id === AWAY)!;
  run.scores = [{ ...run.scores[0], benchmark: AWAY, version, simulated, region, value, ci: null }];
  run.benchmarks = [{ ...run.benchmarks[0], id: AWAY }];
  return copy;
}

/** Registers the network. @returns its id */
export async function registered(key: Key): Promise<string> {
  const parts = [
    { name: 'file', filename: 'net.onnx', content: await network() },
    { name: 'card', content: await card() },
  ];
  return (await key.call('POST', '/v1/models', multipart(parts))).body.id;
}

/** Uploads the benchmarks of {@link madeReceipt}. @returns the id */
export async function uploaded(key: Key, root: string): Promise<string> {
  const zip = join(root, 'benchmark.zip');
  const files = (await readdir(folder)).map(async (name) => {
    return { name, data: await readFile(join(folder, name)), compress: true };
  });
  await writeZip(zip, await Promise.all(files));
  const headers = { 'Content-Type': 'application/zip' };
  const body = await readFile(zip);
  return (await key.call('POST', '/v1/benchmarks', { headers, body })).body.id;
}
