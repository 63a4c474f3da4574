import { join } from 'node:path';
import { ContentCache } from '../../activations/cache/content-cache.js';
import { VentralError } from '../../errors/ventral-error.js';
import { scoreModel } from '../../scoring/model/score-model.js';
import { PIXELS, type ScoreStage } from '../recipe/recipe.js';
import type { TrainingEvent } from '../record/training-event.js';
import type { RunContext } from './run-context.js';

/** Bytes that scores of a run may keep in the cache of the home. */
const CACHE_BYTES = 2 * 2 ** 30;

/** Score of a checkpoint, as a run records it. */
export type ScoreEvent = Extract<TrainingEvent, { readonly kind: 'score' }>;

/**
 * Scores one network on benchmarks. What cannot be scored is an event with its reason.
 * @param file in the run folder, or the shipped `pixels`
 */
export async function scoreCheckpoint(
  { checkpoint, file }: { readonly checkpoint: string; readonly file: string },
  { benchmarks, input }: Omit<ScoreStage, 'checkpoints'>,
  context: RunContext,
): Promise<ScoreEvent[]> {
  const { home, threads, maxMemory, maxScratch, signal, progress } = context;
  const { cacheScope: scope = '' } = context;
  const path = checkpoint === PIXELS ? PIXELS : join(context.folder.path, file);
  const cache = await ContentCache.open(home, { maxBytes: CACHE_BYTES, scope });
  const { scores, failures } = await scoreModel(
    { model: { path }, benchmarks, ...(input && checkpoint !== PIXELS ? { input } : {}) },
    { home, threads, maxMemory, maxScratch, signal, progress, cache },
  );
  return [
    ...scores.map(
      ({ benchmark, simulated, value, ci }): ScoreEvent => ({
        kind: 'score',
        checkpoint,
        benchmark,
        simulated,
        value,
        ...(ci ? { ci } : {}),
      }),
    ),
    ...failures.map(
      ({ benchmark, error }): ScoreEvent => ({
        kind: 'score',
        checkpoint,
        benchmark,
        simulated: false,
        value: null,
        reason: error.message,
      }),
    ),
  ];
}

/**
 * The score by which a stage tells its best epoch.
 * @throws VentralError `recipe-invalid` where there is none
 */
export async function selectionScore(
  file: string,
  benchmark: string,
  context: RunContext,
): Promise<number> {
  const network = { checkpoint: file, file };
  // It is part of the epoch, whose time the next step counts.
  const silent = { ...context, progress: undefined };
  const [{ value, reason }] = await scoreCheckpoint(network, { benchmarks: [benchmark] }, silent);
  if (value !== null) return value;
  throw new VentralError('recipe-invalid', `best_by: ${benchmark}: ${reason ?? 'no score'}`, {
    field: 'best_by',
  });
}
