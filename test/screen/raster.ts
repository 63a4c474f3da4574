import type { Raster } from '../../src/screen/picture.js';
import { numbers, type OracleArray } from '../oracle.js';

/** An 8-bit image of the oracle (height × width, or height × width × channels) as a raster. */
export function raster(pixels: OracleArray): Raster {
  const [height, width, channels = 1] = pixels.shape;
  return { width, height, channels, data: Uint8Array.from(numbers(pixels)) };
}

/** A deterministic image for tests that need no particular one. */
export function noise(width: number, height: number, channels: number, seed = 1): Raster {
  let state = seed;
  const data = Uint8Array.from({ length: width * height * channels }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  return { width, height, channels, data };
}
