import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import yauzl from 'yauzl';
import { decodeImage } from '../../src/screen/decode.js';
import type { FloatRaster, Picture, Raster } from '../../src/screen/picture.js';
import { placeOnScreen } from '../../src/screen/place-on-screen.js';
import {
  type InputSpec,
  normaliseInto,
  toGreyOrRgb,
  toPixels,
} from '../../src/screen/preprocess.js';
import { numbers, oracle, oraclePath } from '../oracle.js';
import { tolerances } from '../tolerances.js';
import { noise } from './raster.js';

/** Bytes of each entry of a flat archive, by name without its extension. */
async function readEntries(path: string): Promise<Map<string, Buffer>> {
  const archive = await new Promise<yauzl.ZipFile>((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true, autoClose: false }, (error, file) =>
      error ? reject(error) : resolve(file),
    );
  });
  const entries = await new Promise<yauzl.Entry[]>((resolve, reject) => {
    const found: yauzl.Entry[] = [];
    archive.on('error', reject).on('end', () => resolve(found));
    archive.on('entry', (entry: yauzl.Entry) => {
      found.push(entry);
      archive.readEntry();
    });
    archive.readEntry();
  });
  const files = new Map<string, Buffer>();
  for (const entry of entries) {
    const stream = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
      archive.openReadStream(entry, (error, s) => (error ? reject(error) : resolve(s)));
    });
    files.set(entry.fileName.replace(/\.\w+$/, ''), await buffer(stream));
  }
  archive.close();
  return files;
}

const degrees: Record<string, number> = { 'neural-nc': 4, 'neural-csv': 8, behaviour: 8 };
const archives: Record<string, string[]> = {
  'neural-nc': ['stimuli.zip'],
  'neural-csv': ['stimuli.zip'],
  behaviour: ['fitting.zip', 'test.zip'],
};

async function stimulus(benchmark: string, id: string): Promise<Buffer> {
  for (const archive of archives[benchmark]) {
    const path = oraclePath(`09-end-to-end/${benchmark}/${archive}`);
    const bytes = (await readEntries(path)).get(id);
    if (bytes) return bytes;
  }
  throw new Error(`${benchmark} has no ${id}`);
}

const toChw = (pixels: Float32Array, height: number, width: number) =>
  Float32Array.from({ length: pixels.length }, (_, i) => {
    const [c, p] = [Math.floor(i / (height * width)), i % (height * width)];
    return pixels[p * 3 + c];
  });

const models = [
  ['resnet', 'resnet/card.yaml'],
  ['resnet', 'resnet/card-range255.yaml'],
  ['mbconv', 'mbconv/card.yaml'],
  ['mbconv-opencv', 'mbconv/card-opencv.yaml'],
  ['mbconv-short-side', 'mbconv/card-short-side.yaml'],
] as const;

describe('the way from file to tensor', () => {
  for (const [model, card] of models) {
    const cases = oracle(`09-end-to-end/expected/${model}.json`).preprocessed;
    const spec: InputSpec = parse(readFileSync(oraclePath(`09-end-to-end/${card}`), 'utf8')).input;
    for (let i = 0; i < cases.length; i++) {
      const { benchmark, stimulus_id: id, source, on_screen, pixels_hwc, tensor_chw } = cases[i];
      it(`is the reference's, ${card}, ${benchmark} ${id}`, async () => {
        const picture = await decodeImage(await stimulus(benchmark, id), id);
        expect({ mode: picture.mode, size_w_h: [picture.width, picture.height] }).toEqual({
          mode: source.mode,
          size_w_h: source.size_w_h,
        });
        const screen = placeOnScreen(picture, { target: 8, source: degrees[benchmark] });
        expect({ mode: screen.mode, size_w_h: [screen.width, screen.height] }).toEqual(on_screen);
        const pixels = toPixels(screen, spec);
        expect([pixels.height, pixels.width, pixels.channels]).toEqual(pixels_hwc.shape);
        expect(Array.from(pixels.data)).toEqual(Array.from(numbers(pixels_hwc)));
        if (!tensor_chw) return;
        const want = numbers(tensor_chw);
        const got = normalise(pixels, spec, 'float32');
        const rows = normalise(pixels, { ...spec, layout: 'NHWC' }, 'float32') as Float32Array;
        expect(toChw(rows, pixels.height, pixels.width)).toEqual(got);
        const worst = want.reduce((most, v, k) => Math.max(most, Math.abs(v - got[k])), 0);
        expect(worst).toBeLessThanOrEqual(tolerances.tensor);
      });
    }
  }
});

/** The network's input for one picture, in an array of its own. */
function normalise(
  pixels: Raster | FloatRaster,
  spec: InputSpec,
  dtype: 'float32' | 'uint8',
): Float32Array | Uint8Array {
  const length = pixels.width * pixels.height * 3;
  const input = dtype === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
  normaliseInto(pixels, spec, input);
  return input;
}

const plain: InputSpec = {
  resize: 'none',
  range: 255,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  layout: 'NHWC',
};
const rgb = (raster: Raster): Picture => ({ ...raster, mode: 'RGB' });

describe('toPixels and normaliseInto', () => {
  it('hands a picture on untouched where nothing is asked', () => {
    const picture = rgb(noise(9, 7, 3));
    const pixels = toPixels(picture, plain);
    expect(pixels.data).toEqual(picture.data);
    expect(normalise(pixels, plain, 'uint8')).toEqual(picture.data);
    expect(normalise(pixels, plain, 'float32')).toEqual(Float32Array.from(picture.data));
  });

  it.each([
    ['L', 1],
    ['1', 1],
    ['LA', 2],
    ['P', 3],
    ['RGBA', 4],
  ] as const)('gives RGB of a picture of mode %s without its alpha', (mode, channels) => {
    const picture: Picture = { ...noise(6, 5, channels), mode };
    const want = Array.from({ length: 6 * 5 * 3 }, (_, i) => {
      const colour = channels < 3 ? 0 : i % 3;
      return picture.data[Math.floor(i / 3) * channels + colour];
    });
    expect(Array.from(toPixels(picture, plain).data)).toEqual(want);
  });

  it.each(['pillow', 'opencv', 'torch'] as const)(
    'resizes grey as three equal channels, %s',
    (library) => {
      const filters =
        library === 'torch' ? (['bilinear'] as const) : (['bilinear', 'bicubic'] as const);
      for (const filter of filters) {
        const spec: InputSpec = {
          ...plain,
          resize: { to: 11, mode: 'short-side', filter, library },
          crop: 9,
        };
        const grey: Picture = { ...noise(23, 17, 1), mode: 'L' };
        const three: Picture = { ...toPixels(grey, plain), mode: 'RGB' } as Picture;
        expect(toPixels(grey, spec)).toEqual(toPixels(three, spec));
      }
    },
  );

  it.each(['pillow', 'opencv', 'torch'] as const)(
    'gives the same tensor from one grey channel as from three, %s',
    (library) => {
      const resize = { to: 11, mode: 'square', filter: 'bilinear', library } as const;
      const grey: Picture = { ...noise(23, 17, 1), mode: 'L' };
      const [mean, std] = [
        [0.1, 0.2, 0.3],
        [1, 2, 3],
      ];
      for (const layout of ['NCHW', 'NHWC'] as const) {
        const spec: InputSpec = { ...plain, resize, layout, mean, std };
        const one = toGreyOrRgb(grey, spec);
        expect(one.channels).toBe(1);
        for (const dtype of ['float32', 'uint8'] as const)
          expect(normalise(one, spec, dtype)).toEqual(normalise(toPixels(grey, spec), spec, dtype));
      }
    },
  );

  it.each([
    [8, 6, 0],
    [7, 5, 0],
    [1, 3, 0],
    [8, 6, 1],
  ])('gives the same values in planes as in rows, %i × %i pixels from byte %i on', (w, h, byte) => {
    const { data } = noise(w, h, 3);
    const moved = new Uint8Array(data.length + byte).subarray(byte);
    moved.set(data);
    const spec: InputSpec = { ...plain, range: 1, mean: [0.1, 0.2, 0.3], std: [1, 2, 3] };
    const picture: Raster = { data: moved, width: w, height: h, channels: 3 };
    const rows = normalise(picture, spec, 'float32') as Float32Array;
    expect(normalise(picture, { ...spec, layout: 'NCHW' }, 'float32')).toEqual(toChw(rows, h, w));
  });

  it.each([
    ['NCHW', 'float32'],
    ['NHWC', 'float32'],
    ['NCHW', 'uint8'],
  ] as const)(
    'puts blue first where the card says so, mean and deviation with it, %s in %s',
    (layout, dtype) => {
      for (const channels of [1, 3] as const) {
        const { data } = noise(7, 5, channels);
        const turned = data.slice();
        for (let i = 0; channels === 3 && i < data.length; i += 3) {
          turned[i] = data[i + 2];
          turned[i + 2] = data[i];
        }
        const spec: InputSpec = { ...plain, layout, mean: [1, 20, 3], std: [1, 2, 3] };
        const picture: Raster = { data, width: 7, height: 5, channels };
        const blueFirst = normalise(picture, { ...spec, channels: 'BGR' }, dtype);
        expect(blueFirst).toEqual(normalise({ ...picture, data: turned }, spec, dtype));
        expect(normalise(picture, { ...spec, channels: 'RGB' }, dtype)).toEqual(
          normalise(picture, spec, dtype),
        );
      }
      const floats: FloatRaster = {
        data: Float32Array.from([10.5, 20.5, 30.5]),
        ...{ width: 1, height: 1, channels: 3 },
      };
      const spec: InputSpec = { ...plain, layout, mean: [0.5, 0, 0], channels: 'BGR' };
      expect([...normalise(floats, spec, 'float32')]).toEqual([30, 20.5, 10.5]);
    },
  );

  it('keeps fractions of a pixel where torch resizes, and takes antialias from the card', () => {
    const picture = rgb(noise(20, 20, 3));
    const resize = { to: 7, mode: 'square', filter: 'bilinear', library: 'torch' } as const;
    const smooth = toPixels(picture, { ...plain, resize });
    const rough = toPixels(picture, { ...plain, resize: { ...resize, antialias: false } });
    expect(smooth.data).toBeInstanceOf(Float32Array);
    expect(smooth.data).toEqual(
      toPixels(picture, { ...plain, resize: { ...resize, antialias: true } }).data,
    );
    expect(smooth.data).not.toEqual(rough.data);
    const tensor = normalise(smooth, { ...plain, mean: [1, 2, 3], std: [2, 2, 2] }, 'float32');
    expect(tensor[2]).toBe(Math.fround((smooth.data[2] - 3) / 2));
  });

  it('rounds bytes half to even and clips them', () => {
    const pixels = { width: 1, height: 1, channels: 3, data: Float32Array.from([0.5, 1.5, 300]) };
    expect(Array.from(normalise(pixels, plain, 'uint8'))).toEqual([0, 2, 255]);
  });

  it.each([
    ['opencv', 'lanczos'],
    ['pillow', 'area'],
    ['torch', 'bicubic'],
  ] as const)('refuses %s with %s', (library, filter) => {
    const spec: InputSpec = { ...plain, resize: { to: 4, mode: 'square', filter, library } };
    expect(() => toPixels(rgb(noise(8, 8, 3)), spec)).toThrowError(
      expect.objectContaining({ code: 'card-invalid' }),
    );
  });
});
