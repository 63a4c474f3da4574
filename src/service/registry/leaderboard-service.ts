import { setImmediate as turn } from 'node:timers/promises';
import type { Weights } from '../../activations/card/card.js';
import { shippedModels, shippedWeights } from '../../activations/model-file.js';
import type { components } from '../../api/schema.js';
import {
  type Leaderboard as Board,
  type Estimate,
  type LeaderboardRow,
  makeLeaderboard,
} from '../../leaderboard/leaderboard.js';
import { formulaEstimate } from '../../leaderboard/leaderboard-formula.js';
import { pageAfter, rowOrder, type Sortable } from '../../leaderboard/leaderboard-order.js';
import { LEVEL, type ModelGroups } from '../../scoring/draws/model-groups.js';
import type { HomeStore } from '../../store/home-store.js';
import { isFeatures } from '../../store/records/model-store.js';
import type { Principal } from '../../store/records/principal.js';
import { ResultStore, type StoredModel } from '../../store/records/result-store.js';
import { readPage } from '../http/read-page.js';
import type { ServiceContext } from './context.js';
import { GroupService, type KnownGroups } from './group-service.js';
import { type BoardBenchmark, LeaderboardBenchmarks } from './leaderboard-benchmarks.js';
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

type Leaderboard = components['schemas']['Leaderboard'];
type Item = Leaderboard['items'][number];
type Column = Leaderboard['columns'][number];

/** A board with what its columns are of. */
interface BoardParts {
  readonly board: Board<StoredModel>;
  readonly benchmarks: readonly BoardBenchmark[];
  readonly formulas: readonly FormulaColumn[];
}

/** The groups of the models under a column. */
interface ColumnGroups extends KnownGroups {
  readonly column: string;
}

/** Builds leaderboards, for HTTP and for the first HTML of the page. */
export class LeaderboardService {
  readonly #store: HomeStore;
  readonly #results: ResultStore;
  /** The last board of each answer of the store. */
  readonly #boards = new WeakMap<
    readonly StoredModel[],
    { key: string; board: Board<StoredModel> }
  >();

  readonly #groups: GroupService;

  constructor(context: Pick<ServiceContext, 'store' | 'closing' | 'log'>) {
    this.#store = context.store;
    this.#groups = new GroupService(context);
    this.#results = new ResultStore(context.store.database);
  }

  /**
   * A page of the models that a principal may see, averaged, ranked, filtered and sorted. Filters of models come last:
   * what is shown of a model does not depend on which others are.
   * @throws what is wrong with the query: `benchmark-unknown`, `formula-invalid`, `column-unknown`,
   *   `invalid-request`
   */
  async read(principal: Principal, query: LeaderboardQuery): Promise<Leaderboard> {
    const { board, benchmarks, formulas } = await this.board(principal, query);
    const column = groupedColumn(board, query);
    const known =
      column === undefined
        ? undefined
        : await this.#groupsOf(principal, query, { board, benchmarks, column });
    const page = pageOf(board, benchmarks, formulas, query, known);
    return { ...page, items: await this.#labelled(page.items) };
  }

  /**
   * The board of a query, before it is filtered, sorted and paged.
   * @throws as {@link read}, but for the sort and the cursor
   */
  async board(principal: Principal, query: LeaderboardQuery): Promise<BoardParts> {
    const catalog = new LeaderboardBenchmarks(await this.#store.benchmarks.list(principal));
    const columns = boardColumns(query, catalog);
    const formulas = await formulaColumns(query, catalog);
    const wanted = [
      ...columns.tree,
      ...columns.beside,
      ...formulas.flatMap((column) => column.benchmarks),
    ];
    const scored = await this.#results.scoredModels(principal, wanted, await shippedModels(), {
      anyLayer: query.layers === 'any',
    });
    // A thousand models take tens of milliseconds: others may be answered in between.
    await turn();
    const shown = scoredColumns(scored, columns);
    const board = this.#boardOf(scored, shown, query);
    return { board, benchmarks: [...shown.tree, ...shown.beside], formulas };
  }

  /** What of a query chooses lines and columns of a page alone changes no group. */
  async #groupsOf(
    principal: Principal,
    { search, owner, visibility, limit, cursor, sort, column: formulas, ...rest }: LeaderboardQuery,
    { board, benchmarks, column }: Pick<BoardParts, 'board' | 'benchmarks'> & { column: string },
  ): Promise<ColumnGroups> {
    const view = JSON.stringify([principal, column, rest]);
    const byId = new Map(benchmarks.map((benchmark) => [benchmark.id, benchmark]));
    const known = await this.#groups.read(view, { board, benchmarks: byId, node: column });
    return { ...known, column };
  }

  /** The rows with where the weights of their models come from; cards of a page alone are read. */
  async #labelled(items: readonly Unlabelled[]): Promise<Item[]> {
    const ids = items.map(({ model }) => model);
    const [shipped, registered] = await Promise.all([
      shippedWeights(),
      this.#store.models.weightsOf(ids),
    ]);
    return items.map((item) => ({
      ...item,
      weights:
        (registered.get(item.model) as Weights | undefined) ?? shipped.get(item.model) ?? null,
    }));
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

type Unlabelled = Omit<Item, 'weights'>;
type StoredRow = LeaderboardRow<StoredModel>;

/** A row on its way to its page. */
interface Line extends Sortable {
  readonly row: StoredRow;
}

function pageOf(
  board: Board<StoredModel>,
  benchmarks: readonly BoardBenchmark[],
  formulas: readonly FormulaColumn[],
  query: LeaderboardQuery,
  known: ColumnGroups | undefined,
): Omit<Leaderboard, 'items'> & { readonly items: Unlabelled[] } {
  const columns = columnsOf(board, benchmarks, formulas);
  const sort = readSort(
    query,
    columns.map(({ id }) => id),
  );
  const key = keyOf(sort.by, board, formulas);
  const fits = modelFilter(query);
  const lines = board.rows
    .map((row): Line => {
      const { id, name } = row.model;
      return { id, name, key: key(row), row };
    })
    .filter(({ row }) => fits(row.model))
    .sort(rowOrder(sort.descending));
  const { rows, more } = pageAfter(lines, sort.descending, readPage(query).limit, readPlace(query));
  const shownGroup = known?.groups && groupShown(board, known.groups);
  return {
    columns,
    models: lines.length,
    total: board.rows.length,
    groups: known ? groupsShown(known) : null,
    items: rows.map((line) => ({
      ...itemOf(line, board, benchmarks, formulas),
      ...(shownGroup?.(line.row.model.id) ?? { group: null, tied: null }),
    })),
    next: more ? placeText(rows[rows.length - 1]) : null,
  };
}

/** Whether a model is shown: each word is in its name, whatever the case, and it has this owner and visibility. */
function modelFilter({ search = '', owner, visibility }: LeaderboardQuery) {
  const words = search.toLowerCase().split(/\s+/);
  return (model: StoredModel): boolean => {
    const name = model.name.toLowerCase();
    return (
      words.every((word) => name.includes(word)) &&
      (owner === undefined || model.owner === owner) &&
      (visibility === undefined || model.visibility === visibility)
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

/** Uploads of one identifier are told apart by their ids. */
function columnOf(
  { id, benchmark, version, origin }: BoardBenchmark,
  benchmarks: readonly BoardBenchmark[],
) {
  const others = benchmarks.some((other) => other.benchmark === benchmark && other.id !== id);
  return { benchmark, title: others ? `${benchmark} (${id})` : benchmark, version, origin };
}

/** The column that groups are of: the one sorted by; sorted by name the first; formulas have none. */
function groupedColumn({ nodes }: Board, { sort }: LeaderboardQuery): string | undefined {
  const by = sort?.replace(/^-/, '') ?? nodes[0]?.id;
  return nodes.find(({ id }) => id === (by === 'name' ? nodes[0]?.id : by))?.id;
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
  const formula = formulas.find(({ id }) => id === by)?.formula;
  if (formula) return (row) => formulaEstimate(formula, board, row).value;
  const kind = board.nodes.find(({ id }) => id === by)?.kind;
  return kind === 'benchmark'
    ? ({ model }) => model.scores.get(by)?.value ?? null
    : ({ averages }) => averages.get(by)?.value ?? null;
}

function itemOf(
  { row }: Line,
  board: Board,
  benchmarks: readonly BoardBenchmark[],
  formulas: readonly FormulaColumn[],
): Omit<Unlabelled, 'tied' | 'group'> {
  const { model, averages, rank, rankShared } = row;
  const { id, name, digest, owner, visibility } = model;
  const scores = benchmarks.flatMap((benchmark): [string, Item['scores'][string]][] => {
    const score = model.scores.get(benchmark.id);
    if (!score) return [];
    const { value, error, selection, brought, job } = score;
    return [[benchmark.id, { ...shown(score), value, error, selection, brought, job }]];
  });
  return {
    ...{ rank, rankShared, model: id, name, digest, owner, visibility },
    features: isFeatures(id),
    averages: Object.fromEntries(
      [...averages].map(([node, average]) => [node, { ...average, ...shown(average) }]),
    ),
    scores: Object.fromEntries(scores),
    formulas: formulas.map(({ formula }) => shown(formulaEstimate(formula, board, row))),
    links: { ...(id.startsWith('mdl_') ? { model: `/v1/models/${id}` } : {}) },
  };
}

const shown = ({ value, ci }: Estimate) => ({ value, ci: ci && ([...ci] as [number, number]) });
