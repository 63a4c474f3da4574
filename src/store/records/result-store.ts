import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { LeafScore, ScoredModel } from '../../leaderboard/leaderboard.js';
import type { ModelFacts } from '../../scoring/model/model-facts.js';
import type { Database } from '../database/database.js';
import { type FactColumns, factColumns, factsIn } from './model-fact-columns.js';
import type { Visibility } from './model-store.js';
import { asking, type Principal, SERVICE_OWNER, seen } from './principal.js';

/** A requested benchmark. */
export interface WantedBenchmark {
  /** Its name in the answer. */
  readonly column: string;
  /** Under which scores bear it. */
  readonly benchmark: string;
  readonly version: number;
  /** Its name in jobs: the identifier of a shipped one, else the id of the upload. */
  readonly source: string;
}

/** Filter of models. */
export interface ModelFilter {
  readonly owner?: string;
  /** Whether scores of layers that a request named count too, beside those of the card. */
  readonly anyLayer: boolean;
}

/** A score with the job that made it. */
export interface StoredScore extends LeafScore {
  readonly brought: boolean;
  readonly job: string;
}

/** A registered or shipped model with its scores. */
export interface StoredModel extends ScoredModel<StoredScore> {
  readonly digest: string;
  readonly owner: string;
  readonly visibility: Visibility;
  readonly facts: ModelFacts;
}

/** A score as a scoreboard holds it. */
export type Cell = readonly [
  value: number | null,
  error: number | null,
  low: number | null,
  high: number | null,
  selection: boolean,
  job: string,
  sequence: number,
];

/** A score with the number of its job: the latest one counts, of brought ones only where there is no other. */
export interface BoardScore extends StoredScore {
  readonly sequence: number;
}

/** The scores of a scoreboard, by the keys of its cells. */
export interface BoardCells {
  readonly cells: ReadonlyMap<string, BoardScore>;
}

/** A scoreboard that was read. */
interface Board extends BoardCells {
  readonly version: number;
}

interface BoardRow {
  id: string;
  board: string;
  version: number;
  cells: Readonly<Record<string, Cell>>;
}

/** A model that is shown, and one scoreboard of it. */
export interface ModelRow extends FactColumns {
  id: string;
  name: string;
  digest: string;
  owner: string;
  visibility: Visibility;
  /** Whose jobs made it; empty for a registration. */
  board: string;
}

interface PresentRow extends ModelRow {
  version: number;
}

const SHOWN_MODELS = `
  with shown as (
    select models.id, models.name, models.digest, models.owner, models.visibility, scoreboards.owner as board, version,
      ${factColumns.map((column) => `models.${column}`).join(', ')}
    from models join scoreboards on subject = models.id and scoreboards.owner = '' where ${seen('models')}
    union all
    select subject, subject, digest, '${SERVICE_OWNER}', 'public', owner, version, ${factColumns.map(() => 'null').join(', ')}
    from scoreboards where subject = any($4::text[]) and ($1::boolean or owner in ($2::text, '${SERVICE_OWNER}'))
  )
  select * from shown where $5::text is null or owner = $5 order by id, board`;

const BOARDS = `
  select subject as id, owner as board, version, cells from scoreboards
  where (subject, owner) in (select * from unnest($1::text[], $2::text[]))`;

/** Boards read by one statement, while which the embedded database holds the event loop. */
const CHUNK = 25;
/** Boards that are kept, of some ten kilobytes each. */
const KEPT = 5000;
/** Answers that are kept: pages and orders of a few views that are looked at. */
const ANSWERS = 4;

/**
 * The scores of all models, without their JSON. It keeps the scoreboards that it read and reads them again
 * once their version has changed.
 */
export class ResultStore {
  readonly #database: Database;
  readonly #boards = new Map<string, Board>();
  readonly #answers = new Map<string, readonly StoredModel[]>();

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Models that the principal may see and that have a score on one of the benchmarks, which the principal may
   * see too. A score on a shipped model is seen by who asked for it, and by all where the service did.
   * @param shipped the models that ventral ships, by their names
   */
  async scoredModels(
    principal: Principal,
    benchmarks: readonly WantedBenchmark[],
    shipped: ReadonlyMap<string, ModelFacts>,
    { owner, anyLayer }: ModelFilter,
  ): Promise<readonly StoredModel[]> {
    const rows = await this.#database.query<PresentRow>(SHOWN_MODELS, [
      ...asking(principal),
      [...shipped.keys()],
      owner ?? null,
    ]);
    // The embedded database answers without a turn of the event loop.
    await turn();
    const columns = cellColumns(benchmarks, anyLayer);
    // Rows bear the versions of their boards, and no version occurs twice.
    const state = createHash('sha256')
      .update(JSON.stringify([rows, columns]))
      .digest('base64');
    const answer =
      this.#answers.get(state) ?? modelsOf(rows, await this.#read(rows), { columns, shipped });
    this.#answers.delete(state);
    this.#answers.set(state, answer);
    if (this.#answers.size > ANSWERS) this.#answers.delete(this.#answers.keys().next().value ?? '');
    return answer;
  }

  /** The boards of rows, in order; a row removed meanwhile is empty. */
  async #read(rows: readonly PresentRow[]): Promise<Board[]> {
    const stale = rows.filter((row) => this.#boards.get(keyOf(row))?.version !== row.version);
    const fresh = new Map<string, Board>();
    for (let start = 0; start < stale.length; start += CHUNK) {
      const chunk = stale.slice(start, start + CHUNK);
      const found = await this.#database.query<BoardRow>(BOARDS, [
        chunk.map(({ id }) => id),
        chunk.map(({ board }) => board),
      ]);
      for (const row of found) fresh.set(keyOf(row), boardOf(row));
      await turn();
    }
    const boards = rows.map((row) => fresh.get(keyOf(row)) ?? this.#boards.get(keyOf(row)));
    this.#keep(fresh);
    return boards.map((board) => board ?? { version: 0, cells: new Map() });
  }

  #keep(fresh: ReadonlyMap<string, Board>): void {
    for (const [key, board] of fresh) {
      // Behind the others, of which the oldest goes first.
      this.#boards.delete(key);
      this.#boards.set(key, board);
    }
    for (const oldest of this.#boards.keys()) {
      if (this.#boards.size <= KEPT) break;
      this.#boards.delete(oldest);
    }
  }
}

const keyOf = ({ id, board }: Pick<ModelRow, 'id' | 'board'>) => `${board} ${id}`;

const boardOf = ({ version, cells }: BoardRow): Board => ({
  version,
  cells: new Map(Object.entries(cells).map(([key, cell]) => [key, scoreOf(key, cell)])),
});

/** The score of a cell. */
export const scoreOf = (
  key: string,
  [value, error, low, high, selection, job, sequence]: Cell,
): BoardScore => ({
  value,
  error,
  ci: low === null || high === null ? null : [low, high],
  selection,
  brought: / brought-/.test(key),
  job,
  sequence,
});

const modelOf = (
  row: ModelRow,
  scores: StoredModel['scores'],
  facts: ModelFacts = factsIn(row),
): StoredModel => {
  const { id, name, digest, owner, visibility } = row;
  return { id, name, digest, owner, visibility, facts, scores };
};

/** A benchmark's column, and the keys of its possible cells. */
export interface CellColumn {
  readonly column: string;
  readonly keys: readonly string[];
  /** The same of scores that were brought. */
  readonly brought: readonly string[];
}

/** The columns of benchmarks. @param anyLayer see {@link ModelFilter} */
export function cellColumns(
  benchmarks: readonly WantedBenchmark[],
  anyLayer: boolean,
): CellColumn[] {
  const choices = anyLayer ? ['card', 'flag'] : ['card'];
  return benchmarks.map(({ column, benchmark, version, source }) => {
    const keysOf = (prefix: string) =>
      choices.map((choice) => `${version} ${prefix}${choice} ${source} ${benchmark}`);
    return { column, keys: keysOf(''), brought: keysOf('brought-') };
  });
}

/** Models with a score in one of the columns. @param boards of the rows, in their order */
export function modelsOf(
  rows: readonly ModelRow[],
  boards: readonly BoardCells[],
  {
    columns,
    shipped,
  }: {
    readonly columns: readonly CellColumn[];
    readonly shipped: ReadonlyMap<string, ModelFacts>;
  },
): StoredModel[] {
  const models = new Map<string, { row: ModelRow; boards: BoardCells[] }>();
  for (const [k, row] of rows.entries()) {
    const known = models.get(row.id);
    if (known) known.boards.push(boards[k]);
    else models.set(row.id, { row, boards: [boards[k]] });
  }
  return [...models.values()]
    .map(({ row, boards }) => modelOf(row, scoresOf(boards, columns), shipped.get(row.id)))
    .filter(({ scores }) => scores.size > 0);
}

function scoresOf(
  boards: readonly BoardCells[],
  columns: readonly CellColumn[],
): Map<string, StoredScore> {
  const scores = new Map<string, StoredScore>();
  for (const column of columns) {
    const score = columnScore(boards, column);
    if (score) scores.set(column.column, score);
  }
  return scores;
}

/** The score of the latest job in a column; one that was brought only where the service has none of its own. */
export const columnScore = (
  boards: Iterable<BoardCells>,
  { keys, brought }: CellColumn,
): BoardScore | undefined => latestOf(boards, keys) ?? latestOf(boards, brought);

function latestOf(boards: Iterable<BoardCells>, keys: readonly string[]): BoardScore | undefined {
  let latest: BoardScore | undefined;
  for (const { cells } of boards) {
    for (const key of keys) {
      const score = cells.get(key);
      if (score && score.sequence > (latest?.sequence ?? 0)) latest = score;
    }
  }
  return latest;
}
