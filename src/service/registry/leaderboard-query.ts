import type { paths } from '../../api/schema.js';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { factNames, isFactName } from '../../leaderboard/fact-filter.js';
import { type Formula, readFormula } from '../../leaderboard/formula-column.js';
import type { RowPlace } from '../../leaderboard/leaderboard-order.js';
import { RequestProblem } from '../http/problem.js';
import type { ProblemPart } from '../http/problem-details.js';
import type { BoardBenchmark, LeaderboardBenchmarks } from './leaderboard-benchmarks.js';

/** The query of `GET /leaderboard` as the validator leaves it. */
export type LeaderboardQuery = NonNullable<paths['/leaderboard']['get']['parameters']['query']>;

/** The benchmarks of a leaderboard. */
export interface BoardColumns {
  /** Those of the tree that averages. */
  readonly tree: readonly BoardBenchmark[];
  /** Uploads, each a column that enters no average. */
  readonly beside: readonly BoardBenchmark[];
}

/**
 * The benchmarks that the query names, in the tree; else the standard ones, and uploads beside them; of the regions
 * asked for.
 * @throws VentralError `benchmark-unknown` for what is not there, and for a mixture of real and simulated ones
 */
export function boardColumns(
  { benchmark, region, simulated = false, set = 'private' }: LeaderboardQuery,
  catalog: LeaderboardBenchmarks,
): BoardColumns {
  const roles = region && new Set<string>(region);
  const ofRegions = (chosen: readonly BoardBenchmark[]) =>
    roles ? chosen.filter((each) => roles.has(roleOf(each))) : chosen;
  if (benchmark)
    return { tree: ofRegions(namedBenchmarks(benchmark, simulated, catalog)), beside: [] };
  return {
    tree: ofRegions(catalog.standard(simulated, set)),
    beside: ofRegions(catalog.uploads(simulated)),
  };
}

const roleOf = ({ region, metric }: BoardBenchmark) =>
  region ?? (metric === 'accuracy' ? 'engineering' : 'behavior');

function namedBenchmarks(
  names: readonly string[],
  simulated: boolean,
  catalog: LeaderboardBenchmarks,
): BoardBenchmark[] {
  const parts: ProblemPart[] = [];
  const found = new Map<string, BoardBenchmark>();
  for (const [k, name] of names.entries()) {
    const benchmarks = catalog.named(name);
    const pointer = `/query/benchmark/${k}`;
    if (benchmarks.length === 0)
      parts.push({ pointer, detail: `There is no benchmark "${name}"${catalog.hint(name)}` });
    else if (benchmarks[0].simulated !== simulated)
      parts.push({
        pointer,
        detail: `${name} is ${simulated ? 'not simulated: it is' : 'simulated: it is'} shown only with simulated=${!simulated}`,
      });
    for (const each of benchmarks) found.set(each.id, each);
  }
  if (parts.length > 0) throw refusal('benchmark-unknown', parts);
  return [...found.values()];
}

const refusal = (code: 'benchmark-unknown' | 'formula-invalid', parts: readonly ProblemPart[]) =>
  new RequestProblem(code, parts.map(({ detail }) => detail).join('; '), { parts });

/** A formula and the benchmarks that it names. */
export interface FormulaColumn {
  readonly id: string;
  readonly formula: Formula;
  readonly benchmarks: readonly BoardBenchmark[];
}

/**
 * The formulas of a query.
 * @throws VentralError `formula-invalid` for all that are wrong
 */
export async function formulaColumns(
  { column = [], simulated = false }: LeaderboardQuery,
  catalog: LeaderboardBenchmarks,
): Promise<FormulaColumn[]> {
  const parts: ProblemPart[] = [];
  const columns: FormulaColumn[] = [];
  for (const [k, text] of column.entries()) {
    try {
      if (simulated)
        throw new VentralError('formula-invalid', 'Formulas cannot use simulated scores');
      const formula = await readFormula(text);
      columns.push({ id: `column.${k}`, formula, benchmarks: benchmarksOf(formula, catalog) });
    } catch (error) {
      if (!(error instanceof VentralError)) throw error;
      parts.push({ pointer: `/query/column/${k}`, detail: error.message });
    }
  }
  if (parts.length > 0) throw refusal('formula-invalid', parts);
  return columns;
}

function benchmarksOf({ variables }: Formula, catalog: LeaderboardBenchmarks): BoardBenchmark[] {
  return variables.flatMap((variable) => {
    if (variable.kind === 'node') return [];
    const { id, column } = variable;
    const found = catalog.named(id);
    const why =
      found.length === 0
        ? `there is no benchmark "${id}"${catalog.hint(id)}`
        : found.length > 1
          ? `${id} holds ${found.map((each) => each.id).join(', ')}: name one of them`
          : found[0].simulated && `${id} is simulated, and formulas cannot use simulated scores`;
    if (why)
      throw new VentralError('formula-invalid', `Character ${column} of the formula: ${why}`);
    return found;
  });
}

/** What rows are sorted by. */
export interface SortChoice {
  /** `name`, or the id of a column. */
  readonly by: string;
  readonly descending: boolean;
}

/**
 * `sort` of a query, by default the first column from the top.
 * @throws VentralError `column-unknown`
 */
export function readSort({ sort }: LeaderboardQuery, columns: readonly string[]): SortChoice {
  if (sort === undefined)
    return columns.length > 0
      ? { by: columns[0], descending: true }
      : { by: 'name', descending: false };
  const descending = sort.startsWith('-');
  const by = descending ? sort.slice(1) : sort;
  if (by !== 'name' && !isFactName(by) && !columns.includes(by)) {
    throw new VentralError(
      'column-unknown',
      `There is no column "${by}" to sort by${didYouMean(by, ['name', ...Object.keys(factNames), ...columns])}`,
      { field: '/query/sort' },
    );
  }
  return { by, descending };
}

/** @throws VentralError `invalid-request` for a cursor that is not ours */
export function readPlace({ cursor }: LeaderboardQuery): RowPlace | undefined {
  if (cursor === undefined) return undefined;
  try {
    const [key, name, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const known = key === null || typeof key === 'number' || typeof key === 'string';
    if (known && typeof name === 'string' && typeof id === 'string') return { key, name, id };
  } catch {
    // Told below, as any other text that is not ours.
  }
  throw new VentralError('invalid-request', 'cursor: expected `next` of the previous page', {
    field: '/query/cursor',
  });
}

/** The cursor of the page behind a row. */
export const placeText = ({ key, name, id }: RowPlace): string =>
  Buffer.from(JSON.stringify([key, name, id])).toString('base64url');
