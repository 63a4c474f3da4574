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
  /** Which of those chosen the others are compared with. */
  readonly reference: number;
  /** All models that the reader sees, with their averages over the whole tree. */
  readonly everybody: readonly Item[];
  /** From the reference to each of the others, by column. */
  readonly differences: readonly Schemas['Difference'][];
}

/**
 * Reads what a comparison stands on.
 * @param reference which of the models the others are compared with
 */
export async function readBoard(
  models: readonly string[],
  reference: number,
  view: BoardView,
  signal: AbortSignal,
): Promise<ComparedBoard> {
  const { simulated, missing, ...same } = view;
  const from = models[reference];
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
  const query = { ...same, missing, simulated: shown, model: [...models] };
  const [everybody, chosen, { items: differences }] = await Promise.all([
    everyItem({ ...same, simulated: shown }, signal),
    Promise.all(models.map((id) => chosenModel(id, board.items, signal))),
    models.length < FEWEST
      ? { items: [] }
      : answer(
          client.GET('/differences', {
            params: { query: { ...query, ...(from ? { from } : {}) } },
            signal,
          }),
        ),
  ]);
  const { columns } = board;
  return { simulated: shown, columns, chosen: labelled(chosen), reference, everybody, differences };
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
  /** Of 95 %; null if there is none. */
  readonly ci: readonly number[] | null;
  /** Whether the interval excludes 0; null without one. */
  readonly apart: boolean | null;
  /** Whether both were compared on the same draws. */
  readonly paired: boolean;
  readonly p: number | null;
  readonly generalises?: Schemas['Generalisation'] | undefined;
  readonly mcNemar?: Schemas['Difference']['mcNemar'] | undefined;
  /** Why it is not paired or has no interval. */
  readonly reason?: string | undefined;
}

/** What the service says of two models under a column; undefined if one of the two has no value. */
function differenceOf(found: Schemas['Difference'] | undefined): Difference | undefined {
  if (!found) return undefined;
  const { difference: value, ci, paired, p, generalises, mcNemar, reason } = found;
  const apart = ci && (ci[0] > 0 || ci[1] < 0);
  return { value, ci, apart, paired, p, generalises, mcNemar, reason };
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
export function comparedRows({
  columns,
  chosen,
  reference,
  differences,
}: ComparedBoard): ComparedRow[] {
  const from = chosen[reference]?.item?.model;
  const found = new Map(
    differences
      .filter((each) => each.from === from)
      .map((each) => [JSON.stringify([each.column, each.to]), each]),
  );
  const depths = new Map<string | null, number>([[null, -1]]);
  return columns.flatMap((column) => {
    const parent = column.kind === 'formula' ? null : column.parent;
    const depth = (depths.get(parent) ?? -1) + 1;
    depths.set(column.id, depth);
    const estimates = chosen.map(({ item }) => estimateOf(item, column));
    if (estimates.every((estimate) => estimate?.value == null)) return [];
    const from = chosen.map(({ item }, i) =>
      i === reference || !item
        ? undefined
        : differenceOf(found.get(JSON.stringify([column.id, item.model]))),
    );
    return [{ column, title: titleOf(column), depth, estimates, differences: from }];
  });
}

/** Whether some model differs from the reference there. */
export const isDifferent = ({ differences }: ComparedRow): boolean =>
  differences.some((difference) => difference?.apart === true);
