import { digestOf } from '../../formats/digest.js';
import { committedLayer } from '../../metrics/commitment/layer-commitment.js';
import type { LoadedBenchmark } from '../measure/loaded-benchmark.js';
import type { ComponentsChoice } from './layer-map-types.js';
import type { CellOutcome } from './map-cells.js';

/** Layers that were chosen on principal components, by benchmark. */
export type ComponentsChosen = ReadonlyMap<string, ComponentsChoice['chosen'][string]>;

/**
 * The layer of each benchmark by the rule of Brain-Score's ModelCommitment (spec §5.8): the first, in the order of the outcomes, whose
 * ceiled score is largest.
 * @param outcomes those on principal components
 */
export function chooseOnComponents(
  benchmarks: readonly LoadedBenchmark[],
  outcomes: readonly CellOutcome[],
): ComponentsChosen {
  const chosen = new Map<string, ComponentsChoice['chosen'][string]>();
  for (const { id, version } of benchmarks.map(({ benchmark }) => benchmark)) {
    const column = outcomes.filter(({ task }) => task.loaded.benchmark.id === id);
    const layer = highest(column);
    if (layer === undefined) continue;
    const count = column[0].task.components?.count ?? 0;
    const by = {
      benchmark: id,
      version,
      inputs: digestOf(column.map(({ task, inputs }) => ({ layer: task.layer, inputs }))),
      method: `highest value of ${column.length} layers on ${count} principal components, as Brain-Score's ModelCommitment`,
    };
    chosen.set(id, { layer, choice: { by } });
  }
  return chosen;
}

function highest(column: readonly CellOutcome[]): string | undefined {
  const scored = column.flatMap((outcome) => {
    if (!('measured' in outcome) || outcome.measured.value === null) return [];
    const { value, raw, ceiling, formula } = outcome.measured;
    return [{ layer: outcome.task.layer, value, raw, ceiling, formula }];
  });
  const squares = scored.flatMap(({ layer, raw, ceiling, formula }) =>
    formula === 'raw^2/ceiling' && raw.value !== null && ceiling && ceiling.value !== null
      ? [{ layer, raw: raw.value, ceiling: ceiling.value }]
      : [],
  );
  if (squares.length > 0) return committedLayer(squares).layer;
  let best: (typeof scored)[number] | undefined;
  for (const each of scored) if (!best || each.value > best.value) best = each;
  return best?.layer;
}
