import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fourierOfReal, realInverse } from '../../src/data/simulated/fourier.js';
import { filterPair } from '../../src/data/simulated/offset-gaussians.js';
import { encodeGreyPng } from '../../src/data/simulated/png.js';
import { alignSilhouette, silhouetteOverlap } from '../../src/data/simulated/silhouette.js';
import { textureFamilies, textureSide } from '../../src/data/simulated/texture-families.js';
import { scramblePhases } from '../../src/data/simulated/texture-stimuli.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { randomStream } from '../../src/numerics/random/random-stream.js';
import { decodeImage } from '../../src/screen/decode.js';
import { tolerances } from '../tolerances.js';

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

describe('the Fourier transform', () => {
  const side = 8;
  const values = new RandomState(5).randomSample(side * side);

  it('is the sum of its definition', () => {
    const { re, im } = fourierOfReal(values);
    for (let k = 0; k < side * side; k++) {
      let [wantRe, wantIm] = [0, 0];
      values.forEach((value, i) => {
        const turns = (k % side) * (i % side) + Math.floor(k / side) * Math.floor(i / side);
        wantRe += value * Math.cos((-2 * Math.PI * turns) / side);
        wantIm += value * Math.sin((-2 * Math.PI * turns) / side);
      });
      expect(Math.abs(re[k] - wantRe)).toBeLessThan(tolerances.float64);
      expect(Math.abs(im[k] - wantIm)).toBeLessThan(tolerances.float64);
    }
  });

  it('is undone by its inverse', () => {
    expect(largest(realInverse(fourierOfReal(values)), values)).toBeLessThan(tolerances.float64);
  });
});

describe('scramblePhases', () => {
  it('keeps the power spectrum and nothing else of a texture', () => {
    const random = randomStream(1, 'scramble');
    for (const family of textureFamilies) {
      const texture = family.sample(random);
      const noise = scramblePhases(texture, random.randomSample(texture.length));
      const [own, other] = [fourierOfReal(texture), fourierOfReal(noise)];
      const power = ({ re, im }: typeof own) => re.map((value, i) => Math.hypot(value, im[i]));
      expect(largest(power(own), power(other))).toBeLessThan(texture.length * tolerances.float64);
      const correlation = texture.reduce((sum, value, i) => sum + value * noise[i], 0);
      expect(Math.abs(correlation / texture.length)).toBeLessThan(0.5);
    }
  });
});

describe('textureFamilies', () => {
  it('are fifteen, of mean 0 and deviation 1 on a torus, and their samples differ', () => {
    expect(textureFamilies.map(({ number }) => number)).toEqual(
      Array.from({ length: 15 }, (_, k) => k + 1),
    );
    for (const { sample } of textureFamilies) {
      const [a, b] = [sample(new RandomState(1)), sample(new RandomState(2))];
      expect(a).toHaveLength(textureSide * textureSide);
      const mean = a.reduce((sum, value) => sum + value, 0) / a.length;
      const square = a.reduce((sum, value) => sum + value * value, 0) / a.length;
      expect(Math.abs(mean)).toBeLessThan(tolerances.float64);
      expect(Math.abs(square - 1)).toBeLessThan(tolerances.float64);
      expect(largest(a, b)).toBeGreaterThan(0.1);
    }
  });
});

describe('encodeGreyPng', () => {
  it('writes a file that decodes to the same pixels', async () => {
    const side = fc.integer({ min: 1, max: 300 });
    await fc.assert(
      fc.asyncProperty(side, side, fc.nat(), async (width, height, seed) => {
        const random = new RandomState(seed);
        const pixels = Uint8Array.from({ length: width * height }, () => random.uint32() >>> 24);
        const picture = await decodeImage(encodeGreyPng(width, height, pixels), 'own.png');
        expect(picture).toMatchObject({ width, height, mode: 'L' });
        expect(Buffer.compare(picture.data, pixels)).toBe(0);
      }),
      { numRuns: 25 },
    );
  });
});

describe('filterPair', () => {
  it('does not see a uniform picture, and its filters differ by a quarter period', () => {
    const shape = { x: 32, y: 32, period: 12, orientation: 0.4, width: 0.36, elongation: 1.4 };
    const { even, odd } = filterPair(shape, 64);
    for (const { weights } of [even, odd]) {
      expect(Math.abs(weights.reduce((sum, w) => sum + w, 0))).toBeLessThan(tolerances.float64);
    }
    const product = even.weights.reduce((sum, w, i) => sum + w * odd.weights[i], 0);
    const own = even.weights.reduce((sum, w) => sum + w * w, 0);
    expect(Math.abs(product)).toBeLessThan(own / 100);
  });
});

describe('alignSilhouette', () => {
  const side = 64;
  const ellipse = (x: number, y: number, a: number, b: number) =>
    Uint8Array.from({ length: side * side }, (_, i) => {
      const [dx, dy] = [(i % side) - x, Math.floor(i / side) - y];
      return (dx / a) ** 2 + (dy / b) ** 2 <= 1 ? 1 : 0;
    });

  it('forgets place and size, but not shape', () => {
    const first = alignSilhouette(ellipse(20, 24, 14, 7), side);
    const moved = alignSilhouette(ellipse(36, 30, 24, 12), side);
    const upright = alignSilhouette(ellipse(30, 30, 7, 14), side);
    expect(silhouetteOverlap(first, first)).toBe(1);
    expect(silhouetteOverlap(first, moved)).toBeGreaterThan(0.85);
    expect(silhouetteOverlap(first, upright)).toBeLessThan(0.6);
  });

  it('of nothing overlaps with nothing', () => {
    const nothing = alignSilhouette(new Uint8Array(side * side), side);
    expect(silhouetteOverlap(nothing, nothing)).toBe(0);
  });
});
