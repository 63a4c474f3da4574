import { ContentCache } from '../activations/content-cache.js';
import { VentralError } from '../errors/ventral-error.js';
import { scoreModel } from '../scoring/score-model.js';
import type { ChildProgress } from './child.js';
import type { JobAnswer, ScoreTask } from './job-task.js';
import { plainError } from './serve-parent.js';
import { usageOf } from './usage-of.js';

/** Scores one job in this process. */
export async function runScoreTask(
  task: ScoreTask,
  progress: (progress: ChildProgress) => void,
  part: (part: object) => void,
): Promise<JobAnswer> {
  const { home, maxMemory, maxScratch, threads, model, benchmarks, layers, input } = task;
  const cache = await ContentCache.open(home, {
    maxBytes: task.maxCache,
    scope: task.cacheScope,
  });
  const request = {
    model: { path: model.reference, name: model.name, card: model.card },
    benchmarks,
    ...(layers ? { layers } : {}),
    ...(input ? { input } : {}),
  };
  const { scores, failures } = await scoreModel(request, {
    home,
    threads,
    maxMemory,
    maxScratch,
    cache,
    progress,
    result: (score) => part({ score }),
  });
  return {
    kind: task.kind,
    usage: usageOf(cache),
    scores,
    failures: failures.map(({ benchmark, error }) => ({
      benchmark,
      error: plainError(VentralError.from(error)),
    })),
  };
}
