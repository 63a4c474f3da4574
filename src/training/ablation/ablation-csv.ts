import { stringify } from 'csv-stringify/sync';
import type { AblationCell } from './cells.js';
import { measuresIn } from './tables.js';

const columns = ['family', 'arm', 'seed', 'measure', 'value', 'simulated', 'reason'];

/**
 * Every number of an ablation as tidy CSV, one line a network and measure; what is missing has no value but a reason. A
 * cell that a spreadsheet would take for a formula is prefixed.
 */
export function ablationCsv(cells: readonly AblationCell[]): string {
  const all = measuresIn(cells);
  const simulated = new Set(
    cells.flatMap(({ measures }) =>
      [...measures].flatMap(([name, found]) => (found.simulated ? [name] : [])),
    ),
  );
  const lines = cells.flatMap(({ family, arm, seed, measures, missing }) =>
    all.map((measure) => {
      const value = measures.get(measure)?.value;
      const reason = missing.get(measure) ?? missing.get('') ?? 'no value';
      const rest =
        value === undefined
          ? ['', simulated.has(measure), reason]
          : [value, simulated.has(measure), ''];
      return [family, arm, String(seed), measure, ...rest.map(String)];
    }),
  );
  return stringify([columns, ...lines], { escape_formulas: true });
}
