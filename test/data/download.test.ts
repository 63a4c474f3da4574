import { createHash, randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type CatalogEntry,
  type CatalogFile,
  entriesNeeded,
  findData,
} from '../../src/data/catalog.js';
import { dataPath } from '../../src/data/data-folder.js';
import { type PullProgress, pullEntries, pullFile } from '../../src/data/download.js';
import { PartialFile, partName } from '../../src/data/partial-file.js';
import { VentralError } from '../../src/errors/ventral-error.js';
import { answer, UnreliableServer } from './unreliable-server.js';

const content = randomBytes(300_000);
const file: CatalogFile = {
  role: 'nc',
  file: 'assy_test.nc',
  url: 'http://127.0.0.1:1/nowhere',
  sha1: createHash('sha1').update(content).digest('hex'),
};
const entry: CatalogEntry = {
  identifier: 'test.public',
  kind: 'recordings',
  access: 'public',
  terms: 'none',
  files: [file],
};
const patience = { attempts: 4, firstWaitMs: 5, stallMs: 400 };

let home: string;
let server: UnreliableServer;
let baseUrl: string;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'ventral-download-'));
  server = new UnreliableServer(content);
  baseUrl = await server.start();
});
afterEach(async () => {
  await server.stop();
  rmSync(home, { recursive: true });
});

const get = (more: Partial<Parameters<typeof pullFile>[2]> = {}, whose = entry) =>
  pullFile(file, whose, { home, baseUrl, patience, ...more });
const path = () => dataPath(home, file);

/** Everything below HOME/data, parts too. */
const left = () =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile())
    .map((found) => found.name)
    .sort();

async function refused(run: Promise<unknown>): Promise<VentralError> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof VentralError) return error;
  throw error ?? new Error('nothing was refused');
}

function expectWhole() {
  expect(readFileSync(path()).equals(content)).toBe(true);
  expect(left()).toEqual([file.file]);
}

describe('a download', () => {
  test('brings the file and leaves nothing else', async () => {
    expect(await get()).toEqual({ file: file.file, path: path(), already: false });
    expectWhole();
    expect(server.requests[0]?.range).toBeUndefined();
  });

  test('is not made twice', async () => {
    await get();
    expect(await get()).toMatchObject({ already: true });
    expect(server.requests).toHaveLength(1);
  });

  test('replaces a file that is not what was published', async () => {
    mkdirSync(dirname(path()), { recursive: true });
    writeFileSync(path(), content.subarray(1));
    expect(await get()).toMatchObject({ already: false });
    expectWhole();
  });

  test('tells how far it is, within the file and to its end', async () => {
    const seen: PullProgress[] = [];
    await get({ progress: (progress) => seen.push(progress) });
    const loading = seen.filter(({ stage }) => stage === 'downloading');
    expect(loading.length).toBeGreaterThan(2);
    expect(loading.every(({ total }) => total === content.length)).toBe(true);
    expect(loading.at(0)?.done).toBe(0);
    expect(loading.at(-1)?.done).toBe(content.length);
    const done = loading.map((progress) => progress.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(seen.at(-1)).toMatchObject({ stage: 'checking', done: content.length });
  });
});

describe('a server that misbehaves', () => {
  test('drops the line: what came is kept, the rest is asked for by Range', async () => {
    server.plan(server.drop(100_000), server.drop(50_000));
    await get();
    expectWhole();
    expect(server.requests).toHaveLength(3);
    const [, second, third] = server.requests.map(({ range }) =>
      Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]),
    );
    expect(second).toBeGreaterThan(0);
    expect(third).toBeGreaterThan(second ?? 0);
    expect(server.requests[1]?.['if-range']).toBe(server.etag);
  });

  test('drops the line more often than there are attempts, but gets on each time', async () => {
    server.plan(...Array.from({ length: 12 }, () => server.drop(20_000)));
    await get();
    expectWhole();
  });

  test('ignores Range: it starts over', async () => {
    server.plan(server.drop(100_000), (request, response) => {
      delete request.headers.range;
      server.serve(request, response);
    });
    await get();
    expectWhole();
  });

  test('changes the content between two ranges: If-Range starts it over', async () => {
    const old = randomBytes(300_000);
    old[0] = (content[0] ?? 0) ^ 1;
    server.content = old;
    server.plan(server.drop(100_000), (request, response) => {
      server.content = content;
      server.serve(request, response);
    });
    await get();
    expectWhole();
  });

  test('changes the content and ignores If-Range: the checksum starts it over', async () => {
    const old = randomBytes(300_000);
    server.content = old;
    server.plan(
      (_request, response) => {
        response.writeHead(200, { 'content-length': old.length });
        response.write(old.subarray(0, 100_000), () => response.destroy());
      },
      (request, response) => {
        server.content = content;
        const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]);
        response.writeHead(206, {
          'content-length': content.length - from,
          'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
        });
        response.end(content.subarray(from));
      },
    );
    await get();
    expectWhole();
    expect(server.requests).toHaveLength(3);
  });

  test('sends another range than was asked for', async () => {
    server.plan(server.drop(100_000), (_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 7-9/300000', 'content-length': 3 });
      response.end('abc');
    });
    await get();
    expectWhole();
  });

  test('sends wrong bytes: refused by name, and removed', async () => {
    server.content = randomBytes(1000);
    const error = await refused(get());
    expect(error).toMatchObject({ code: 'checksum-mismatch', exit: 1 });
    expect(error.message).toContain(file.file);
    expect(error.message).toContain(file.sha1);
    expect(error.message).toContain(createHash('sha1').update(server.content).digest('hex'));
    expect(left()).toEqual([]);
  });

  test('has another object in its place: the version that the catalog names is asked for', async () => {
    const replaced = (_request: unknown, response: ServerResponse) => {
      response.writeHead(200, { 'content-length': 3 }).end('new');
    };
    const versioned = { ...file, url: new URL(file.file, baseUrl).href, version: 'W2vx/7j=' };
    server.plan(replaced);
    await pullFile(versioned, entry, { home, patience });
    expectWhole();
    expect(server.paths).toEqual([`/${file.file}`, `/${file.file}?versionId=W2vx%2F7j%3D`]);
    expect(server.requests[1]?.range).toBeUndefined();
  });

  test('has other bytes under the version, too, or none: refused as before', async () => {
    server.content = randomBytes(1000);
    const at = { ...file, url: new URL(file.file, baseUrl).href };
    const refusedAs = { code: 'checksum-mismatch' };
    await expect(
      pullFile({ ...at, version: 'x' }, entry, { home, patience }),
    ).rejects.toMatchObject(refusedAs);
    expect(server.paths).toHaveLength(2);
    expect(left()).toEqual([]);
    // "null" is the version of an object from before its bucket had versions; mirrors have none at all.
    const plain = { ...at, version: 'null' };
    await expect(pullFile(plain, entry, { home, patience })).rejects.toMatchObject(refusedAs);
    const mirrored = { home, patience, baseUrl };
    await expect(pullFile({ ...at, version: 'x' }, entry, mirrored)).rejects.toMatchObject(
      refusedAs,
    );
    expect(server.paths).toHaveLength(4);
  });

  test('states a shorter length than the file has', async () => {
    server.plan((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 }).end(content.subarray(0, 1000));
    });
    expect(await refused(get())).toMatchObject({ code: 'checksum-mismatch' });
    expect(left()).toEqual([]);
  });

  test('sends less than it states', async () => {
    server.plan((_request, response) => {
      response.writeHead(200, { 'content-length': content.length, etag: server.etag });
      response.write(content.subarray(0, 1000), () => response.destroy());
    });
    await get();
    expectWhole();
  });

  test.each([500, 502, 503, 408, 429])('answers %i, then the file', async (status) => {
    server.plan(answer(status), answer(status));
    await get();
    expectWhole();
    expect(server.requests).toHaveLength(3);
  });

  test('asks for patience with Retry-After', async () => {
    server.plan(answer(429, { 'retry-after': '1' }));
    const start = performance.now();
    await get();
    expect(performance.now() - start).toBeGreaterThan(950);
    expectWhole();
  });

  test('answers 503 for ever', async () => {
    server.plan(...Array.from({ length: 9 }, () => answer(503)));
    const error = await refused(get());
    expect(error).toMatchObject({ code: 'download-failed', exit: 1 });
    expect(error.message).toMatch(/assy_test\.nc.*503.*4 attempts.*http:\/\/127/);
    expect(server.requests).toHaveLength(4);
    expect(left()).toEqual([]);
  });

  test('has no such file: no second attempt', async () => {
    server.plan(answer(404));
    const error = await refused(get());
    expect(error).toMatchObject({ code: 'download-failed' });
    expect(error.message).toContain('404');
    expect(server.requests).toHaveLength(1);
  });

  test('refuses a private file: the word says what to do', async () => {
    server.plan(answer(403), answer(403));
    const error = await refused(get({}, { ...entry, access: 'private' }));
    expect(error).toMatchObject({ code: 'download-forbidden', status: 403, exit: 1 });
    expect(error.message).toMatch(/test\.public is private.*403.*ventral data import/);
    expect(server.requests).toHaveLength(1);
    expect((await refused(get())).message).toMatch(/403.*although the catalog lists it as public/);
    expect(left()).toEqual([]);
  });

  test('falls silent: the attempt ends, the next goes on', async () => {
    server.plan((_request, response) => {
      response.writeHead(200, { 'content-length': content.length, etag: server.etag });
      response.write(content.subarray(0, 5000));
    });
    await get();
    expectWhole();
    expect(server.requests[1]?.range).toBe('bytes=5000-');
  });

  test('never answers', async () => {
    const silent = () => {};
    server.plan(silent, silent, silent, silent);
    const error = await refused(get({ patience: { ...patience, stallMs: 50 } }));
    expect(error.message).toContain('no data received');
  });

  test('is slow: that is no failure', async () => {
    server.plan(async (_request, response) => {
      response.writeHead(200, { 'content-length': content.length });
      for (let at = 0; at < content.length; at += 50_000) {
        response.write(content.subarray(at, at + 50_000));
        await new Promise((done) => setTimeout(done, 120));
      }
      response.end();
    });
    await get();
    expectWhole();
    expect(server.requests).toHaveLength(1);
  });

  test('is not there', async () => {
    await server.stop();
    const error = await refused(get());
    expect(error).toMatchObject({ code: 'download-failed' });
    expect(error.message).toContain('ECONNREFUSED');
    expect(left()).toEqual([]);
    await server.start();
  });

  test('sends to another address', async () => {
    server.plan(answer(302, { location: '/elsewhere' }));
    await get();
    expectWhole();
    expect(server.paths).toEqual(['/assy_test.nc', '/elsewhere']);
  });

  test('sends in circles', async () => {
    server.plan(...Array.from({ length: 6 }, () => answer(302, { location: '/again' })));
    expect((await refused(get())).message).toContain('302');
  });

  test('states more bytes than the disk has', async () => {
    server.plan((_request, response) => {
      response.writeHead(200, { 'content-length': 10 ** 16, etag: '"x"' });
      response.write('a');
    });
    const error = await refused(get());
    expect(error).toMatchObject({ code: 'disk-full', exit: 1, status: 507 });
    expect(error.message).toContain(file.file);
    expect(left()).toEqual([]);
  });
});

test('a disk that fills up while it is written to', async () => {
  const error = Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'write' });
  const append = vi.spyOn(PartialFile.prototype, 'append').mockRejectedValueOnce(error);
  expect(await refused(get())).toMatchObject({ code: 'disk-full', details: { file: file.file } });
  append.mockRestore();
  expect(left()).toEqual([]);
});

describe('an interruption', () => {
  test('keeps what came, and the next pull goes on from there', async () => {
    const controller = new AbortController();
    server.plan((_request, response) => {
      response.writeHead(200, { 'content-length': content.length, etag: server.etag });
      response.write(content.subarray(0, 40_000));
    });
    const progress = ({ done }: PullProgress) => done >= 40_000 && controller.abort();
    const error = await refused(get({ signal: controller.signal, progress }));
    expect(error).toMatchObject({ code: 'interrupted', exit: 130 });
    expect(left()).toEqual(['bytes', 'validator']);
    expect(() => readFileSync(path())).toThrow('ENOENT');
    await get();
    expectWhole();
    expect(server.requests[1]).toMatchObject({ range: 'bytes=40000-', 'if-range': server.etag });
  });

  test('while it waits for the next attempt', async () => {
    const controller = new AbortController();
    server.plan(answer(503, { 'retry-after': '60' }));
    setTimeout(() => controller.abort(), 100);
    expect(await refused(get({ signal: controller.signal }))).toMatchObject({
      code: 'interrupted',
    });
    expect(left()).toEqual([]);
  });

  test('after the last byte and before the name: nothing is fetched again', async () => {
    const part = join(dirname(path()), '.part-free-abc');
    mkdirSync(part, { recursive: true });
    writeFileSync(join(part, 'bytes'), content);
    writeFileSync(join(part, 'validator'), server.etag);
    await get();
    expectWhole();
    expect(server.requests).toHaveLength(1);
  });

  test('by a kill: the part of a process that is gone is taken over', async () => {
    const part = join(dirname(path()), partName(999_999_999));
    mkdirSync(part, { recursive: true });
    writeFileSync(join(part, 'bytes'), content.subarray(0, 1234));
    writeFileSync(join(part, 'validator'), server.etag);
    await get();
    expectWhole();
    expect(server.requests[0]?.range).toBe('bytes=1234-');
  });
});

describe('two at the same time', () => {
  test('never write to one part: what another process works on is left alone', async () => {
    const part = join(dirname(path()), partName(process.ppid));
    mkdirSync(part, { recursive: true });
    writeFileSync(join(part, 'bytes'), content.subarray(0, 1234));
    await get();
    expect(server.requests[0]?.range).toBeUndefined();
    expect(left()).toEqual([file.file, 'bytes']);
    // Ten minutes without a byte: the process number means somebody else by now.
    const long = new Date(Date.now() - 11 * 60_000);
    utimesSync(join(part, 'bytes'), long, long);
    rmSync(path());
    await get();
    expect(server.requests[1]?.range).toBe('bytes=1234-');
    expectWhole();
  });

  test('do no harm to each other', async () => {
    const slow = async (_request: unknown, response: ServerResponse) => {
      response.writeHead(200, { 'content-length': content.length, etag: server.etag });
      for (let at = 0; at < content.length; at += 60_000) {
        response.write(content.subarray(at, at + 60_000));
        await new Promise((done) => setTimeout(done, 20));
      }
      response.end();
    };
    server.plan(slow, slow, slow);
    const results = await Promise.all([get(), get(), get()]);
    expect(results.map((result) => result.path)).toEqual([path(), path(), path()]);
    expectWhole();
  });
});

describe('a catalog name', () => {
  test('that is not there: the closest are offered', async () => {
    const error = await refused((async () => entriesNeeded('FreemanZiemba2013.publik'))());
    expect(error).toMatchObject({ code: 'data-missing', exit: 2 });
    expect(error.message).toContain('"FreemanZiemba2013.public"');
  });

  test('asks for its files under their published names', async () => {
    server.plan(answer(403));
    const error = await refused(
      pullEntries(entriesNeeded('FreemanZiemba2013.private'), { home, baseUrl, patience }),
    );
    expect(error.message).toContain('FreemanZiemba2013.private is private');
    expect(server.paths).toEqual(['/assy_movshon_FreemanZiemba2013_private.nc']);
  });

  test('lies where Brain-Score keeps it', () => {
    const { files } = findData('FreemanZiemba2013.aperture-public', 'stimuli');
    expect(files.map(({ url }) => url)).toEqual([
      'https://brainscore-storage.s3.amazonaws.com/brainio-brainscore/stimulus_FreemanZiemba2013_aperture-public.csv',
      'https://brainscore-storage.s3.amazonaws.com/brainio-brainscore/stimulus_FreemanZiemba2013_aperture-public.zip',
    ]);
  });
});
