import { setImmediate as turn } from 'node:timers/promises';
import type { components, paths } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { counts } from '../../leaderboard/leaderboard.js';
import {
  LEAST_PAIRS,
  pearsonInterval,
  spearmanInterval,
} from '../../numerics/statistics/correlation-interval.js';
import { pearson } from '../../numerics/statistics/pearson.js';
import { spearman } from '../../numerics/statistics/spearman.js';
import type { Principal } from '../../store/records/principal.js';
import type { LeaderboardService } from './leaderboard-service.js';

type Correlations = components['schemas']['BenchmarkCorrelations'];
type Correlation = Correlations['pairs'][number]['pearson'];

/** The query of `GET /benchmarks/correlations` as the validator leaves it. */
export type CorrelationQuery = NonNullable<
  paths['/benchmarks/correlations']['get']['parameters']['query']
>;

/** Benchmarks of a matrix: five thousand pairs. */
const MOST = 100;
/** Pairs after which other requests get their turn: a thousand models take some tenths of a millisecond each. */
const SLICE = 20;

/** Correlates benchmarks over the models of a board. */
export class CorrelationService {
  readonly #leaderboard: LeaderboardService;

  constructor(leaderboard: LeaderboardService) {
    this.#leaderboard = leaderboard;
  }

  /**
   * Every pair of benchmarks over the models that the principal may see and that have a score on both. Uploads are among them
   * where the query names them.
   * @throws VentralError `benchmark-unknown`, and `invalid-request` for more than a hundred benchmarks
   */
  async read(principal: Principal, query: CorrelationQuery): Promise<Correlations> {
    const { board, benchmarks } = await this.#leaderboard.board(principal, query);
    const shown = benchmarks
      .filter(({ origin }) => origin !== 'uploaded' || query.benchmark !== undefined)
      .map((benchmark) => ({
        benchmark,
        values: Float64Array.from(board.rows, ({ model }) => {
          const score = model.scores.get(benchmark.id);
          return counts(score, board.rules) ? score.value : Number.NaN;
        }),
      }))
      .filter(({ values }) => values.some((value) => !Number.isNaN(value)));
    if (shown.length > MOST) {
      const message = `benchmark: expected at most ${MOST} benchmarks with scores, found ${shown.length}`;
      throw new VentralError('invalid-request', message, { field: '/query/benchmark' });
    }
    const pairs: Correlations['pairs'] = [];
    for (const [i, first] of shown.entries())
      for (const second of shown.slice(i + 1)) {
        const names = [first.benchmark.id, second.benchmark.id];
        pairs.push({ benchmarks: names, ...correlated(first.values, second.values) });
        if (pairs.length % SLICE === 0) await turn();
      }
    return {
      benchmarks: shown.map(({ benchmark: { id, benchmark, version, origin }, values }) => ({
        ...{ id, benchmark, version, origin },
        models: values.filter((value) => !Number.isNaN(value)).length,
      })),
      pairs,
    };
  }
}

/** Two benchmarks over the models that have both. */
function correlated(
  first: Float64Array,
  second: Float64Array,
): Omit<Correlations['pairs'][number], 'benchmarks'> {
  const both = (_: number, i: number) => !Number.isNaN(first[i]) && !Number.isNaN(second[i]);
  const [x, y] = [first.filter(both), second.filter(both)];
  const n = x.length;
  if (n < LEAST_PAIRS) return { n, pearson: null, spearman: null };
  return {
    n,
    pearson: withInterval(pearson(x, y), pearsonInterval, n),
    spearman: withInterval(spearman(x, y), spearmanInterval, n),
  };
}

/** null where a benchmark gives every model the same score. */
const withInterval = (value: number, intervalOf: typeof pearsonInterval, n: number): Correlation =>
  Number.isNaN(value) ? null : { value, ci: intervalOf(value, n) };
