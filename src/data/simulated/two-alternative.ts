import type { RandomState } from '../../numerics/random/random-state.js';
import { normal, randomStream, uniform } from '../../numerics/random/random-stream.js';
import { normalCdf } from '../../numerics/statistics/normal.js';
import type { ObjectModel } from './object-models.js';
import { drawPose, type ObjectPicture, taskObjects } from './object-stimuli.js';
import { populationSeed } from './population-seed.js';
import { objectSide, renderObject } from './render-object.js';
import { alignSilhouette, silhouetteOverlap } from './silhouette.js';
import type { Simulated } from './simulated.js';
import { makeStimuli, type SimulatedStimuli } from './simulated-stimuli.js';
import type { SimulatedTrials } from './simulated-trials.js';

/**
 * Two-alternative match to sample with 24 objects, after the design of Rajalingham et al. 2018
 * (spec §4.2): an image, its object and a distractor, and what a simulated observer chose.
 */

/** Images of each object that a read-out is fitted on, and that are shown to observers. */
const fitted = 24;
const shown = 10;
/** Trials of each image with each distractor. */
const trialsPerPair = 60;
const observers = 60;

interface Observer {
  readonly lapse: number;
  readonly sensitivity: number;
}

function drawSet(
  name: string,
  seed: number,
  perObject: number,
): { stimuli: SimulatedStimuli; pictures: ObjectPicture[] } {
  const drawn = taskObjects.flatMap((object) =>
    Array.from({ length: perObject }, (_, k): ObjectPicture => {
      const random = randomStream(seed, `${name} ${object.name} ${k}`);
      const pose = drawPose(random, 6);
      return { object, pose, variation: 6, ...renderObject(object, pose, random) };
    }),
  );
  const { stimuli, order } = makeStimuli(
    `simulated-${name}-${seed}`,
    objectSide,
    drawn.map(({ pixels, object }) => ({
      pixels,
      fields: { image_label: object.name, category_name: object.category },
    })),
  );
  return { stimuli, pictures: order.map((row) => drawn[row]) };
}

/** Cosine of the angle between two objects in the space of objects. */
function likeness(a: ObjectModel, b: ObjectModel): number {
  const dot = (x: Float64Array, y: Float64Array) => x.reduce((sum, v, k) => sum + v * y[k], 0);
  return dot(a.latent, b.latent) / Math.sqrt(dot(a.latent, a.latent) * dot(b.latent, b.latent));
}

/** Silhouettes of the objects in their usual view. */
function usualSilhouettes(): Float64Array[] {
  return taskObjects.map((object) => {
    const random = randomStream(populationSeed, `usual view ${object.name}`);
    return alignSilhouette(renderObject(object, drawPose(random, 0), random).mask, objectSide);
  });
}

/** d′ of each image between its object and each other one (typical observer); NaN for its own. */
function discriminability(pictures: readonly ObjectPicture[]): Float64Array[] {
  const usual = usualSilhouettes();
  return pictures.map(({ object, mask, visibility, pose }) => {
    const own = taskObjects.indexOf(object);
    const seen = alignSilhouette(mask, objectSide);
    const overlap = usual.map((silhouette) => silhouetteOverlap(seen, silhouette));
    const clear = Math.tanh(visibility / 70) * pose.scale;
    return Float64Array.from(taskObjects, (other, c) => {
      if (c === own) return Number.NaN;
      const shape = 8 * (overlap[own] - overlap[c]);
      const kind = 0.9 * (1 - likeness(object, other));
      return clear * Math.max(0, 0.6 + shape + kind);
    });
  });
}

function makeObservers(random: RandomState): Observer[] {
  return Array.from({ length: observers }, () => ({
    lapse: uniform(random, 0.02, 0.2),
    sensitivity: Math.exp(0.3 * normal(random)),
  }));
}

/** Every image with every distractor, `trialsPerPair` times, in an order of its own. */
function askObservers(
  ids: readonly string[],
  pictures: readonly ObjectPicture[],
  random: RandomState,
): SimulatedTrials {
  const population = makeObservers(random);
  const discriminabilities = discriminability(pictures);
  const objects = taskObjects.length;
  const order = random.permutation(pictures.length * objects * trialsPerPair);
  const trials = {
    stimulusIds: [] as string[],
    sample: [] as string[],
    distractor: [] as string[],
  };
  const choice: string[] = [];
  for (const cell of order) {
    const picture = Math.floor(cell / (objects * trialsPerPair));
    const distractor = taskObjects[cell % objects];
    const { object } = pictures[picture];
    if (distractor === object) continue;
    const { lapse, sensitivity } = population[random.interval(observers - 1)];
    const dPrime = sensitivity * discriminabilities[picture][cell % objects];
    const correct = lapse / 2 + (1 - lapse) * normalCdf(dPrime / Math.SQRT2);
    trials.stimulusIds.push(ids[picture]);
    trials.sample.push(object.name);
    trials.distractor.push(distractor.name);
    choice.push(random.double() < correct ? object.name : distractor.name);
  }
  return {
    stimulusIds: trials.stimulusIds,
    columns: new Map([
      ['sample_obj', trials.sample],
      ['dist_obj', trials.distractor],
      ['choice', choice],
    ]),
  };
}

/** The generator `objects-2afc`: 576 fitting and 240 test images at 8 degrees, 331,200 trials. */
export function generateTwoAlternative(seed: number): Simulated {
  const fitting = drawSet('fitting', seed, fitted);
  const test = drawSet('test', seed, shown);
  return {
    stimuli: test.stimuli,
    fittingStimuli: fitting.stimuli,
    trials: askObservers(test.stimuli.ids, test.pictures, randomStream(seed, 'observers')),
  };
}
