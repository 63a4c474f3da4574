import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tableFromIPC } from 'apache-arrow';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { childrenOf } from '../process.js';
import {
  card,
  multipart,
  network,
  type Part,
  type RunningService,
  runningService,
} from '../running-service.js';

let service: RunningService;
let model: string;
let pictures: Part[];

beforeAll(async () => {
  service = await runningService({ uploadSize: 2_000_000 });
  const upload = await service.upload([
    { name: 'file', filename: 'net.onnx', content: await network() },
    { name: 'card', content: await card() },
  ]);
  model = upload.body.id;
  pictures = await Promise.all(
    ['b.png', 'a.jpg', '10 x (1).png'].map(async (filename, shade) => {
      const create = {
        width: 32,
        height: 32,
        channels: 3,
        background: { r: 80 * shade, g: 9, b: 9 },
      } as const;
      const image = sharp({ create });
      const content = await (filename.endsWith('jpg') ? image.jpeg() : image.png()).toBuffer();
      return { name: 'images', filename, content };
    }),
  );
});
afterAll(() => service.stop());
// What was sent is removed right after its last byte has gone.
afterEach(() => vi.waitFor(async () => expect(await service.leftovers()).toEqual([]), 20_000));

const fields = (more: Record<string, string> = {}): Part[] =>
  Object.entries({ model, degrees: '8', layers: 'avgpool', ...more }).map(([name, content]) => {
    return { name, content };
  });
const ask = (parts: readonly Part[], accept = 'application/json') => {
  const { headers, body } = multipart(parts);
  return service.call('POST', '/v1/activations', { headers: { ...headers, Accept: accept }, body });
};

describe("activations of pictures of one's own", () => {
  it('come as JSON, a row a picture, in the order of their names', async () => {
    const answer = await ask([...pictures, ...fields(), { name: 'layers', content: 'layer3.*' }]);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch('application/json');
    const { stimulus_id, features, provenance } = answer.body;
    expect(stimulus_id).toEqual(['10 x (1)', 'a', 'b']);
    expect(provenance).toMatchObject({ degrees: [8, 8, 8] });
    expect(Object.keys(features)).toEqual(expect.arrayContaining(['avgpool', 'layer3.0']));
    for (const rows of Object.values<number[][]>(features)) {
      expect(rows).toHaveLength(3);
      expect(rows.flat().every(Number.isFinite)).toBe(true);
    }
    expect(features.avgpool[0]).not.toEqual(features.avgpool[1]);
  });

  it('are taken as TIFF, BMP and WebP too', async () => {
    const images = ['rgb-tiff_lzw.tif', 'l.bmp', 'rgba-lossy.webp'].map((filename) => ({
      ...{ name: 'images', filename },
      content: readFileSync(join(import.meta.dirname, '../../fixtures/images', filename)),
    }));
    const { status, body } = await ask([...images, ...fields()]);
    expect(status).toBe(200);
    expect(body.stimulus_id).toEqual(['l', 'rgb-tiff_lzw', 'rgba-lossy']);
    const animated = { ...images[2], filename: 'moving.webp' };
    animated.content = readFileSync(
      join(import.meta.dirname, '../../fixtures/images/refused-animated.webp'),
    );
    const refused = await ask([animated, ...fields()]);
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({ type: '/problems/image-corrupt' });
    expect(refused.body.detail).toMatch(/moving\.webp cannot be decoded: animated WebP/);
  });

  it('are the same in every form that there is, whatever the order of the parts', async () => {
    const json = (await ask([...pictures, ...fields()])).body;
    const { headers, body } = multipart([...fields(), ...pictures.toReversed()]);
    const arrow = await fetch(`${service.url}/v1/activations`, {
      method: 'POST',
      headers: { ...headers, Accept: 'application/vnd.apache.arrow.stream' },
      body: new Uint8Array(body as Buffer),
    });
    expect(arrow.headers.get('content-type')).toBe('application/vnd.apache.arrow.stream');
    expect(arrow.headers.get('content-disposition')).toMatch(/^attachment/);
    const table = tableFromIPC(new Uint8Array(await arrow.arrayBuffer()));
    expect([...table.getChild('stimulus_id')!]).toEqual(json.stimulus_id);
    const rows = [...table.getChild('avgpool')!].map((row) => [...row]);
    expect(rows).toEqual(json.features.avgpool.map((row: number[]) => row.map(Math.fround)));
    for (const [accept, start] of [
      ['application/x-netcdf', 'HDF'],
      ['application/x-npz', 'K\u0003\u0004'],
      ['*/*', 'K\u0003\u0004'],
    ]) {
      expect((await ask([...pictures, ...fields()], accept)).text.slice(1, 4)).toBe(start);
    }
  });

  it('as JSON are small', async () => {
    const copies = Array.from({ length: 15 }, (_, n) => ({ ...pictures[0], filename: `${n}.png` }));
    const answer = await ask([...copies, ...fields({ model: 'pixels', layers: 'pixels' })]);
    expect(answer).toMatchObject({ status: 406, body: { type: '/problems/not-acceptable' } });
  });

  it('come in no other form', async () => {
    for (const accept of ['text/csv', 'image/png']) {
      expect(await ask([...pictures, ...fields()], accept)).toMatchObject({
        status: 406,
        body: { type: '/problems/not-acceptable' },
      });
    }
  });

  const refused: [string, () => readonly Part[], number, string][] = [
    ['no picture', () => fields(), 400, '/images'],
    ['no model', () => [...pictures, ...fields().slice(1)], 400, '/model'],
    ['two models', () => [...pictures, ...fields(), ...fields()], 400, '/model'],
    ['no layers', () => [...pictures, ...fields().slice(0, 2)], 400, '/layers'],
    ['an empty layer', () => [...pictures, ...fields({ layers: '' })], 400, '/layers'],
    ['no degrees', () => [...pictures, ...fields({ degrees: 'wide' })], 400, '/degrees'],
    ['too many degrees', () => [...pictures, ...fields({ degrees: '361' })], 400, '/degrees'],
    ['an unknown part', () => [...pictures, ...fields({ card: '{}' })], 400, '/card'],
    ['a picture twice', () => [...pictures, pictures[0], ...fields()], 400, '/images'],
    [
      'a stimulus twice',
      () => [...pictures, { ...pictures[0], filename: 'A.png' }, ...fields()],
      400,
      '/images',
    ],
    ...['.png', '.hidden.png', 'a.svg', 'a:b.png', 'x', ''].map(
      (filename): [string, () => readonly Part[], number, string] => [
        `a picture called "${filename}"`,
        () => [{ ...pictures[0], filename }, ...fields()],
        400,
        '/images',
      ],
    ),
    [
      'more than may be sent',
      () => [
        ...pictures,
        { name: 'images', filename: 'big.png', content: Buffer.alloc(2_000_001) },
        ...fields(),
      ],
      413,
      '/images',
    ],
  ];
  it.each(refused)('with %s are refused', async (_what, parts, status, pointer) => {
    const answer = await ask(parts());
    expect(answer.status).toBe(status);
    expect(answer.body.errors?.[0].pointer).toBe(pointer);
  });

  it('take off what a name says of folders', async () => {
    const names = ['../up.png', '/etc/x.png', 'a\\b.png'];
    const parts = names.map((filename) => ({ ...pictures[0], filename }));
    const answer = await ask([...parts, ...fields()]);
    expect(answer.body.stimulus_id).toEqual(['b', 'up', 'x']);
  });

  it('that are no pictures are refused', async () => {
    const junk = { name: 'images', filename: 'junk.png', content: 'not a picture' };
    const answer = await ask([...pictures, junk, ...fields()]);
    expect(answer).toMatchObject({ status: 422, body: { type: '/problems/image-corrupt' } });
  });

  it('that break off are refused', async () => {
    const { headers, body } = multipart([...fields(), ...pictures]);
    for (const length of [0, 200, 700, (body as Buffer).length - 20]) {
      const answer = await service.call('POST', '/v1/activations', {
        headers,
        body: (body as Buffer).subarray(0, length),
      });
      expect(answer.status).toBe(400);
    }
  });
});

describe('a client that goes away', () => {
  const start = (parts: readonly Part[], length?: number) => {
    const { headers, body } = multipart(parts);
    const whole = body as Buffer;
    const sent = request(`${service.url}/v1/activations`, {
      method: 'POST',
      headers: { ...headers, 'Content-Length': String(whole.length) },
    });
    sent.on('error', () => {});
    if (length === undefined) sent.end(whole);
    else sent.write(whole.subarray(0, length));
    return sent;
  };
  const settle = async () => {
    while ((await service.leftovers()).length > 0 || childrenOf(process.pid).length > 0) {
      await sleep(20);
    }
  };

  it('while it sends leaves nothing', async () => {
    const sent = start([...fields(), ...pictures], 900);
    while ((await service.leftovers()).length === 0) await sleep(5);
    sent.destroy();
    await settle();
  });

  it('while it waits ends the work', async () => {
    const sent = start([...fields(), ...pictures]);
    while (childrenOf(process.pid).length === 0) await sleep(5);
    sent.destroy();
    await settle();
    expect(await readdir(`${service.home}/tmp/service`)).toEqual([]);
  });
});
