import { describe, expect, test } from 'vitest';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { augMix } from '../../../src/training/augment/augmix.js';
import { randomBox } from '../../../src/training/augment/batch-mixes.js';
import {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  brightnessContrast,
} from '../../../src/training/augment/colour.js';
import { crops, flipped, randomWindow } from '../../../src/training/augment/crops.js';
import { randomErasedWindow } from '../../../src/training/augment/erasing.js';
import { cutFrame, resizeFrame } from '../../../src/training/augment/frame.js';
import {
  elasticTransform,
  gaussianFilter,
  shiftScaleRotate,
} from '../../../src/training/augment/geometry.js';
import { blurAlong, linePixels } from '../../../src/training/augment/motion-blur.js';
import { gaussNoise, isoNoise } from '../../../src/training/augment/noise.js';
import * as pillow from '../../../src/training/augment/pillow-operations.js';
import { beta, dirichlet } from '../../../src/training/augment/random-mixtures.js';
import {
  bytesOf,
  expectClose,
  fixture,
  floatsOf,
  frameNamed,
  type Moments,
  rasterOf,
} from './augment-fixture.js';

/** Float32 sums in another order. */
const ROUNDING = 3e-6;
/** OpenCV rounds positions to 1/32 pixel; the smooth image changes by at most 0.11 from pixel to pixel. */
const OPENCV = 0.11 / 32;

const operations = new Map(Object.entries(pillow));
const operation = (name: string) =>
  operations.get(name) as unknown as (...all: unknown[]) => { data: Uint8Array };

describe.each(['noise', 'smooth'] as const)('Pillow, %s', (of) => {
  test.each(fixture.pillow[of].map((each) => [each.name, each.arguments, each.bytes] as const))(
    '%s %j, bit for bit',
    (name, parameters, bytes) => {
      expect(operation(name)(rasterOf(of), ...parameters).data).toEqual(bytesOf(bytes));
    },
  );
});

test('Pillow equalizes pictures whose table leaves 8 bits, and leaves one of one value as it is', () => {
  const wide = Uint8Array.from({ length: 3600 }, (_, i) => Math.floor(i / 3) % 251);
  const found = pillow.equalize({ width: 60, height: 20, channels: 3, data: wide });
  expect(found.data).toEqual(bytesOf(fixture.equalized.wide));
  const flat = { ...rasterOf('noise'), data: rasterOf('noise').data.fill(77) };
  expect(pillow.equalize(flat).data).toEqual(bytesOf(fixture.equalized.flat));
});

test.each(fixture.augmix)(
  'AugMix as google-research draws it: seed $seed, severity $severity',
  (each) => {
    const parameters = { ...each, mixture_width: 3, chain_depth: -1, alpha: 1 };
    const found = augMix(frameNamed('noise'), parameters, new RandomState(each.seed));
    expectClose(found.pixels, floatsOf(each.pixels), ROUNDING);
  },
);

test.each(fixture.beta)('beta($a, $b) as numpy draws it', ({ seed, a, b, values }) => {
  const random = new RandomState(seed);
  expectClose(
    values.map(() => beta(random, a, b)),
    values,
    1e-14,
  );
});

test.each(fixture.dirichlet)(
  'dirichlet of $alpha as numpy draws it',
  ({ seed, alpha, count, values }) => {
    const random = new RandomState(seed);
    for (const row of values) expectClose(dirichlet(random, alpha, count), row, 1e-14);
  },
);

test.each(fixture.shiftScaleRotate)('ShiftScaleRotate by $angle°, $scale', (each) => {
  const { pixels } = shiftScaleRotate(frameNamed('smooth'), each.angle, each.scale, each.shift);
  expectClose(pixels, floatsOf(each.exact), ROUNDING);
  expectClose(pixels, floatsOf(each.opencv), OPENCV);
});

test.each(fixture.elastic)('ElasticTransform, sigma $sigma, alpha $alpha', (each) => {
  const { pixels } = elasticTransform(frameNamed('smooth'), each, new RandomState(each.seed));
  // The fixture rounds points and displacements to float32.
  expectClose(pixels, floatsOf(each.exact), 10 * ROUNDING);
  expectClose(pixels, floatsOf(each.opencv), 2 * OPENCV);
});

test.each(fixture.gaussianFilter)(
  'scipy’s gaussian filter of sigma $sigma',
  ({ sigma, values }) => {
    const field = new RandomState(9).randomSample(values.length);
    expectClose(gaussianFilter(field, fixture.width, fixture.height, sigma), values, 1e-12);
  },
);

test.each(fixture.brightnessContrast)('RandomBrightnessContrast: $alpha, $beta', (each) => {
  const { pixels } = brightnessContrast(frameNamed('smooth'), each.alpha, each.beta, each.byMax);
  expectClose(pixels, floatsOf(each.pixels), ROUNDING);
});

/** A line on a grid, as the fixture writes it. */
function drawn(size: number, ends: readonly [number, number, number, number]): string {
  const grid = new Array(size * size).fill('0');
  for (const [x, y] of linePixels([ends[0], ends[1]], [ends[2], ends[3]])) grid[y * size + x] = '1';
  return grid.join('');
}

test.each(['3', '5'])('every line of a %s × %s kernel is OpenCV’s', (text) => {
  const size = Number(text);
  const point = (i: number) => [i % size, Math.floor(i / size)] as const;
  const found = Array.from({ length: size ** 4 }, (_, i) =>
    drawn(size, [...point(Math.floor(i / size ** 2)), ...point(i % size ** 2)]),
  );
  expect(found).toEqual(fixture.lines[text]);
});

test.each(fixture.longLines)('a long line is OpenCV’s: $ends', ({ ends, pixels }) => {
  expect(drawn(9, ends)).toBe(pixels);
});

test('MotionBlur filters as OpenCV does', () => {
  const [size, xs, ys, xe, ye] = fixture.filtered.line;
  const middle = (size - 1) / 2;
  const offsets = linePixels([xs, ys], [xe, ye]).map(([x, y]) => [x - middle, y - middle] as const);
  const { pixels } = blurAlong(frameNamed('noise'), offsets);
  expectClose(pixels, floatsOf(fixture.filtered.pixels), ROUNDING);
});

test.each(fixture.gaussNoise)('GaussNoise: per channel $perChannel', (each) => {
  const random = new RandomState(each.seed);
  const found = gaussNoise(frameNamed('smooth'), each.mean, each.sigma, each.perChannel, random);
  expectClose(found.pixels, floatsOf(each.pixels), ROUNDING);
});

test.each(fixture.isoNoise)('ISONoise: $colorShift, $intensity', (each) => {
  const random = new RandomState(each.seed);
  const { pixels } = isoNoise(frameNamed(each.of), each.colorShift, each.intensity, random);
  // A colour turns by up to six times its chroma for a hue that float32 holds to 3e-5 degrees.
  expectClose(pixels, floatsOf(each.pixels), 1e-5);
});

test.each(fixture.torchvision)(
  'torchvision’s adjust_$name by $factor',
  ({ of, name, factor, pixels }) => {
    const adjust = {
      brightness: adjustBrightness,
      contrast: adjustContrast,
      saturation: adjustSaturation,
      hue: adjustHue,
    }[name];
    expectClose(adjust(frameNamed(of), factor).pixels, floatsOf(pixels), 1e-5 / 3);
  },
);

test.each(fixture.resizedCrop)(
  'torchvision’s resized_crop of $window to $side',
  ({ window, side, pixels }) => {
    const [top, left, height, width] = window;
    const cut = cutFrame(frameNamed('noise'), { left, top, width, height });
    expectClose(resizeFrame(cut, side, side).pixels, floatsOf(pixels), ROUNDING);
  },
);

test('torchvision’s Resize, CenterCrop and flip', () => {
  const frame = frameNamed('noise');
  const { size, crop, pixels } = fixture.resized;
  const random = new RandomState(0);
  const resized = crops.Resize.make({ size })(frame, random, 64);
  const found = crops.CenterCrop.make({})(resized, random, crop);
  expectClose(found.pixels, floatsOf(pixels), ROUNDING);
  expect(flipped(frame).pixels).toEqual(floatsOf(fixture.flipped));
});

type Drawn = { top: number; left: number; width: number; height: number };

function expectMoments(expected: Moments, draw: (random: RandomState) => Drawn | undefined) {
  const { width, height } = fixture;
  const [random, count] = [new RandomState(8), 20_000];
  const sums = { area: 0, aspect: 0, top: 0, left: 0, whole: 0 };
  for (let i = 0; i < count; i++) {
    const window = draw(random) ?? { top: 0, left: 0, width, height };
    sums.area += (window.width * window.height) / (width * height);
    sums.aspect += Math.log(window.width / window.height);
    sums.top += window.top / height;
    sums.left += window.left / width;
    sums.whole += Number(window.width === width && window.height === height);
  }
  for (const [name, value] of Object.entries(expected))
    expect(sums[name as keyof Moments] / count, name).toBeCloseTo(value, 1.7);
}

test.each(fixture.randomResizedCrop)(
  'RandomResizedCrop draws as torchvision: $scale, $ratio',
  (each) => {
    const { scale, ratio, moments } = each;
    expectMoments(moments, (random) => randomWindow(fixture, scale, ratio, random));
  },
);

test.each(fixture.randomErasing)('RandomErasing draws as torchvision: $scale, $ratio', (each) => {
  const { scale, ratio, moments } = each;
  expectMoments(moments, (random) => randomErasedWindow(fixture, scale, ratio, random));
});

test.each(fixture.cutMix)('CutMix’s box of seed $seed in $size', ({ seed, size, box, share }) => {
  const random = new RandomState(seed);
  const drawnShare = beta(random, 1, 1);
  const [width, height] = size;
  const found = randomBox({ width, height }, drawnShare, random);
  expect([found.left, found.top, found.width, found.height]).toEqual(box);
  expect(1 - (found.width * found.height) / (width * height)).toBeCloseTo(share, 12);
});
