import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { components } from '../../api/schema.js';
import { everyPage } from './every-page.js';
import type { ModelAccess, ModelAddition, ModelResource } from './model-resource.js';
import {
  callService,
  type Sending,
  type ServiceAnswer,
  type ServicePlace,
} from './service-client.js';

/** Bytes that are sent at a time. */
const SLICE = 2 ** 16;

function* slicesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += SLICE) yield bytes.subarray(at, at + SLICE);
}

/** The models of a service, by HTTP. */
export class HttpModels implements ModelAccess {
  readonly #place: ServicePlace;

  constructor(place: ServicePlace) {
    this.#place = place;
  }

  list(): Promise<ModelResource[]> {
    return everyPage(async (cursor) => {
      const answer = await this.#call(
        'GET',
        `/models?limit=200${cursor ? `&cursor=${cursor}` : ''}`,
      );
      return answer.body as components['schemas']['ModelPage'];
    });
  }

  async show(idOrDigest: string): Promise<ModelResource> {
    return (await this.#call('GET', `/models/${encodeURIComponent(idOrDigest)}`))
      .body as ModelResource;
  }

  async remove(idOrDigest: string): Promise<void> {
    await this.#call('DELETE', `/models/${encodeURIComponent(idOrDigest)}`);
  }

  async add({
    path,
    bytes,
    card,
    name,
  }: ModelAddition): Promise<{ model: ModelResource; created: boolean }> {
    const boundary = `ventral-${randomUUID()}`;
    const part = (header: string, value = '') =>
      `--${boundary}\r\nContent-Disposition: form-data; name=${header}\r\n\r\n${value}`;
    const fields = Object.entries({ card, name }).flatMap(([key, value]) =>
      value === undefined ? [] : [`${part(`"${key}"`, value)}\r\n`],
    );
    const filename = basename(path).replaceAll(/[\r\n"\\]/g, '_');
    const head = `${fields.join('')}${part(`"file"; filename="${filename}"`)}`;
    const tail = `\r\n--${boundary}--\r\n`;
    const size = bytes?.byteLength ?? (await stat(path)).size;
    const length = Buffer.byteLength(head) + size + Buffer.byteLength(tail);
    const headers = {
      'Content-Type': `multipart/form-data; boundary=${boundary}`,
      'Content-Length': length,
    };
    const answer = await this.#call('POST', '/models', {
      headers,
      async write(sink) {
        sink.write(head);
        const content = bytes ? Readable.from(slicesOf(bytes)) : createReadStream(path);
        await pipeline(content, sink, { end: false });
        sink.end(tail);
      },
    });
    return { model: answer.body as ModelResource, created: answer.status === 201 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #call(method: string, path: string, sending?: Sending): Promise<ServiceAnswer> {
    return callService(this.#place, method, `/v1${path}`, sending);
  }
}
