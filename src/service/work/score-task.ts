import { ContentCache } from '../../activations/cache/content-cache.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { type Progress, Work } from '../../runtime/work.js';
import { encodeDraws } from '../../scoring/draws/encode-draws.js';
import type { ScoreDraws } from '../../scoring/draws/score-draws.js';
import { scoreFeatures } from '../../scoring/features/score-features.js';
import type { Score, ScorePart } from '../../scoring/measure/score.js';
import { scoreBesideRandomWeights } from '../../scoring/model/random-weights.js';
import { scoreModel } from '../../scoring/model/score-model.js';
import { expectedScores } from '../../scoring/receipt/expected-scores.js';
import { plainError } from '../child/serve-parent.js';
import {
  type JobAnswer,
  modelOf,
  type ReceiptAnswer,
  type ReceiptTask,
  type ScoreTask,
} from './job-task.js';
import { usageOf } from './usage-of.js';

/** Scores one job in this process. */
export async function runScoreTask(
  task: ScoreTask,
  progress: (progress: Progress) => void,
  part: (part: object) => void,
): Promise<JobAnswer> {
  const { home, maxMemory, maxScratch, threads, model, benchmarks, layers, input, detail } = task;
  const cache = await ContentCache.open(home, {
    maxBytes: task.maxCache,
    scope: task.cacheScope,
  });
  const request = {
    model: modelOf(model),
    benchmarks,
    ...present({ layers, input }),
    ...(detail ? { detail } : {}),
  };
  const { floors: asked, provider } = task;
  const context = {
    ...{ home, threads, maxMemory, maxScratch, cache, progress: Work.start(progress) },
    ...present({ floors: asked, provider }),
    // A score is stored once, and its floors come after it.
    ...(asked
      ? {}
      : {
          result: (score: Score, drawn: ScoreDraws | undefined) =>
            part({ score: bounded(score), ...present({ draws: textOf(drawn) }) }),
        }),
  };
  const { scores, failures, draws, floors } =
    asked?.weights !== undefined
      ? await scoreBesideRandomWeights(request, context, asked.weights)
      : task.features
        ? await scoreFeatures(featureRequest(task), context)
        : await scoreModel(request, context);
  return {
    kind: task.kind,
    usage: usageOf(cache),
    scores: scores.map((score) => ({
      ...bounded(score),
      ...present({ floors: floors?.get(score) }),
    })),
    draws: Object.fromEntries(
      scores.flatMap((score) => {
        const text = textOf(draws?.get(score));
        return text === undefined ? [] : [[score.benchmark, text] as const];
      }),
    ),
    failures: failures.map(({ benchmark, error }) => ({
      benchmark,
      error: plainError(VentralError.from(error)),
    })),
  };
}

const featureRequest = ({ model, benchmarks, layers, detail, features }: ScoreTask) => ({
  ...{ features: model.reference, name: model.name, benchmarks },
  ...present({ format: features, regionLayers: layers }),
  ...(detail ? { detail } : {}),
});

const textOf = (draws: ScoreDraws | undefined) =>
  draws && Buffer.from(encodeDraws(draws)).toString('base64');

/** Looks at the inputs of the scores of a receipt; the network does not run. */
export async function runReceiptTask(task: ReceiptTask): Promise<readonly ReceiptAnswer[]> {
  const { home, model, benchmarks, layers, input, execution } = task;
  const { reference: path, card } = model;
  const request = { model: { path, card }, benchmarks, ...present({ layers, input }) };
  const found = await expectedScores(request, { home, execution });
  return found.map((each) => ('error' in each ? { ...each, error: plainError(each.error) } : each));
}

/** Values of a detail that are stored at most: ten splits of ten thousand neuroids. */
const MOST_VALUES = 100_000;

/** A score whose detail is not larger than a database should hold for it. */
function bounded(score: Score): Score {
  const { splits: _splits, raw, ceiling, ...others } = score;
  const [first] = raw.neuroids ?? [];
  if (first === undefined || first.length * (raw.neuroids?.length ?? 0) <= MOST_VALUES)
    return score;
  const detail = `the values of ${first.length} neuroids are not stored: ventral score --detail prints them`;
  const lean = ({ value, error, splits }: ScorePart): ScorePart => ({ value, error, splits });
  const warnings = [...score.warnings, { code: 'detail-too-large', detail }];
  return { ...others, warnings, raw: lean(raw), ceiling: ceiling && lean(ceiling) };
}
