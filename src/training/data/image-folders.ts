import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compareCodePoints } from '../../data/ids.js';
import { VentralError } from '../../errors/ventral-error.js';
import { decodeExample, imageInvalid, isImage, maximumImageBytes } from './decode-example.js';
import type { LabelledSet } from './labelled-set.js';

/** An image by its class folder and name, with the label of its class. */
interface Image {
  readonly name: string;
  readonly label: number;
}

function foldersInvalid(file: string, expected: string, found: string): VentralError {
  return new VentralError('training-data-invalid', `${file} has ${found}; expected ${expected}`, {
    file,
    expected,
    found,
  });
}

/** Entries of a folder by code point; those with a leading dot belong to the system, not to the data. */
async function entriesOf(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter(({ name }) => !name.startsWith('.'))
    .sort((one, other) => compareCodePoints(one.name, other.name));
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path)).isDirectory();
}

async function classesOf(root: string): Promise<string[]> {
  const classes: string[] = [];
  for (const { name } of await entriesOf(root))
    if (await isFolder(join(root, name))) classes.push(name);
  if (classes.length > 0) return classes;
  throw foldersInvalid(root, 'one folder a class', 'no folder in it');
}

async function imagesOf(root: string, classes: readonly string[]): Promise<Image[]> {
  const images: Image[] = [];
  for (const [label, name] of classes.entries()) {
    const entries = await entriesOf(join(root, name));
    if (entries.length === 0) throw foldersInvalid(join(root, name), 'images', 'nothing in it');
    for (const entry of entries) images.push({ name: `${name}/${entry.name}`, label });
  }
  return images;
}

async function readImage(root: string, name: string): Promise<Uint8Array> {
  const path = join(root, name);
  const found = await stat(path);
  if (!found.isFile()) throw imageInvalid(path, 'it is not a file');
  if (found.size > maximumImageBytes) throw imageInvalid(path, `it has ${found.size} bytes`);
  return readFile(path);
}

/** Digest over names and bytes; on the way, every file is looked at for the beginning of an image. */
async function digestImages(root: string, images: readonly Image[]): Promise<string> {
  const all = createHash('sha256');
  for (const { name } of images) {
    const bytes = await readImage(root, name);
    if (!isImage(bytes))
      throw imageInvalid(
        join(root, name),
        bytes.length === 0 ? 'it is empty' : 'it is not an image',
      );
    all.update(`${Buffer.byteLength(name)}:${name}${bytes.length}:`).update(bytes);
  }
  return `sha256:${all.digest('hex')}`;
}

/**
 * Opens a folder that has one folder a class, with images in it (torchvision's ImageFolder, one level deep):
 * classes and images in the order of code points, names with a leading dot left out.
 * @throws VentralError `training-data-invalid` without classes, for an empty class, and for a file that is no image
 */
export async function openImageFolders(root: string): Promise<LabelledSet> {
  const classes = await classesOf(root);
  const images = await imagesOf(root, classes);
  return {
    classes,
    labels: Int32Array.from(images, ({ label }) => label),
    digest: await digestImages(root, images),
    picture: async (index) => {
      const { name, label } = images[index];
      return { ...(await decodeExample(await readImage(root, name), join(root, name))), label };
    },
    close: async () => {},
  };
}
