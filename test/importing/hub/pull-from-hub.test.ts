import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openModelFile } from '../../../src/activations/model-file.js';
import { hubPlace, parseHubAddress } from '../../../src/data/hub/hub-address.js';
import { hubSnapshot } from '../../../src/data/hub/hub-repository.js';
import { chooseModelFile } from '../../../src/importing/hub/choose-file.js';
import { pullFromHub } from '../../../src/importing/hub/pull-from-hub.js';
import { madeNetwork } from '../../activations/made-networks.js';
import { COMMIT, HubServer, refusal } from '../../data/hub/hub-server.js';
import { madeExternal } from '../../onnx/made-external.js';

const patience = { attempts: 2, firstWaitMs: 5, stallMs: 2000 };
const text = (value: unknown) => Buffer.from(JSON.stringify(value));
const network = madeNetwork({ side: 224 }).build();
const vit = {
  image_processor_type: 'ViTImageProcessor',
  ...{ do_resize: true, size: { height: 224, width: 224 }, resample: 2, do_normalize: true },
  ...{ image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
};

let home: string;
let hub: HubServer;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'ventral-hub-'));
  hub = new HubServer();
  await hub.start();
});
afterEach(async () => {
  await hub.stop();
  rmSync(home, { recursive: true });
});

async function pull(word = 'hf:owner/net', more: { file?: string; token?: string } = {}) {
  const place = hubPlace({ HF_ENDPOINT: hub.endpoint, HF_TOKEN: more.token });
  const snapshot = await hubSnapshot(parseHubAddress(word), { place, patience });
  const model = chooseModelFile(snapshot.files, more.file, 'hf:owner/net');
  return pullFromHub(snapshot, model, { home, place, patience });
}

const refused = (code: string, why: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(why) });
/** Files below the networks of the home, what waits for another attempt aside. */
const placed = () =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.incoming'))
    .map(({ name }) => name);

describe('a repository with external data', () => {
  const { model, data } = madeExternal(network, 'model.onnx_data');
  beforeEach(() => {
    hub.files.set('README.md', Buffer.from('# net'));
    hub.files.set('onnx/model.onnx', model);
    hub.files.set('onnx/model.onnx_data', data);
    hub.files.set('onnx/model_fp16.onnx', network);
    hub.files.set('preprocessor_config.json', text(vit));
    hub.files.set('config.json', text({ model_type: 'vit' }));
  });

  test('is brought whole, with card, licence, commit and digests', async () => {
    const found = await pull();
    const folder = join(home, 'networks', 'hf', 'owner', 'net', COMMIT);
    expect(found).toMatchObject({
      ...{ name: 'owner/net', path: join(folder, 'onnx', 'model.onnx'), notes: [] },
      ...{ card: join(folder, 'onnx', 'model.yaml'), open: ['visual_degrees'] },
      source: {
        ...{ hub: 'hf:owner/net', commit: COMMIT, file: 'onnx/model.onnx', licence: 'apache-2.0' },
        ...{ weights: 'float32', sha256: createHash('sha256').update(model).digest('hex') },
      },
    });
    expect(found.files.map(({ path }) => path)).toEqual([
      ...['onnx/model.onnx', 'onnx/model.onnx_data', 'preprocessor_config.json', 'config.json'],
    ]);
    const file = await openModelFile(found.path);
    expect(file.digest).toBe(found.digest);
    expect(file.card).toMatchObject({
      ...{ name: 'owner/net', file: 'model.onnx', source: found.source, visual_degrees: 8 },
      input: {
        resize: { to: 224, mode: 'square', filter: 'bilinear', library: 'pillow' },
        ...{ range: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], layout: 'NCHW' },
      },
    });
    expect((await openModelFile(found.card)).digest).toBe(found.digest);
    // Nothing waits for another attempt.
    expect(existsSync(join(home, 'networks', 'hf', '.incoming'))).toBe(false);
  });

  test('is brought whole where the file of its weights is called like one of preprocessing', async () => {
    const settings = madeExternal(network, 'config.json');
    hub.files.set('onnx/model.onnx', settings.model);
    hub.files.set('onnx/config.json', settings.data);
    const found = await pull();
    expect(readFileSync(join(found.path, '..', 'config.json'))).toEqual(Buffer.from(settings.data));
  });

  test.each([
    ['model.yaml', 'card'],
    ['Model.YAML', 'card'],
    ['model.onnx', 'graph'],
  ])('is refused where its weights have the place of another file: %s', async (name, what) => {
    const hostile = madeExternal(network, name);
    if (name !== 'model.onnx') hub.files.set(`onnx/${name}`, hostile.data);
    hub.files.set('onnx/model.onnx', hostile.model);
    for (const _ of ['first', 'again'])
      await expect(pull()).rejects.toEqual(
        refused('onnx-external-data', new RegExp(`keeps weights in .*, where the ${what} is$`)),
      );
    expect(placed()).toEqual([]);
  });

  test('is checked and not fetched again, and keeps a card that somebody completed', async () => {
    const first = await pull();
    const card = readFileSync(first.card, 'utf8').replace(/ {3}# TODO.*$/m, '');
    writeFileSync(first.card, card);
    const before = hub.contentRequests.length;
    const again = await pull('hf:owner/net@main');
    expect(hub.contentRequests).toHaveLength(before);
    expect(again).toMatchObject({ digest: first.digest, open: [] });
    expect(again.notes).toEqual(['the card that was there is kept']);
    expect(readFileSync(first.card, 'utf8')).toBe(card);
  });

  test('that rotted here is fetched again', async () => {
    const { path, digest } = await pull();
    writeFileSync(`${path}_data`, Buffer.alloc(data.length));
    expect((await pull()).digest).toBe(digest);
    expect(readFileSync(`${path}_data`).equals(data)).toBe(true);
  });

  test('gives another precision beside the first, under its own name', async () => {
    const [whole, half] = [await pull(), await pull(undefined, { file: 'model_fp16.onnx' })];
    expect(half.name).toBe('owner/net (fp16)');
    expect([whole, half].map(({ path }) => existsSync(path))).toEqual([true, true]);
  });

  test('may be pulled twice at once', async () => {
    const [one, two] = await Promise.all([pull(), pull()]);
    expect(one.digest).toBe(two.digest);
    expect((await openModelFile(one.path)).digest).toBe(one.digest);
  });

  test('that is too large with its data is refused before they are fetched', async () => {
    const listed = [...hub.files].map(([path, bytes]) => hub.entry(path, bytes)) as {
      path: string;
      lfs: { size: number };
    }[];
    for (const { path, lfs } of listed) if (path.endsWith('_data')) lfs.size = 2 ** 31;
    hub.instead.set('/api/models/owner/net/tree/', (_request, response) => {
      response.end(JSON.stringify(listed));
      return true;
    });
    await expect(pull()).rejects.toEqual(
      refused(
        'onnx-external-data',
        /bytes with its external data.*choose a smaller precision by --file/,
      ),
    );
    expect(hub.contentRequests).toHaveLength(1);
    expect(placed()).toEqual([]);
  });

  test('does not send the token to the host of large files', async () => {
    await pull(undefined, { token: 'hf_secret' });
    expect(hub.headers.every(({ authorization }) => authorization === 'Bearer hf_secret')).toBe(
      true,
    );
    expect(hub.contentRequests.map(({ authorization }) => authorization)).toEqual([
      undefined,
      undefined,
    ]);
  });

  test('that breaks off leaves no network, and goes on where it stopped', async () => {
    let broken = 0;
    hub.instead.set('/owner/net/resolve/', (request, response) => {
      if (!request.url?.endsWith('_data')) return false;
      if (broken++ > 1) return refusal(503)(request, response);
      const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(start === 0 ? 200 : 206, {
        'Content-Length': data.length - start,
        ...(start > 0 && { 'Content-Range': `bytes ${start}-${data.length - 1}/${data.length}` }),
      });
      response.write(data.subarray(start, start + 10), () => response.destroy());
      return true;
    });
    await expect(pull()).rejects.toEqual(
      refused('download-failed', /`ventral pull hf:owner\/net` resumes the download/),
    );
    expect(placed()).toEqual([]);
    hub.instead.clear();
    const before = hub.contentRequests.length;
    expect((await pull()).digest).toMatch(/^sha256:/);
    // The model is not asked for again, the data from where they broke off.
    expect(hub.contentRequests.slice(before).map(({ range }) => range)).toEqual(['bytes=20-']);
  });
});

describe('nothing gets its place', () => {
  beforeEach(() => {
    hub.files.set('model.onnx', network);
    hub.files.set('config.json', text(vit));
  });
  afterEach(() => expect(placed()).toEqual([]));

  test('of other bytes than the digest', async () => {
    hub.instead.set('/owner/net/resolve/', (_request, response) => {
      response
        .writeHead(200, { 'Content-Length': network.length })
        .end(Buffer.alloc(network.length));
      return true;
    });
    await expect(pull()).rejects.toEqual(
      refused('checksum-mismatch', /model\.onnx: expected SHA-256 [0-9a-f]{64}, found/),
    );
  });

  test('of a small file of other bytes, which git names', async () => {
    hub.instead.set('/owner/net/resolve/', (request, response) => {
      if (!request.url?.endsWith('config.json')) return false;
      response.end(text({ ...vit, resample: 3 }));
      return true;
    });
    await expect(pull()).rejects.toEqual(refused('checksum-mismatch', /expected git id/));
  });

  test('of more bytes than were listed, which are not taken', async () => {
    let sent = 0;
    hub.instead.set('/owner/net/resolve/', (_request, response) => {
      response.writeHead(200);
      const more = () => {
        sent += 65536;
        if (!response.destroyed && sent < 2 ** 28) response.write(Buffer.alloc(65536), more);
      };
      more();
      return true;
    });
    await expect(pull()).rejects.toEqual(refused('checksum-mismatch', /and more came/));
    expect(sent).toBeLessThan(2 ** 24);
  });

  test.each([
    ['file:///etc/passwd', /redirects to an address of file:, which is not followed/],
    ['data:text/plain,x', /redirects to an address of data:/],
  ])('of a redirect to %s', async (location, words) => {
    hub.instead.set('/owner/net/resolve/', (_request, response) => {
      response.writeHead(302, { location }).end();
      return true;
    });
    await expect(pull()).rejects.toEqual(refused('download-failed', words));
  });

  test.each([
    [
      401,
      'GatedRepo',
      undefined,
      'download-forbidden',
      /is gated; accept its terms at http.*HF_TOKEN/,
    ],
    [403, 'GatedRepo', 'hf_x', 'download-forbidden', /the account of HF_TOKEN has no access/],
    [404, 'RevisionNotFound', undefined, 'not-found', /no longer has the commit/],
    [404, 'EntryNotFound', undefined, 'not-found', /lacks a file that it lists/],
    [403, undefined, 'hf_x', 'download-forbidden', /refuses access \(403\): HF_TOKEN may lack/],
    [404, undefined, undefined, 'download-failed', /the server answered 404 for http/],
  ] as const)('of a download that is refused: %i %s', async (status, code, token, as, words) => {
    hub.instead.set('/owner/net/resolve/', refusal(status, code));
    const error = await pull(undefined, { ...(token && { token }) }).catch((thrown) => thrown);
    expect(error).toEqual(refused(as, words));
    expect(error.message).not.toContain('hf_x');
  });

  test('of a graph that names a file which the repository lacks', async () => {
    hub.files.set('model.onnx', madeExternal(network, 'lost.bin').model);
    await expect(pull()).rejects.toEqual(
      refused('onnx-external-data', /keeps weights in "lost\.bin", which the repository does not/),
    );
  });

  test('of a graph that names a file outside of its folder', async () => {
    hub.files.set('secret', network);
    hub.files.set('onnx/model.onnx', madeExternal(network, '../secret').model);
    await expect(pull(undefined, { file: 'onnx/model.onnx' })).rejects.toEqual(
      refused('onnx-external-data', /inside the model's folder, found "\.\.\/secret"/),
    );
  });

  test('of a file that is no network', async () => {
    hub.files.set('model.onnx', Buffer.from('version https://git-lfs.github.com/spec/v1\n'));
    await expect(pull()).rejects.toEqual(refused('not-onnx', /Git LFS pointer/));
  });

  test('of data of which the repository has too few bytes', async () => {
    const { model, data } = madeExternal(network, 'net.onnx_data');
    hub.files.set('model.onnx', model);
    hub.files.set('net.onnx_data', data.subarray(8));
    await expect(pull()).rejects.toEqual(refused('onnx-external-data', /within the \d+ bytes of/));
  });
});

describe('the card', () => {
  beforeEach(() => void hub.files.set('model.onnx', network));

  test('without a file that says the preprocessing is one to complete', async () => {
    hub.card = undefined;
    const { card, open, notes, source } = await pull();
    expect(source.licence).toBeUndefined();
    expect(open).toEqual([
      ...['input.resize', 'input.range', 'input.mean', 'input.std', 'visual_degrees'],
    ]);
    expect(notes).toEqual(['no file of the repository says the preprocessing: complete the card']);
    expect(readFileSync(card, 'utf8')).not.toContain('NAME');
  });

  test('is of the nearest file; another that differs is told of', async () => {
    hub.files.delete('model.onnx');
    hub.files.set('onnx/model.onnx', network);
    hub.files.set('onnx/preprocessor_config.json', text({ ...vit, resample: 3 }));
    hub.files.set('preprocessor_config.json', text(vit));
    const { card, notes } = await pull();
    expect(readFileSync(card, 'utf8')).toContain('filter: bicubic');
    expect(notes).toEqual([
      'preprocessor_config.json says another preprocessing than onnx/preprocessor_config.json, which the card has',
    ]);
  });

  test('says why a file of preprocessing cannot be followed', async () => {
    hub.files.set('preprocessor_config.json', text({ ...vit, do_pad: true, pad_size: 3 }));
    const { notes, open } = await pull();
    expect(notes[0]).toMatch(/^preprocessor_config\.json: do_pad: expected none: a card cannot/);
    expect(open).toContain('input.mean');
  });

  test('warns where the preprocessing does not fit the graph', async () => {
    hub.files.set('preprocessor_config.json', text({ ...vit, size: { height: 384, width: 384 } }));
    expect((await pull()).notes).toEqual([expect.stringMatching(/384/)]);
  });

  test('quotes a licence that is in no list, on one line', async () => {
    hub.card = { license: 'other', license_name: 'lab\n"terms": x', license_link: 'LICENSE' };
    const { card, source } = await pull();
    expect(source.licence).toBe('other (lab "terms": x, LICENSE)');
    expect((await openModelFile(card)).card?.source).toEqual(source);
  });
});

test('large files are not kept twice', async () => {
  hub.files.set('model.onnx', network);
  const { path } = await pull();
  expect(statSync(path).nlink).toBe(1);
});
