import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { writeZip } from '../../src/formats/zip.js';
import { metadataRecord } from '../../src/onnx/metadata.js';
import { oraclePath } from '../oracle.js';
import { endlessLoop, hiddenFolding, hostileCard } from '../service/hostile-models.js';
import { type Serving, servingIn } from '../service/process.js';
import { card, multipart, network, type Part } from '../service/running-service.js';
import { makeKey } from '../service/with-key.js';
import { madeHome } from '../store/made-home.js';

/**
 * Ada attacks, Bea works: a service in a process of its own, Ada's clients in another one, Bea's here.
 * The machine is shared with whatever else runs on it, so that one window of reads tells of the machine as
 * much as of the service: the best of three is what the service can do beside the attack.
 */
const WINDOWS = 3;
const READS = 250;
const READ_EVERY_MS = 20;
/** Milliseconds within which 99 of 100 reads are answered (design §10). */
const P99 = 100;
/** Within which Bea's upload, activations and score are each done, on two cores that Ada keeps busy. */
const WORK_MS = 60_000;

type Tenant = Awaited<ReturnType<typeof makeKey>>;

const fixture = (name: string) => join(packageRoot, 'test', 'fixtures', 'tls', name);

let home: string;
let service: Serving;
let ada: Tenant;
let bea: Tenant;
let picture: Part;
let onnx: Buffer;
let mine: { id: string };
let benchmark: string;
let loop: string;
let flood: ChildProcess | undefined;

beforeAll(async () => {
  home = await madeHome('ventral-floods-');
  const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');
  const words = ['serve', '--home', home, '--port', '0', '--no-score-shipped'];
  service = await servingIn(
    { NODE_EXTRA_CA_CERTS: fixture('certificate.pem') },
    main,
    ...words,
    ...['--webhook-allow', '127.0.0.1'],
  );
  const root = await makeKey(service, { name: 'root', role: 'admin' });
  ada = await makeKey(service, { name: 'ada', role: 'member' }, root.key);
  bea = await makeKey(service, { name: 'bea', role: 'member' }, root.key);
  const create = { width: 32, height: 32, channels: 3, background: '#888' } as const;
  const content = await sharp({ create }).png().toBuffer();
  picture = { name: 'images', filename: 'grey.png', content };
  onnx = await network();
  mine = (await bea.upload(await model(0))).body;
  loop = (await ada.upload(hostile('loop', endlessLoop()))).body.id;
  const folder = oraclePath('09-end-to-end/neural-csv');
  const names = await readdir(folder);
  const files = await Promise.all(names.map((name) => readFile(join(folder, name))));
  const zip = join(home, 'benchmark.zip');
  await writeZip(
    zip,
    names.map((name, i) => ({ name, data: files[i], compress: true })),
  );
  const headers = { 'Content-Type': 'application/zip' };
  const body = await readFile(zip);
  benchmark = (await bea.call('POST', '/v1/benchmarks', { headers, body })).body.id;
});
afterAll(async () => {
  await service.end('SIGTERM');
  await rm(home, { recursive: true, force: true });
});

const hostile = (name: string, content: Uint8Array): Part[] => [
  { name: 'file', filename: `${name}.onnx`, content },
  { name: 'card', content: hostileCard(name) },
];

/** The network with something else in its metadata, so that it was never scored. */
const model = async (nth: number): Promise<Part[]> => [
  {
    name: 'file',
    filename: 'net.onnx',
    content: Buffer.concat([onnx, metadataRecord('nth', String(nth))]),
  },
  { name: 'card', content: await card() },
];

async function start(asked: { readonly kind: string } & Record<string, unknown>) {
  const words = JSON.stringify({ url: service.url, key: ada.key, ...asked });
  flood = spawn(process.execPath, [join(packageRoot, 'test', 'service', 'flood.mjs'), words], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  // Its clients are there, and what it starts is at work.
  await sleep(1500);
}

async function stop() {
  if (!flood) return;
  const ended = once(flood, 'exit');
  flood.kill('SIGKILL');
  await ended;
  flood = undefined;
}

/** Reads at a steady rate; the 99th percentile of what they take, in milliseconds. */
async function window(): Promise<number> {
  const paths = [
    '/v1/models',
    `/v1/models/${mine.id}`,
    '/v1/scores',
    `/v1/benchmarks/${benchmark}`,
  ];
  const reads: Promise<number>[] = [];
  for (let n = 0; n < READS; n++) {
    const began = performance.now();
    reads.push(
      bea.get(paths[n % paths.length]).then(({ status }) => {
        expect(status).toBe(200);
        return performance.now() - began;
      }),
    );
    await sleep(READ_EVERY_MS);
  }
  const sorted = (await Promise.all(reads)).sort((a, b) => a - b);
  return sorted[Math.floor(READS * 0.99) - 1];
}

let nth = 1;

/** What Bea does beside reading, and how long each took. */
async function work(): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  const timed = async <T>(name: string, asked: Promise<T>): Promise<T> => {
    const began = performance.now();
    const answer = await asked;
    times[name] = Math.round(performance.now() - began);
    return answer;
  };
  const uploaded = await timed('upload', bea.upload(await model(nth++)));
  expect(uploaded.status).toBe(201);
  const fields = Object.entries({ model: mine.id, degrees: '8', layers: 'avgpool' });
  const parts = [picture, ...fields.map(([name, content]) => ({ name, content }))];
  const activations = await timed('activations', bea.upload(parts, '/v1/activations'));
  expect(activations.status).toBe(200);
  const asked = { model: uploaded.body.id, benchmarks: [benchmark] };
  const score = await timed('score', bea.post('/v1/scores', asked, { Prefer: 'wait=60' }));
  expect(score.body).toMatchObject({ state: 'succeeded', failures: [] });
  return times;
}

async function withstands(name: string) {
  const windows: number[] = [];
  while (windows.length < WINDOWS && !windows.some((p99) => p99 <= P99))
    windows.push(Math.round(await window()));
  const times = await work();
  process.stdout.write(
    `${name}: p99 of reads ${windows.join(', ')} ms, ${JSON.stringify(times)}\n`,
  );
  expect(Math.min(...windows)).toBeLessThanOrEqual(P99);
  for (const time of Object.values(times)) expect(time).toBeLessThan(WORK_MS);
}

/** A form that the flood sends, as a file. */
async function formOf(name: string, parts: readonly Part[]) {
  const { headers, body } = multipart(parts);
  const path = join(home, `flood-${name}`);
  await writeFile(path, body as Buffer);
  return { headers, body: path };
}

/** A card in which each anchor repeats the one before ten times. */
const anchors = () => {
  const line = (i: number) =>
    `a${i}: &a${i} [${Array(10)
      .fill(`*a${i - 1}`)
      .join(', ')}]`;
  const lines = Array.from({ length: 4000 }, (_, i) => line(i + 1));
  return ['a0: &a0 [x]', ...lines].join('\n').slice(0, 2 ** 18 - 100);
};

const floods: Readonly<Record<string, () => Promise<void>>> = {
  'nobody attacks': async () => {},
  'downloads that are dropped': () => start({ kind: 'dropped', path: '/v1/models/pixels/content' }),
  'uploads that fold': async () => {
    const form = await formOf('folding', hostile('folding', hiddenFolding()));
    await start({ kind: 'forms', path: '/v1/models', clients: 8, ...form });
  },
  'activations of an endless loop': async () => {
    const fields = Object.entries({ model: loop, degrees: '8', layers: 'y' });
    const parts = [picture, ...fields.map(([name, content]) => ({ name, content }))];
    const form = await formOf('loop', parts);
    await start({ kind: 'forms', path: '/v1/activations', clients: 8, ...form });
  },
  'cards of YAML anchors': async () => {
    const parts = [
      { name: 'file', filename: 'net.onnx', content: onnx },
      { name: 'card', content: anchors() },
    ];
    await start({
      kind: 'forms',
      path: '/v1/models',
      clients: 2,
      ...(await formOf('yaml', parts)),
    });
  },
  'keys that are none': () => start({ kind: 'unauthorized' }),
  'wrong JSON': async () => {
    const body = join(home, 'flood-json');
    const benchmarks = Array.from({ length: 450_000 }, () => 1);
    await writeFile(body, JSON.stringify({ model: 'pixels', benchmarks }));
    await start({ kind: 'json', path: '/v1/scores', clients: 2, pause: 50, body });
  },
  'uploads that never end': () => start({ kind: 'slow', headers: multipart([]).headers }),
};

it.each(Object.keys(floods))('Bea works and reads while: %s', async (name) => {
  try {
    await floods[name]();
    await withstands(name);
  } finally {
    await stop();
  }
});

it('Bea is told of her job while a hundred webhooks of Ada go to one that never answers', async () => {
  const held: Socket[] = [];
  const silent = createTcpServer((socket) => {
    held.push(socket.on('error', () => {}));
  });
  const told: number[] = [];
  const key = await readFile(fixture('key.pem'));
  const cert = await readFile(fixture('certificate.pem'));
  const receiver = createServer({ key, cert }, (request, reply) => {
    request.resume();
    told.push(Date.now());
    reply.writeHead(204).end();
  });
  for (const server of [silent, receiver])
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const webhook = (server: typeof silent | typeof receiver) => ({
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/told`,
    secret: 'sixteen characters at least',
  });
  try {
    const asked = { model: mine.id, benchmarks: [benchmark] };
    await bea.post('/v1/scores', asked, { Prefer: 'wait=60' });
    const his = { model: 'pixels', benchmarks: ['Simulated.V1-pls'], webhook: webhook(silent) };
    for (let n = 0; n < 100; n++) {
      const { body } = await ada.post('/v1/scores', { ...his, layers: { V1: `none ${n}` } });
      await ada.remove(body.links.self);
    }
    await vi.waitFor(() => expect(held.length).toBeGreaterThan(0), 30_000);
    const began = Date.now();
    // Its result is there already: the job ends when it is made.
    await bea.post('/v1/scores', { ...asked, webhook: webhook(receiver) });
    await vi.waitFor(() => expect(told).toHaveLength(1), { timeout: 10_000, interval: 50 });
    process.stdout.write(`silent webhooks: told after ${told[0] - began} ms\n`);
    await withstands('silent webhooks');
  } finally {
    for (const socket of held) socket.destroy();
    silent.close();
    receiver.close();
  }
});
