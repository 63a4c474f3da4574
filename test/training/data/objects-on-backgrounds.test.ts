import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { drawScene } from '../../../src/training/data/draw-scene.js';
import { objectClasses } from '../../../src/training/data/object-classes.js';
import { openLabelledSet } from '../../../src/training/data/open-labelled-set.js';

const openObjects = (seed = 1, count = 60, side = 64) =>
  openLabelledSet({ generate: 'objects-on-backgrounds', seed, count, side }, '.');

/** SHA-256 over pixels and masks of the first images. */
async function digestOfPictures(seed: number, count: number, side: number): Promise<string> {
  const set = await openObjects(seed, count, side);
  const hash = createHash('sha256');
  for (let index = 0; index < count; index++) {
    const { pixels, mask } = await set.picture(index);
    hash.update(pixels).update(mask as Uint8Array);
  }
  return hash.digest('hex');
}

test('a seed gives the bits that it gave', async () => {
  expect(await digestOfPictures(1, 40, 64)).toMatchInlineSnapshot(
    `"ff4369cc76c63bc3f0fe2fb453c3a7d252ec15ff4190a104bfdaf5af1f930c2f"`,
  );
  expect(await digestOfPictures(2, 10, 33)).toMatchInlineSnapshot(
    `"419bb08520603b6ac10305b3da1f89851664b335da4e48ccf6068d9b2914b37c"`,
  );
  expect((await openObjects()).digest).toMatchInlineSnapshot(
    `"sha256:e1da2b89fec8a8986dde0f84a2d9f72b1d397e026e1acfa5f1fff365519d48d7"`,
  );
});

test('a picture depends on seed and number, not on what was made before it', async () => {
  const [one, other] = [await openObjects(), await openObjects(1, 20)];
  await other.picture(3);
  expect(await other.picture(17)).toEqual(await one.picture(17));
  expect((await (await openObjects(2)).picture(17)).pixels).not.toEqual(
    (await one.picture(17)).pixels,
  );
  const digests = [one, other, await openObjects(2), await openObjects(1, 60, 32)];
  expect(new Set(digests.map(({ digest }) => digest)).size).toBe(4);
});

test('ten classes take turns', async () => {
  const set = await openObjects(1, 6000);
  expect(set.classes).toHaveLength(10);
  expect(new Set(set.classes).size).toBe(10);
  for (let label = 0; label < 10; label++)
    expect(set.labels.filter((found) => found === label)).toHaveLength(600);
  expect((await set.picture(4321)).label).toBe(set.labels[4321]);
});

/** Pixels whose neighbourhood, themselves included, has none that the mask marks. */
const farFrom = (mask: Uint8Array, side: number, reach: number) => (at: number) => {
  const [x, y] = [at % side, Math.floor(at / side)];
  for (let row = Math.max(0, y - reach); row <= Math.min(side - 1, y + reach); row++)
    for (let column = Math.max(0, x - reach); column <= Math.min(side - 1, x + reach); column++)
      if (mask[row * side + column] > 0) return false;
  return true;
};

test('objects are where their masks are, on grounds that do not depend on them', () => {
  const side = 96; // thinner parts than a pixel are not marked where they lie between two
  const label = fc.nat(objectClasses.length - 1);
  let [ground, stray, marked, differing] = [0, 0, 0, 0];
  fc.assert(
    fc.property(fc.nat(), label, label, (seed, one, other) => {
      const [a, b] = [one, other].map((of) => drawScene(side, of, new RandomState(seed)));
      const [farA, farB] = [farFrom(a.mask, side, 2), farFrom(b.mask, side, 2)];
      for (let at = 0; at < side * side; at++) {
        const differs = [0, 1, 2].some((c) => a.pixels[3 * at + c] !== b.pixels[3 * at + c]);
        if (farA(at) && farB(at)) {
          ground++;
          stray += Number(differs); // the faint ends of sharp tips
        } else if (a.mask[at] > 0 && farB(at)) {
          marked++;
          differing += Number(differs);
        }
      }
    }),
    { numRuns: 40 },
  );
  expect(ground).toBeGreaterThan(40_000);
  expect(stray / ground).toBeLessThan(1e-4);
  expect(marked).toBeGreaterThan(1000);
  expect(differing / marked).toBeGreaterThan(0.95);
});

test.each(objectClasses.map(({ name }, label) => [name, label] as const))(
  'a %s is seen whole enough, and the same at any side',
  async (_, label) => {
    const [small, large] = [await openObjects(7, 200, 32), await openObjects(7, 200, 64)];
    for (let index = label; index < 200; index += 40) {
      const [coarse, fine] = [await small.picture(index), await large.picture(index)];
      const [a, b] = [coarse.mask as Uint8Array, fine.mask as Uint8Array];
      const share = b.filter((value) => value === 255).length / b.length;
      expect(b.every((value) => value === 0 || value === 255)).toBe(true);
      expect(share).toBeGreaterThan(0.015);
      expect(share).toBeLessThan(0.7);
      const agree = b.filter(
        (value, at) => value === a[Math.floor(at / 128) * 32 + Math.floor((at % 64) / 2)],
      );
      expect(agree.length / b.length).toBeGreaterThan(0.9);
    }
  },
);

test('sides from 16 to 512 are made', async () => {
  for (const side of [16, 17, 512]) {
    const { pixels, mask, height, width } = await (await openObjects(1, 3, side)).picture(2);
    expect([height, width]).toEqual([side, side]);
    expect([pixels.length, mask?.length]).toEqual([side * side * 3, side * side]);
  }
});

test.each([
  ['seed', { seed: -1 }],
  ['seed', { seed: 2 ** 32 }],
  ['count', { count: 0 }],
  ['count', { count: 1.5 }],
  ['side', { side: 15 }],
  ['side', { side: 513 }],
  ['generate', { generate: 'objects' as 'objects-on-backgrounds' }],
])('%s of %o is refused', async (field, wrong) => {
  const source = {
    generate: 'objects-on-backgrounds',
    seed: 1,
    count: 10,
    side: 32,
    ...wrong,
  } as const;
  await expect(openLabelledSet(source, '.')).rejects.toMatchObject({
    code: 'training-data-invalid',
    details: { field },
  });
});

test('what is no source is refused', async () => {
  await expect(openLabelledSet({ files: 'x' } as never, '.')).rejects.toMatchObject({
    code: 'training-data-invalid',
    details: { found: 'files' },
  });
});
