import { Worker } from 'node:worker_threads';
import { VentralError } from '../../errors/ventral-error.js';
import { programFile } from '../../formats/package-root.js';
import type { Recipe } from '../recipe/recipe.js';
import type { RunResources } from './run-context.js';
import type { RunAnswer, RunWorkerData } from './run-messages.js';
import type { RunPlaces } from './run-recipe.js';

const filename = programFile('training/run/run-worker.js');

/**
 * Runs a recipe in a thread of its own: the runtime holds the thread that calls it, and who listens must stay awake.
 * Once the signal is set off the run keeps its state and ends with `interrupted`.
 * @throws what the run throws
 */
export function runInThread(
  recipe: Recipe,
  places: RunPlaces,
  { signal, progress, ...resources }: RunResources,
): Promise<void> {
  const workerData: RunWorkerData = { recipe, places, resources };
  const worker = new Worker(filename, { workerData });
  const stop = () => worker.postMessage('stop');
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  return new Promise<void>((resolve, reject) => {
    worker.on('message', (answer: RunAnswer) => {
      if ('progress' in answer) progress?.mirror(answer.progress);
      else if ('done' in answer) resolve();
      else reject(revived(answer.error));
    });
    worker.once('error', reject);
    worker.once('exit', (code) =>
      reject(
        new VentralError('process-died', `The thread of the training ended with status ${code}`),
      ),
    );
  }).finally(() => {
    signal.removeEventListener('abort', stop);
    return worker.terminate();
  });
}

function revived({
  code,
  message,
  details,
  stack,
}: Extract<RunAnswer, { error: unknown }>['error']) {
  const error = new VentralError(code, message, details);
  if (stack !== undefined) error.stack = stack;
  return error;
}
