import { VentralError } from '../../errors/ventral-error.js';
import type { LabelledSet, LabelledSource } from '../data/labelled-set.js';
import { openLabelledSet } from '../data/open-labelled-set.js';
import { splitOf } from '../data/split.js';
import type { Recipe } from '../recipe/recipe.js';

/** Images of a set. */
export interface DataPart {
  readonly source: LabelledSource;
  /** Positions in the set. */
  readonly indices: Int32Array;
}

/** What a run learns from, chooses by, and reports on. */
export interface RunData {
  /** Where paths of the sources start. */
  readonly base: string;
  readonly classes: readonly string[];
  readonly train: DataPart;
  readonly validation: DataPart;
  readonly test: DataPart;
  readonly digests: Readonly<Record<'train' | 'validation' | 'test', string>>;
}

/**
 * Opens the sets of a recipe and splits off the validation.
 * @throws VentralError `training-data-invalid` where a set cannot be read, or classes are not the same in all of
 *   them
 * @param base folder of the recipe
 */
export async function openRunData({ data, seed }: Recipe, base: string): Promise<RunData> {
  const train = await described(data.train, base);
  const test = await described(data.test, base);
  sameClasses(train.classes, test.classes, 'test');
  const { validation } = data;
  const common = { base, classes: train.classes, test: whole(data.test, test) };
  if ('share' in validation) {
    const split = splitOf(train, { share: validation.share, seed });
    return {
      ...common,
      train: { source: data.train, indices: split.training },
      validation: { source: data.train, indices: split.validation },
      digests: { train: train.digest, validation: train.digest, test: test.digest },
    };
  }
  const other = await described(validation, base);
  sameClasses(train.classes, other.classes, 'validation');
  return {
    ...common,
    train: whole(data.train, train),
    validation: whole(validation, other),
    digests: { train: train.digest, validation: other.digest, test: test.digest },
  };
}

async function described(
  source: LabelledSource,
  base: string,
): Promise<Pick<LabelledSet, 'classes' | 'labels' | 'digest'>> {
  const set = await openLabelledSet(source, base);
  await set.close();
  return { classes: set.classes, labels: set.labels, digest: set.digest };
}

const whole = (source: LabelledSource, { labels }: Pick<LabelledSet, 'labels'>): DataPart => ({
  source,
  indices: Int32Array.from(labels, (_, i) => i),
});

function sameClasses(expected: readonly string[], found: readonly string[], set: string): void {
  if (expected.length === found.length && expected.every((name, i) => name === found[i])) return;
  const at = expected.findIndex((name, i) => name !== found[i]);
  throw new VentralError(
    'training-data-invalid',
    `data.${set} has other classes than data.train: ${expected.length} and ${found.length}, the first that differs is ${expected[at]} and ${found[at]}`,
    { field: `data.${set}` },
  );
}
