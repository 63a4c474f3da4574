import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseCard } from '../../../src/activations/card/card.js';
import { openModelFile } from '../../../src/activations/model-file.js';
import { nameImages } from '../../../src/importing/published/name-images.js';
import {
  findPublicModel,
  type PublicModel,
  publicCatalog,
} from '../../../src/importing/published/public-models.js';
import { pullModel } from '../../../src/importing/published/pull-model.js';
import { withRaisedOpset } from '../../../src/importing/published/raise-opset.js';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import { readModel } from '../../../src/onnx/model.js';
import { Session } from '../../../src/runtime/session.js';
import { answer, UnreliableServer } from '../../data/unreliable-server.js';
import { mobile } from '../tflite/made-networks.js';
import { tfliteOf } from '../tflite/made-tflite.js';

const bytes = Buffer.from(tfliteOf(mobile('quantised')));
const hex = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
const model: PublicModel = {
  name: 'made',
  says: 'a made network',
  file: 'made.tflite',
  url: 'http://127.0.0.1:1/nowhere',
  sha1: hex('sha1'),
  sha256: hex('sha256'),
  licence: 'none',
  source: 'a test',
  paper: 'none',
  card: {
    input: {
      resize: 'none',
      range: 255,
      mean: [128, 128, 128],
      std: [128, 128, 128],
      layout: 'NCHW',
    },
    visual_degrees: 8,
    logits: { layer: 'logits', classes: 'imagenet-1k' },
  },
};

let home: string;
let server: UnreliableServer;
let baseUrl: string;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'ventral-pull-'));
  server = new UnreliableServer(bytes);
  baseUrl = await server.start();
});
afterEach(async () => {
  await server.stop();
  rmSync(home, { recursive: true });
});

const patience = { attempts: 3, firstWaitMs: 5, stallMs: 400 };
const pull = (of: PublicModel = model) =>
  pullModel(of, { home, baseUrl, patience, tryImages: false, threads: 1 });

describe('a public network', () => {
  test('is fetched, imported with proof, and has its card beside it', async () => {
    const { path, card, imported, digest } = await pull();
    expect(path).toBe(join(home, 'networks', 'made', 'made.onnx'));
    expect(imported?.proved).toBe(true);
    expect(parseCard(readFileSync(card, 'utf8'), card)).toMatchObject(model.card);
    expect((await openModelFile(path)).digest).toBe(digest);
    expect((await openModelFile(card)).digest).toBe(digest);
  });

  test('is fetched once', async () => {
    await pull();
    const asked = server.requests.length;
    expect((await pull()).path).toContain('made.onnx');
    expect(server.requests).toHaveLength(asked);
  });

  test('goes on where the connection broke', async () => {
    server.plan((request, response) => server.serve(request, response, 5000));
    await pull();
    expect(server.requests.map(({ range }) => range)).toEqual([undefined, 'bytes=5000-']);
  });

  test('of other bytes is refused, by either digest, and leaves no network', async () => {
    await expect(pull({ ...model, sha1: '0'.repeat(40) })).rejects.toMatchObject({
      code: 'checksum-mismatch',
    });
    await expect(pull({ ...model, sha256: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'checksum-mismatch',
    });
    expect(existsSync(join(home, 'networks'))).toBe(false);
  });

  test('whose photographs cannot be shown to it leaves no network, and an earlier one as it was', async () => {
    const shown = () => pullModel(model, { home, baseUrl, patience, tryImages: true, threads: 1 });
    await expect(shown()).rejects.toMatchObject({ code: 'checksum-mismatch' });
    expect(readdirSync(join(home, 'networks'))).toEqual([]);
    const { path } = await pull();
    const before = readFileSync(path);
    await expect(shown()).rejects.toMatchObject({ code: 'checksum-mismatch' });
    expect(readdirSync(join(home, 'networks'))).toEqual(['made']);
    expect(readFileSync(path)).toEqual(before);
  });

  test('whose address is gone is an error that names it', async () => {
    server.plan(answer(404));
    await expect(pull()).rejects.toMatchObject({
      code: 'download-failed',
      message: expect.stringContaining('made: the server answered 404'),
    });
  });
});

describe('the catalog of public networks', () => {
  const { models, images } = publicCatalog();

  test.each(models)('$name has a card, digests and a fixed address', (entry) => {
    const { card, sha1, sha256, url, name } = entry;
    expect(() => parseCard(JSON.stringify(card), name)).not.toThrow();
    expect(sha1).toMatch(/^[0-9a-f]{40}$/);
    if (sha256) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    const fixed = /\/[0-9a-f]{40}\/|^https:\/\/brainscore-storage\.s3\.amazonaws\.com\//;
    expect(url).toMatch(fixed);
    expect(new URL(url).pathname).toContain(entry.file);
    expect(entry.licence).not.toBe('');
  });

  test('has the winner of 2022 under its published digest, on the variant that it was trained as', () => {
    const { sha1, url, arch, card } = findPublicModel('effnetb1-winner-2022');
    expect(sha1).toBe('37f3ac1b14e80cfaa99fa5f412c1e132480ed5b6');
    expect(url).toMatch(/brainscore-storage\..*\/brainscore-vision\/models\/.*_e4toe7\.pth$/);
    expect(arch).toBe('tf-efficientnet-b1');
    expect(card.input).toMatchObject({ resize: { to: 324, library: 'opencv' }, crop: 288 });
  });

  test('names the closest where there is none', () => {
    expect(() => findPublicModel('mobilenet-v2')).toThrow(/did you mean "mobilenet-v/);
    expect(images.every(({ classes }) => classes.length > 0)).toBe(true);
  });
});

/** Logits that are the mean red, green and blue. */
function colours(): Uint8Array {
  const graph = new GraphBuilder('colours');
  const image = graph.input('image', 'float32', ['n', 3, 4, 4]);
  const pooled = graph.node('GlobalAveragePool', [image]);
  graph.output(graph.node('Flatten', [pooled], { outputs: ['logits'] }), 'float32', ['n', 3]);
  return graph.build();
}

test('images are named by the largest of the logits, with the card’s order of colours', async () => {
  const paths = await Promise.all(
    (['#ff0000', '#00ff00', '#0000ff'] as const).map(async (background, i) => {
      const create = { width: 9, height: 9, channels: 3, background } as const;
      const path = join(home, `${i}.png`);
      await sharp({ create }).png().toFile(path);
      return path;
    }),
  );
  const path = join(home, 'colours.onnx');
  writeFileSync(path, colours());
  const resize = { to: 4, mode: 'square', filter: 'bilinear', library: 'pillow' } as const;
  const card = { ...model.card, input: { ...model.card.input, resize } };
  const file = await openModelFile(path, { card });
  const names = async (input: typeof card.input | object) =>
    (await nameImages(file, { ...card, input: { ...card.input, ...input } }, paths)).map(
      ({ found }) => found,
    );
  expect(await names({})).toEqual([0, 1, 2]);
  expect(await names({ channels: 'BGR' })).toEqual([2, 1, 0]);
});

describe('a graph of operator set 7', () => {
  const made = (operator: string, opset = 7) => {
    const graph = new GraphBuilder('old', opset);
    const image = graph.input('image', 'float32', [1, 3, 2, 2]);
    graph.output(graph.node(operator, [image], { outputs: ['out'] }), 'float32', [1, 3, 2, 2]);
    return graph.build();
  };

  test('is raised to 9 where its operators are the same there', async () => {
    const raised = withRaisedOpset(made('Relu'), 'old');
    expect(readModel(raised, 'old').opsets.get('')).toBe(9);
    const session = await Session.open(raised);
    const data = Float32Array.from({ length: 12 }, (_, i) => i - 6);
    const { out } = await session.run({ image: { dtype: 'float32', dims: [1, 3, 2, 2], data } });
    await session.close();
    expect([...(out.data as Float32Array)]).toEqual([...data.map((x) => Math.max(x, 0))]);
  });

  test.each([
    ['LRN', 7],
    ['Relu', 6],
    ['Relu', 17],
  ])('with %s of set %i stays as it is', (operator, opset) => {
    const bytes = made(operator, opset);
    expect(withRaisedOpset(bytes, 'old')).toBe(bytes);
  });
});
