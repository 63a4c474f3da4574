import type { paths } from '../../../api/schema.js';
import { type FactName, factNames } from '../../../figure/fact-words.js';
import { type Column, titleOf } from '../../parts/board-column.js';

type Asked = keyof NonNullable<paths['/leaderboard']['get']['parameters']['query']>;

/** Changes names of the address; `null` takes one out. */
export type Change = (values: Readonly<Record<string, string | readonly string[] | null>>) => void;

/** What of the address is the service's to answer; the rest is the page's own. */
const asked: readonly Asked[] = [
  ...([
    'at',
    'missing',
    'selection',
    'brought',
    'simulated',
    'set',
    'layers',
    'region',
    'benchmark',
    'model',
  ] as const),
  ...(['search', 'owner', 'visibility', 'column', 'sort'] as const),
  ...(['weights', ...factNames] as const),
];

/** The columns of what cards say that are shown, in their own order. */
export const shownFacts = (address: URLSearchParams): FactName[] => {
  const asked = new Set<string>(address.getAll('show'));
  return factNames.filter((name) => asked.has(name));
};

/** The query of `GET /leaderboard` that an address stands for; equal views have equal ones. */
export function boardQuery(address: URLSearchParams): string {
  const query = new URLSearchParams();
  for (const name of asked)
    for (const value of address.getAll(name)) if (value !== '') query.append(name, value);
  return query.toString();
}

/**
 * Whether simulated scores may stand in if there are no real ones: the view says neither which are
 * wanted nor which models or columns, which the other tree might not have.
 */
export const leavesOpen = (query: string): boolean =>
  [...new URLSearchParams(query).keys()].every((name) =>
    ['at', 'missing', 'selection', 'brought', 'layers', 'set'].includes(name),
  );

/** A column that is shown. */
export interface ShownColumn {
  readonly column: Column;
  readonly title: string;
  /** How many averages are above it. */
  readonly depth: number;
  /** Whether what it averages is shown; null if it is no average. */
  readonly open: boolean | null;
}

/** Averages that are open unless the address says which are; none if columns of uploads come first. */
const OPEN = ['average', 'neural', 'simulated', 'simulated.neural'];

/** Which averages are open. */
export function openNodes(columns: readonly Column[], address: URLSearchParams): Set<string> {
  const named = address.getAll('open');
  const averages = columns.filter(({ kind }) => kind === 'average').map(({ id }) => id);
  if (named.includes('all')) return new Set(averages);
  const standard = columns[0]?.kind === 'average' ? OPEN : [];
  return new Set((named.length > 0 ? named : standard).filter((id) => averages.includes(id)));
}

/** The columns whose averages above are all open, without those that are hidden. */
export function shownColumns(columns: readonly Column[], address: URLSearchParams): ShownColumn[] {
  const open = openNodes(columns, address);
  const hidden = new Set(address.getAll('hide'));
  const depths = new Map<string | null, number>([[null, -1]]);
  const shown: ShownColumn[] = [];
  for (const column of columns) {
    const above = column.kind === 'formula' ? -1 : depths.get(column.parent);
    if (above === undefined) continue;
    const isOpen = column.kind === 'average' ? open.has(column.id) : null;
    if (isOpen) depths.set(column.id, above + 1);
    if (!hidden.has(column.id))
      shown.push({ column, title: titleOf(column), depth: above + 1, open: isOpen });
  }
  return shown;
}

/** What rows are sorted by, as the service has it: the first column from the top unless said. */
export function sortOf(
  columns: readonly Column[],
  address: URLSearchParams,
): { readonly by: string; readonly descending: boolean } {
  const sort = address.get('sort') || (columns[0] ? `-${columns[0].id}` : 'name');
  const descending = sort.startsWith('-');
  return { by: descending ? sort.slice(1) : sort, descending };
}
