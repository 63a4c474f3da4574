import { resolve } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { openIdxPair } from './idx-pair.js';
import { openImageFolders } from './image-folders.js';
import type { LabelledSet, LabelledSource } from './labelled-set.js';
import { objectsOnBackgrounds } from './objects-on-backgrounds.js';
import { openTarShards } from './tar-shards.js';

async function openSource(source: LabelledSource, folder: string): Promise<LabelledSet> {
  if ('generate' in source) return objectsOnBackgrounds(source);
  if ('folder' in source) return openImageFolders(resolve(folder, source.folder));
  if ('images' in source) return openIdxPair(source, folder);
  if ('shards' in source) return openTarShards(source, folder);
  throw new VentralError('training-data-invalid', 'Unknown source of training data', {
    expected: 'folder, images and labels, shards, or generate',
    found: Object.keys(source).join(', '),
  });
}

/** Error of an unreadable source: a folder instead of a file, or a file instead of a folder. */
function readingError(error: unknown, source: LabelledSource): VentralError {
  const kinds: Readonly<Record<string, readonly [expected: string, found: string]>> = {
    EISDIR: ['a file', 'a folder'],
    ENOTDIR: ['a folder', 'a file'],
  };
  const { code, path } = error as { code?: string; path?: string };
  const kind = error instanceof VentralError ? undefined : kinds[String(code)];
  if (!kind) return VentralError.from(error);
  const [[expected, found], file] = [kind, path ?? String(Object.values(source)[0])];
  return new VentralError('training-data-invalid', `${file} is ${found}; expected ${expected}`, {
    file,
    expected,
    found,
    cause: error,
  });
}

/**
 * Opens the images and labels of a recipe.
 * @param folder where paths of the source start
 * @throws VentralError `training-data-invalid` that names the file and what is wrong with it; `file-missing`
 */
export async function openLabelledSet(
  source: LabelledSource,
  folder: string,
): Promise<LabelledSet> {
  const told = (error: unknown): never => {
    throw readingError(error, source);
  };
  const set = await openSource(source, folder).catch(told);
  return { ...set, picture: (index) => set.picture(index).catch(told) };
}
