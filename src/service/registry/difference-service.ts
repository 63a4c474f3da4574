import { setImmediate as turn } from 'node:timers/promises';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { nodeDifference } from '../../leaderboard/leaderboard-differences.js';
import { decodeDraws } from '../../scoring/draws/encode-draws.js';
import type { DrawnScore } from '../../scoring/draws/score-difference.js';
import type { HomeStore } from '../../store/home-store.js';
import type { Principal } from '../../store/records/principal.js';
import type { StoredModel } from '../../store/records/result-store.js';
import type { BoardBenchmark } from './leaderboard-benchmarks.js';
import type { LeaderboardQuery } from './leaderboard-query.js';
import type { LeaderboardService } from './leaderboard-service.js';

type Differences = components['schemas']['Differences'];

/** The query of `GET /differences`: that of a leaderboard of a few models, and the one that the others are compared with. */
export type DifferenceQuery = LeaderboardQuery & { readonly from?: string };

/** Compares the scores of a few models pair by pair, from the draws that were kept with them: nothing is computed again. */
export class DifferenceService {
  readonly #store: HomeStore;
  readonly #leaderboard: LeaderboardService;

  constructor(store: HomeStore, leaderboard: LeaderboardService) {
    this.#store = store;
    this.#leaderboard = leaderboard;
  }

  /**
   * The differences of models that a principal may see, under every column where two have a value.
   * @throws VentralError `invalid-request` where `from` is none of the models, and what is wrong with the query
   */
  async read(principal: Principal, query: DifferenceQuery): Promise<Differences> {
    const { board, benchmarks } = await this.#leaderboard.board(principal, query);
    const named = (name: string) =>
      board.rows.find(({ model }) => model.id === name || model.digest === name);
    const rows = [...new Set((query.model ?? []).flatMap((name) => named(name) ?? []))];
    const { from } = query;
    const reference = from === undefined ? undefined : named(from);
    if (from !== undefined && !query.model?.includes(from)) {
      throw new VentralError('invalid-request', 'from: expected one of the models', {
        field: '/query/from',
      });
    }
    const drawn = await this.#drawn(
      rows.map(({ model }) => model),
      benchmarks,
    );
    const pairs = rows.flatMap((first, i) =>
      from === undefined
        ? rows.slice(i + 1).map((second) => [first, second] as const)
        : reference && first !== reference
          ? [[reference, first] as const]
          : [],
    );
    const items: Differences['items'] = [];
    for (const { id } of board.nodes) {
      // Draws of tens of benchmarks take a while.
      await turn();
      for (const [first, second] of pairs) {
        const found = nodeDifference(board, id, [first, second], (model, benchmark) =>
          drawn.get(model)?.get(benchmark),
        );
        if (found.difference === null) continue;
        const { ci, generalises, mcNemar, reason } = found;
        items.push({
          ...{ column: id, from: first.model.id, to: second.model.id },
          ...{ difference: found.difference, ci: ci && [...ci], paired: found.paired, p: found.p },
          ...present({ generalises: generalises && shown(generalises), mcNemar, reason }),
        });
      }
    }
    return { items };
  }

  /** The scores of models with their draws, by column. */
  async #drawn(
    models: readonly StoredModel[],
    benchmarks: readonly BoardBenchmark[],
  ): Promise<ReadonlyMap<StoredModel, ReadonlyMap<string, DrawnScore>>> {
    const found = new Map<StoredModel, ReadonlyMap<string, DrawnScore>>();
    for (const model of models) {
      const scored = benchmarks.flatMap((benchmark) => {
        const score = model.scores.get(benchmark.id);
        return score ? [{ benchmark, score }] : [];
      });
      const rows = await this.#store.draws.read(
        scored.map(({ benchmark, score }) => [score.job, benchmark.benchmark] as const),
      );
      const rowOf = new Map(rows.map((row) => [`${row.job} ${row.benchmark}`, row]));
      found.set(
        model,
        new Map(
          scored.map(({ benchmark: { id, benchmark, version }, score: { value, ci, job } }) => {
            const row = rowOf.get(`${job} ${benchmark}`);
            const digest = row?.digest ?? undefined;
            const score = { benchmark, version, value, ci, provenance: present({ draws: digest }) };
            return [id, { score, draws: row?.bytes ? decodeDraws(row.bytes) : undefined }];
          }),
        ),
      );
      await turn();
    }
    return found;
  }
}

const shown = ({
  units,
  ...rest
}: NonNullable<ReturnType<typeof nodeDifference>['generalises']>) => ({
  ...rest,
  units: { ...units },
});
