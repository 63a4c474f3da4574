import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../src/formats/package-root.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import type { Frame } from '../../../src/training/augment/frame.js';
import type { FeedSpec, TransformSpec } from '../../../src/training/augment/training-batch.js';
import {
  completeFeed,
  mixSchema,
  transformSchema,
  transformsOf,
} from '../../../src/training/augment/transforms.js';

const side = 14;

const feed = (augment: readonly TransformSpec[], mix?: TransformSpec): FeedSpec => ({
  side,
  batch: 2,
  augment,
  ...(mix ? { mix } : {}),
  label_smoothing: 0,
  seed: 0,
  workers: 0,
});

const range = (min: number, max: number) =>
  fc
    .tuple(fc.double({ min, max, noNaN: true }), fc.double({ min, max, noNaN: true }))
    .map(([a, b]): [number, number] => (a < b ? [a, b] : [b, a]));
const whole = (min: number, max: number) => fc.integer({ min, max });
const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const record = (fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record(fields, { requiredKeys: [] });

/** Parameters of each transformation, far beyond what is sensible. */
const parameters: Record<string, fc.Arbitrary<Record<string, unknown>>> = {
  RandomResizedCrop: record({ scale: range(0.01, 1), ratio: range(0.1, 10) }),
  RandomHorizontalFlip: fc.constant({}),
  ShiftScaleRotate: record({
    shift_limit: range(-1, 1),
    scale_limit: range(-0.9, 3),
    rotate_limit: range(-360, 360),
  }),
  ElasticTransform: record({
    alpha: number(0, 100),
    sigma: number(0, 60),
    alpha_affine: number(0, 60),
  }),
  RandomBrightnessContrast: record({
    brightness_limit: range(-1, 1),
    contrast_limit: range(-1, 3),
    brightness_by_max: fc.boolean(),
  }),
  ColorJitter: record({
    brightness: range(0, 4),
    contrast: range(0, 4),
    saturation: range(0, 4),
    hue: range(-0.5, 0.5),
  }),
  GaussNoise: record({
    var_limit: range(0, 5000),
    mean: number(-99, 99),
    per_channel: fc.boolean(),
  }),
  ISONoise: record({ color_shift: range(0, 1), intensity: range(0, 2) }),
  MotionBlur: record({ blur_limit: fc.constantFrom(3, 5, 21, [5, 9], [3, 3]) }),
  Cutout: record({ num_holes: whole(1, 9), max_h_size: whole(1, 40), max_w_size: whole(1, 40) }),
  CoarseDropout: record({
    max_holes: whole(1, 9),
    max_height: whole(1, 40),
    max_width: number(0.01, 0.99),
    fill_value: whole(0, 255),
  }),
  RandomErasing: record({
    scale: range(0, 1),
    ratio: range(0.1, 10),
    value: fc.constantFrom(0.5, [0, 0.5, 1], 'random'),
  }),
};

/** An image whose red is its mask. */
function frameOf(seed: number): Frame {
  const random = new RandomState(seed);
  const pixels = Float32Array.from({ length: side * side * 3 }, () => random.interval(255) / 255);
  const mask = Float32Array.from({ length: side * side }, () => random.interval(1));
  mask.forEach((value, i) => {
    pixels[3 * i] = value;
  });
  return { width: side, height: side, pixels, mask };
}

function applied(spec: TransformSpec, frame: Frame, seed: number): Frame {
  const [{ transform }] = transformsOf(completeFeed(feed([spec])).augment);
  return transform(frame, new RandomState(seed), side);
}

const geometric = [
  'RandomResizedCrop',
  'RandomHorizontalFlip',
  'ShiftScaleRotate',
  'ElasticTransform',
];
const same = (one: Float32Array, other: Float32Array) =>
  one.length === other.length && one.every((value, i) => Object.is(value, other[i]));
const inUnit = (values: Float32Array) => values.every((value) => value >= 0 && value <= 1 + 1e-6);

test('every transformation of the table is tested here', () => {
  const sizes = ['CenterCrop', 'Resize'];
  expect(Object.keys(transformSchema.properties).sort()).toEqual(
    [...Object.keys(parameters), ...sizes].sort(),
  );
});

test.each(Object.keys(parameters))(
  '%s keeps range and size, leaves its source, and repeats itself',
  (name) => {
    fc.assert(
      fc.property(parameters[name], fc.nat(), (given, seed) => {
        const frame = frameOf(seed % 7);
        const before = frame.pixels.slice();
        const spec = { [name]: { ...given, p: 1 } };
        const after = applied(spec, frame, seed);
        expect([after.width, after.height]).toEqual([side, side]);
        expect(after.pixels).toHaveLength(side * side * 3);
        expect(inUnit(after.pixels) && inUnit(after.mask as Float32Array)).toBe(true);
        expect(same(frame.pixels, before)).toBe(true);
        expect(same(applied(spec, frame, seed).pixels, after.pixels)).toBe(true);
      }),
      { numRuns: 12 },
    );
  },
);

test.each(Object.keys(parameters))('%s with p = 0 is the identity', (name) => {
  fc.assert(
    fc.property(parameters[name], fc.nat(), (given, seed) => {
      const frame = frameOf(seed % 7);
      expect(same(applied({ [name]: { ...given, p: 0 } }, frame, seed).pixels, frame.pixels)).toBe(
        true,
      );
    }),
    { numRuns: 5 },
  );
});

test.each(geometric)('the mask follows %s', (name) => {
  fc.assert(
    fc.property(parameters[name], fc.nat(), (given, seed) => {
      const { pixels, mask } = applied({ [name]: { ...given, p: 1 } }, frameOf(seed % 7), seed);
      const apart = mask?.map((value, i) => Math.abs(value - pixels[3 * i])) ?? [1];
      expect(Math.max(...apart)).toBeLessThan(1e-6);
    }),
    { numRuns: 12 },
  );
});

test('what changes colours alone leaves the mask as it is', () => {
  for (const name of Object.keys(parameters).filter((each) => !geometric.includes(each))) {
    const frame = frameOf(1);
    expect(applied({ [name]: { p: 1 } }, frame, 5).mask).toBe(frame.mask);
  }
});

test('p is the share of pictures that are changed', () => {
  const frame = frameOf(0);
  const [{ transform }] = transformsOf([{ RandomHorizontalFlip: { p: 0.3 } }]);
  const changed = Array.from({ length: 2000 }, (_, seed) =>
    Number(transform(frame, new RandomState(seed), side) !== frame),
  );
  expect(changed.reduce((sum, one) => sum + one) / 2000).toBeCloseTo(0.3, 1);
});

test('CoarseDropout hides as many pixels as its holes have', () => {
  const white = { width: 64, height: 64, pixels: new Float32Array(64 * 64 * 3).fill(1) };
  const spec = {
    CoarseDropout: { max_holes: 1, max_height: 5, max_width: 9, fill_value: 51, p: 1 },
  };
  const { pixels } = applied(spec, white, 3);
  expect(pixels.filter((value) => Math.abs(value - 0.2) < 1e-6)).toHaveLength(5 * 9 * 3);
});

test('every default is written out, and what is complete stays as it is', () => {
  const lists = [
    Object.keys(transformSchema.properties).map((name) => feed([{ [name]: {} }])),
    Object.keys(mixSchema.properties).map((name) => feed([], { [name]: {} })),
  ].flat();
  for (const spec of lists) expect(completeFeed(completeFeed(spec))).toEqual(completeFeed(spec));
  expect(completeFeed(feed([{ ISONoise: { p: 0.1 } }], { CutMix: {} }))).toMatchObject({
    augment: [{ ISONoise: { color_shift: [0.01, 0.05], intensity: [0.1, 0.5], p: 0.1 } }],
    mix: { CutMix: { beta: 1, p: 1 } },
  });
});

test.each([
  [{ GausNoise: {} }, /did you mean "GaussNoise"/],
  [{ GaussNoise: { var_limits: 3 } }, /did you mean "var_limit"/],
  [{ GaussNoise: { var_limit: [50, 10] } }, /GaussNoise.var_limit/],
  [{ GaussNoise: { var_limit: [1, 2, 3] } }, /var_limit/],
  [{ MotionBlur: { blur_limit: 4 } }, /odd/],
  [{ MotionBlur: { blur_limit: 1001 } }, /blur_limit/],
  [{ CoarseDropout: { min_holes: 9 } }, /CoarseDropout.holes/],
  [{ CoarseDropout: { max_width: 8, min_width: 0.5 } }, /CoarseDropout.width/],
  [{ ColorJitter: { hue: 0.6 } }, /hue/],
  [{ RandomErasing: { value: 'pixel' } }, /value/],
  [{ ElasticTransform: { sigma: 1e9 } }, /sigma/],
  [{ Cutout: {}, GaussNoise: {} }, /augment/],
  [{}, /augment/],
])('a list with %j is refused', (spec, message) => {
  expect(() => transformsOf(completeFeed(feed([spec as TransformSpec])).augment)).toThrow(message);
});

test('the documentation has every name and parameter', () => {
  const text = readFileSync(join(packageRoot, 'docs', 'augmentation.md'), 'utf8');
  for (const [name, schema] of Object.entries({
    ...transformSchema.properties,
    ...mixSchema.properties,
  })) {
    const row = text
      .split('\n')
      .find(
        (line) => line.startsWith(`| \`${name}\` | `) && /albumentations|torchvision/.test(line),
      );
    const where = row ?? text.slice(text.indexOf(`**\`${name}\``), text.indexOf('## Batches'));
    for (const parameter of Object.keys((schema as { properties: object }).properties))
      expect(where, name).toContain(`\`${parameter}\``);
  }
});

test('anything else in place of a list gives one error with a code', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...Object.keys(transformSchema.properties)), fc.jsonValue()),
      (entry) => {
        try {
          transformsOf(completeFeed(feed([entry as TransformSpec])).augment);
        } catch (error) {
          expect(error).toMatchObject({ name: 'VentralError', code: 'recipe-invalid' });
        }
      },
    ),
    { numRuns: 30 },
  );
});
