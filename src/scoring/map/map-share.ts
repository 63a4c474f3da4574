import { distinctShown } from '../measure/score-inputs.js';
import type { LayerMapRequest } from './layer-map-types.js';
import { type CellTask, computeCells } from './map-cells.js';
import { type LayerMapContext, openMap, tasksOf } from './open-map.js';

/** One of several parts of a map. */
export interface MapShare {
  /** From 0. */
  readonly part: number;
  readonly of: number;
}

/**
 * Computes a share of the cells of a map, for `context.cells` to keep: with the shares of all parts there,
 * the map itself is made without running the network.
 * @throws as `mapLayers` does
 */
export async function computeMapShare(
  request: LayerMapRequest,
  context: LayerMapContext,
  share: MapShare,
): Promise<void> {
  const { run, close } = await openMap(request, context);
  try {
    await computeCells(shareOf(tasksOf(run), share), run.network, context);
  } finally {
    await close();
  }
}

/**
 * The cells of one part: whole stimulus sets where there are as many as parts, for each costs a run of the
 * network; else each set is shared by several parts, which take its layers in turn, because layers near
 * the input are wide and those near the output are not. Each cell is in one part.
 */
function shareOf(tasks: readonly CellTask[], { part, of }: MapShare): CellTask[] {
  const { positions } = distinctShown([...new Set(tasks.map(({ loaded }) => loaded))]);
  const setOf = (task: CellTask) => positions(task.loaded).join();
  const sets = [...new Set(tasks.map(setOf))];
  const layers = [...new Set(tasks.map(({ layer }) => layer))];
  const count = sets.length;
  return tasks.filter((task) => {
    const set = sets.indexOf(setOf(task));
    if (of <= count) return set % of === part;
    const sharing = Math.ceil((of - set) / count);
    return (
      part % count === set && layers.indexOf(task.layer) % sharing === Math.floor(part / count)
    );
  });
}
