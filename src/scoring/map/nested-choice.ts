import { digestOf } from '../../formats/digest.js';
import {
  benchmarkNotices,
  type LoadedBenchmark,
  type Nesting,
} from '../measure/loaded-benchmark.js';
import {
  INNER_SPLITS,
  NESTED_VERSION,
  type NestedLayer,
  type SplitPart,
} from '../measure/nested.js';
import type { LayerMap, NestedScore } from './layer-map-types.js';
import type { CellOutcome, CellTask } from './map-cells.js';

/** The layer that is highest within the training part of a split, of those that were seen. */
interface Best {
  readonly layer: string;
  /** Position among the layers of the map. */
  readonly at: number;
  readonly inner: number;
  readonly part: SplitPart;
}

/** What was seen of a benchmark. */
interface Column {
  readonly best: (Best | undefined)[];
  reason: string | undefined;
}

/**
 * Chooses a layer within the training part of each split while cells are measured: of every split only the best layer so far is
 * held, the first in the map's order among equals.
 */
export class NestedChoice {
  readonly #order: ReadonlyMap<string, number>;
  readonly #columns = new Map<LoadedBenchmark, Column>();

  /** @param layers in the order of the map */
  constructor(layers: readonly string[]) {
    this.#order = new Map(layers.map((layer, at) => [layer, at]));
  }

  /** Sees a layer. */
  see({ layer, loaded }: CellTask, nested: NestedLayer): void {
    const column = this.#columns.get(loaded) ?? { best: [], reason: undefined };
    this.#columns.set(loaded, column);
    if ('reason' in nested) {
      column.reason ??= nested.reason;
      return;
    }
    const at = this.#order.get(layer) as number;
    for (const [split, inner] of nested.inner.entries()) {
      const found = { layer, at, inner, part: nested.splits[split] };
      const best = column.best[split];
      column.best[split] = isBetter(found, best) ? found : best;
    }
  }

  /** The nested score of each benchmark, or why there is none. */
  async all(
    benchmarks: readonly LoadedBenchmark[],
    cells: readonly CellOutcome[],
  ): Promise<NonNullable<LayerMap['nested']>> {
    const scores: Record<string, NestedScore | { readonly reason: string }> = {};
    for (const loaded of benchmarks) {
      const column = cells.filter(({ task }) => task.loaded === loaded);
      scores[loaded.benchmark.id] = await this.#of(loaded, column);
    }
    return scores;
  }

  async #of(
    loaded: LoadedBenchmark,
    cells: readonly CellOutcome[],
  ): Promise<NestedScore | { readonly reason: string }> {
    const { nesting } = loaded;
    if (!nesting) return { reason: whyNot(loaded) };
    const column = this.#columns.get(loaded);
    const best = column?.best ?? [];
    const chosen = best.flatMap((each) => each ?? []);
    if (chosen.length === 0 || chosen.length < best.length)
      return {
        reason: column?.reason ?? 'no layer has a value within the training part of a split',
      };
    return scoreOf(nesting, loaded, chosen, cells);
  }
}

const isBetter = ({ inner, at }: Best, than: Best | undefined) =>
  Number.isFinite(inner) && (!than || inner > than.inner || (inner === than.inner && at < than.at));

async function scoreOf(
  nesting: Nesting,
  loaded: LoadedBenchmark,
  chosen: readonly Best[],
  cells: readonly CellOutcome[],
): Promise<NestedScore> {
  const measured = await nesting.score(chosen.map(({ part }) => part));
  const { value, error, ci, generalises, formula, errorOf, errorKind, raw, ceiling, warnings } =
    measured;
  return {
    value,
    error,
    ci,
    ...(generalises ? { generalises } : {}),
    formula,
    errorOf,
    errorKind,
    raw,
    ceiling,
    splits: chosen.map(({ layer }) => layer),
    layers: counted(chosen),
    method: `highest value of ${cells.length} layers in ${INNER_SPLITS} splits of the training part of each split`,
    warnings: [...benchmarkNotices(loaded), ...warnings],
    inputs: digestOf({
      nested: NESTED_VERSION,
      cells: cells.map(({ task, inputs }) => ({ layer: task.layer, inputs })),
    }),
  };
}

/** Layers by how many splits chose them, the most often chosen first, then in the order of the map. */
function counted(chosen: readonly Best[]): NestedScore['layers'] {
  const layers = new Map<string, { readonly at: number; splits: number }>();
  for (const { layer, at } of chosen) {
    const found = layers.get(layer) ?? { at, splits: 0 };
    found.splits++;
    layers.set(layer, found);
  }
  return [...layers]
    .sort(([, a], [, b]) => b.splits - a.splits || a.at - b.at)
    .map(([layer, { splits }]) => ({ layer, splits }));
}

/** Why a benchmark has no training part to choose in. */
export function whyNot({ tiled, benchmark }: LoadedBenchmark): string {
  if (tiled)
    return 'no nested choice: its training stimuli are too many to fit every layer five times more; use holdout';
  if (benchmark.fittingStimuli)
    return 'no nested choice: it is fitted on labels alone, which do not say which layer answers as people do; use holdout';
  return 'no nested choice: it compares all stimuli at once, and no split has a training part to choose in; use holdout';
}
