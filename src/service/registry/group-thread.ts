import type { Piscina } from 'piscina';
import { programFile } from '../../formats/package-root.js';
import type { ModelGroups } from '../../scoring/draws/model-groups.js';
import type { KeyedModel, StoredRow } from './group-sums.js';

const filename = programFile('service/registry/group-worker.js');
/** The thread ends after this long, and what it summed has to be read again. */
const IDLE_MS = 15 * 60_000;

/** `GroupSums` in a thread of its own, which begins with the first request. */
export class GroupThread {
  readonly #closing: AbortSignal;
  #pool: Promise<Piscina> | undefined;

  /** `closing` ends the thread. */
  constructor(closing: AbortSignal) {
    this.#closing = closing;
    closing.addEventListener('abort', () => void this.#end());
  }

  lacking(keys: readonly string[]): Promise<string[]> {
    return this.#run('lacking', keys);
  }

  add(rows: readonly StoredRow[]): Promise<void> {
    return this.#run('add', rows);
  }

  groups(models: readonly KeyedModel[]): Promise<ModelGroups | undefined> {
    return this.#run('groups', models);
  }

  /** @param name of a function of `group-worker.ts`, which gives an `R` */
  async #run<R>(name: string, given: unknown): Promise<R> {
    this.#closing.throwIfAborted();
    this.#pool ??= start();
    return (await this.#pool).run(given, { name, signal: this.#closing });
  }

  async #end(): Promise<void> {
    await (await this.#pool)?.destroy();
  }
}

async function start(): Promise<Piscina> {
  // Small boards need no thread.
  const { Piscina } = await import('piscina');
  return new Piscina({ filename, minThreads: 0, maxThreads: 1, idleTimeout: IDLE_MS, env: {} });
}
