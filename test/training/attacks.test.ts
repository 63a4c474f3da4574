import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { pgd } from '../../src/training/attack/gradient-attacks.js';
import {
  project,
  startAnywhere,
  stepUphill,
  type Threat,
} from '../../src/training/attack/threat.js';
import { AttackedNetwork, type Examples } from '../../src/training/step/attacked-network.js';
import { linearNetwork, normalisation, reach, SIDE, SIZE, slope } from './linear-network.js';

const BATCH = 2;
const examples: Examples = {
  pictures: Float32Array.from(
    new RandomState(2).randomSample(BATCH * SIZE).map((value) => 0.3 + 0.4 * value),
  ),
  labels: [0, 1],
};
let network: AttackedNetwork;
beforeAll(async () => {
  const dims = [BATCH, 3, SIDE, SIDE];
  const given = { dims, normalisation, loss: 'margin', threads: 1 } as const;
  network = await AttackedNetwork.open(linearNetwork(), given);
});
afterAll(() => network.close());

const distance = (moved: Float32Array, { norm }: Threat, row: number) => {
  const all = Array.from(
    { length: SIZE },
    (_, i) => moved[row * SIZE + i] - examples.pictures[row * SIZE + i],
  );
  return norm === 'L2' ? Math.hypot(...all) : Math.max(...all.map(Math.abs));
};

describe('on a linear network', () => {
  test.each(['Linf', 'L2'] as const)(
    'PGD in %s finds the worst picture that there is',
    async (norm) => {
      const threat = { norm, epsilon: 0.1 };
      const clean = await network.answer(examples);
      // From a random place of the sphere the way along it is long.
      const random_start = norm === 'Linf';
      const found = await pgd(network, examples, threat, { steps: 20, random_start });
      const most = threat.epsilon * reach[norm];
      for (const row of [0, 1]) {
        // Rounding of a sum of 48 products in float32.
        expect(Math.abs(found.losses[row] - clean.losses[row] - most)).toBeLessThan(1e-3 * most);
        expect(distance(found.pictures, threat, row)).toBeLessThanOrEqual(threat.epsilon + 1e-6);
      }
      expect(await network.answer({ ...examples, pictures: found.pictures })).toMatchObject({
        losses: found.losses,
      });
    },
  );

  test('that takes blue first, images and gradients stay red first', async () => {
    const exchanged = (images: Float32Array) => {
      const moved = images.slice();
      const plane = SIDE * SIDE;
      for (let row = 0; row < BATCH; row++) {
        const at = row * SIZE;
        moved.set(images.subarray(at, at + plane), at + 2 * plane);
        moved.set(images.subarray(at + 2 * plane, at + 3 * plane), at);
      }
      return moved;
    };
    const blueFirst = await AttackedNetwork.open(linearNetwork(), {
      dims: [BATCH, 3, SIDE, SIDE],
      normalisation: { ...normalisation, channels: 'BGR' },
      loss: 'margin',
      threads: 1,
    });
    const { gradient, ...answer } = await network.slope(examples);
    const found = await blueFirst.slope({ ...examples, pictures: exchanged(examples.pictures) });
    await blueFirst.close();
    expect(found).toEqual({ ...answer, gradient: exchanged(gradient) });
  });

  test('one step of FGSM is the worst in L-inf', async () => {
    const threat = { norm: 'Linf', epsilon: 0.1 } as const;
    const [one, many] = [
      // FGSM: one step of the whole radius from the image itself.
      await pgd(network, examples, threat, {
        steps: 1,
        step_size: threat.epsilon,
        random_start: false,
      }),
      await pgd(network, examples, threat, { steps: 10 }),
    ];
    expect(one.losses[0]).toBeCloseTo(many.losses[0], 4);
  });

  test('the gradient of the cross-entropy points where the margin does', async () => {
    const dims = [BATCH, 3, SIDE, SIDE];
    const other = await AttackedNetwork.open(linearNetwork(), { dims, normalisation, threads: 1 });
    const found = await other.slope(examples);
    await other.close();
    slope.forEach((value, i) => {
      expect(Math.sign(found.gradient[i])).toBe(Math.sign(value));
      expect(Math.sign(found.gradient[SIZE + i])).toBe(-Math.sign(value));
    });
  });

  test('more steps, restarts and a larger ball never make it better; the same seed gives the same bits', async () => {
    const threat = { norm: 'L2', epsilon: 0.3 } as const;
    const few = await pgd(network, examples, threat, { steps: 2, seed: 3 });
    const more = await pgd(network, examples, threat, { steps: 2, seed: 3, restarts: 2 });
    const wide = await pgd(network, examples, { ...threat, epsilon: 100 }, { steps: 20 });
    for (const row of [0, 1]) expect(more.losses[row]).toBeGreaterThanOrEqual(few.losses[row]);
    expect(wide.fooled).toEqual([true, true]);
    expect(await pgd(network, examples, threat, { steps: 2, seed: 3 })).toEqual(few);
  });
});

const pixels = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
  minLength: 12,
  maxLength: 12,
});
const threats = fc.record({
  norm: fc.constantFrom('Linf' as const, 'L2' as const),
  epsilon: fc.double({ min: 0, max: 2, noNaN: true }),
});

test('whatever is done to a picture, it stays in its ball and in [0, 1]', () => {
  fc.assert(
    fc.property(
      pixels,
      fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 12, maxLength: 12 }),
      threats,
      fc.nat(99),
      (original, moves, threat, seed) => {
        const from = Float32Array.from(original);
        const moved = from.map((value, i) => value + moves[i]);
        const started = from.slice();
        project(moved, from, threat);
        startAnywhere(started, from, threat, new RandomState(seed));
        for (const picture of [moved, started]) {
          const differences = picture.map((value, i) => Math.abs(value - from[i]));
          const far = threat.norm === 'L2' ? Math.hypot(...differences) : Math.max(...differences);
          expect(far).toBeLessThanOrEqual(threat.epsilon + 1e-5);
          for (const value of picture) expect(value >= 0 && value <= 1).toBe(true);
        }
      },
    ),
  );
});

test('a small gradient leads as far as a large one', () => {
  const threat = { norm: 'L2', epsilon: 1 } as const;
  for (const size of [1, 1e-9, 1e-30]) {
    const picture = Float32Array.of(0, 0);
    stepUphill(picture, Float32Array.of(3 * size, 4 * size), threat, 0.5);
    expect(picture[0]).toBeCloseTo(0.3, 6);
    expect(picture[1]).toBeCloseTo(0.4, 6);
  }
  const still = Float32Array.of(0.5, 0.5);
  stepUphill(still, Float32Array.of(0, 0), threat, 0.5);
  expect([...still]).toEqual([0.5, 0.5]);
});
