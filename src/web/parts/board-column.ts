import type { Schemas } from '../client/client.js';

export type Column = Schemas['LeaderboardColumn'];
export type Item = Schemas['LeaderboardItem'];

/** What a column is called: averages of simulated scores as those of real ones. */
export function titleOf(column: Column): string {
  if (column.kind === 'formula') return column.formula;
  if (column.kind === 'benchmark') return column.title;
  return column.id === 'simulated' ? 'average' : column.id.replace(/^simulated\./, '');
}

/** What a column is called by its id; an upload by what it holds. */
export function titleAmong(columns: readonly Column[], id: string): string {
  const column = columns.find((each) => each.id === id);
  return column ? titleOf(column) : id;
}

/** The page of a benchmark; the regions of an upload have ids of their own, their page is the upload's. */
export const pageOf = ({ id }: Pick<Extract<Column, { kind: 'benchmark' }>, 'id'>): string =>
  `/benchmarks/${encodeURIComponent(id.startsWith('bmk_') ? id.split('.')[0] : id)}`;
