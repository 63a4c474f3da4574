import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { basename } from 'node:path';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { components } from '../api/schema.js';
import { VentralError } from '../errors/ventral-error.js';
import { everyPage } from './every-page.js';
import { accepted, unreachable } from './home-access.js';
import type { ModelAccess, ModelAddition, ModelResource } from './model-access.js';

/** The models of the service that owns the home, over HTTP with its local token. */
export class HttpModels implements ModelAccess {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, token: string) {
    this.#url = `${url}/v1`;
    this.#headers = { Authorization: `Bearer ${token}` };
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
    const length = Buffer.byteLength(head) + (await stat(path)).size + Buffer.byteLength(tail);
    const headers = {
      'Content-Type': `multipart/form-data; boundary=${boundary}`,
      'Content-Length': length,
    };
    const answer = await this.#send('POST', '/models', headers, async (sink) => {
      sink.write(head);
      await pipeline(createReadStream(path), sink, { end: false });
      sink.end(tail);
    });
    return { model: answer.body as ModelResource, created: answer.status === 201 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #call(method: string, path: string): Promise<Answer> {
    return this.#send(method, path, {}, async (sink) => void sink.end());
  }

  async #send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string | number>>,
    write: (sink: Writable) => Promise<void>,
  ): Promise<Answer> {
    const sent = request(`${this.#url}${path}`, {
      method,
      headers: { ...this.#headers, ...headers },
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) =>
      sent.once('response', resolve).once('error', reject),
    );
    // A service that refuses early answers while the body is still being written: its words count.
    write(sent).catch(() => {});
    try {
      const response = await answered;
      const words = await text(response);
      const status = response.statusCode ?? 0;
      return { status, body: accepted(status, words) };
    } catch (cause) {
      if (cause instanceof VentralError) throw cause;
      throw unreachable(this.#url, cause);
    } finally {
      sent.destroy();
    }
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}
