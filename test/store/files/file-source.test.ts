import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import S3rver from 's3rver';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BenchmarkFiles } from '../../../src/store/files/benchmark-files.js';
import { FileCache } from '../../../src/store/files/file-cache.js';
import { digestOfFile } from '../../../src/store/files/file-digest.js';
import { download, type FileOrigin, homeSource } from '../../../src/store/files/file-source.js';
import { HttpFiles } from '../../../src/store/files/http-files.js';
import { ModelFiles } from '../../../src/store/files/model-files.js';
import { S3Files, s3Place } from '../../../src/store/files/s3-files.js';
import { flip } from '../../service/flip.js';

const signal = new AbortController().signal;
const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const made = (size: number) => {
  const bytes = randomBytes(size);
  return { bytes, digest: digestOf(bytes) };
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Stands in for the process that unpacks: a folder with the archive as its one file. */
const unpack = async (archive: string, target: string) => {
  await mkdir(target);
  await copyFile(archive, join(target, 'benchmark.yaml'));
};
const cacheOf = (origin: FileOrigin, maxBytes = 1e9) =>
  FileCache.open({ folder: join(folder, 'cache'), maxBytes, origin, unpack });
const entries = async () =>
  (await readdir(join(folder, 'cache'))).filter((name) => !name.startsWith('held-')).toSorted();

/** A server before another that spoils what passes: what it does next is said by the test. */
type Fault = 'whole' | 'cut' | 'short' | 'altered' | 'missing' | 'broken' | 'refused';
let faults: Fault[] = [];
let asked = 0;
const objects = new Map<string, Buffer>();
function spoil(response: ServerResponse, bytes: Buffer, fault: Fault): void {
  if (fault === 'missing') return void response.writeHead(404).end();
  if (fault === 'broken') return void response.writeHead(503).end();
  if (fault === 'refused') return void response.socket?.destroy();
  const altered = Buffer.from(bytes);
  if (fault === 'altered') altered[altered.length >> 1] ^= 1;
  const sent = fault === 'short' ? bytes.subarray(0, bytes.length >> 1) : altered;
  response.writeHead(200, { 'Content-Length': sent.length });
  if (fault !== 'cut') return void response.end(sent);
  response.write(sent.subarray(0, sent.length >> 1), () => response.socket?.destroy());
}

describe.each(['service', 'bucket'] as const)('files of a %s', (kind) => {
  let server: Server;
  let origin: FileOrigin;
  beforeAll(async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'S3RVER');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'S3RVER');
    server = createServer((request, response) => {
      asked++;
      const hex = /[0-9a-f]{64}/.exec(request.url ?? '')?.[0] ?? '';
      const bytes = objects.get(hex);
      spoil(response, bytes ?? Buffer.alloc(0), faults.shift() ?? (bytes ? 'whole' : 'missing'));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    origin =
      kind === 'service'
        ? new HttpFiles(url, 'vk_x')
        : await S3Files.connect({ bucket: 'b', endpoint: url });
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    faults = [];
    asked = 0;
    objects.clear();
  });
  const put = (size = 300_000) => {
    const { bytes, digest } = made(size);
    objects.set(digest.slice(7), bytes);
    return { bytes, digest };
  };

  it('come whole after a stream that broke before the file was open', async () => {
    const { digest } = put();
    const tries = new Map<string, number>();
    const breaks = (name: string): FileOrigin => ({
      put: () => Promise.reject(new Error('not asked')),
      open: (...of) => {
        tries.set(name, (tries.get(name) ?? 0) + 1);
        if (tries.get(name) === 2) return origin.open(...of);
        const stream = new Readable({ read() {} });
        process.nextTick(() => stream.destroy(new Error('socket hang up')));
        return Promise.resolve(stream);
      },
    });
    // Many at once, so that threads of the pool overtake one another.
    const names = Array.from({ length: 50 }, (_, i) => join(folder, `download-${i}`));
    await Promise.all(
      names.map((path) => download(breaks(path), { digest, kind: 'model', path }, signal)),
    );
    for (const path of names) expect(await digestOfFile(path)).toBe(digest);
    expect([...tries.values()]).toEqual(names.map(() => 2));
  });

  it('come once, verified, and then from the cache', async () => {
    const { digest } = put();
    const cache = await cacheOf(origin);
    for (let i = 0; i < 3; i++) {
      const files = cache.open();
      expect(await digestOfFile(await files.fetch(digest, 'model', signal))).toBe(digest);
      const benchmark = await files.fetch(digest, 'benchmark', signal);
      expect(await digestOfFile(join(benchmark, 'benchmark.yaml'))).toBe(digest);
      await files.close();
    }
    expect(asked).toBe(2);
    const hex = digest.slice(7);
    expect(await readdir(join(folder, 'cache'))).toEqual([`benchmark-${hex}`, `model-${hex}`]);
  });

  it.each([
    ['cut'],
    ['short'],
    ['altered'],
    ['broken'],
    ['refused'],
    ['broken', 'cut', 'altered'],
  ] as Fault[][])('come whole after %s %s %s', async (...before) => {
    const { digest } = put();
    faults = [...before];
    const files = (await cacheOf(origin)).open();
    expect(await digestOfFile(await files.fetch(digest, 'model', signal))).toBe(digest);
    expect(faults).toEqual([]);
    await files.close();
  });

  it.each([
    [['altered', 'altered'], 'checksum-mismatch'],
    [['short', 'short'], 'checksum-mismatch'],
    [['missing'], 'file-missing'],
    [Array(20).fill('broken'), 'files-unavailable'],
    [Array(20).fill('cut'), 'files-unavailable'],
  ] as [Fault[], string][])('are refused where they stay %s', async (after, code) => {
    const { digest } = put();
    faults = [...after];
    const files = (await cacheOf(origin)).open();
    await expect(files.fetch(digest, 'model', signal)).rejects.toMatchObject({ code });
    await files.close();
    expect(await readdir(join(folder, 'cache'))).toEqual([]);
  });

  it('are not waited for once nobody wants them', async () => {
    const { digest } = put();
    faults = Array(20).fill('broken');
    const gone = new AbortController();
    const files = (await cacheOf(origin)).open();
    const fetched = files.fetch(digest, 'model', gone.signal);
    setTimeout(() => gone.abort(), 50);
    await expect(fetched).rejects.toThrow(/abort/i);
    await files.close();
    expect(await entries()).toEqual([]);
  });
});

describe('the cache of files', () => {
  const fixed = (all: Map<string, Buffer>): FileOrigin => ({
    open: async (digest) => Readable.from([all.get(digest) as Buffer]),
    put: async () => {},
  });
  const several = (count: number, size: number) => {
    const files = Array.from({ length: count }, () => made(size));
    return { files, origin: fixed(new Map(files.map(({ digest, bytes }) => [digest, bytes]))) };
  };

  it('clears what was used longest ago, and nothing from under its user', async () => {
    const { files, origin } = several(6, 1000);
    const cache = await cacheOf(origin, 3500);
    const user = cache.open();
    const held = await user.fetch(files[0].digest, 'model', signal);
    const folderHeld = await user.fetch(files[1].digest, 'benchmark', signal);
    for (const { digest } of files.slice(2)) {
      const other = cache.open();
      await other.fetch(digest, 'model', signal);
      await other.close();
    }
    expect(await entries()).toEqual(
      files
        .slice(3)
        .map(({ digest }) => `model-${digest.slice(7)}`)
        .toSorted(),
    );
    expect(await digestOfFile(held)).toBe(files[0].digest);
    expect(await digestOfFile(join(folderHeld, 'benchmark.yaml'))).toBe(files[1].digest);
    await user.close();
    expect(await readdir(join(folder, 'cache'))).toHaveLength(3);
  });

  it('fetches again what was damaged, and says so of what is damaged in use', async () => {
    const { files, origin } = several(1, 5000);
    const [{ digest }] = files;
    const cache = await cacheOf(origin);
    const hex = digest.slice(7);
    const paths = { model: `model-${hex}`, benchmark: join(`benchmark-${hex}`, 'benchmark.yaml') };
    for (const kind of ['model', 'benchmark'] as const) {
      const first = cache.open();
      await first.fetch(digest, kind, signal);
      await first.close();
      await flip(join(folder, 'cache', paths[kind]));
      const user = cache.open();
      const path = await user.fetch(digest, kind, signal);
      const file = kind === 'model' ? path : join(path, 'benchmark.yaml');
      expect(await digestOfFile(file)).toBe(digest);
      await user.confirm();
      await flip(file);
      await expect(user.confirm()).rejects.toMatchObject({ code: 'file-damaged' });
      await user.close();
    }
    const damaged = await FileCache.verify(join(folder, 'cache'), true);
    expect(damaged).toMatchObject({ entries: 2, damaged: { length: 2 } });
    expect(await readdir(join(folder, 'cache'))).toEqual([]);
  });

  it('is shared by several that fetch, hold and clear at once', async () => {
    const { files, origin } = several(8, 2000);
    const caches = await Promise.all([1, 2, 3].map(() => cacheOf(origin, 5000)));
    let seed = 7;
    const random = () => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    const work = async (cache: FileCache) => {
      for (let i = 0; i < 15; i++) {
        const { digest } = files[Math.floor(random() * files.length)];
        const kind = random() < 0.5 ? 'model' : 'benchmark';
        const user = cache.open();
        const path = await user.fetch(digest, kind, signal);
        const file = kind === 'model' ? path : join(path, 'benchmark.yaml');
        expect(await digestOfFile(file)).toBe(digest);
        await user.close();
      }
    };
    await Promise.all(caches.flatMap((cache) => [work(cache), work(cache)]));
    const left = await readdir(join(folder, 'cache'));
    expect(left.filter((name) => /^(held|part)-/.test(name))).toEqual([]);
    expect(left.length).toBeLessThanOrEqual(3);
  });

  it('sweeps what dead processes held and began, and leaves what living ones do', async () => {
    const { files, origin } = several(1, 10);
    const user = (await cacheOf(origin)).open();
    const path = await user.fetch(files[0].digest, 'model', signal);
    await mkdir(join(folder, 'cache', 'held-999999999-0123456789ab-x'));
    await mkdir(join(folder, 'cache', 'part-1-0123456789ab-x'));
    // Of another container: its pid means nothing here.
    await mkdir(join(folder, 'cache', 'held-1-0123456789ab-fedcba987654-x'));
    await cacheOf(origin);
    expect((await readdir(join(folder, 'cache'))).map((name) => name.split('-')[0])).toEqual([
      'held',
      'held',
      'model',
    ]);
    expect(await digestOfFile(path)).toBe(files[0].digest);
  });
});

describe('a bucket', () => {
  let bucket: S3rver;
  let files: S3Files;
  beforeAll(async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'S3RVER');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'S3RVER');
    const directory = await mkdtemp(join(tmpdir(), 'ventral-bucket-'));
    bucket = new S3rver({
      address: '127.0.0.1',
      port: 0,
      silent: true,
      directory,
      configureBuckets: [{ name: 'ventral', configs: [] }],
      resetOnClose: true,
    });
    const { port } = await bucket.run();
    const place = s3Place({
      VENTRAL_S3_BUCKET: 'ventral',
      VENTRAL_S3_ENDPOINT: `http://127.0.0.1:${port}`,
    });
    files = await S3Files.connect(place!);
  });
  afterAll(async () => {
    await bucket.close();
    vi.unstubAllEnvs();
  });

  it('takes, gives and removes what the homes of two services keep', async () => {
    const { bytes, digest } = made(3_000_000);
    const [one, two] = await Promise.all(
      ['one', 'two'].map(async (name) => {
        const home = join(folder, name);
        await mkdir(join(home, 'tmp', 'service'), { recursive: true });
        const kept = {
          files: new ModelFiles(home, files),
          benchmarkFiles: new BenchmarkFiles(home, files, unpack),
        };
        await kept.files.prepare();
        await kept.benchmarkFiles.prepare();
        return kept;
      }),
    );
    const temporary = join(folder, 'upload');
    await writeFile(temporary, bytes);
    await one.files.place(temporary, digest);
    await writeFile(temporary, bytes);
    await mkdir(join(folder, 'unpacked'));
    await one.benchmarkFiles.place(join(folder, 'unpacked'), temporary, digest);
    const other = homeSource(two).open();
    expect(await digestOfFile(await other.fetch(digest, 'model', signal))).toBe(digest);
    const unpacked = await other.fetch(digest, 'benchmark', signal);
    expect(await digestOfFile(join(unpacked, 'benchmark.yaml'))).toBe(digest);
    const cache = (await cacheOf(files)).open();
    expect(await digestOfFile(await cache.fetch(digest, 'model', signal))).toBe(digest);
    await cache.close();

    await one.files.remove(digest);
    await one.benchmarkFiles.remove(digest);
    await rm(join(folder, 'cache'), { recursive: true });
    const after = (await cacheOf(files)).open();
    for (const kind of ['model', 'benchmark'] as const)
      await expect(after.fetch(digest, kind, signal)).rejects.toMatchObject({
        code: 'file-missing',
      });
    const { digest: unknown } = made(8);
    await expect(other.fetch(unknown, 'model', signal)).rejects.toMatchObject({
      code: 'file-missing',
    });
    expect(await readdir(join(folder, 'two', 'tmp', 'service'))).toEqual([]);
  });

  it('that is not there fails the upload, and nothing is kept', async () => {
    const away = await S3Files.connect({ bucket: 'ventral', endpoint: 'http://127.0.0.1:1' });
    const kept = new ModelFiles(folder, away);
    await kept.prepare();
    const { bytes, digest } = made(1000);
    await writeFile(join(folder, 'upload'), bytes);
    await expect(kept.place(join(folder, 'upload'), digest)).rejects.toMatchObject({
      code: 'files-unavailable',
      status: 503,
    });
    expect(await kept.has(digest)).toBe(false);
  });
});
