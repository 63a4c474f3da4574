import { shippedFacts } from '../../scoring/model/model-facts.js';
import type { HomeStore } from '../../store/home-store.js';
import type { Catalog } from '../../store/records/history-store.js';
import type { Principal } from '../../store/records/principal.js';
import { ResultStore, type StoredModel } from '../../store/records/result-store.js';
import {
  type BoardBenchmark,
  LeaderboardBenchmarks,
  shippedBenchmarks,
} from './leaderboard-benchmarks.js';
import { readMoment } from './read-moment.js';

/** What a board is made of: of now, or of an earlier date. */
export interface BoardSource {
  readonly catalog: LeaderboardBenchmarks;
  /** Models with a score on one of the benchmarks. */
  scored(benchmarks: readonly BoardBenchmark[], anyLayer: boolean): Promise<readonly StoredModel[]>;
  /** Whether the date lies before changes were recorded. */
  readonly reconstructed: boolean;
}

/** What this version of ventral ships, as it is recorded. */
export async function shippedCatalog(): Promise<Catalog<BoardBenchmark>> {
  return { benchmarks: shippedBenchmarks(), models: Object.fromEntries(await shippedFacts()) };
}

/** Finds what boards are made of. */
export class BoardSources {
  readonly #store: HomeStore;
  readonly #results: ResultStore;

  constructor(store: HomeStore) {
    this.#store = store;
    this.#results = new ResultStore(store.database);
  }

  /**
   * @param at as `readMoment` reads it; without it the present
   * @throws VentralError `invalid-request` for a date that is none
   */
  async read(principal: Principal, at: string | undefined): Promise<BoardSource> {
    return at === undefined
      ? this.#present(principal)
      : this.#past(principal, readMoment(at, 'at', Date.now()));
  }

  async #present(principal: Principal): Promise<BoardSource> {
    const { benchmarks } = this.#store;
    return {
      catalog: new LeaderboardBenchmarks(await benchmarks.list(principal)),
      reconstructed: false,
      scored: async (wanted, anyLayer) =>
        this.#results.scoredModels(principal, wanted, await shippedFacts(), { anyLayer }),
    };
  }

  async #past(principal: Principal, at: string): Promise<BoardSource> {
    const { history } = this.#store;
    const [catalog, uploads, since] = await Promise.all([
      history.catalogAt(at),
      history.uploadsAt(principal, at),
      history.recordedSince(),
    ]);
    const { benchmarks, models } = (catalog ?? (await shippedCatalog())) as Catalog<BoardBenchmark>;
    return {
      catalog: new LeaderboardBenchmarks(uploads, benchmarks),
      reconstructed: since !== null && Date.parse(at) < since.valueOf(),
      scored: (wanted, anyLayer) =>
        history.scoredModels(principal, wanted, models, { at, anyLayer }),
    };
  }
}
