import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readAssembly } from '../../src/data/assembly.js';
import type { CatalogEntry } from '../../src/data/catalog.js';
import type { Publication } from '../../src/data/published/publication.js';
import { isInstalled, pullPublication } from '../../src/data/published/publish.js';
import { verifyData } from '../../src/data/verify-data.js';
import { writeNpy } from '../../src/formats/npy.js';
import { madeEntries, madePublication } from './made-publication.js';
import { answer, UnreliableServer } from './unreliable-server.js';

/** Two units, eight images, three repetitions of which the last is not complete: Cowley2023's array. */
const counts = Float64Array.from({ length: 48 }, (_, i) =>
  i % 3 === 2 && i > 30 ? Number.NaN : i,
);
const responses = writeNpy({ dtype: 'float64', shape: [2, 8, 3], data: counts });
/** The images are copied as they are: one content for both files keeps the server simple. */
const files = { 'data/images_210325.zip': responses, 'data/responses_210325.npy': responses };
const patience = { attempts: 3, firstWaitMs: 5, stallMs: 400 };

let home: string;
let server: UnreliableServer;
let base: string;
let publication: Publication;
let entries: CatalogEntry[];
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'ventral-publication-'));
  server = new UnreliableServer(Buffer.from(responses));
  base = await server.start();
  publication = madePublication('Cowley2023', files, { base });
  entries = madeEntries('Cowley2023', [
    ['recordings', 'Cowley2023', { nc: 'recordings.nc' }],
    ['stimuli', 'HvM640', { csv: 'stimuli.csv', images: 'images.zip' }],
  ]);
});
afterEach(async () => {
  await server.stop();
  rmSync(home, { recursive: true });
});

const pull = (more = {}) => pullPublication(publication, { home, entries, patience, ...more });
const refused = (code: string, why: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(why) });
const isThere = () => isInstalled(publication, home, entries);
/** Sources that wait for the next attempt. */
const sources = () => join(home, 'data', 'sources', 'Cowley2023');

describe('a publication from its server', () => {
  test('is downloaded, checked, converted, and its sources are gone', async () => {
    expect(await isThere()).toBe(false);
    const made = await pull();
    expect(server.paths).toEqual(['/data/images_210325.zip', '/data/responses_210325.npy']);
    expect(made.map(({ identifier, kind, role }) => [identifier, kind, role])).toEqual([
      ['HvM640', 'stimuli', 'csv'],
      ['HvM640', 'stimuli', 'images'],
      ['Cowley2023', 'recordings', 'nc'],
    ]);
    const [table, images, recordings] = made.map(({ path }) => path);
    expect(readFileSync(table, 'utf8').split('\n').slice(0, 3)).toEqual([
      'stimulus_id,filename,object_name',
      'image0001,image0001.jpg,bear',
      'image0002,image0002.jpg,elephant',
    ]);
    expect(readFileSync(images).equals(Buffer.from(responses))).toBe(true);
    const { shape, values, coords } = await readAssembly(recordings);
    // Two repetitions that every image has, of eight images.
    expect(shape).toEqual([16, 2]);
    expect(Array.from(values.slice(0, 4), Number)).toEqual([0, 24, 1, 25]);
    expect(coords.get('region')?.values).toEqual(['V4', 'V4']);
    expect(await isThere()).toBe(true);
    expect(existsSync(sources())).toBe(false);
    expect((await verifyData({ home })).map(({ ok }) => ok)).toEqual([true, true, true]);
  });

  test('made again replaces what was made before', async () => {
    await pull();
    const before = readdirSync(join(home, 'data')).length;
    const [dead, alive] = ['.convert-dead', '.convert-alive'].map((name) =>
      join(home, 'data', name),
    );
    for (const left of [dead, alive]) mkdirSync(left);
    utimesSync(dead, 1, 1);
    await pull();
    // What was killed long ago is swept; another conversion may be at work in the other folder.
    expect([existsSync(dead), existsSync(alive)]).toEqual([false, true]);
    expect(readdirSync(join(home, 'data'))).toHaveLength(before + 1);
    expect(await isThere()).toBe(true);
  });

  test('that breaks off is resumed by Range, and files that are whole are not asked for again', async () => {
    server.plan(
      (request, response) => server.serve(request, response),
      server.drop(100),
      answer(404),
    );
    await expect(pull()).rejects.toEqual(refused('download-failed', /404/));
    expect(await isThere()).toBe(false);
    await pull();
    expect(server.paths.slice(3)).toEqual(['/data/responses_210325.npy']);
    expect(server.requests.at(-1)?.range).toBe('bytes=100-');
    expect(await isThere()).toBe(true);
  });

  test('that is interrupted keeps what came', async () => {
    const stop = new AbortController();
    server.plan((_request, response) => {
      response.writeHead(200, { 'content-length': responses.length });
      response.write(responses.subarray(0, 50), () => setTimeout(() => stop.abort(), 50));
    });
    await expect(pull({ signal: stop.signal })).rejects.toEqual(refused('interrupted', /resumes/));
    await pull();
    expect(server.requests.at(-2)?.range).toBe('bytes=50-');
  });

  test('with other bytes of the right length is refused and leaves nothing', async () => {
    server.content = Buffer.alloc(responses.length, 7);
    await expect(pull()).rejects.toEqual(
      refused('checksum-mismatch', /images_210325\.zip: expected SHA-256 [0-9a-f]{64}, found/),
    );
    expect(
      readdirSync(home, { recursive: true }).filter((name) => /zip|npy/.test(String(name))),
    ).toEqual([]);
  });

  test('of another length is refused before it is taken', async () => {
    server.content = Buffer.concat([responses, Buffer.alloc(9)]);
    await expect(pull()).rejects.toEqual(
      refused(
        'checksum-mismatch',
        new RegExp(`expected ${responses.length} bytes, but ${responses.length + 9} is announced`),
      ),
    );
  });

  test('without end is refused at the first byte too many', async () => {
    let sent = 0;
    server.plan((_request, response) => {
      response.writeHead(200);
      const more = () => {
        sent += 65536;
        if (!response.destroyed && sent < 2 ** 28) response.write(Buffer.alloc(65536), more);
      };
      more();
    });
    await expect(pull()).rejects.toEqual(refused('checksum-mismatch', /and more came/));
    expect(sent).toBeLessThan(2 ** 24);
  });

  test('that announces less than it has is not taken for whole', async () => {
    server.plan((_request, response) => {
      response.writeHead(200, { 'content-length': 20 });
      response.end(responses.subarray(0, 20));
    });
    await expect(pull()).rejects.toEqual(refused('checksum-mismatch', /but 20 is announced/));
  });

  test.each([404, 410])('that is gone (%i) says so and does not ask again', async (status) => {
    server.plan(answer(status));
    await expect(pull()).rejects.toEqual(
      refused('download-failed', new RegExp(`the server answered ${status} for http://127`)),
    );
    expect(server.requests).toHaveLength(1);
  });

  test('that redirects elsewhere is not followed; within the host it is', async () => {
    const other = new UnreliableServer(Buffer.from(responses));
    const elsewhere = await other.start();
    try {
      server.plan(answer(302, { location: `${elsewhere}data` }));
      await expect(pull()).rejects.toEqual(
        refused('download-failed', /redirects to http:\/\/127\.0\.0\.1:\d+, which is elsewhere/),
      );
      expect(other.requests).toEqual([]);
      server.plan(answer(301, { location: '/moved' }));
      await pull();
      expect(server.paths).toContain('/moved');
    } finally {
      await other.stop();
    }
  });

  test('from another address has its paths there', async () => {
    await pull({ baseUrl: `${base}mirror` });
    expect(server.paths[0]).toBe('/mirror/data/images_210325.zip');
  });

  test('without an address says how to bring the files', async () => {
    publication = madePublication('Cowley2023', files);
    await expect(pull()).rejects.toEqual(
      refused('data-missing', /ventral data import Cowley2023 --from FOLDER/),
    );
  });

  test('that cannot be converted leaves no half of it, and keeps its sources', async () => {
    const odd = writeNpy({ dtype: 'float64', shape: [2, 24], data: counts });
    server.content = Buffer.from(odd);
    const named = { 'data/images_210325.zip': odd, 'data/responses_210325.npy': odd };
    publication = madePublication('Cowley2023', named, { base });
    await expect(pull()).rejects.toEqual(refused('recordings-invalid', /3 dimensions/));
    expect(readdirSync(join(home, 'data'))).toEqual(['sources']);
    expect(existsSync(sources())).toBe(true);
  });
});
