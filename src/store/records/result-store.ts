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
type Cell = readonly [
  value: number | null,
  error: number | null,
  low: number | null,
  high: number | null,
  selection: boolean,
  job: string,
  sequence: number,
];

/** A score with the number of its job: the latest one counts, of brought ones only where there is no other. */
interface BoardScore extends StoredScore {
  readonly sequence: number;
}

/** A scoreboard that was read, by the keys of its cells. */
interface Board {
  readonly version: number;
  readonly cells: ReadonlyMap<string, BoardScore>;
}

interface BoardRow {
  id: string;
  board: string;
  version: number;
  cells: Readonly<Record<string, Cell>>;
}

/** A model that is shown, and one scoreboard of it. */
interface ModelRow extends FactColumns {
  id: string;
  name: string;
  digest: string;
  owner: string;
  visibility: Visibility;
  /** Whose jobs made it; empty for a registration. */
  board: string;
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
  select * from shown where $5::text is null or owner = $5`;

const BOARDS = `
  select subject as id, owner as board, version, cells from scoreboards
  where (subject, owner) in (select * from unnest($1::text[], $2::text[]))`;

/** Boards read by one statement, while which the embedded database holds the event loop. */
const CHUNK = 50;
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
    const rows = await this.#database.query<ModelRow>(SHOWN_MODELS, [
      ...asking(principal),
      [...shipped.keys()],
      owner ?? null,
    ]);
    // The embedded database answers without a turn of the event loop.
    await turn();
    const choices = anyLayer ? ['card', 'flag'] : ['card'];
    const columns = benchmarks.map(({ column, benchmark, version, source }) => {
      const keysOf = (prefix: string) =>
        choices.map((choice) => `${version} ${prefix}${choice} ${source} ${benchmark}`);
      return { column, keys: keysOf(''), brought: keysOf('brought-') };
    });
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
  async #read(rows: readonly ModelRow[]): Promise<Board[]> {
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
  cells: new Map(
    Object.entries(cells).map(([key, cell]) => [key, scoreOf(cell, / brought-/.test(key))]),
  ),
});

const scoreOf = (
  [value, error, low, high, selection, job, sequence]: Cell,
  brought: boolean,
): BoardScore => ({
  value,
  error,
  ci: low === null || high === null ? null : [low, high],
  selection,
  brought,
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
interface BoardColumn {
  readonly column: string;
  readonly keys: readonly string[];
  /** The same of scores that were brought. */
  readonly brought: readonly string[];
}

/** @param boards of the rows, in their order */
function modelsOf(
  rows: readonly ModelRow[],
  boards: readonly Board[],
  {
    columns,
    shipped,
  }: {
    readonly columns: readonly BoardColumn[];
    readonly shipped: ReadonlyMap<string, ModelFacts>;
  },
): StoredModel[] {
  const models = new Map<string, { row: ModelRow; boards: Board[] }>();
  for (const [k, row] of rows.entries()) {
    const known = models.get(row.id);
    if (known) known.boards.push(boards[k]);
    else models.set(row.id, { row, boards: [boards[k]] });
  }
  return [...models.values()]
    .map(({ row, boards }) => modelOf(row, scoresOf(boards, columns), shipped.get(row.id)))
    .filter(({ scores }) => scores.size > 0);
}

/** By column, the score of the latest job; one that was brought only where the service has none of its own. */
function scoresOf(
  boards: readonly Board[],
  columns: readonly BoardColumn[],
): Map<string, StoredScore> {
  const scores = new Map<string, StoredScore>();
  for (const { column, keys, brought } of columns) {
    const score = latestOf(boards, keys) ?? latestOf(boards, brought);
    if (score) scores.set(column, score);
  }
  return scores;
}

function latestOf(boards: readonly Board[], keys: readonly string[]): BoardScore | undefined {
  let latest: BoardScore | undefined;
  for (const { cells } of boards) {
    for (const key of keys) {
      const score = cells.get(key);
      if (score && score.sequence > (latest?.sequence ?? 0)) latest = score;
    }
  }
  return latest;
}
