import { answer, client, ProblemError, type Schemas } from '../../client/client.js';
import { type Column, type Item, titleOf } from '../../parts/board-column.js';

/** The least and the most models that are put side by side. */
export const FEWEST = 2;
export const MOST = 8;

/** What an address of the page says of which scores are compared. */
export interface BoardView {
  /** null: real scores, where a model chosen has any. */
  readonly simulated: boolean | null;
  readonly missing: 'common' | 'zero';
  readonly selection: 'exclude' | 'include';
  readonly brought: 'exclude' | 'include';
  readonly layers: 'card' | 'any';
  /** Where an experiment has two sets of images, which of them. */
  readonly set: 'private' | 'public';
}

/** A model that was chosen, as far as it is known here. */
export interface ChosenModel {
  /** As the address says it. */
  readonly id: string;
  readonly name: string;
  readonly weights: Schemas['Weights'];
  /** Undefined without a score, and if there is no such model for the reader. */
  readonly item: Item | undefined;
  /** Why there is nothing to compare. */
  readonly reason?: string;
  /** Whether there is a page of it. */
  readonly known: boolean;
}

/** The scores that a comparison stands on. */
export interface ComparedBoard {
  readonly simulated: boolean;
  /** Every average before what it averages, over what the models chosen have. */
  readonly columns: readonly Column[];
  readonly chosen: readonly ChosenModel[];
  /** All models that the reader sees, with their averages over the whole tree. */
  readonly everybody: readonly Item[];
}

/** Reads what a comparison stands on. */
export async function readBoard(
  models: readonly string[],
  view: BoardView,
  signal: AbortSignal,
): Promise<ComparedBoard> {
  const { simulated, missing, ...same } = view;
  const some = { ...same, ...(models.length > 0 ? { model: [...models] } : {}) };
  const narrowed = async (simulated: boolean) =>
    answer(
      client.GET('/leaderboard', {
        params: { query: { ...some, missing, simulated, limit: 200 } },
        signal,
      }),
    );
  let shown = simulated ?? false;
  let board = await narrowed(shown);
  if (simulated === null && board.items.length === 0) {
    const other = await narrowed(true);
    if (other.items.length > 0) [shown, board] = [true, other];
  }
  const [everybody, chosen] = await Promise.all([
    everyItem({ ...same, simulated: shown }, signal),
    Promise.all(models.map((id) => chosenModel(id, board.items, signal))),
  ]);
  return { simulated: shown, columns: board.columns, chosen: labelled(chosen), everybody };
}

async function everyItem(
  query: Omit<BoardView, 'missing' | 'simulated'> & { readonly simulated: boolean },
  signal: AbortSignal,
): Promise<Item[]> {
  const items: Item[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await answer(
      client.GET('/leaderboard', {
        params: { query: { ...query, limit: 200, ...(cursor ? { cursor } : {}) } },
        signal,
      }),
    );
    items.push(...page.items);
    if (page.next === null) return items;
    cursor = page.next;
  }
}

async function chosenModel(
  id: string,
  items: readonly Item[],
  signal: AbortSignal,
): Promise<ChosenModel> {
  const item = items.find(({ model, digest }) => model === id || digest === id);
  if (item) return { id, name: item.name, weights: item.weights, item, known: true };
  try {
    const { name, weights } = await answer(
      client.GET('/models/{model}', { params: { path: { model: id } }, signal }),
    );
    return { id, name, weights, item, known: true, reason: 'No scores on these benchmarks.' };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { id, name: id, weights: null, item, known: false, reason: error.problem.detail };
  }
}

/** Ids distinguish models of the same name. */
function labelled(chosen: readonly ChosenModel[]): ChosenModel[] {
  const count = (name: string) => chosen.filter((other) => other.name === name).length;
  return chosen.map((model) =>
    count(model.name) > 1 ? { ...model, name: `${model.name} (${model.id})` } : model,
  );
}

/** A number of a model under a column. */
export interface Estimate {
  readonly value: number | null;
  readonly ci: readonly number[] | null;
  readonly selection: boolean;
  readonly brought: boolean;
  /** Of an average, over how many of the benchmarks below it. */
  readonly of?: { readonly n: number; readonly m: number };
}

/** What a model has under a column; undefined if it has nothing. */
export function estimateOf(item: Item | undefined, column: Column): Estimate | undefined {
  if (column.kind === 'benchmark') return item?.scores[column.id];
  const average = item?.averages[column.id];
  if (!average || average.n === 0) return undefined;
  const { value, ci, n, m } = average;
  return { value, ci, selection: false, brought: false, of: { n, m } };
}

/** How far a value is from the reference's. */
export interface Difference {
  readonly value: number;
  /** Of 95 %; null if one of the two has no interval. */
  readonly ci: readonly [number, number] | null;
  /** Whether the interval excludes 0; null without one. */
  readonly apart: boolean | null;
}

/**
 * `of` less `from`, the errors of both taken as independent and normal, as the ties of a leaderboard are:
 * half the width of the interval is the root of the sum of the squares of the two halves. What HTTP keeps of
 * scores has no resamples, which the paired intervals of `ventral compare` need; those are narrower.
 * @returns undefined if one of the two has no value
 */
function differenceOf(
  from: Estimate | undefined,
  of: Estimate | undefined,
): Difference | undefined {
  if (from?.value == null || of?.value == null) return undefined;
  const value = of.value - from.value;
  if (!from.ci || !of.ci) return { value, ci: null, apart: null };
  const half = Math.hypot(...[from.ci, of.ci].map(([low, high]) => (high - low) / 2));
  const ci = [value - half, value + half] as const;
  return { value, ci, apart: ci[0] > 0 || ci[1] < 0 };
}

/** A column with what each model has there and how far that is from the reference. */
export interface ComparedRow {
  readonly column: Column;
  readonly title: string;
  /** How many averages are above it. */
  readonly depth: number;
  /** By model, in their order. */
  readonly estimates: readonly (Estimate | undefined)[];
  /** By model; undefined for the reference and if there is none. */
  readonly differences: readonly (Difference | undefined)[];
}

/** The tree of a comparison, averages before leaves; columns where no model has a value are left out. */
export function comparedRows({ columns, chosen }: ComparedBoard, reference: number): ComparedRow[] {
  const depths = new Map<string | null, number>([[null, -1]]);
  return columns.flatMap((column) => {
    const parent = column.kind === 'formula' ? null : column.parent;
    const depth = (depths.get(parent) ?? -1) + 1;
    depths.set(column.id, depth);
    const estimates = chosen.map(({ item }) => estimateOf(item, column));
    if (estimates.every((estimate) => estimate?.value == null)) return [];
    const differences = estimates.map((estimate, i) =>
      i === reference ? undefined : differenceOf(estimates[reference], estimate),
    );
    return [{ column, title: titleOf(column), depth, estimates, differences }];
  });
}

/** Whether some model differs from the reference there. */
export const isDifferent = ({ differences }: ComparedRow): boolean =>
  differences.some((difference) => difference?.apart === true);
