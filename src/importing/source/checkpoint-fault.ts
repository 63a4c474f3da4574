import { VentralError } from '../../errors/ventral-error.js';

/** Where in a checkpoint something is wrong: the file, and the entry, tensor or byte in it. */
export interface CheckpointPlace {
  readonly file: string;
  readonly field?: string;
}

/** Longest piece of a file that a message repeats. */
const longest = 200;

/** A name out of a file, short enough for a message. */
export const shortened = (name: string): string =>
  name.length > longest ? `${name.slice(0, longest)}…` : name;

/** @throws VentralError `checkpoint-invalid` with the expected and found values */
export function refuseCheckpoint(place: CheckpointPlace, expected: string, found: string): never {
  const where = place.field === undefined ? place.file : `${place.file}, ${shortened(place.field)}`;
  throw new VentralError('checkpoint-invalid', `${where}: expected ${expected}, found ${found}`, {
    ...place,
    expected,
    found,
  });
}

/** @throws VentralError `checkpoint-unsafe`: what the file asks for, of which nothing was done */
export function refuseUnsafe(place: CheckpointPlace, found: string, advice: string): never {
  const where = place.field === undefined ? place.file : `${place.file}, ${place.field}`;
  throw new VentralError(
    'checkpoint-unsafe',
    `${where}: ${found}; nothing was executed. ${advice}`,
    {
      ...place,
      expected: 'tensors and plain values',
      found,
    },
  );
}
