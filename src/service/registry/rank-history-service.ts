import { setImmediate as turn } from 'node:timers/promises';
import { shippedModels } from '../../activations/model-file.js';
import type { components, paths } from '../../api/schema.js';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { leaderboardTree } from '../../leaderboard/leaderboard-tree.js';
import { type Changed, RankHistory } from '../../leaderboard/rank-history.js';
import { RankReplay, type ReplayedBenchmark } from '../../leaderboard/rank-replay.js';
import type { HomeStore } from '../../store/home-store.js';
import { type BoardChange, type Catalog, couldSee } from '../../store/records/history-store.js';
import type { Principal } from '../../store/records/principal.js';
import { cellColumns, scoreOf } from '../../store/records/result-store.js';
import { FairSemaphore } from '../queue/fair-semaphore.js';
import { shippedCatalog } from './board-source.js';
import { type BoardBenchmark, LeaderboardBenchmarks } from './leaderboard-benchmarks.js';

type Answer = components['schemas']['RankHistory'];

/** The query of `GET /leaderboard/history` as the validator leaves it. */
export type RankHistoryQuery = paths['/leaderboard/history']['get']['parameters']['query'];

type Upload = ConstructorParameters<typeof LeaderboardBenchmarks>[0][number];

/** A replay holds the scores of all models. */
const LIMITS = { what: 'histories', running: 2, runningEach: 1, waiting: 64, waitingEach: 16 };

/** Follows the rank of a model through all that was recorded. */
export class RankHistoryService {
  readonly #store: HomeStore;
  readonly #closing: AbortSignal;
  readonly #turns = new FairSemaphore(LIMITS);

  constructor({ store, closing }: { readonly store: HomeStore; readonly closing: AbortSignal }) {
    this.#store = store;
    this.#closing = closing;
  }

  /**
   * The ranks of a model, among models that the principal may see, with the reasons of each change.
   * @throws VentralError `not-found`, `column-unknown`, `quota-exceeded`, `queue-full`
   */
  read(principal: Principal, query: RankHistoryQuery): Promise<Answer> {
    return this.#turns.run(principal.owner, this.#closing, async () => {
      const { benchmarks, models, history } = this.#store;
      const present = new LeaderboardBenchmarks(await benchmarks.list(principal));
      const column = columnOf(query, present);
      const shipped = (await shippedModels()).includes(query.model);
      const found = shipped ? undefined : await models.find(principal, query.model);
      const subject = found?.id ?? query.model;
      const { simulated = false, set = 'private', layers, selection, brought } = query;
      const rules = { selection: selection ?? 'exclude', brought: brought ?? 'exclude' } as const;
      const replay = new RankReplay(subject, column, rules);
      const play = new Play(principal, replay, {
        simulated,
        set,
        anyLayer: layers === 'any',
        column,
      });
      play.begin(
        ((await history.catalogAt(EPOCH)) ?? (await shippedCatalog())) as Catalog<BoardBenchmark>,
      );
      for await (const changes of history.changes(principal)) {
        for (const change of changes) await play.apply(change);
        this.#closing.throwIfAborted();
      }
      if (!shipped && !replay.known)
        throw new VentralError('not-found', `There is no model "${query.model}"`);
      const since = await history.recordedSince();
      return {
        ...{ model: subject, name: replay.nameOf(subject), column },
        recordedSince: since?.toISOString() ?? null,
        points: play.ranks.points().map((point) => ({
          ...point,
          reasons: point.reasons.map((reason) => ({
            ...reason,
            models: [...reason.models],
            benchmarks: [...reason.benchmarks],
          })),
        })),
      };
    });
  }
}

const EPOCH = '1970-01-01T00:00:00Z';

/** @throws VentralError `column-unknown` */
function columnOf(
  { column, simulated = false, set = 'private' }: RankHistoryQuery,
  catalog: LeaderboardBenchmarks,
): string {
  const nodes = leaderboardTree(catalog.standard(simulated, set));
  const ids = [...nodes, ...catalog.uploads(simulated)].map(({ id }) => id);
  const wanted = column ?? ids[0];
  if (ids.includes(wanted)) return wanted;
  throw new VentralError(
    'column-unknown',
    `There is no column "${wanted}"${didYouMean(wanted, ids)}`,
    { field: '/query/column' },
  );
}

/** Turns what was recorded into changes of a replay, each of one thing. */
class Play {
  readonly ranks: RankHistory;
  readonly #principal: Principal;
  readonly #replay: RankReplay;
  readonly #view: {
    readonly simulated: boolean;
    readonly set: 'private' | 'public';
    readonly anyLayer: boolean;
    readonly column: string;
  };
  readonly #uploads = new Map<string, Upload>();
  #catalog: Catalog<BoardBenchmark> = { benchmarks: [], models: {} };
  #tree: readonly ReplayedBenchmark[] = [];
  #beside: readonly ReplayedBenchmark[] = [];

  constructor(
    principal: Principal,
    replay: RankReplay,
    view: { simulated: boolean; set: 'private' | 'public'; anyLayer: boolean; column: string },
  ) {
    this.#principal = principal;
    this.#replay = replay;
    this.#view = view;
    this.ranks = new RankHistory(replay);
  }

  /** What was shipped before anything happened. */
  begin(catalog: Catalog<BoardBenchmark>): void {
    this.#catalog = catalog;
    this.#tree = this.#columns().tree;
    this.#replay.setBenchmarks(this.#tree);
    for (const model of Object.keys(catalog.models)) this.#replay.setModel(model, { shown: true });
  }

  async apply(change: BoardChange): Promise<void> {
    const { at, subject, owner } = change;
    if (change.kind === 'scores') {
      const kind = subject === this.#replay.subject ? 'own-score' : 'other-score';
      const cells = Object.entries(change.state.cells);
      this.ranks.apply({ at, kind, model: subject }, () =>
        this.#replay.setScores(
          subject,
          owner,
          cells.map(([key, cell]) => [key, cell && scoreOf(key, cell)] as const),
        ),
      );
    } else if (change.kind === 'model') {
      const { state } = change;
      const shown = state !== null && couldSee(this.#principal, owner, state);
      const kind = state === null ? 'model-removed' : 'visibility';
      this.ranks.apply({ at, kind, model: subject }, () =>
        this.#replay.setModel(subject, { shown, ...(shown ? { name: state.name } : {}) }),
      );
    } else if (change.kind === 'benchmark') {
      const { state } = change;
      if (state && couldSee(this.#principal, owner, state))
        this.#uploads.set(subject, { id: subject, summary: state.summary });
      else this.#uploads.delete(subject);
      if (this.#view.column.startsWith('bmk_')) await this.#benchmarks(at);
    } else await this.#ship(at, change.state as Catalog<BoardBenchmark>);
  }

  /** What another version of ventral ships. */
  async #ship(at: number, catalog: Catalog<BoardBenchmark>): Promise<void> {
    const before = this.#catalog.models;
    this.#catalog = catalog;
    for (const model of Object.keys({ ...before, ...catalog.models })) {
      const shown = model in catalog.models;
      if (shown === model in before) continue;
      const kind = shown ? 'new-model' : 'model-removed';
      this.ranks.apply({ at, kind, model }, () => this.#replay.setModel(model, { shown }));
    }
    await this.#benchmarks(at);
  }

  /** Takes the tree to that of now, one benchmark after the other. */
  async #benchmarks(at: number): Promise<void> {
    const next = this.#columns();
    this.#beside = next.beside;
    const known = new Map(this.#tree.map((benchmark) => [benchmark.id, benchmark]));
    const wanted = new Map(next.tree.map((benchmark) => [benchmark.id, benchmark]));
    const steps = [...new Map([...known, ...wanted])].flatMap(([id, benchmark]) => {
      const kind = changeOf(known.get(id), wanted.get(id));
      return kind ? [{ id, benchmark, kind }] : [];
    });
    for (const { id, benchmark, kind } of steps) {
      if (kind === 'benchmark-removed') known.delete(id);
      else known.set(id, benchmark);
      this.#tree = [...known.values()];
      this.ranks.apply({ at, kind, benchmark: id }, this.#set);
      await turn();
    }
    if (!this.#view.column.startsWith('bmk_')) return;
    const there = next.beside.some(({ id }) => id === this.#view.column);
    const kind = there ? 'new-benchmark' : 'benchmark-removed';
    this.ranks.apply({ at, kind, benchmark: this.#view.column }, this.#set);
  }

  readonly #set = () => this.#replay.setBenchmarks(this.#tree, this.#beside);

  #columns(): { readonly tree: ReplayedBenchmark[]; readonly beside: ReplayedBenchmark[] } {
    const { simulated, set, anyLayer } = this.#view;
    const catalog = new LeaderboardBenchmarks(
      [...this.#uploads.values()],
      this.#catalog.benchmarks,
    );
    const withKeys = (benchmarks: readonly BoardBenchmark[]) => {
      const cells = cellColumns(benchmarks, anyLayer);
      return benchmarks.map((benchmark, k) => ({ ...benchmark, ...cells[k] }));
    };
    return {
      tree: withKeys(catalog.standard(simulated, set)),
      beside: withKeys(catalog.uploads(simulated)),
    };
  }
}

/** What became of a benchmark of the tree; undefined if nothing. */
function changeOf(
  before: ReplayedBenchmark | undefined,
  after: ReplayedBenchmark | undefined,
): Changed['kind'] | undefined {
  if (!before) return 'new-benchmark';
  if (!after) return 'benchmark-removed';
  if (before.version !== after.version) return 'new-version';
  const { region, metric, parent } = before;
  const moved = region !== after.region || metric !== after.metric || parent !== after.parent;
  return moved ? 'benchmark-moved' : undefined;
}
