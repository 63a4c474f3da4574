import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { packageRoot } from '../../../src/formats/package-root.js';
import type { Frame } from '../../../src/training/augment/frame.js';

/** Means over many windows, as shares of the image. */
export interface Moments {
  readonly area: number;
  readonly aspect: number;
  readonly top: number;
  readonly left: number;
  readonly whole: number;
}

/** What augment.py wrote. */
interface Fixture {
  readonly width: number;
  readonly height: number;
  readonly noise: string;
  readonly smooth: string;
  readonly pillow: Record<
    'noise' | 'smooth',
    { name: string; arguments: (number | number[])[]; bytes: string }[]
  >;
  readonly equalized: Record<'wide' | 'flat', string>;
  readonly augmix: { seed: number; severity: number; all_ops: boolean; pixels: string }[];
  readonly beta: { seed: number; a: number; b: number; values: number[] }[];
  readonly dirichlet: { seed: number; alpha: number; count: number; values: number[][] }[];
  readonly shiftScaleRotate: {
    angle: number;
    scale: number;
    shift: [number, number];
    opencv: string;
    exact: string;
  }[];
  readonly elastic: {
    seed: number;
    alpha: number;
    sigma: number;
    alpha_affine: number;
    opencv: string;
    exact: string;
  }[];
  readonly gaussianFilter: { sigma: number; values: number[] }[];
  readonly brightnessContrast: { alpha: number; beta: number; byMax: boolean; pixels: string }[];
  readonly lines: Record<string, string[]>;
  readonly longLines: { ends: [number, number, number, number]; pixels: string }[];
  readonly filtered: { line: number[]; pixels: string };
  readonly gaussNoise: {
    seed: number;
    mean: number;
    sigma: number;
    perChannel: boolean;
    pixels: string;
  }[];
  readonly isoNoise: {
    of: 'noise' | 'smooth';
    seed: number;
    colorShift: number;
    intensity: number;
    pixels: string;
  }[];
  readonly torchvision: {
    of: 'noise' | 'smooth';
    name: 'brightness' | 'contrast' | 'saturation' | 'hue';
    factor: number;
    pixels: string;
  }[];
  readonly resizedCrop: {
    window: [number, number, number, number];
    side: number;
    pixels: string;
  }[];
  readonly resized: { size: number; crop: number; pixels: string };
  readonly flipped: string;
  readonly randomResizedCrop: {
    scale: [number, number];
    ratio: [number, number];
    moments: Moments;
  }[];
  readonly randomErasing: Fixture['randomResizedCrop'];
  readonly cutMix: {
    seed: number;
    size: [number, number];
    box: [number, number, number, number];
    share: number;
  }[];
}

export const fixture: Fixture = JSON.parse(
  readFileSync(join(packageRoot, 'test', 'fixtures', 'augment', 'augment.json'), 'utf8'),
);

export const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
export const floatsOf = (text: string) => new Float32Array(bytesOf(text).buffer);

/** The image of this name, 8-bit. */
export const rasterOf = (name: 'noise' | 'smooth') => ({
  width: fixture.width,
  height: fixture.height,
  channels: 3,
  data: bytesOf(fixture[name]),
});

/** The image of this name as a frame. */
export function frameNamed(name: 'noise' | 'smooth'): Frame {
  const { width, height, data } = rasterOf(name);
  return { width, height, pixels: Float32Array.from(data, (value) => value / 255) };
}

/** Expects equal numbers, up to the tolerance. */
export function expectClose(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
) {
  expect(found.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < found.length; i++) worst = Math.max(worst, Math.abs(found[i] - expected[i]));
  expect(worst).toBeLessThanOrEqual(tolerance);
}
