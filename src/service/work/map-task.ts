import { ContentCache } from '../../activations/cache/content-cache.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { type Progress, Work } from '../../runtime/work.js';
import { mapLayers } from '../../scoring/map/layer-map.js';
import type { LayerMap, LayerMapRequest } from '../../scoring/map/layer-map-types.js';
import { withFloors } from '../../scoring/map/map-floors.js';
import { computeMapShare } from '../../scoring/map/map-share.js';
import type { CellCache } from '../../scoring/model/cell-cache.js';
import { plainError } from '../child/serve-parent.js';
import {
  type AnsweredFailure,
  type FoundCell,
  type JobAnswer,
  type MapTask,
  modelOf,
  type PartAnswer,
  type PartTask,
  type TaskCore,
} from './job-task.js';
import { usageOf } from './usage-of.js';
import { workerRuntime } from './worker-runtime.js';

/** Makes one layer map in this process. */
export async function runMapTask(
  task: MapTask,
  progress: (progress: Progress) => void,
  part: (part: object) => void,
): Promise<JobAnswer> {
  const cache = await cacheOf(task);
  const found = new Map(task.cells);
  const cells: CellCache = {
    get: async (key) => {
      const bytes = found.get(key);
      return bytes === undefined ? cache.get(key) : new Uint8Array(Buffer.from(bytes, 'base64'));
    },
    put: (key, bytes) => cache.put(key, bytes),
  };
  const mapped = await mapLayers(requestOf(task), {
    ...task,
    cache,
    cells,
    progress: Work.start(progress),
    part: (known) => part({ map: known }),
  });
  const map = withFloors(mapped);
  return { kind: task.kind, usage: usageOf(cache), map, failures: failuresOf(map) };
}

/** Computes one part of a layer map in this process, and sends each cell when it is computed. */
export async function runPartTask(
  task: PartTask,
  progress: (progress: Progress) => void,
  part: (cell: FoundCell) => void,
): Promise<PartAnswer> {
  const cache = await cacheOf(task);
  const send = (key: string, bytes: Uint8Array) =>
    part({ cell: [key, Buffer.from(bytes).toString('base64')] });
  const cells: CellCache = {
    get: async (key) => {
      const bytes = await cache.get(key);
      if (bytes) send(key, bytes);
      return bytes;
    },
    put: (key, bytes) => {
      send(key, Buffer.concat(bytes));
      return cache.put(key, bytes);
    },
  };
  await computeMapShare(
    requestOf(task),
    { ...task, cache, cells, progress: Work.start(progress) },
    task.share,
  );
  return { kind: task.kind, runtime: workerRuntime(task.threads) };
}

const cacheOf = ({ home, maxCache, cacheScope }: TaskCore) =>
  ContentCache.open(home, { maxBytes: maxCache, scope: cacheScope });

function requestOf({
  model,
  benchmarks,
  layers,
  input,
  holdout,
  pool,
  pca,
  nested,
}: MapTask | PartTask): LayerMapRequest {
  return {
    model: modelOf(model),
    benchmarks,
    ...present({
      layers,
      input,
      pool,
      nested,
      pca: pca === undefined ? undefined : { components: pca },
    }),
    holdout,
  };
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
      const words = [...new Set(reasons)].slice(0, 3).join('; ') || 'the model has no layers';
      const error = new VentralError('metric-failed', `No layer has a value: ${words}`);
      return { benchmark, error: plainError(error) };
    });
}
