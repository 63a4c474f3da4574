import { randomStream } from '../../numerics/random/random-stream.js';
import { driveIt } from './it-units.js';
import { objectModels } from './object-models.js';
import { drawPose, type ObjectPicture, objectFields, type Variation } from './object-stimuli.js';
import { objectSide, renderObject } from './render-object.js';
import type { Simulated } from './simulated.js';
import { recordUnits } from './simulated-recordings.js';
import { makeStimuli } from './simulated-stimuli.js';
import { driveV4 } from './v4-units.js';

/** Degrees that an image spans. */
const degrees = 8;
const repetitions = 16;
/** Images of each object. */
const perObject = 10;

function drawPictures(seed: number, variations: readonly Variation[]): ObjectPicture[] {
  return objectModels.flatMap((object) =>
    Array.from({ length: perObject }, (_, k) => {
      const random = randomStream(seed, `picture ${object.name} ${k}`);
      const variation = variations[k % variations.length];
      const pose = drawPose(random, variation);
      return { object, pose, variation, ...renderObject(object, pose, random) };
    }),
  );
}

function generateObjects(seed: number, variations: readonly Variation[]): Simulated {
  const drawn = drawPictures(seed, variations);
  const set = `simulated-objects-${variations.join('-')}-${seed}`;
  const { stimuli, order } = makeStimuli(
    set,
    objectSide,
    drawn.map((picture) => ({ pixels: picture.pixels, fields: objectFields(picture) })),
  );
  const pictures = order.map((row) => drawn[row]);
  const retina = { side: objectSide, pixelsPerDegree: objectSide / degrees };
  const regions = [driveV4(pictures, retina), driveIt(pictures)];
  return { stimuli, recordings: recordUnits(stimuli.ids, regions, { seed, repetitions }) };
}

/** The generator `objects`: 640 images, half in the usual view, half with variation 3. */
export const generateEasyObjects = (seed: number) => generateObjects(seed, [0, 3]);

/** The generator `objects-varied`: 640 images with variation 6. */
export const generateVariedObjects = (seed: number) => generateObjects(seed, [6]);
