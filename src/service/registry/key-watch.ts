import type { KeyStore } from '../../store/records/key-store.js';
import type { Principal } from '../../store/records/principal.js';

const LOOK_MS = 1000;

/**
 * Ends long-lived work, such as a stream of events, when its key is revoked or expires: immediately if this
 * process revokes it, within a second if another one does. One query a second serves all streams.
 */
export class KeyWatch {
  readonly #keys: KeyStore;
  readonly #watched = new Map<AbortController, string>();
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe = () => {};

  constructor(keys: KeyStore) {
    this.#keys = keys;
  }

  /**
   * Watches over the key of a principal until `release`; a principal without a key has none to lose.
   * @returns a signal that aborts when the key no longer holds
   */
  watch({ key }: Principal): { readonly signal: AbortSignal; release(): void } {
    const ended = new AbortController();
    if (key === null) return { signal: ended.signal, release: () => {} };
    this.#watched.set(ended, key);
    if (this.#watched.size === 1) this.#start();
    return { signal: ended.signal, release: () => this.#forget(ended) };
  }

  #start(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
    this.#unsubscribe = this.#keys.onChange(() => void this.#look());
  }

  #forget(ended: AbortController): void {
    this.#watched.delete(ended);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  async #look(): Promise<void> {
    const asked = [...this.#watched];
    // A database that is away for a moment ends no stream: the next look decides.
    const holding = await this.#keys
      .holding([...new Set(asked.map(([, key]) => key))])
      .catch(() => {});
    if (!holding) return;
    for (const [ended, key] of asked) {
      if (holding.has(key) || !this.#watched.has(ended)) continue;
      this.#forget(ended);
      ended.abort();
    }
  }
}
