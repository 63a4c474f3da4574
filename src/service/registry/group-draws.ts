import { setImmediate as turn } from 'node:timers/promises';
import { digestOf } from '../../formats/digest.js';
import {
  counts,
  type Leaderboard,
  type LeaderboardRow,
  standardError,
} from '../../leaderboard/leaderboard.js';
import type { HomeStore } from '../../store/home-store.js';
import type { StoredModel } from '../../store/records/result-store.js';
import type { StoredPart, StoredRow } from './group-sums.js';
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

/** Bytes of stored draws that are read before they are summed. */
const SLICE_BYTES = 4 * 2 ** 20;

/**
 * The stored draws behind rows of a column, a few megabytes at a time.
 * @param keys of the rows that are read
 */
export async function* storedRows(
  store: HomeStore,
  column: GroupedColumn,
  { rows, keys }: { readonly rows: readonly GroupedRow[]; readonly keys: ReadonlySet<string> },
): AsyncGenerator<readonly StoredRow[]> {
  let slice: StoredRow[] = [];
  let bytes = 0;
  for (const { row, key } of rows) {
    if (!keys.has(key)) continue;
    const read = await storedRow(store, column, { model: row.model, key });
    // The embedded database answers without a turn of the event loop.
    await turn();
    slice.push(read);
    bytes += (read.parts ?? []).reduce((sum, part) => sum + part.bytes.byteLength, 0);
    if (bytes < SLICE_BYTES && slice.length < ROWS) continue;
    yield slice;
    [slice, bytes] = [[], 0];
  }
  if (slice.length > 0) yield slice;
}

async function storedRow(
  { draws }: HomeStore,
  { board, benchmarks, node }: GroupedColumn,
  { model, key }: { readonly model: StoredModel; readonly key: string },
): Promise<StoredRow> {
  const average = board.nodes.find(({ id }) => id === node)?.kind !== 'benchmark';
  const shares = average ? (board.counted.get(node) ?? []) : [{ benchmark: node, weight: 1 }];
  const entering = shares.flatMap(({ benchmark: id, weight }) => {
    const score = model.scores.get(id);
    return counts(score, board.rules) ? [{ id, weight, job: score.job }] : [];
  });
  const asked = entering.flatMap(({ id, job }) => {
    const benchmark = benchmarks.get(id)?.benchmark;
    return benchmark === undefined ? [] : [[job, benchmark] as const];
  });
  const found = new Map(
    (await draws.read(asked)).map((row) => [`${row.job} ${row.benchmark}`, row]),
  );
  const parts = entering.flatMap(({ id, weight, job }): StoredPart[] => {
    const known = benchmarks.get(id);
    const { digest = null, bytes = null } = found.get(`${job} ${known?.benchmark}`) ?? {};
    if (!known || digest === null || bytes === null) return [];
    return [{ benchmark: id, version: known.version, weight, digest, bytes }];
  });
  return { key, average, parts: parts.length === entering.length ? parts : undefined };
}
