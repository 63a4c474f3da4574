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
 * the weighted sums of their draws, of an average of one benchmark alone that benchmark's. Benchmarks that neither has count 0 in
 * both and add nothing.
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
  const alone = onlyScores(board, id, [from, to], drawnOf);
  if (alone) return scoreDifference(...alone);
  const [a, b] = [from, to].map(({ model, averages }) => {
    const { value = null, ci = null, n = 0 } = averages.get(id) ?? {};
    return { value: n > 0 ? value : null, ci, draws: drawsOf(board, id, model, drawnOf) };
  });
  return averageDifference(a, b);
}

/** The scores that an average of two models is of, where it is one benchmark's own value in both; clipped it is another number. */
function onlyScores<M extends ScoredModel>(
  board: Leaderboard<M>,
  id: string,
  rows: readonly [LeaderboardRow<M>, LeaderboardRow<M>],
  drawnOf: DrawnOf<M>,
): readonly [DrawnScore, DrawnScore] | undefined {
  const [only, ...others] = board.counted.get(id) ?? [];
  if (!only || others.length > 0) return undefined;
  const [a, b] = rows.map(({ model, averages }) => {
    const drawn = drawnOf(model, only.benchmark);
    const average = counts(model.scores.get(only.benchmark), board.rules) && averages.get(id);
    return average && drawn?.score.value === average.value ? drawn : undefined;
  });
  return a && b && [a, b];
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
