import { VentralError } from '../../errors/ventral-error.js';
import type { LabelledSource } from '../../training/data/labelled-set.js';

const GENERATED = 'objects-on-backgrounds';

/**
 * Reads what `--data` says: a folder, `images.idx,labels.idx`, `shards-{000..009}.tar`, or
 * `objects-on-backgrounds:SEED:COUNT:SIDE`.
 * @throws VentralError `bad-usage`
 */
export function dataSourceOf(text: string): LabelledSource {
  if (text.startsWith(`${GENERATED}:`)) {
    const [, seed, count, side] =
      /^[^:]*:(\d{1,10}):([1-9]\d{0,6}):([1-9]\d{0,3})$/.exec(text) ?? [];
    if (side === undefined) throw unclear(`${GENERATED}:SEED:COUNT:SIDE`, text);
    return {
      generate: GENERATED,
      seed: Number(seed),
      count: Number(count),
      side: Number(side),
    };
  }
  if (text.endsWith('.tar')) return { shards: text };
  const parts = text.split(',');
  if (parts.length === 1 && text !== '') return { folder: text };
  const [images, labels] = parts;
  if (parts.length === 2 && images !== '' && labels !== '') return { images, labels };
  throw unclear('a folder, or images.idx,labels.idx', text);
}

const unclear = (expected: string, found: string) =>
  new VentralError('bad-usage', `--data: expected ${expected}, found "${found}"`, {
    field: 'data',
  });
