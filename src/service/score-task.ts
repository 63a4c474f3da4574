import type { ModelCard } from '../activations/card.js';
import { VentralError } from '../errors/ventral-error.js';
import { scoreModel } from '../scoring/score-model.js';
import type { ChildProgress } from './child.js';
import type { ScoreAnswer } from './score-worker.js';
import { plainError } from './serve-parent.js';

/** One job as the scoring process gets it. */
export interface ScoreTask {
  readonly home: string;
  readonly maxMemory: number;
  readonly maxScratch: number;
  readonly threads: number;
  readonly model: {
    /** Path of the ONNX file, or the name of a shipped model. */
    readonly reference: string;
    readonly name: string;
    readonly card: ModelCard;
  };
  readonly benchmarks: readonly string[];
  readonly layers?: Readonly<Record<string, string>>;
  readonly input?: Readonly<Record<string, number>>;
}

/** Scores one job in this process. */
export async function runScoreTask(
  task: ScoreTask,
  progress: (progress: ChildProgress) => void,
): Promise<ScoreAnswer> {
  const { home, maxMemory, maxScratch, threads, model, benchmarks, layers, input } = task;
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
    progress,
  });
  return {
    scores,
    failures: failures.map(({ benchmark, error }) => ({
      benchmark,
      error: plainError(VentralError.from(error)),
    })),
  };
}
