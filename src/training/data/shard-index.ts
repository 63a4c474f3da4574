import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { VentralError } from '../../errors/ventral-error.js';
import { maximumImageBytes } from './decode-example.js';

/** An image inside a tar file, with its label. */
export interface ShardExample {
  readonly path: string;
  /** Name of the entry. */
  readonly name: string;
  /** Where its bytes start, and how many they are. */
  readonly offset: number;
  readonly size: number;
  readonly label: number;
}

/** What one pass over a tar file finds. */
export interface ShardIndex {
  readonly examples: readonly ShardExample[];
  /** SHA-256 of the file. */
  readonly digest: string;
}

/** What tar-stream says beyond its type declarations. */
interface Entry extends Omit<Header, 'type'> {
  readonly type: Header['type'] | null;
  readonly byteOffset: number;
  readonly pax: Readonly<Record<string, string>> | null;
}

/** A sample under construction: consecutive entries that share a key. */
interface Sample {
  readonly key: string;
  picture?: { readonly name: string; readonly offset: number; readonly size: number };
  label?: number;
}

const imageEndings = ['png', 'jpg', 'jpeg', 'webp'];
/** Most bytes of a `.cls` entry: an integer and its line end. */
const maximumLabelBytes = 32;
const largestLabel = 1_000_000;

/** The error for a tar file that cannot be used. */
export function shardInvalid(
  path: string,
  entry: string | undefined,
  expected: string,
  found: string,
) {
  return new VentralError(
    'training-data-invalid',
    `${path}${entry === undefined ? '' : `, entry ${JSON.stringify(entry.slice(0, 200))},`} cannot be used: ${found}; expected ${expected}`,
    {
      file: path,
      ...(entry === undefined ? {} : { field: entry.slice(0, 200) }),
      expected,
      found,
    },
  );
}

/** Key and ending of an entry as WebDataset parts them: at the first dot of the last component. */
function partsOf(name: string): { key: string; ending: string } | undefined {
  const slash = name.lastIndexOf('/') + 1;
  const dot = name.indexOf('.', slash);
  if (dot <= slash) return undefined;
  return { key: name.slice(0, dot), ending: name.slice(dot + 1).toLowerCase() };
}

function checkEntry(path: string, { name, type, size, pax }: Entry): void {
  if (!type || Object.keys(pax ?? {}).some((field) => field.startsWith('GNU.sparse')))
    throw shardInvalid(path, name, 'plain files', 'an entry of a kind that is not known');
  if (!Number.isSafeInteger(size)) throw shardInvalid(path, name, 'a size', String(size));
  // tar-stream would wait for contents of a folder for ever.
  if (type === 'directory' && size > 0)
    throw shardInvalid(path, name, 'a folder without contents', `${size} bytes`);
}

function labelOf(path: string, name: string, text: string): number {
  const found = /^\s*(\d{1,7})\s*$/.exec(text);
  if (found && Number(found[1]) <= largestLabel) return Number(found[1]);
  throw shardInvalid(path, name, `an integer from 0 to ${largestLabel}`, JSON.stringify(text));
}

/** Collects the samples of a shard out of its entries, one after another. */
class Samples {
  readonly examples: ShardExample[] = [];
  readonly #path: string;
  #current: Sample | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  #sampleOf(key: string): Sample {
    if (this.#current?.key !== key) {
      this.finish();
      this.#current = { key };
    }
    return this.#current as Sample;
  }

  /** Takes an entry; true if {@link label} is to have its text. */
  entry({ name, size, byteOffset }: Entry): boolean {
    const parts = partsOf(name);
    if (!parts) return false;
    const isImageName = imageEndings.includes(parts.ending);
    if (!isImageName && parts.ending !== 'cls') return false;
    const sample = this.#sampleOf(parts.key);
    const most = isImageName ? maximumImageBytes : maximumLabelBytes;
    if (size > most) throw shardInvalid(this.#path, name, `at most ${most} bytes`, `${size} bytes`);
    if (isImageName ? sample.picture : sample.label !== undefined)
      throw shardInvalid(this.#path, name, 'one image and one .cls for a key', 'a second one');
    if (!isImageName) return true;
    sample.picture = { name, offset: byteOffset, size };
    return false;
  }

  /** Takes the text of a `.cls` entry. */
  label(name: string, text: string): void {
    (this.#current as Sample).label = labelOf(this.#path, name, text);
  }

  /** Ends the sample that is open. */
  finish(): void {
    const sample = this.#current;
    this.#current = undefined;
    if (!sample) return;
    const { key, picture, label } = sample;
    if (!picture || label === undefined)
      throw shardInvalid(
        this.#path,
        key,
        'an image and its .cls next to each other',
        picture ? 'an image without .cls' : 'a .cls without image',
      );
    this.examples.push({ path: this.#path, ...picture, label });
  }
}

/** Hands every entry of a tar file to `samples`, and holds nothing of images. */
function extractorOf(path: string, samples: Samples) {
  const extractor = extract();
  extractor.on('entry', (header, stream, next) => {
    const entry = header as Entry;
    stream.on('error', () => {}); // the extractor tells of it
    const text: Uint8Array[] = [];
    const attempt = (step: () => void, onward: () => void) => {
      try {
        step();
        onward();
      } catch (error) {
        next(error as Error);
      }
    };
    const readLabel = () => {
      stream.on('data', (chunk) => text.push(chunk as Uint8Array));
      stream.on('end', () =>
        attempt(() => samples.label(entry.name, Buffer.concat(text).toString('latin1')), next),
      );
    };
    attempt(
      () => {
        checkEntry(path, entry);
        const plain = entry.type === 'file' || entry.type === 'contiguous-file';
        if (plain && samples.entry(entry)) readLabel();
        else stream.on('end', next);
      },
      () => stream.resume(),
    );
  });
  return extractor;
}

/** Reads a tar file once; gives its SHA-256. */
async function passOver(path: string, samples: Samples): Promise<string> {
  const hash = createHash('sha256');
  const source = createReadStream(path);
  const extractor = extractorOf(path, samples);
  try {
    await new Promise<void>((resolve, reject) => {
      extractor.on('error', reject);
      extractor.on('finish', resolve);
      source.on('error', reject);
      source.on('data', (chunk) => hash.update(chunk));
      source.pipe(extractor as unknown as Writable);
    });
  } finally {
    source.destroy();
    extractor.destroy();
  }
  return hash.digest('hex');
}

/**
 * Passes once over a tar file (ustar, pax or GNU) as WebDataset writes it, and notes where its images lie.
 * @throws VentralError `training-data-invalid` for a file that is no tar file, is cut short, or has a sample
 * without image or class
 */
export async function indexShard(path: string): Promise<ShardIndex> {
  const samples = new Samples(path);
  const digest = await passOver(path, samples).catch((error) => {
    if (error instanceof VentralError || error.syscall !== undefined) throw error;
    throw shardInvalid(path, undefined, 'a whole tar file', error.message);
  });
  samples.finish();
  if (samples.examples.length === 0)
    throw shardInvalid(path, undefined, 'KEY.png, .jpg, .jpeg or .webp, and KEY.cls', 'no example');
  return { examples: samples.examples, digest };
}
