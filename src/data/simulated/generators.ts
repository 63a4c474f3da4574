import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { generateEasyObjects, generateVariedObjects } from './objects.js';
import type { Simulated } from './simulated.js';
import { generateTextures } from './textures.js';
import { generateTwoAlternative } from './two-alternative.js';

/**
 * Makes the data of a simulated benchmark in memory, in seconds.
 * @throws VentralError `benchmark-invalid` for a generator that does not exist
 */
export async function generateSimulated(name: string, seed: number): Promise<Simulated> {
  const generator = Object.hasOwn(generators, name) ? generators[name] : undefined;
  if (generator) return generator(seed);
  const names = Object.keys(generators);
  throw new VentralError(
    'benchmark-invalid',
    `There is no generator "${name}"${didYouMean(name, names) || `; expected ${names.join(', ')}`}`,
    { field: 'generate', expected: names.join(', '), found: name },
  );
}

/** A generator: the same seed gives the same bits on every machine. */
type Generator = (seed: number) => Simulated;

/** Every generator that a benchmark file can name; one line each. */
const generators: Readonly<Record<string, Generator>> = {
  textures: generateTextures,
  objects: generateEasyObjects,
  'objects-varied': generateVariedObjects,
  'objects-2afc': generateTwoAlternative,
};
