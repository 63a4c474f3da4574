import { parentPort, workerData } from 'node:worker_threads';
import { VentralError } from '../../errors/ventral-error.js';
import { Work } from '../../runtime/work.js';
import type { RunAnswer, RunWorkerData } from './run-messages.js';
import { runRecipe } from './run-recipe.js';

/** Milliseconds between two words on progress: steps may be quicker than anybody reads. */
const EVERY = 100;

const { recipe, places, resources } = workerData as RunWorkerData;
const controller = new AbortController();
const say = (answer: RunAnswer) => parentPort?.postMessage(answer);
parentPort?.once('message', () => controller.abort(new VentralError('interrupted', 'Interrupted')));

let said = 0;
try {
  await runRecipe(recipe, places, {
    ...resources,
    signal: controller.signal,
    progress: Work.start((progress) => {
      const now = performance.now();
      if (now - said < EVERY && progress.done < progress.total) return;
      said = now;
      say({ progress });
    }),
  });
  say({ done: true });
} catch (thrown) {
  const { code, message, details: known, stack } = VentralError.from(thrown);
  // Not every cause can cross to another thread.
  const { cause: _, ...details } = known;
  say({ error: { code, message, details, ...(stack ? { stack } : {}) } });
}
// The listener for a word to stop would keep the thread alive.
parentPort?.close();
