import { setImmediate as turn } from 'node:timers/promises';
import type { components } from '../../api/schema.js';
import {
  type FactFilter,
  factNames,
  fitsFacts,
  isFactName,
  readFactFilter,
} from '../../leaderboard/fact-filter.js';
import {
  type Leaderboard as Board,
  type Estimate,
  type LeaderboardRow,
  makeLeaderboard,
} from '../../leaderboard/leaderboard.js';
import { formulaEstimate } from '../../leaderboard/leaderboard-formula.js';
import { pageAfter, rowOrder, type Sortable } from '../../leaderboard/leaderboard-order.js';
import { LEVEL, type ModelGroups } from '../../scoring/draws/model-groups.js';
import type { Generalisation } from '../../scoring/draws/score-draws.js';
import type { ModelFacts } from '../../scoring/model/model-facts.js';
import { IntervalGeneralisations } from '../../store/records/interval-generalisations.js';
import { isFeatures } from '../../store/records/model-store.js';
import type { Principal } from '../../store/records/principal.js';
import type { StoredModel } from '../../store/records/result-store.js';
import { readPage } from '../http/read-page.js';
import { type BoardSource, BoardSources } from './board-source.js';
import type { ServiceContext } from './context.js';
import { GroupService, type KnownGroups } from './group-service.js';
import type { BoardBenchmark } from './leaderboard-benchmarks.js';
import {
  type BoardColumns,
  boardColumns,
  type FormulaColumn,
  formulaColumns,
  type LeaderboardQuery,
  placeText,
  readPlace,
  readSort,
} from './leaderboard-query.js';
import { factsShown } from './model-facts.js';

type Leaderboard = components['schemas']['Leaderboard'];
type Item = Leaderboard['items'][number];
type Column = Leaderboard['columns'][number];

/** A board with what its columns are of. */
export interface BoardParts {
  readonly board: Board<StoredModel>;
  readonly benchmarks: readonly BoardBenchmark[];
  readonly formulas: readonly FormulaColumn[];
  readonly source: BoardSource;
}

/** A score with the benchmark that it is on. */
export interface TitledScore extends Estimate {
  readonly benchmark: string;
  readonly origin: BoardBenchmark['origin'];
}

/** The groups of the models under a column. */
interface ColumnGroups extends KnownGroups {
  readonly column: string;
}

/** How long an answer waits for the groups of several columns. */
const SOON_MS = 200;
/** Rows, of some hundred scores each, after which other requests have their turn. */
const ROWS = 50;

/** Builds leaderboards, for HTTP and for the first HTML of the page. */
export class LeaderboardService {
  readonly #sources: BoardSources;
  /** The last board of each answer of the store. */
  readonly #boards = new WeakMap<
    readonly StoredModel[],
    { key: string; board: Board<StoredModel> }
  >();

  readonly #groups: GroupService;
  readonly #generalisations: IntervalGeneralisations;
  /** Of each board, by column. */
  readonly #generalise = new WeakMap<Board<StoredModel>, ReadonlyMap<string, Generalisation>>();

  constructor(context: Pick<ServiceContext, 'store' | 'closing' | 'log'>) {
    this.#sources = new BoardSources(context.store);
    this.#groups = new GroupService(context);
    this.#generalisations = new IntervalGeneralisations(context.store.database);
  }

  /**
   * A page of the models that a principal may see, averaged, ranked, filtered and sorted. Filters of models come last:
   * what is shown of a model does not depend on which others are.
   * @throws what is wrong with the query: `benchmark-unknown`, `formula-invalid`, `column-unknown`,
   *   `invalid-request`
   */
  async read(principal: Principal, query: LeaderboardQuery): Promise<Leaderboard> {
    const facts = readFactFilter(query);
    const { board, benchmarks, formulas, source } = await this.board(principal, query);
    const column = groupedColumn(board, query);
    const known =
      column === undefined
        ? undefined
        : await this.#groupsOf(principal, query, { board, benchmarks, column });
    // Neither what was read nor what writes the answer shares a turn with the page.
    await turn();
    const page = await pageOf({ board, benchmarks, formulas }, { query, facts }, known);
    const generalises = await this.#generalisationsOf(board, benchmarks);
    await turn();
    const columns = page.columns.map((column) => withGeneralisation(column, generalises));
    return { ...page, columns, ...(source.reconstructed ? { reconstructed: true } : {}) };
  }

  /**
   * The board of a query, before it is filtered, sorted and paged.
   * @throws as {@link read}, but for the sort and the cursor
   */
  async board(principal: Principal, query: LeaderboardQuery): Promise<BoardParts> {
    const source = await this.#sources.read(principal, query.at);
    const columns = boardColumns(query, source.catalog);
    const formulas = await formulaColumns(query, source.catalog);
    const wanted = [
      ...columns.tree,
      ...columns.beside,
      ...formulas.flatMap((column) => column.benchmarks),
    ];
    const scored = await source.scored(wanted, query.layers === 'any');
    // A thousand models take tens of milliseconds: others may be answered in between.
    await turn();
    const shown = scoredColumns(scored, columns);
    const board = this.#boardOf(scored, shown, query);
    return { board, benchmarks: [...shown.tree, ...shown.beside], formulas, source };
  }

  /** The scores that a model has on the standard columns, by their titles; it is seen or not as on a board. */
  async scoresOf(principal: Principal, model: string, simulated: boolean): Promise<TitledScore[]> {
    const source = await this.#sources.read(principal, undefined);
    const { tree, beside } = boardColumns({ simulated }, source.catalog);
    const columns = [...tree, ...beside];
    // The same question as that of a board, which keeps the answer.
    const scored = await source.scored(columns, false);
    const scores = scored.find(({ id }) => id === model)?.scores;
    return columns.flatMap(({ column, benchmark, origin }) => {
      const score = scores?.get(column);
      return score ? [{ benchmark, origin, value: score.value, ci: score.ci }] : [];
    });
  }

  /** The groups under some columns of a board, as far as they are known soon. */
  async groups(
    principal: Principal,
    query: LeaderboardQuery,
    { board, benchmarks }: BoardParts,
    columns: readonly string[],
  ): Promise<ReadonlyMap<string, KnownGroups>> {
    const found = columns.map(
      async (column) =>
        [
          column,
          await this.#groupsOf(principal, query, { board, benchmarks, column }, SOON_MS),
        ] as const,
    );
    return new Map(await Promise.all(found));
  }

  async #generalisationsOf(
    board: Board<StoredModel>,
    benchmarks: readonly BoardBenchmark[],
  ): Promise<ReadonlyMap<string, Generalisation>> {
    const models = board.rows.map(({ model }) => model);
    const known =
      this.#generalise.get(board) ?? (await this.#generalisations.read(benchmarks, models));
    this.#generalise.set(board, known);
    return known;
  }

  /** What of a query chooses lines and columns of a page alone changes no group. */
  async #groupsOf(
    principal: Principal,
    query: LeaderboardQuery,
    { board, benchmarks, column }: Pick<BoardParts, 'board' | 'benchmarks'> & { column: string },
    patience?: number,
  ): Promise<ColumnGroups> {
    const { search, owner, visibility, limit, cursor, offset, sort, column: _, ...asked } = query;
    const { weights, parameters, family, training_data, date, licence, ...rest } = asked;
    const view = JSON.stringify([principal, column, rest]);
    const byId = new Map(benchmarks.map((benchmark) => [benchmark.id, benchmark]));
    const known = await this.#groups.read(
      view,
      { board, benchmarks: byId, node: column },
      patience,
    );
    return { ...known, column };
  }

  /** Sorted and paged views of unchanged scores share one board. */
  #boardOf(
    scored: readonly StoredModel[],
    { tree, beside }: BoardColumns,
    { model, missing = 'zero', selection = 'exclude', brought = 'exclude' }: LeaderboardQuery,
  ): Board<StoredModel> {
    const key = JSON.stringify([tree, beside, model, missing, selection, brought]);
    const last = this.#boards.get(scored);
    if (last?.key === key) return last.board;
    const models = scored.filter(
      ({ id, digest, scores }) =>
        [...tree, ...beside].some((benchmark) => scores.has(benchmark.id)) &&
        (model?.some((name) => name === id || name === digest) ?? true),
    );
    const board = makeLeaderboard(tree, models, { missing, selection, brought }, beside);
    this.#boards.set(scored, { key, board });
    return board;
  }
}

/** Without the uploads on which nobody has a score. */
function scoredColumns(
  scored: readonly StoredModel[],
  { tree, beside }: BoardColumns,
): BoardColumns {
  const has = ({ id }: BoardBenchmark) => scored.some(({ scores }) => scores.has(id));
  return { tree, beside: beside.filter(has) };
}

type StoredRow = LeaderboardRow<StoredModel>;

/** A row on its way to its page. */
interface Line extends Sortable {
  readonly row: StoredRow;
}

async function pageOf(
  { board, benchmarks, formulas }: Omit<BoardParts, 'source'>,
  { query, facts }: { readonly query: LeaderboardQuery; readonly facts: FactFilter },
  known: ColumnGroups | undefined,
): Promise<Leaderboard> {
  const columns = columnsOf(board, benchmarks, formulas);
  const sort = readSort(
    query,
    columns.map(({ id }) => id),
  );
  const key = keyOf(sort.by, board, formulas);
  const fits = modelFilter(query, facts);
  const lines = board.rows
    .map((row): Line => {
      const { id, name } = row.model;
      return { id, name, key: key(row), row };
    })
    .filter(({ row }) => fits(row.model))
    .sort(rowOrder(sort.descending));
  const start = readPlace(query) ?? query.offset ?? 0;
  const { rows, more } = pageAfter(lines, sort.descending, readPage(query).limit, start);
  const shownGroup = known?.groups && groupShown(board, known.groups);
  const items: Item[] = [];
  for (const [i, line] of rows.entries()) {
    if (i % ROWS === ROWS - 1) await turn();
    items.push({
      ...itemOf(line, board, benchmarks, formulas),
      ...(shownGroup?.(line.row.model.id) ?? { group: null, tied: null }),
    });
  }
  return {
    columns,
    models: lines.length,
    total: board.rows.length,
    groups: known ? groupsShown(known) : null,
    items,
    next: more ? placeText(rows[rows.length - 1]) : null,
  };
}

/** Whether a model is shown: each word is in its name, whatever the case, and owner, visibility and facts are those asked for. */
function modelFilter({ search = '', owner, visibility }: LeaderboardQuery, filter: FactFilter) {
  const fits = fitsFacts(filter);
  const words = search.toLowerCase().split(/\s+/);
  return (model: StoredModel): boolean => {
    const name = model.name.toLowerCase();
    return (
      words.every((word) => name.includes(word)) &&
      (owner === undefined || model.owner === owner) &&
      (visibility === undefined || model.visibility === visibility) &&
      fits(model.facts)
    );
  };
}

function columnsOf(
  { nodes }: Board,
  benchmarks: readonly BoardBenchmark[],
  formulas: readonly FormulaColumn[],
): Column[] {
  const known = new Map(benchmarks.map((benchmark) => [benchmark.id, benchmark]));
  const tree = nodes.map(({ id, kind, parent, shares }): Column => {
    const found = known.get(id);
    return kind === 'average' || !found
      ? { id, kind: 'average', parent, benchmarks: shares.length }
      : { id, kind, parent, ...columnOf(found, benchmarks) };
  });
  return [
    ...tree,
    ...formulas.map(({ id, formula }): Column => ({ id, kind: 'formula', formula: formula.text })),
  ];
}

function withGeneralisation(
  column: Column,
  generalises: ReadonlyMap<string, Generalisation>,
): Column {
  if (column.kind !== 'benchmark') return column;
  const found = generalises.get(column.id);
  return found ? { ...column, generalises: { ...found, units: { ...found.units } } } : column;
}

/** Uploads of one identifier are told apart by their ids. */
function columnOf(
  { id, benchmark, version, origin }: BoardBenchmark,
  benchmarks: readonly BoardBenchmark[],
) {
  const others = benchmarks.some((other) => other.benchmark === benchmark && other.id !== id);
  return { benchmark, title: others ? `${benchmark} (${id})` : benchmark, version, origin };
}

/** The column that groups are of: the one sorted by; sorted by name or a fact the first; formulas have none. */
function groupedColumn({ nodes }: Board, { sort }: LeaderboardQuery): string | undefined {
  const by = sort?.replace(/^-/, '') ?? nodes[0]?.id;
  const first = by === 'name' || (by !== undefined && isFactName(by));
  return nodes.find(({ id }) => id === (first ? nodes[0]?.id : by))?.id;
}

function groupsShown({ column, state, groups }: ColumnGroups): Leaderboard['groups'] {
  const { level = LEVEL, compared = null, pairs = null, separated = null } = groups ?? {};
  const instrument = groups?.instrument;
  return {
    ...{ column, state, level, compared, separated, pairs: pairs && { ...pairs } },
    instrument: instrument
      ? { ...instrument, ci: instrument.ci && ([...instrument.ci] as [number, number]) }
      : null,
  };
}

/** What is said of a model; groups of an earlier state may name models that are gone. */
function groupShown({ rows }: Board<StoredModel>, { models }: ModelGroups) {
  const there = new Set(rows.map(({ model }) => model.id));
  return (id: string): Pick<Item, 'group' | 'tied'> | undefined => {
    const found = models.get(id);
    if (!found) return undefined;
    const { rank, ranks, letters, paired, tied } = found;
    return {
      group: { rank, ranks: [...ranks], letters, paired },
      tied: { ...tied, models: tied.models.filter((other) => there.has(other)) },
    };
  };
}

/** The sort key of a row. */
function keyOf(
  by: string,
  board: Board,
  formulas: readonly FormulaColumn[],
): (row: StoredRow) => Sortable['key'] {
  if (by === 'name') return ({ model }) => model.name;
  const fact = factOf(by);
  if (fact) return ({ model }) => sortedAs(model.facts[fact]);
  const formula = formulas.find(({ id }) => id === by)?.formula;
  if (formula) return (row) => formulaEstimate(formula, board, row).value;
  const kind = board.nodes.find(({ id }) => id === by)?.kind;
  return kind === 'benchmark'
    ? ({ model }) => model.scores.get(by)?.value ?? null
    : ({ averages }) => averages.get(by)?.value ?? null;
}

/** The fact that rows are sorted by, where it is one. */
const factOf = (by: string) => (isFactName(by) ? factNames[by][0] : undefined);

/** A list as its text; what is not said is listed last. */
const sortedAs = (value: ModelFacts[keyof ModelFacts]): Sortable['key'] =>
  typeof value === 'number' || value === null ? value : String(value).toLowerCase();

function itemOf(
  { row }: Line,
  board: Board,
  benchmarks: readonly BoardBenchmark[],
  formulas: readonly FormulaColumn[],
): Omit<Item, 'tied' | 'group'> {
  const { model, averages, rank, rankShared } = row;
  const { id, name, digest, owner, visibility, facts } = model;
  const scores: Item['scores'] = {};
  for (const benchmark of benchmarks) {
    const score = model.scores.get(benchmark.id);
    if (!score) continue;
    const { value, ci, error, selection, brought, job } = score;
    scores[benchmark.id] = { value, ci: ci && [...ci], error, selection, brought, job };
  }
  return {
    ...{ rank, rankShared, model: id, name, digest, owner, visibility },
    ...factsShown(facts),
    features: isFeatures(id),
    averages: Object.fromEntries(
      [...averages].map(([node, average]) => [node, { ...average, ...shown(average) }]),
    ),
    scores,
    formulas: formulas.map(({ formula }) => shown(formulaEstimate(formula, board, row))),
    links: { ...(id.startsWith('mdl_') ? { model: `/v1/models/${id}` } : {}) },
  };
}

const shown = ({ value, ci }: Estimate) => ({ value, ci: ci && ([...ci] as [number, number]) });
