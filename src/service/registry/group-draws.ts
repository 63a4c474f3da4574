import { setImmediate as turn } from 'node:timers/promises';
import { digestOf } from '../../formats/digest.js';
import { present } from '../../formats/present.js';
import {
  counts,
  type Leaderboard,
  type LeaderboardRow,
  standardError,
} from '../../leaderboard/leaderboard.js';
import { drawsOf } from '../../leaderboard/leaderboard-differences.js';
import { freedomOf } from '../../scoring/draws/drawn-units.js';
import { decodeDraws } from '../../scoring/draws/encode-draws.js';
import type { GroupedDraws, GroupedModel } from '../../scoring/draws/model-groups.js';
import type { DrawnScore } from '../../scoring/draws/score-difference.js';
import type { HomeStore } from '../../store/home-store.js';
import type { StoredModel } from '../../store/records/result-store.js';
import type { BoardBenchmark } from './leaderboard-benchmarks.js';

type Board = Leaderboard<StoredModel>;
type Row = LeaderboardRow<StoredModel>;

/** A column of a board, with the benchmarks that it has. */
export interface GroupedColumn {
  readonly board: Board;
  readonly benchmarks: ReadonlyMap<string, BoardBenchmark>;
  readonly node: string;
}

/** A model that has a value under a column. */
export interface GroupedRow {
  readonly row: Row;
  readonly value: number;
  readonly se: number | null;
  /** Digest of the scores that enter, and of how. */
  readonly key: string;
}

/** The models that have a value under a column, and what they are compared by. */
export interface GroupedRows {
  readonly rows: readonly GroupedRow[];
  /** Digest of all that enters. */
  readonly key: string;
}

/** Models that are compared: squares of them are held, eight bytes a pair in each. More are cut off at the lowest values. */
const MOST = 2000;
/** Rows after which other requests get their turn. */
const ROWS = 100;

/** The rows of a column, which a board of thousands of models gives in slices. */
export async function groupedRows({
  board,
  benchmarks,
  node,
}: GroupedColumn): Promise<GroupedRows> {
  const shares = board.counted.get(node) ?? [];
  const single = board.nodes.find(({ id }) => id === node)?.kind === 'benchmark';
  const entering = single ? [{ benchmark: node, weight: 1 }] : shares;
  const found: GroupedRow[] = [];
  for (const [i, row] of board.rows.entries()) {
    if (i % ROWS === ROWS - 1) await turn();
    const { scores } = row.model;
    const score = scores.get(node);
    const own = single ? counts(score, board.rules) && score : row.averages.get(node);
    if (!own || own.value === null || ('n' in own && own.n === 0)) continue;
    const parts = entering.flatMap(({ benchmark, weight }) => {
      const each = scores.get(benchmark);
      const version = benchmarks.get(benchmark)?.version;
      return counts(each, board.rules) ? [[benchmark, version, weight, each.job]] : [];
    });
    // One text: a digest of thousands of small values holds the loop for longer.
    const key = digestOf(JSON.stringify([node, parts]));
    found.push({ row, value: own.value, se: standardError(own), key });
  }
  const rows =
    found.length <= MOST ? found : found.toSorted((a, b) => b.value - a.value).slice(0, MOST);
  const entered = rows.map(({ row, value, se, key }) => [row.model.id, value, se, key]);
  return { rows, key: digestOf(JSON.stringify(entered)) };
}

/** Bytes of draws that are kept in memory: those of ten columns of a thousand models. */
const KEPT_BYTES = 128 * 2 ** 20;
/** Scores after which other requests get their turn. */
const SLICE = 20;

/** Draws of models under columns, as weighted sums: scores that stay are read once. */
export class GroupDraws {
  readonly #store: HomeStore;
  /** By key of the row; those used last stand last. */
  readonly #kept = new Map<string, GroupedDraws | undefined>();
  #bytes = 0;

  constructor(store: HomeStore) {
    this.#store = store;
  }

  /** Models as they are compared. */
  async read(column: GroupedColumn, rows: readonly GroupedRow[]): Promise<GroupedModel[]> {
    const models: GroupedModel[] = [];
    let read = 0;
    for (const { row, value, se, key } of rows) {
      const known = this.#kept.has(key);
      const draws = known ? this.#kept.get(key) : await this.#draws(column, row);
      this.#keep(key, draws);
      models.push({ id: row.model.id, value, se, ...present({ draws }) });
      if (!known && ++read % SLICE === 0) await turn();
    }
    return models;
  }

  async #draws(column: GroupedColumn, { model }: Row): Promise<GroupedDraws | undefined> {
    const { board, node } = column;
    if (board.nodes.find(({ id }) => id === node)?.kind === 'benchmark')
      return groupedScore((await this.#scores(column, model, [node])).get(node));
    const entering = (board.counted.get(node) ?? []).map(({ benchmark }) => benchmark);
    const scores = await this.#scores(column, model, entering);
    return drawsOf(board, node, model, (_, benchmark) => scores.get(benchmark));
  }

  async #scores(
    { benchmarks, board }: GroupedColumn,
    model: StoredModel,
    columns: readonly string[],
  ): Promise<ReadonlyMap<string, DrawnScore>> {
    const scored = columns.flatMap((id) => {
      const [benchmark, score] = [benchmarks.get(id), model.scores.get(id)];
      return benchmark && counts(score, board.rules) ? [{ id, benchmark, score }] : [];
    });
    const rows = await this.#store.draws.read(
      scored.map(({ benchmark, score }) => [score.job, benchmark.benchmark] as const),
    );
    const rowOf = new Map(rows.map((row) => [`${row.job} ${row.benchmark}`, row]));
    return new Map(
      scored.map(({ id, benchmark: { benchmark, version }, score: { value, ci, job } }) => {
        const row = rowOf.get(`${job} ${benchmark}`);
        const provenance = present({ draws: row?.digest ?? undefined });
        const draws = row?.bytes ? decodeDraws(row.bytes) : undefined;
        return [id, { score: { benchmark, version, value, ci, provenance }, draws }];
      }),
    );
  }

  #keep(key: string, draws: GroupedDraws | undefined): void {
    if (this.#kept.has(key)) this.#kept.delete(key);
    else this.#bytes += bytesOf(draws);
    this.#kept.set(key, draws);
    for (const [oldest, of] of this.#kept) {
      if (this.#bytes <= KEPT_BYTES) break;
      this.#kept.delete(oldest);
      this.#bytes -= bytesOf(of);
    }
  }
}

/** About what an entry takes. */
const bytesOf = (draws: GroupedDraws | undefined) =>
  500 + (draws ? 4 * draws.both.length * (draws.first ? 3 : 1) + draws.key.length : 0);

/** The draws of one score. */
function groupedScore(drawn: DrawnScore | undefined): GroupedDraws | undefined {
  const digest = drawn?.score.provenance.draws;
  if (!drawn?.draws || digest === undefined) return undefined;
  const { units, both, first, second } = drawn.draws;
  const [one, other] = units.map(({ count, strata }) => count / strata);
  return {
    key: digest,
    both,
    ...present({ first, second }),
    sizes: { first: one, ...present({ second: other }) },
    degrees: Math.min(...units.map(freedomOf)),
  };
}
