import { Readable } from 'node:stream';
import { VentralError } from '../errors/ventral-error.js';
import { type FileKind, type FileOrigin, missingFile, unavailable } from './file-source.js';

/** The files of a service, by `GET /v1/files/{digest}`, with the key of an admin. */
export class HttpFiles implements FileOrigin {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url.replace(/\/+$/, '');
    this.#key = key;
  }

  async open(digest: string, kind: FileKind, signal: AbortSignal): Promise<Readable> {
    const answer = await this.#get(`/v1/files/${digest}?kind=${kind}`, signal);
    if (answer.ok && answer.body) return Readable.fromWeb(answer.body);
    await answer.body?.cancel();
    if (answer.status === 404) throw missingFile(digest, kind);
    const said = new Error(`it answered ${answer.status}`);
    if (answer.status >= 500 || answer.status === 429) throw unavailable(this.#url, said);
    const code = answer.status === 401 ? 'unauthorized' : 'forbidden';
    throw new VentralError(
      code,
      `${this.#url} does not give files to VENTRAL_KEY (${said.message})`,
    );
  }

  async #get(path: string, signal: AbortSignal): Promise<Response> {
    try {
      const headers = { Authorization: `Bearer ${this.#key}` };
      return await fetch(`${this.#url}${path}`, { headers, signal, redirect: 'error' });
    } catch (cause) {
      signal.throwIfAborted();
      throw unavailable(`The service at ${this.#url} does not answer`, cause);
    }
  }
}
