import type { LoadedBenchmark } from '../measure/loaded-benchmark.js';
import { distinctShown } from '../measure/score-inputs.js';
import type { LayerMap, MapPlan } from './layer-map-types.js';
import type { CellPlan } from './map-cells.js';
import { planTiles } from './plan-tiles.js';

/**
 * The estimated cost of a map, by its layers and benchmarks.
 * @param layers names in the order of the map
 */
export function mapPlan(
  layers: readonly string[],
  benchmarks: readonly LoadedBenchmark[],
  plan: CellPlan,
): MapPlan {
  const units = new Map(plan.reduction.units);
  for (const { task, units: known } of plan.known) if (known !== null) units.set(task.layer, known);
  const sized = layers.flatMap((layer) => {
    const count = units.get(layer);
    return count ? [{ layer, units: count }] : [];
  });
  const counts = sized.map((layer) => layer.units);
  const tiles = planTiles(benchmarks, counts, plan.measureMemory);
  return {
    layers: sized,
    sets: setsOf(layers, benchmarks, plan),
    ...(tiles.length > 0 ? { tiles } : {}),
    memory: memoryOf(plan),
    scratch: plan.reduction.scratch + Math.max(0, ...tiles.map(({ scratch }) => scratch)),
  };
}

/** Layers are measured while others are reduced, and while the network runs again. */
function memoryOf({ reduction, measurements }: CellPlan): number {
  const { extracting, reducing } = reduction.memory;
  const passes = reduction.sets.reduce((sum, set) => sum + set.passes.length, 0);
  return Math.max(extracting + (passes > 1 ? measurements : 0), reducing + measurements);
}

/** Benchmarks on the same stimuli share the passes over them. */
function setsOf(
  layers: readonly string[],
  benchmarks: readonly LoadedBenchmark[],
  plan: CellPlan,
): LayerMap['plan']['sets'] {
  const { shown, positions } = distinctShown(benchmarks);
  const groups = new Map<string, LoadedBenchmark[]>();
  for (const benchmark of benchmarks) {
    const key = positions(benchmark).join();
    groups.set(key, [...(groups.get(key) ?? []), benchmark]);
  }
  return [...groups.values()].map((group) => {
    const sets = new Set(positions(group[0]));
    const run = group.flatMap((benchmark) => {
      const key = plan.positions(benchmark).join();
      return plan.reduction.sets.find((each) => each.sets.join() === key) ?? [];
    })[0];
    return {
      benchmarks: group.map(({ benchmark }) => benchmark.id),
      stimuli: [...sets].reduce((sum, set) => sum + shown[set].stimuli.ids.length, 0),
      ...(plan.fitting > 0 && run ? { fitting: plan.fitting } : {}),
      passes: run?.passes ?? [],
      cached: (run?.cached ?? 0) + knownLayers(layers, group, plan),
    };
  });
}

/** Layers whose cells were all computed before: they are not even reduced again. */
function knownLayers(
  layers: readonly string[],
  group: readonly LoadedBenchmark[],
  { known, perCell }: CellPlan,
): number {
  const cells = (layer: string) =>
    known.filter(({ task }) => task.layer === layer && group.includes(task.loaded));
  return layers.filter((layer) => cells(layer).length === group.length * perCell).length;
}
