import type { Schemas } from '../client/client.js';

export type Column = Schemas['LeaderboardColumn'];
export type Item = Schemas['LeaderboardItem'];

/** What a column is called: averages of simulated scores as those of real ones. */
export function titleOf(column: Column): string {
  if (column.kind === 'formula') return column.formula;
  if (column.kind === 'benchmark') return column.benchmark;
  return column.id === 'simulated' ? 'average' : column.id.replace(/^simulated\./, '');
}
