import { ContentCache } from '../activations/content-cache.js';
import { VentralError } from '../errors/ventral-error.js';
import { mapLayers } from '../scoring/layer-map.js';
import type { LayerMap } from '../scoring/layer-map-types.js';
import type { ChildProgress } from './child.js';
import type { AnsweredFailure, JobAnswer, MapTask } from './job-task.js';
import { plainError } from './serve-parent.js';
import { usageOf } from './usage-of.js';

/** Makes one layer map in this process. */
export async function runMapTask(
  task: MapTask,
  progress: (progress: ChildProgress) => void,
): Promise<JobAnswer> {
  const { home, maxMemory, maxScratch, maxCache, threads, model, benchmarks } = task;
  const request = {
    model: { path: model.reference, name: model.name, card: model.card },
    benchmarks,
    ...(task.layers ? { layers: task.layers } : {}),
    ...(task.input ? { input: task.input } : {}),
    holdout: task.holdout,
  };
  const cache = await ContentCache.open(home, { maxBytes: maxCache, scope: task.cacheScope });
  const { map } = await mapLayers(request, {
    home,
    threads,
    maxMemory,
    maxScratch,
    cache,
    progress,
  });
  return { kind: task.kind, usage: usageOf(cache), map, failures: failuresOf(map) };
}

/** A benchmark on which no layer has a value fails with the reasons of its cells. */
function failuresOf({ benchmarks, layers, chosen }: LayerMap): AnsweredFailure[] {
  return benchmarks
    .filter((id) => !Object.hasOwn(chosen, id))
    .map((benchmark) => {
      const reasons = layers.flatMap(({ cells }) => {
        const cell = cells[benchmark];
        return cell && 'reason' in cell ? [cell.reason] : [];
      });
      const words = [...new Set(reasons)].slice(0, 3).join('; ') || 'there is no layer';
      const error = new VentralError('metric-failed', `No layer has a value: ${words}`);
      return { benchmark, error: plainError(error) };
    });
}
