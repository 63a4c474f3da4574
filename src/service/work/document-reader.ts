import type { Piscina } from 'piscina';
import type { ModelCard } from '../../activations/card/card.js';
import { VentralError } from '../../errors/ventral-error.js';
import { programFile } from '../../formats/package-root.js';
import type { Recipe } from '../../training/recipe/recipe.js';
import type { TrainingSummary } from '../../training/record/training-page.js';
import { RequestProblem } from '../http/problem.js';
import type { DocumentAnswer, DocumentTask } from './document-worker.js';

/** Number of threads: a document takes milliseconds, and the machine has other work. */
const THREADS = 2;
/** Documents that wait, each of at most a megabyte. */
const MOST_WAITING = 64;
/** From the request on, the start of a thread on a busy machine included; the limits keep the worst document to a second. */
const DEADLINE_MS = 60_000;
const IDLE_MS = 30_000;
/** The worst document that the limits let through takes a third of it. */
const HEAP_MIB = 256;

const filename = programFile('service/work/document-worker.js');

/**
 * Reads what strangers write (cards, recipes) in worker threads, so that no document holds the service's event loop:
 * with bounded memory, a bounded queue, and a deadline after which the thread is terminated. Threads start with the first
 * document.
 */
export class DocumentReader {
  #pool: Promise<Piscina<DocumentTask, DocumentAnswer>> | undefined;
  readonly #closing = new AbortController();

  /**
   * A card, JSON or YAML, as `readCard` reads it.
   * @throws what that throws, and as {@link recipe}
   */
  card(text: string): Promise<ModelCard> {
    return this.#read<ModelCard>({ kind: 'card', text });
  }

  /**
   * A recipe, as `readRecipe` reads it.
   * @throws what that throws, `rate-limited` where too many documents wait, `deadline-exceeded`,
   *   `memory-exceeded`
   */
  recipe(value: object): Promise<Recipe> {
    return this.#read<Recipe>({ kind: 'recipe', value });
  }

  /**
   * The page of a training (`trainingPage`), from events as JSON.
   * @throws as {@link recipe}
   */
  trainingPage(events: readonly string[], run: TrainingSummary): Promise<string> {
    return this.#read<string>({ kind: 'training-page', events, run });
  }

  async #read<T>(task: DocumentTask): Promise<T> {
    this.#closing.signal.throwIfAborted();
    this.#pool ??= start();
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const pool = await this.#pool;
    let answer: DocumentAnswer;
    try {
      answer = await pool.run(task, { signal: AbortSignal.any([deadline, this.#closing.signal]) });
    } catch (cause) {
      throw this.#refusal(cause as Error & { code?: string }, deadline);
    }
    if ('value' in answer) return answer.value as T;
    const { code, message, details } = answer.error;
    throw answer.parts.length > 0
      ? new RequestProblem(code, message, { parts: answer.parts })
      : new VentralError(code, message, details);
  }

  #refusal(cause: Error & { code?: string }, deadline: AbortSignal): VentralError {
    if (this.#closing.signal.aborted) return new VentralError('interrupted', 'Interrupted');
    if (deadline.aborted) {
      const sentence = `The document was not read within ${DEADLINE_MS / 1000} seconds`;
      return new VentralError('deadline-exceeded', sentence, { cause });
    }
    if (cause.code === 'ERR_WORKER_OUT_OF_MEMORY') {
      const sentence = `The document takes more than ${HEAP_MIB} MiB to read`;
      return new VentralError('memory-exceeded', sentence, { cause });
    }
    if (cause.message === 'Task queue is at limit')
      return new VentralError('rate-limited', 'Too many documents are queued', {
        retryAfter: 1,
        cause,
      });
    return VentralError.from(cause);
  }

  /** Ends the threads, whatever they are at. */
  async close(): Promise<void> {
    this.#closing.abort();
    await (await this.#pool)?.destroy();
  }
}

async function start(): Promise<Piscina<DocumentTask, DocumentAnswer>> {
  // Not every service is sent a document.
  const { Piscina } = await import('piscina');
  return new Piscina<DocumentTask, DocumentAnswer>({
    filename,
    minThreads: 0,
    maxThreads: THREADS,
    maxQueue: MOST_WAITING,
    idleTimeout: IDLE_MS,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB, stackSizeMb: 4 },
    env: {},
  });
}
