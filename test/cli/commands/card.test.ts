import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cardTemplate } from '../../../src/activations/card/card-template.js';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import { noise } from '../../screen/raster.js';
import { runVentral } from '../run-ventral.js';

let root: string;
const at = (name: string) => join(root, name);
const ventral = (...words: string[]) => runVentral(at('home'), ...words);

interface Input {
  readonly range?: number;
  readonly mean?: number;
  readonly std?: number;
  readonly degrees?: number;
  readonly more?: string;
}

function card(name: string, { range = 1, mean = 0.5, std = 0.25, degrees = 8, more = '' }: Input) {
  const text = `input:
  resize: { to: 40, mode: square, filter: bilinear, library: pillow }
  crop: 32
  range: ${range}
  mean: [${mean}, ${mean}, ${mean}]
  std: [${std}, ${std}, ${std}]
  layout: NCHW
visual_degrees: ${degrees}
${more}`;
  writeFileSync(at(name), text);
  return at(name);
}

function network(name: string, side: number, dtype: 'float32' | 'uint8' = 'float32') {
  const graph = new GraphBuilder(name);
  graph.input('image', dtype, ['N', 3, side, side]);
  const floats = graph.node('Cast', ['image'], { attributes: { to: { int: 1 } } });
  graph.node('Relu', [floats], { outputs: ['relu'] });
  graph.output('relu', 'float32', ['N', 3, side, side]);
  writeFileSync(at(name), graph.build());
  return at(name);
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-card-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('ventral card check', () => {
  test('finds nothing in a usual card', async () => {
    const { status, out } = await ventral('card', 'check', card('usual.yaml', {}));
    expect([status, out]).toEqual([0, `${at('usual.yaml')}: no problems found\n`]);
  });

  test.each<[string, Input, RegExp]>([
    ['mean of bytes', { mean: 123.7 }, /card-mean: input\.mean 123\.7 with range 1\b.*range: 255/],
    [
      'mean of shares',
      { range: 255, mean: 0.485 },
      /card-mean: input\.mean 0\.485 with range 255\b.*write range: 1/,
    ],
    ['std of bytes', { std: 58.4 }, /card-std: input\.std 58\.4 with range 1\b.*nearly the same/],
    ['wide angle', { degrees: 80 }, /card-degrees: visual_degrees 80: .*about 8 degrees/],
    ['placeholder', { more: 'readout: NAME\n' }, /card-template: readout: still "NAME"/],
  ])('names a likely mistake: %s', async (name, input, sentence) => {
    const { status, out } = await ventral('card', 'check', card(`${name}.yaml`, input));
    expect(status).toBe(1);
    expect(out).toMatch(sentence);
  });

  test('names every line of an untouched template', async () => {
    writeFileSync(at('template.yaml'), cardTemplate('net'));
    const { status, out } = await ventral('card', 'check', at('template.yaml'));
    expect(status).toBe(1);
    expect(out).toMatch(/still marked # TODO.*mean \(line \d+\), std \(line \d+\)/);
    expect(out).toMatch(/readout, region_layer_map\.V1.*still "NAME"/);
  });

  test('compares input and layers with the graph', async () => {
    const model = network('large.onnx', 64);
    const path = card('small.yaml', { more: 'readout: penultimate\n' });
    const { status, out } = await ventral('card', 'check', path, model);
    expect(status).toBe(1);
    expect(out).toMatch(/card-input: .*64 × 64 pixels.*32 × 32/);
    expect(out).toMatch(/card-layer: readout: .*no layer penultimate/);
  });

  test('says that a network of bytes gets black images by range 1', async () => {
    const model = network('bytes.onnx', 32, 'uint8');
    const path = card('floats.yaml', { mean: 0, std: 1 });
    const { status, out } = await ventral('card', 'check', path, model);
    expect(status).toBe(1);
    expect(out).toMatch(/card-input: the network takes bytes, and a white pixel becomes 1/);
  });

  test('draws what the network sees, cropped, on its canvas', async () => {
    const { data } = noise(50, 50, 3, 1);
    const image = sharp(data, { raw: { width: 50, height: 50, channels: 3 } });
    await image.png().toFile(at('noise.png'));
    const path = card('drawn.yaml', {});
    const draw = (out: string, ...words: string[]) =>
      ventral('card', 'check', path, '--image', at('noise.png'), '--out', at(out), ...words);
    expect(await draw('seen.png')).toMatchObject({
      status: 0,
      err: expect.stringMatching(/seen\.png: 32 × 32 pixels, input values -1\.\d+ to 1\.\d+/),
    });
    const seen = await sharp(at('seen.png')).raw().toBuffer({ resolveWithObject: true });
    expect(seen.info).toMatchObject({ width: 32, height: 32, channels: 3 });
    // An image of half the angle fills the middle of the canvas; around it is grey.
    expect((await draw('placed.png', '--degrees', '4')).status).toBe(0);
    const placed = await sharp(at('placed.png')).raw().toBuffer();
    expect([...placed.subarray(0, 3)]).toEqual([128, 128, 128]);
    expect(placed.equals(seen.data)).toBe(false);
  });

  test('needs --image and --out together', async () => {
    const { status, err } = await ventral('card', 'check', at('usual.yaml'), '--out', at('x.png'));
    expect(status).toBe(2);
    expect(err).toMatch(/--image and --out go together/);
  });
});
