import { VentralError } from '../../errors/ventral-error.js';
import { printable } from '../source/printable.js';
import { registerKerasLayers } from './keras-layers.js';
import type * as TensorFlow from './portable.js';

/** TensorFlow.js, and its name in proofs. */
export interface Runtime {
  readonly tf: typeof TensorFlow;
  readonly name: string;
}

let loaded: Promise<Runtime> | undefined;

/** Loads TensorFlow.js at first use. */
export function tensorflow(): Promise<Runtime> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Runtime> {
  const tf = await import('./portable.js');
  // Otherwise it prints to the console that another package would be faster.
  tf.enableProdMode();
  registerKerasLayers(tf);
  await tf.ready();
  return { tf, name: `@tensorflow/tfjs ${tf.version_core} (${tf.getBackend()})` };
}

/** What TensorFlow.js throws, as `inference-failed` with its own words. */
export function runtimeError(error: unknown, file: string): VentralError {
  if (error instanceof VentralError) return error;
  const words = printable(String((error as Error | undefined)?.message ?? error)).slice(0, 300);
  const sentence = `TensorFlow.js failed to run ${file}: ${words}`;
  return new VentralError('inference-failed', sentence, { file, found: words, cause: error });
}
