import { VentralError } from '../../errors/ventral-error.js';

/** Most shards of a set. */
const maximumShards = 100_000;

/** Files of a name with ranges: `train-{000..009}.tar` are ten, their numbers as wide as the first one. */
export function shardNames(pattern: string): string[] {
  const range = /\{(\d{1,9})\.\.(\d{1,9})\}/.exec(pattern);
  if (!range) return [pattern];
  const [first, last] = [Number(range[1]), Number(range[2])];
  const ends = shardNames(pattern.slice(range.index + range[0].length));
  const count = (last - first + 1) * ends.length;
  if (count < 1 || count > maximumShards)
    throw new VentralError(
      'training-data-invalid',
      `The shards ${pattern} are ${Math.max(0, count)} files; from 1 to ${maximumShards} are allowed`,
      { field: 'shards', expected: `1 to ${maximumShards} files`, found: pattern },
    );
  const start = pattern.slice(0, range.index);
  return Array.from({ length: last - first + 1 }, (_, i) =>
    String(first + i).padStart(range[1].length, '0'),
  ).flatMap((number) => ends.map((end) => `${start}${number}${end}`));
}
