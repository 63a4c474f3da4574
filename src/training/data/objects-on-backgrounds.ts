import { VentralError } from '../../errors/ventral-error.js';
import { digestOf } from '../../formats/digest.js';
import { randomStream } from '../../numerics/random/random-stream.js';
import { drawScene } from './draw-scene.js';
import type { LabelledSet, LabelledSource } from './labelled-set.js';
import { objectClasses } from './object-classes.js';

/** The generated source of a recipe. */
export type GeneratedSetSource = Extract<LabelledSource, { readonly generate: string }>;

/** Raised whenever equal seeds give other images. */
const VERSION = 1;

const bounds = {
  seed: { least: 0, most: 0xffffffff },
  count: { least: 1, most: 10_000_000 },
  side: { least: 16, most: 512 },
} as const;

function checkSource(source: GeneratedSetSource): void {
  if (source.generate !== 'objects-on-backgrounds')
    throw new VentralError(
      'training-data-invalid',
      `There is no generator of training data "${source.generate}"; there is objects-on-backgrounds`,
      { field: 'generate', expected: 'objects-on-backgrounds', found: String(source.generate) },
    );
  for (const field of ['seed', 'count', 'side'] as const) {
    const { least, most } = bounds[field];
    const found = source[field];
    if (Number.isInteger(found) && found >= least && found <= most) continue;
    const expected = `an integer from ${least} to ${most}`;
    throw new VentralError(
      'training-data-invalid',
      `${field} of objects-on-backgrounds is ${expected}, not ${found}`,
      { field, expected, found: String(found) },
    );
  }
}

/**
 * Ten classes of objects on cluttered backgrounds (docs/training-data.md). Example `i` has class `i` mod 10, and
 * image and mask follow from seed and `i` alone.
 * @throws VentralError `training-data-invalid` for a seed, count or side out of range
 */
export function objectsOnBackgrounds(source: GeneratedSetSource): LabelledSet {
  checkSource(source);
  const { generate, seed, count, side } = source;
  const labels = Int32Array.from({ length: count }, (_, i) => i % objectClasses.length);
  return {
    classes: objectClasses.map(({ name }) => name),
    labels,
    digest: digestOf({ generate, seed, count, side, version: VERSION }),
    picture: async (index) => {
      const random = randomStream(seed, `${generate} picture ${index}`);
      const label = labels[index];
      return { ...drawScene(side, label, random), height: side, width: side, label };
    },
    close: async () => {},
  };
}
