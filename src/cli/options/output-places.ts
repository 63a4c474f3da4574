import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { requireOutputFile, requireOutputFolder } from '../../formats/output-place.js';

/** Options that name a file to write, in any command, by the key of their value. */
const files: readonly string[] = [
  ...['html', 'svg', 'pdf', 'regionLayerMap', 'receipt', 'output', 'out', 'preview'],
];
/** Commands whose `--output` is a folder. */
const folders: readonly string[] = ['train', 'ablate'];

/**
 * Checks all places that a command is to write to, before it starts: see `requireOutputFile`. Two options may not name the
 * same file, nor may a file be written over that the command reads, unless `--force` says so.
 * @throws VentralError `bad-usage`, `file-missing`, `permission-denied`, `disk-full`
 */
export async function requireOutputPlaces(command: Command): Promise<void> {
  const given = Object.entries(command.opts<Record<string, unknown>>());
  const read = await Promise.all(
    [...command.args, ...given.flatMap(([key, value]) => (isOutput(key, value) ? [] : value))]
      .filter((value): value is string => typeof value === 'string')
      .map(placeOf),
  );
  const written = new Map<string, string>();
  for (const [key, path] of given) {
    if (!isOutput(key, path)) continue;
    const option = command.options.find((each) => each.attributeName() === key)?.long ?? key;
    if (key === 'output' && folders.includes(command.name()))
      await requireOutputFolder(option, path);
    else await requireOutputFile(option, path);
    const place = await placeOf(path);
    const other = written.get(place);
    const refuse = (why: string) =>
      new VentralError('bad-usage', `${option} ${path}: ${why}`, { file: path });
    if (other !== undefined) throw refuse(`${other} names the same file`);
    if (read.includes(place) && command.opts().force !== true)
      throw refuse('the command reads this file');
    written.set(place, option);
  }
}

const isOutput = (key: string, value: unknown): value is string =>
  files.includes(key) && typeof value === 'string';

const placeOf = (path: string) => realpath(path).catch(() => resolve(path));
