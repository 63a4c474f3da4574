import {
  type AveragedDraws,
  averageDifference,
  averagedDraws,
} from '../scoring/draws/averaged-draws.js';
import {
  type DrawnScore,
  type PairDifference,
  scoreDifference,
} from '../scoring/draws/score-difference.js';
import { counts, type Leaderboard, type LeaderboardRow, type ScoredModel } from './leaderboard.js';

/** A score on a benchmark with its draws; undefined if the model has none there. */
export type DrawnOf<M extends ScoredModel> = (
  model: M,
  benchmark: string,
) => DrawnScore | undefined;

/**
 * The difference to − from of two models of a board under a node: of a benchmark that of their scores, of an average that of
 * the weighted sums of their draws. Benchmarks that neither has count 0 in both and add nothing.
 */
export function nodeDifference<M extends ScoredModel>(
  board: Leaderboard<M>,
  id: string,
  [from, to]: readonly [LeaderboardRow<M>, LeaderboardRow<M>],
  drawnOf: DrawnOf<M>,
): PairDifference {
  const node = board.nodes.find((each) => each.id === id);
  const none = { difference: null, ci: null, paired: false, p: null } as const;
  if (!node) return { ...none, reason: 'there is no such column' };
  if (node.kind === 'benchmark') {
    const [a, b] = [from, to].map(({ model }) => drawnOf(model, id));
    return a && b ? scoreDifference(a, b) : { ...none, reason: 'a score is missing' };
  }
  const [a, b] = [from, to].map(({ model, averages }) => {
    const { value = null, ci = null, n = 0 } = averages.get(id) ?? {};
    return { value: n > 0 ? value : null, ci, draws: drawsOf(board, id, model, drawnOf) };
  });
  return averageDifference(a, b);
}

/** The draws of an average of a model; undefined where a score that enters has none. */
export function drawsOf<M extends ScoredModel>(
  board: Pick<Leaderboard<M>, 'counted' | 'rules'>,
  node: string,
  model: M,
  drawnOf: DrawnOf<M>,
): AveragedDraws | undefined {
  const entering = (board.counted.get(node) ?? []).filter(({ benchmark }) =>
    counts(model.scores.get(benchmark), board.rules),
  );
  const parts = entering.flatMap(({ benchmark, weight }) => {
    const drawn = drawnOf(model, benchmark);
    const digest = drawn?.score.provenance.draws;
    if (!drawn?.draws || digest === undefined) return [];
    const { version } = drawn.score;
    return [{ benchmark, version, weight, draws: drawn.draws, digest }];
  });
  return parts.length === entering.length ? averagedDraws(parts) : undefined;
}
