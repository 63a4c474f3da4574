import { openAsBlob } from 'node:fs';
import { Readable } from 'node:stream';
import { VentralError } from '../../errors/ventral-error.js';
import type { FileKind } from './file-kind.js';
import { type FileOrigin, missingFile, unavailable } from './file-source.js';

/** The files of a service, by `/v1/files/{digest}`, with the key of an admin. */
export class HttpFiles implements FileOrigin {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url.replace(/\/+$/, '');
    this.#key = key;
  }

  async open(digest: string, kind: FileKind, signal: AbortSignal): Promise<Readable> {
    const answer = await this.#send(`/v1/files/${digest}?kind=${kind}`, { signal });
    if (answer.ok && answer.body) return Readable.fromWeb(answer.body);
    await answer.body?.cancel();
    if (answer.status === 404) throw missingFile(digest, kind);
    throw this.#refused(answer, 'refuses downloads with VENTRAL_KEY');
  }

  async put(path: string, digest: string, kind: FileKind): Promise<void> {
    const body = await openAsBlob(path);
    const answer = await this.#send(`/v1/files/${digest}?kind=${kind}`, { method: 'PUT', body });
    await answer.body?.cancel();
    if (!answer.ok) throw this.#refused(answer, 'refuses uploads with VENTRAL_KEY');
  }

  #refused({ status }: Response, how: string): VentralError {
    const said = new Error(`it answered ${status}`);
    if (status >= 500 || status === 429) return unavailable(this.#url, said);
    const code = status === 401 ? 'unauthorized' : 'forbidden';
    return new VentralError(code, `${this.#url} ${how} (${said.message})`);
  }

  async #send(path: string, request: RequestInit): Promise<Response> {
    try {
      const headers = {
        Authorization: `Bearer ${this.#key}`,
        ...(request.body ? { 'Content-Type': 'application/octet-stream' } : {}),
      };
      return await fetch(`${this.#url}${path}`, { ...request, headers, redirect: 'error' });
    } catch (cause) {
      request.signal?.throwIfAborted();
      throw unavailable(`The service at ${this.#url} does not answer`, cause);
    }
  }
}
