import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelCard } from '../../activations/card/card.js';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';

/** A file that others publish. */
export interface PublicFile {
  readonly file: string;
  readonly url: string;
  /** SHA-1 of the bytes, lower-case hex. */
  readonly sha1: string;
  readonly sha256?: string;
  /** Bytes, where known. */
  readonly size?: number;
}

/** A trained network that others publish, at a fixed address. */
export interface PublicModel extends PublicFile {
  readonly name: string;
  readonly says: string;
  /** SPDX name, or words. */
  readonly licence: string;
  readonly source: string;
  readonly paper: string;
  /** Network of ours that a file of weights is imported onto. */
  readonly arch?: string;
  /** Test images that it names right, at least; undefined where nobody has measured it. */
  readonly named?: number;
  readonly card: ModelCard;
}

/** An image of one of ImageNet's classes. */
export interface TestImage extends PublicFile {
  readonly shows: string;
  /** Classes that name it right. */
  readonly classes: readonly number[];
}

interface PublicCatalog {
  readonly models: readonly PublicModel[];
  readonly images: readonly TestImage[];
}

let read: PublicCatalog | undefined;

/** `models/public.json`: networks that `ventral models pull` fetches, and images to try them on. */
export function publicCatalog(): PublicCatalog {
  read ??= JSON.parse(readFileSync(join(packageRoot, 'models', 'public.json'), 'utf8'));
  return read as PublicCatalog;
}

/**
 * A public network by its name.
 * @throws VentralError `not-found` with the closest names
 */
export function findPublicModel(name: string): PublicModel {
  const { models } = publicCatalog();
  const found = models.find((model) => model.name === name);
  if (found) return found;
  const names = models.map((model) => model.name);
  throw new VentralError(
    'not-found',
    `There is no public model "${name}"${didYouMean(name, names)}; \`ventral models list\` names them`,
    { field: 'name', expected: names.join(', '), found: name },
  );
}
