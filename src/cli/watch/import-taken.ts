import { basename, extname, join } from 'node:path';
import type { CardSource } from '../../activations/model-file.js';
import { openCheckpoint } from '../../importing/checkpoint/open-checkpoint.js';
import { importCheckpoint } from '../../importing/import-checkpoint.js';
import { type NamedProgress, progressInName } from './checkpoint-name.js';
import type { TakenCheckpoint } from './take-checkpoint.js';

/** How weights become a network; see `ventral import`. */
export interface WeightsOptions {
  readonly arch?: string;
  readonly graph?: string;
  readonly key?: string;
  readonly ema?: boolean;
  readonly prefix?: string;
  readonly ignore?: readonly string[];
  readonly withoutHead?: boolean;
}

/** A checkpoint as a network with its card. */
export interface TakenNetwork {
  readonly path: string;
  readonly card: CardSource;
}

/**
 * The network of a checkpoint: the ONNX file itself, or the weights in `--arch` or `--graph`.
 * @throws what `importCheckpoint` throws
 */
export async function networkOf(
  taken: TakenCheckpoint,
  options: WeightsOptions,
  { card, threads }: { readonly card: CardSource; readonly threads: number },
): Promise<TakenNetwork> {
  if (taken.card) return { path: taken.path, card: taken.card };
  const stem = basename(taken.path, extname(taken.path));
  const output = join(taken.scratch.path, `${stem}.onnx`);
  await importCheckpoint({ checkpoint: taken.path, output, ...options, threads });
  return { path: output, card };
}

/** Step and epoch of a checkpoint: by its name, else by what stands in it. */
export async function progressOf(
  name: string,
  taken: TakenCheckpoint,
  { key, ema }: WeightsOptions,
): Promise<NamedProgress> {
  const named = progressInName(name);
  if (named.step !== undefined || named.epoch !== undefined) return named;
  if (taken.card) return taken.progress;
  try {
    const checkpoint = await openCheckpoint(taken.path, { key, ema });
    await checkpoint.close();
    return checkpoint.progress ?? {};
  } catch {
    // The import reports what is wrong with it.
    return {};
  }
}
