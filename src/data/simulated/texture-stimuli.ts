import { randomStream, uniform } from '../../numerics/random/random-stream.js';
import { fourierOfReal, realInverse } from './fourier.js';
import { makeStimuli, type SimulatedStimuli } from './simulated-stimuli.js';
import { textureFamilies, textureSide } from './texture-families.js';

/**
 * Textures and their spectrally matched noise behind a raised-cosine window of 4 degrees, after the
 * design of Freeman, Ziemba et al. 2013 (spec §1.2).
 */

/** Samples of each family and type. */
const samples = 10;

/**
 * The same power spectrum with the phases of white noise: what a texture is without its structure.
 * @param noise white noise of as many values as the image
 */
export function scramblePhases(values: Float64Array, noise: Float64Array): Float64Array {
  const own = fourierOfReal(values);
  const other = fourierOfReal(noise);
  const re = new Float64Array(values.length);
  const im = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const size = Math.sqrt(other.re[i] ** 2 + other.im[i] ** 2);
    const amplitude = Math.sqrt(own.re[i] ** 2 + own.im[i] ** 2) / size;
    // The mean keeps its sign; everywhere else the phase is the noise's.
    re[i] = i === 0 ? own.re[0] : other.re[i] * amplitude;
    im[i] = i === 0 ? 0 : other.im[i] * amplitude;
  }
  return realInverse({ side: own.side, re, im });
}

/** Contrast in [−1, 1] to 8-bit pixels around 128, seen through the window (truncated, spec §1.2). */
function throughWindow(contrast: Float64Array): Uint8Array {
  const radius = textureSide / 2;
  return Uint8Array.from(contrast, (value, i) => {
    const [x, y] = [(i % textureSide) - radius, Math.floor(i / textureSide) - radius];
    const distance = Math.sqrt(x * x + y * y);
    const mask = distance <= radius ? 0.5 * (1 + Math.cos((Math.PI * distance) / radius)) : 0;
    return Math.trunc(Math.min(1, Math.max(-1, value)) * 127 * mask + 128);
  });
}

/** The stimulus set of the generator `textures`: 15 families × {noise, texture} × 10 samples. */
export function textureStimuli(seed: number): SimulatedStimuli {
  const rows = textureFamilies.flatMap((family) =>
    Array.from({ length: samples }, (_, sample) => {
      const random = randomStream(seed, `texture ${family.number} ${sample}`);
      const contrast = uniform(random, 0.22, 0.34);
      const texture = family.sample(random);
      const noise = scramblePhases(texture, random.randomSample(texture.length));
      return [noise, texture].map((values, type) => ({
        pixels: throughWindow(values.map((value) => value * contrast)),
        fields: {
          texture_type: type === 0 ? 'noise' : 'texture',
          texture_family: family.number,
          sample: sample + 1,
        },
      }));
    }).flat(),
  );
  return makeStimuli(`simulated-textures-${seed}`, textureSide, rows).stimuli;
}
