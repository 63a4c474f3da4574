import { resolve } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { objectsOnBackgrounds } from './generated/objects-on-backgrounds.js';
import { openIdxPair } from './idx-pair.js';
import { openImageFolders } from './image-folders.js';
import type { DataSource, LabelledSet } from './labelled-set.js';
import { openTarShards } from './tar-shards.js';

async function openSource(source: DataSource, folder: string): Promise<LabelledSet> {
  if ('generate' in source) return objectsOnBackgrounds(source);
  if ('folder' in source) return openImageFolders(resolve(folder, source.folder));
  if ('images' in source) return openIdxPair(source, folder);
  if ('shards' in source) return openTarShards(source, folder);
  throw new VentralError('training-data-invalid', 'There is no such source of training data', {
    expected: 'folder, images and labels, shards, or generate',
    found: Object.keys(source).join(', '),
  });
}

/**
 * Opens the pictures and labels of a recipe.
 * @param folder where paths of the source begin
 * @throws VentralError `training-data-invalid` that names the file and what is wrong with it; `file-missing`
 */
export async function openLabelledSet(source: DataSource, folder: string): Promise<LabelledSet> {
  try {
    return await openSource(source, folder);
  } catch (error) {
    throw VentralError.from(error);
  }
}
