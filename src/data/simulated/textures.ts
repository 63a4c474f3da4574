import { toContrast } from './offset-gaussians.js';
import type { Simulated } from './simulated.js';
import { recordUnits } from './simulated-recordings.js';
import { textureStimuli } from './texture-stimuli.js';
import { driveV1, type Retina } from './v1-units.js';
import { driveV2 } from './v2-units.js';

/** Degrees that a texture spans. */
const degrees = 4;
const repetitions = 20;

/** The generator `textures`: 300 stimuli at 4 degrees, 72 V1 and 72 V2 units, 20 repetitions. */
export function generateTextures(seed: number): Simulated {
  const stimuli = textureStimuli(seed);
  const retina: Retina = { side: stimuli.side, pixelsPerDegree: stimuli.side / degrees };
  const pictures = stimuli.pixels.map(toContrast);
  const regions = [driveV1(pictures, retina), driveV2(pictures, retina)];
  return { stimuli, recordings: recordUnits(stimuli.ids, regions, { seed, repetitions }) };
}
