import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { BatchFeed } from '../../../src/training/augment/batch-feed.js';
import { paste } from '../../../src/training/augment/cutmix-patch.js';
import type { Frame } from '../../../src/training/augment/frame.js';
import type { Mixed } from '../../../src/training/augment/mix.js';
import type { FeedSpec, TransformSpec } from '../../../src/training/augment/training-batch.js';
import { completeFeed, mixOf, mixSchema } from '../../../src/training/augment/transforms.js';
import { smallSet } from './small-set.js';

const side = 20;

/** An image of one colour, so that every pixel says where it is from; its object is a disc. */
function plain(number: number, masks: boolean): Frame {
  const pixels = new Float32Array(side * side * 3).fill((number + 1) / 16);
  const [cx, cy, radius] = [6 + (number % 8), 12 - (number % 5), 3 + (number % 4)];
  const mask = Float32Array.from({ length: side * side }, (_, i) =>
    Number(((i % side) - cx) ** 2 + (Math.floor(i / side) - cy) ** 2 <= radius ** 2),
  );
  return { width: side, height: side, pixels, ...(masks ? { mask } : {}) };
}

function mixed(spec: TransformSpec, seed: number, { masks = false, count = 8 } = {}): Mixed {
  const complete = completeFeed({
    side,
    batch: count,
    augment: [],
    mix: spec,
    label_smoothing: 0,
    seed: 0,
    workers: 0,
  });
  const frames = Array.from({ length: count }, (_, i) => plain(i, masks));
  return (mixOf(complete.mix) as NonNullable<ReturnType<typeof mixOf>>).mix(frames, {
    batch: new RandomState(seed),
    picture: (i) => new RandomState(seed * 100 + i),
  });
}

/** How many pixels of each image of the batch are seen in one, of those that `where` takes. */
function seen({ pixels }: Frame, number: number, where: (pixel: number) => boolean = () => true) {
  let count = 0;
  for (let i = 0; i < side * side; i++)
    if (Math.abs(pixels[3 * i] - (number + 1) / 16) < 1e-4 && where(i)) count++;
  return count;
}

test('CutMix: the share of a label is the share of the picture that is seen', () => {
  fc.assert(
    fc.property(fc.nat(1e6), (seed) => {
      const { views, partners, shares } = mixed({ CutMix: {} }, seed);
      views[0].forEach((frame, i) => {
        if (partners[i] === i) return;
        expect(shares[i]).toBeCloseTo(seen(frame, i) / side ** 2, 12);
        expect(1 - shares[i]).toBeCloseTo(seen(frame, partners[i]) / side ** 2, 12);
      });
    }),
    { numRuns: 20 },
  );
});

test.each([
  ['no masks', false, 'foreground'],
  ['the frame', true, 'frame'],
] as const)(
  'CutMixPatch by %s: the share of a label is the share of the frame that is seen',
  (_, masks, area) => {
    fc.assert(
      fc.property(fc.nat(1e6), (seed) => {
        const { views, partners, shares } = mixed({ CutMixPatch: { p: 1, area } }, seed, { masks });
        views[0].forEach((frame, i) => {
          if (partners[i] === i) return;
          expect(shares[i]).toBeCloseTo(seen(frame, i) / side ** 2, 12);
          expect(seen(frame, partners[i])).toBeGreaterThan(0);
        });
      }),
    );
  },
);

test('CutMixPatch: the share of a label is that of its object in all of the objects that are seen', () => {
  fc.assert(
    fc.property(fc.nat(1e6), range(0.01, 1), (seed, scale) => {
      const { views, partners, shares } = mixed({ CutMixPatch: { p: 1, scale } }, seed, {
        masks: true,
      });
      views[0].forEach((frame, i) => {
        if (partners[i] === i) return;
        const own = seen(frame, i, (pixel) => (frame.mask as Float32Array)[pixel] === 1);
        const other = seen(frame, partners[i]);
        expect(shares[i]).toBeCloseTo(own / (own + other), 12);
      });
    }),
    { numRuns: 40 },
  );
});

const range = (min: number, max: number) =>
  fc
    .tuple(fc.double({ min, max, noNaN: true }), fc.double({ min, max, noNaN: true }))
    .map(([a, b]) => (a < b ? [a, b] : [b, a]));

test('a patch that hides the whole object takes the whole label', () => {
  const patch = {
    width: 40,
    height: 40,
    pixels: new Float32Array(4800),
    mask: new Float32Array(1600).fill(1),
  };
  expect(paste(plain(0, true), patch, [-10, -10], 'foreground').share).toBe(0);
  expect(paste(plain(0, true), patch, [100, 0], 'foreground').share).toBe(1);
});

test('only the object of a patch is pasted, not its background', () => {
  const mask = Float32Array.of(1, 0, 0, 1);
  const patch = { width: 2, height: 2, pixels: new Float32Array(12).fill(1), mask };
  const { frame } = paste(plain(0, true), patch, [0, 0], 'foreground');
  const at = (x: number, y: number) => frame.pixels[3 * (y * side + x)];
  expect([at(0, 0), at(1, 1)]).toEqual([1, 1]);
  expect([at(1, 0), at(0, 1)]).toEqual([1 / 16, 1 / 16]);
});

test('MixUp: pictures and labels by the same share, with the batch in reverse', () => {
  fc.assert(
    fc.property(fc.nat(1e6), (seed) => {
      const { views, partners, shares } = mixed({ MixUp: {} }, seed);
      expect([...partners]).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
      views[0].forEach(({ pixels }, i) => {
        expect(pixels[5]).toBeCloseTo((shares[i] * (i + 1) + (1 - shares[i]) * (8 - i)) / 16, 6);
      });
    }),
  );
});

test('AugMix: the first view is the picture itself, labels stay', () => {
  const { views, shares } = mixed({ AugMix: {} }, 4);
  expect(views).toHaveLength(3);
  views[0].forEach((frame, i) => {
    expect(frame).toEqual(plain(i, false));
  });
  expect(shares.every((share) => share === 1)).toBe(true);
});

test.each(['CutMix', 'CutMixPatch', 'MixUp'])('%s with p = 0 changes nothing', (name) => {
  const { views, shares } = mixed({ [name]: { p: 0 } }, 3, { masks: true });
  views[0].forEach((frame, i) => {
    expect(frame.pixels).toEqual(plain(i, true).pixels);
  });
  expect(shares.every((share) => share === 1)).toBe(true);
});

const mixNamed = (name: string): TransformSpec =>
  name === 'AugMix' ? { AugMix: { severity: 10, all_ops: true } } : { [name]: { p: 1 } };

test.each(Object.keys(mixSchema.properties))(
  'a feed with %s: rows sum to 1, values in [0, 1], the same bits again',
  async (name) => {
    const set = smallSet({ count: 12, masks: true });
    const spec: Omit<FeedSpec, 'workers'> = {
      side: 16,
      batch: 6,
      augment: [{ ShiftScaleRotate: {} }, { GaussNoise: {} }],
      mix: mixNamed(name),
      label_smoothing: 0.2,
      seed: 9,
    };
    const batches = async () => {
      const found = [];
      const feed = BatchFeed.of(set, {}, spec);
      for (const epoch of [0, 1]) for await (const batch of feed.epoch(epoch)) found.push(batch);
      return found;
    };
    const made = await batches();
    expect(await batches()).toEqual(made);
    for (const { pictures, targets, views } of made) {
      expect(pictures).toHaveLength(views * 6 * 3 * 16 * 16);
      expect(pictures.every((value) => value >= 0 && value <= 1)).toBe(true);
      for (let i = 0; i < 6; i++) {
        const row = targets.subarray(3 * i, 3 * i + 3);
        expect(row.reduce((sum, value) => sum + value)).toBeCloseTo(1, 6);
        expect(Math.min(...row)).toBeGreaterThanOrEqual(0.2 / 3 - 1e-6);
      }
    }
  },
);

test('ranges of CutMixPatch that run backwards are refused', () => {
  expect(() => mixed({ CutMixPatch: { scale: [0.5, 0.1] } }, 0)).toThrow('CutMixPatch.scale');
});
