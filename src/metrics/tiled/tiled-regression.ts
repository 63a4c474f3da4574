import type { ColumnSource } from '../../numerics/algebra/column-source.js';
import { matrix } from '../../numerics/algebra/matrix.js';
import { MemoryTiles, tileBytes } from '../../numerics/algebra/tiles.js';
import { narrowPenaltyChoice } from '../../numerics/regression/ridge.js';
import {
  type Choices,
  ridgeTiling,
  type TiledRoom,
  type TiledSource,
  tiledPenalties,
  tiledRidge,
} from '../../numerics/regression/tiled-ridge.js';
import { pickRows } from '../cross-regressed-correlation.js';
import { requireFinite } from '../gram-source.js';
import type { Fold, MetricOptions, Prediction, Source } from '../metric.js';
import { ALPHAS } from '../ridge.js';

/**
 * Ridge regressions on more training rows than whose products are worth holding in memory: the same numbers as ridge.ts to
 * rounding, from tiles.
 */

/**
 * Training rows up to which ridge regressions are solved in memory, by the rows alone, since the last bits depend on it. Tiles
 * are factored for each penalty anew, so that a decomposition is worth its memory for longer where one is chosen.
 */
export const MOST_ROWS_IN_MEMORY = { fixed: 4096, chosen: 10_000 } as const;

/**
 * Values of the training rows up to which one decomposition of them serves every penalty, where units are fewer than rows: it takes
 * some six times their memory.
 */
const MOST_DECOMPOSED = 1 << 24;

const isDecomposed = ({ rows, units }: { readonly rows: number; readonly units: number }) =>
  units < rows - 1 && rows * units <= MOST_DECOMPOSED;

/** Raised when the tiled computation gives other bits. */
const TILED_VERSION = 2;

/** Which metrics have it, and whether they choose a penalty. */
const tiled: Readonly<Record<string, 'fixed' | 'chosen'>> = {
  ridge: 'fixed',
  'dual-ridge': 'fixed',
  ridgecv: 'chosen',
  'dual-ridgecv': 'chosen',
};

/** How the regressions of a benchmark are solved in tiles. */
export interface TiledPlan {
  /** As provenance names it. */
  readonly name: string;
  /** Matrices in tiles at once. */
  readonly matrices: number;
  /** Of a layer of so many units. */
  of(units: number): TiledCost;
}

/** What a layer takes. */
export interface TiledCost {
  readonly form: 'dual' | 'primal';
  /** Bytes of one matrix in tiles. */
  readonly bytes: number;
  /** Seconds of all cores. */
  readonly seconds: number;
}

/** Products of rows × units with each unit and target that a choice among all penalties takes where rows are decomposed once. */
const DECOMPOSED_PRODUCTS = 20;

/** Seconds of a product of two values, as reductions have it. */
const PRODUCT_SECONDS = 3.8e-11;

/** The plan for a metric with so many training rows and targets; undefined where it is solved in memory. */
export function tiledPlan(
  metric: MetricOptions & { readonly name: string },
  shape: { readonly rows: number; readonly targets: number },
): TiledPlan | undefined {
  const kind = tiled[metric.name];
  if (!kind || shape.rows <= MOST_ROWS_IN_MEMORY[kind]) return undefined;
  const { rows, targets } = shape;
  return {
    name: `tiles@${TILED_VERSION}`,
    matrices: kind === 'chosen' ? 2 : 1,
    of(units) {
      const tiling = ridgeTiling({ rows, units });
      const { order, form } = tiling;
      const own = (rows * units * order) / 2 + order ** 3 / 6 + order ** 2 * targets;
      const alphas = (metric.alphas ?? ALPHAS).length;
      const once = isDecomposed({ rows, units });
      const each = once
        ? DECOMPOSED_PRODUCTS * rows * units * (units + targets)
        : (rows ** 2 * units) / 2 + alphas * (rows ** 3 / 3 + rows ** 2 * targets);
      const choice = kind === 'chosen' ? each : 0;
      const square = kind === 'chosen' && !once ? tileBytes(ridgeTiling({ rows, units: rows })) : 0;
      return {
        form,
        bytes: Math.max(square, tileBytes(tiling)),
        seconds: PRODUCT_SECONDS * (own + choice),
      };
    },
  };
}

/** One fit: rows of the source, and its targets (training row × target). */
export interface TiledJob {
  readonly fold: Fold;
  readonly targets: ColumnSource;
}

const inMemory: TiledRoom = { open: () => new MemoryTiles(), sums: Number.POSITIVE_INFINITY };

/**
 * Predictions of fits, in their order. Fits on the same training rows share the products of the features, and those with one
 * penalty its factor.
 * @throws VentralError `activations-not-finite` and what the room throws
 */
export async function tiledPredictions(
  source: Source,
  metric: MetricOptions & { readonly name: string },
  jobs: readonly TiledJob[],
  room: TiledRoom = inMemory,
): Promise<Prediction[]> {
  await requireFinite(source);
  const { alpha = 1, alphas = ALPHAS } = metric;
  const made = new Map<TiledJob, Prediction>();
  for (const group of groupsOf(jobs, ({ fold }) => fold.train.join())) {
    const { train } = group[0].fold;
    const shape = { rows: train.length, units: source.features.cols };
    const own: TiledSource = { features: source.features, train, tiling: ridgeTiling(shape) };
    const chosen = tiled[metric.name] === 'chosen';
    const dual = {
      ...own,
      tiling: ridgeTiling({ ...shape, units: Math.max(shape.rows, shape.units) }),
    };
    const targets = group.map((job) => job.targets);
    const choose = isDecomposed(shape) ? decomposedPenalties : tiledPenalties;
    const penalties = chosen
      ? await choose(dual, { alphas, targets }, room)
      : group.map(() => alpha);
    for (const penalty of new Set(penalties)) {
      const fitted = await tiledRidge(own, penalty, room);
      for (const [i, job] of group.entries())
        if (penalties[i] === penalty) {
          const values = await fitted.predict(job.fold.test, job.targets);
          made.set(job, { values, ...(chosen ? { alpha: penalty } : {}) });
        }
      fitted.close();
    }
  }
  return jobs.map((job) => made.get(job) as Prediction);
}

/** {@link tiledPenalties} from one decomposition of the training rows. */
async function decomposedPenalties(
  { features, train }: TiledSource,
  { alphas, targets }: Choices,
  room: TiledRoom,
): Promise<number[]> {
  const { rows, cols } = features;
  const all = matrix(rows, cols, new Float64Array(await features.columns(0, cols)));
  const choose = await narrowPenaltyChoice(pickRows(all, train));
  const penalties: number[] = [];
  for (const y of targets) {
    room.step?.();
    penalties.push(await choose.inBlocks(y, alphas));
  }
  return penalties;
}

function groupsOf<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const of = key(item);
    const group = groups.get(of);
    if (group) group.push(item);
    else groups.set(of, [item]);
  }
  return [...groups.values()];
}
