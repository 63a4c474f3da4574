import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  Busboy,
  type BusboyConfig,
  type BusboyHeaders,
  type BusboyInstance,
} from '@fastify/busboy';
import { VentralError } from '../../errors/ventral-error.js';
import type { Reservation, Space } from '../../store/records/reservation-store.js';

/** A file on its way to the store: whole and synced under a temporary name. */
export interface ReceivedFile {
  readonly path: string;
  /** `sha256:…` of its bytes. */
  readonly digest: string;
  readonly size: number;
  /** Base name that the client gave; may be empty. */
  readonly filename: string;
  /**
   * The reservation that covers it until it is registered; none for a file that is not an upload.
   */
  readonly reservation?: Reservation;
}

/** Contents of a multipart upload of a model. */
export interface ReceivedModel {
  readonly file: ReceivedFile;
  /** Other parts by name, as text. */
  readonly fields: ReadonlyMap<string, string>;
}

export interface UploadLimits {
  /** Most bytes of the file. */
  readonly fileSize: number;
  /** Most bytes of any other part. */
  readonly fieldSize: number;
  /** Names that parts other than `file` may have. */
  readonly fieldNames: readonly string[];
  /** Asked before bytes are written. */
  readonly space: Space;
  /** Whether the file is needed, and not its digest alone; then nothing is written. */
  readonly keep: boolean;
}

/**
 * Receives a `multipart/form-data` body: `file` streams to disk with its digest taken on the way, in
 * any order with the other parts. Whatever goes wrong (a limit, a second `file`, a body that ends early,
 * a client that goes away) leaves no file behind. The caller removes or moves `file.path`.
 * @throws VentralError `unsupported-media-type`, `invalid-request`, `too-large`, `storage-exceeded`, `disk-full`
 */
export async function receiveUpload(
  request: IncomingMessage,
  folder: string,
  limits: UploadLimits,
): Promise<ReceivedModel> {
  const receiver = new Receiver(folder, limits);
  const parser = parserFor(request, limits);
  try {
    return await receiver.receive(request, parser);
  } catch (error) {
    await receiver.discard();
    throw error;
  } finally {
    // The rest of a refused body is read and dropped, so that the client can read the answer.
    request.unpipe(parser);
    request.resume();
  }
}

const PART_BUFFER = 2 ** 18;

function parserFor(request: IncomingMessage, limits: UploadLimits): BusboyInstance {
  return formParser(request, {
    isPartAFile: (name) => name === 'file' || name === 'card',
    limits: {
      fileSize: limits.fileSize,
      fieldSize: limits.fieldSize,
      fieldNameSize: 100,
      parts: limits.fieldNames.length + 1,
      headerPairs: 20,
      headerSize: 8192,
    },
  });
}

/**
 * A parser for the form that a request brings.
 * @throws VentralError `unsupported-media-type`, `invalid-request`
 */
export function formParser(
  request: IncomingMessage,
  config: Omit<BusboyConfig, 'headers' | 'fileHwm'>,
): BusboyInstance {
  const type = request.headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*;/i.test(type)) {
    throw new VentralError(
      'unsupported-media-type',
      `Expected multipart/form-data with a boundary, found "${type}"`,
    );
  }
  try {
    // Larger than a socket read: otherwise a skipped part would stall the parser forever.
    const fileHwm = PART_BUFFER;
    return new Busboy({ ...config, headers: request.headers as BusboyHeaders, fileHwm });
  } catch (cause) {
    throw new VentralError(
      'invalid-request',
      `The multipart header cannot be read: ${(cause as Error).message}`,
      { cause },
    );
  }
}

class Receiver {
  readonly #folder: string;
  readonly #limits: UploadLimits;
  readonly #fields = new Map<string, string>();
  readonly #work: Promise<void>[] = [];
  readonly #aborted = new AbortController();
  #path: string | undefined;
  #file: ReceivedFile | undefined;

  constructor(folder: string, limits: UploadLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  async receive(request: IncomingMessage, parser: BusboyInstance): Promise<ReceivedModel> {
    await new Promise<void>((resolve, reject) => {
      const gone = () =>
        reject(
          new VentralError('invalid-request', 'The client disconnected before the end of the body'),
        );
      // It may have gone while it was asked who it is.
      if (request.destroyed && !request.complete) return gone();
      request.once('error', gone).once('close', () => request.complete || gone());
      this.#listen(parser, reject);
      parser.once('finish', () => void Promise.all(this.#work).then(() => resolve(), reject));
      request.pipe(parser);
    });
    if (!this.#file) {
      throw new VentralError('invalid-request', 'The part `file` is missing', { field: '/file' });
    }
    return { file: this.#file, fields: this.#fields };
  }

  #listen(parser: BusboyInstance, fail: (error: unknown) => void): void {
    parser.on('file', (name, stream, filename) => {
      // A body that ends early errors the stream too, maybe after the refusal.
      stream.on('error', () => {});
      const isFile = name === 'file';
      const part = isFile ? this.#takeFile(stream, filename ?? '') : this.#takeText(name, stream);
      this.#work.push(part);
      part.catch(fail);
    });
    parser.on('field', (name, value, _nameCut, cut) => {
      try {
        this.#takeField(name, value, cut);
      } catch (error) {
        fail(error);
      }
    });
    const most = this.#limits.fieldNames.length + 1;
    const many = () =>
      fail(new VentralError('invalid-request', `There are more than ${most} parts`));
    parser.once('partsLimit', many);
    parser.on('error', (cause) => {
      const words = `The multipart body is broken: ${(cause as Error).message}`;
      fail(new VentralError('invalid-request', words, { cause }));
    });
  }

  /** Aborts pending writes and removes their files. */
  async discard(): Promise<void> {
    this.#aborted.abort();
    await Promise.allSettled(this.#work);
    if (this.#path) await rm(this.#path, { force: true });
  }

  async #takeFile(stream: Readable & { truncated?: boolean }, filename: string): Promise<void> {
    if (this.#path)
      throw new VentralError('invalid-request', 'There is more than one part `file`', {
        field: '/file',
      });
    const path = join(this.#folder, `upload-${randomUUID()}`);
    this.#path = path;
    const { space, keep } = this.#limits;
    const hash = createHash('sha256');
    let size = 0;
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        size += chunk.length;
        if (!keep) return done();
        space.hold(size).then(() => done(null, chunk), done);
      },
    });
    stream.once('limit', () => this.#aborted.abort());
    const writer = createWriteStream(path, { flags: 'wx', mode: 0o600 });
    // An aborted writer may still be opening its file: only its close says that nothing comes any more.
    const closed = new Promise<void>((resolve) => writer.once('close', () => resolve()));
    try {
      await pipeline(stream, measure, writer, { signal: this.#aborted.signal });
    } catch (error) {
      await closed;
      if (stream.truncated)
        throw new VentralError(
          'too-large',
          `The file is larger than ${this.#limits.fileSize} bytes`,
          { field: '/file' },
        );
      throw error;
    }
    await sync(path);
    this.#file = { path, digest: `sha256:${hash.digest('hex')}`, size, filename };
  }

  async #takeText(name: string, stream: Readable): Promise<void> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= this.#limits.fieldSize) chunks.push(chunk);
    }
    this.#takeField(name, Buffer.concat(chunks).toString('utf8'), size > this.#limits.fieldSize);
  }

  #takeField(name: string | undefined, value: string, cut: boolean): void {
    const field = `/${name}`;
    if (name === undefined || !this.#limits.fieldNames.includes(name)) {
      throw new VentralError(
        'invalid-request',
        `There is no part "${name ?? ''}"; known parts are file, ${this.#limits.fieldNames.join(', ')}`,
        { field },
      );
    }
    if (this.#fields.has(name))
      throw new VentralError('invalid-request', `There is more than one part \`${name}\``, {
        field,
      });
    if (cut)
      throw new VentralError(
        'too-large',
        `The part \`${name}\` is larger than ${this.#limits.fieldSize} bytes`,
        { field },
      );
    this.#fields.set(name, value);
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
