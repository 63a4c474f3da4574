import { once, setMaxListeners } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import type { BusboyInstance } from '@fastify/busboy';
import { VentralError } from '../../errors/ventral-error.js';
import type { Space } from '../../store/records/reservation-store.js';
import { formParser } from './upload.js';

/** A request with uploaded images. */
export interface ImageForm {
  readonly model: string;
  readonly layers: readonly string[];
  readonly degrees: number;
}

const MOST_IMAGES = 5000;
const MOST_LAYERS = 1000;
const MOST_NAME = 500;
/** Images that may still be written when the next piece is read. */
const MOST_OPEN = 4;
/** Bytes that are taken apart at once: the parts of tiny images start by the dozen in so many. */
const PIECE = 4096;

/** A plain name of an image; it is the name of a file here, and its stimulus_id without the ending. */
const imageName = /^(?!\.)[\w .()+=-]{1,200}\.(?:png|jpe?g|tiff?|bmp|webp)$/i;

export const isForm = (request: IncomingMessage): boolean =>
  /^multipart\/form-data\s*;/i.test(request.headers['content-type'] ?? '');

/**
 * Receives a form whose parts `images` stream into a folder under their own names; `model`, `degrees` and
 * `layers` (repeated) may stand anywhere. Nothing is written any more once it resolves or throws.
 * @throws VentralError `invalid-request`, `too-large`, `storage-exceeded`, `disk-full`
 * @param most bytes of all images together
 * @param space asked before bytes are written
 */
export async function receiveImages(
  request: IncomingMessage,
  folder: string,
  most: number,
  space: Space,
): Promise<{ readonly form: ImageForm; readonly bytes: number }> {
  const form = new Images(folder, most, space);
  const parser = formParser(request, {
    isPartAFile: (name) => name === 'images',
    limits: {
      fileSize: most,
      files: MOST_IMAGES,
      fieldSize: MOST_NAME * 4,
      fieldNameSize: 100,
      fields: MOST_LAYERS + 2,
      headerPairs: 20,
      headerSize: 8192,
    },
  });
  try {
    return { form: await form.receive(request, parser), bytes: form.bytes };
  } finally {
    await form.settled();
  }
}

const refuse = (part: string, detail: string) =>
  new VentralError('invalid-request', `${part}: ${detail}`, { field: `/${part}` });

class Images {
  readonly #folder: string;
  readonly #most: number;
  readonly #space: Space;
  readonly #fields = new Map<string, string[]>();
  readonly #names = new Set<string>();
  readonly #open = new Set<Promise<unknown>>();
  readonly #refused = new AbortController();
  #bytes = 0;

  constructor(folder: string, most: number, space: Space) {
    this.#folder = folder;
    this.#most = most;
    this.#space = space;
    // Each open part listens.
    setMaxListeners(0, this.#refused.signal);
  }

  /** Of all images together. */
  get bytes(): number {
    return this.#bytes;
  }

  async receive(request: IncomingMessage, parser: BusboyInstance): Promise<ImageForm> {
    const failed = new Promise<never>((_, reject) => this.#listen(parser, reject));
    failed.catch(() => this.#refused.abort());
    await Promise.race([this.#feed(request, parser), failed]);
    // Whatever was refused says so in a moment.
    if (this.#refused.signal.aborted) await failed;
    return this.#form();
  }

  #listen(parser: BusboyInstance, fail: (error: unknown) => void): void {
    parser.on('file', (_name, stream, filename) => {
      stream.on('error', () => {});
      const part: Promise<unknown> = this.#take(stream, filename ?? '')
        .catch(fail)
        .finally(() => this.#open.delete(part));
      this.#open.add(part);
    });
    parser.on('field', (name, value, _nameCut, cut) => {
      if (cut) fail(refuse(name, `longer than ${MOST_NAME * 4} bytes`));
      this.#fields.set(name, [...(this.#fields.get(name) ?? []), value]);
    });
    parser.once('filesLimit', () => fail(refuse('images', `more than ${MOST_IMAGES}`)));
    parser.once('fieldsLimit', () => fail(refuse('layers', `more than ${MOST_LAYERS}`)));
    parser.on('error', (cause) =>
      fail(refuse('images', `the multipart body is broken: ${(cause as Error).message}`)),
    );
  }

  /**
   * Gives the parser a piece at a time and waits for the images in it, so that thousands of small ones
   * are not held in memory. Once something was refused the rest is read and dropped, so that the client
   * gets to read why.
   */
  async #feed(request: IncomingMessage, parser: BusboyInstance): Promise<void> {
    const { signal } = this.#refused;
    try {
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        for (let at = 0; at < chunk.length && !signal.aborted; at += PIECE) {
          const piece = chunk.subarray(at, at + PIECE);
          if (!parser.write(piece)) await once(parser, 'drain', { signal }).catch(() => {});
          while (this.#open.size > MOST_OPEN && !signal.aborted) await Promise.race(this.#open);
          // Each image opens a file: others may be answered in between.
          if (this.#open.size > 1) await turn();
        }
      }
    } catch (cause) {
      throw new VentralError(
        'invalid-request',
        'The client disconnected before the end of the body',
        {
          cause,
        },
      );
    }
    if (signal.aborted) return;
    parser.end();
    await once(parser, 'finish', { signal }).catch(() => {});
    await Promise.all(this.#open);
  }

  /** Aborts pending writes. */
  async settled(): Promise<void> {
    this.#refused.abort();
    await Promise.allSettled(this.#open);
  }

  async #take(stream: Readable, filename: string): Promise<void> {
    if (!imageName.test(filename)) {
      throw refuse(
        'images',
        `expected a plain name that ends in .png, .jpg, .tif, .bmp or .webp, found "${filename}"`,
      );
    }
    // Names that differ only in case or ending would be one file, or one stimulus.
    const key = filename.toLowerCase().replace(/\.[^.]+$/, '');
    if (this.#names.has(key)) throw refuse('images', `"${filename}" occurs twice`);
    this.#names.add(key);
    const admit = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.#bytes += chunk.length;
        if (this.#bytes > this.#most) this.#refused.abort();
        this.#space.hold(this.#bytes).then(() => done(null, chunk), done);
      },
    });
    const target = createWriteStream(join(this.#folder, filename), { flags: 'wx', mode: 0o600 });
    const closed = new Promise<void>((resolve) => target.once('close', () => resolve()));
    try {
      await pipeline(stream, admit, target, { signal: this.#refused.signal });
    } catch (error) {
      await closed;
      if (this.#bytes <= this.#most) throw error;
      const words = `The images are larger than ${this.#most} bytes together`;
      throw new VentralError('too-large', words, { field: '/images', cause: error });
    }
  }

  #form(): ImageForm {
    const known = ['model', 'layers', 'degrees'];
    const unknown = [...this.#fields.keys()].find((name) => !known.includes(name));
    if (unknown !== undefined) throw refuse(unknown, `known parts are images, ${known.join(', ')}`);
    const one = (name: string): string => {
      const values = this.#fields.get(name) ?? [];
      if (values.length !== 1 || values[0] === '') throw refuse(name, 'expected once');
      return values[0];
    };
    if (this.#names.size === 0) throw refuse('images', 'expected at least one image');
    const model = one('model');
    const layers = this.#fields.get('layers') ?? [];
    if (layers.length === 0 || layers.some((name) => name === '' || name.length > MOST_NAME)) {
      throw refuse('layers', `expected names of up to ${MOST_NAME} characters, one a part`);
    }
    const degrees = Number(one('degrees'));
    if (!(degrees > 0 && degrees <= 360))
      throw refuse('degrees', 'expected more than 0, up to 360');
    return { model, layers, degrees };
  }
}
