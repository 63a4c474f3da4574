import {
  counts,
  type Estimate,
  type Leaderboard,
  ranksOf,
  type ScoredModel,
} from './leaderboard.js';

/** A model among all of a board, under one column. */
export interface Standing<M extends ScoredModel = ScoredModel> extends Estimate {
  /** Place by the value at two decimals, as on the board; null without a value. */
  readonly rank: number | null;
  /** Models with a value. */
  readonly of: number;
  readonly median: number | null;
  readonly best: { readonly model: M; readonly value: number } | null;
  /** Benchmarks with a score, and all of the column. */
  readonly n: number;
  readonly m: number;
}

/**
 * Where a model stands under a column. Scores that enter no average (selections, brought ones) are shown, and are among
 * those that it is compared with nowhere.
 * @returns undefined if the board has no such model or column
 */
export function standingOf<M extends ScoredModel>(
  board: Leaderboard<M>,
  id: string,
  column: string,
): Standing<M> | undefined {
  const node = board.nodes.find((each) => each.id === column);
  const at = board.rows.findIndex(({ model }) => model.id === id);
  if (!node || at < 0) return undefined;
  const values = board.rows.map(({ model, averages }) => {
    if (node.kind === 'average') return averages.get(column)?.value ?? null;
    const score = model.scores.get(column);
    return counts(score, board.rules) ? score.value : null;
  });
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const top = values.indexOf(sorted.at(-1) ?? null);
  const { model, averages } = board.rows[at];
  const shown =
    node.kind === 'average' ? averages.get(column) : withCount(model.scores.get(column));
  return {
    ...{ value: shown?.value ?? null, ci: shown?.ci ?? null },
    ...{ n: shown?.n ?? 0, m: node.shares.length },
    rank: ranksOf(values)[at].rank,
    of: sorted.length,
    median: medianOf(sorted),
    best:
      sorted.length > 0 ? { model: board.rows[top].model, value: sorted[sorted.length - 1] } : null,
  };
}

const withCount = (score: Estimate | undefined) => score && { ...score, n: 1 };

function medianOf(sorted: readonly number[]): number | null {
  if (sorted.length === 0) return null;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
