import { meanInterval } from '../../numerics/statistics/student-t.js';
import { type Ablation, BASE, type TableName } from './ablation.js';
import type { Arm, Direction } from './arms.js';
import type { AblationCell } from './cells.js';

/** A measure that a table shows. */
export interface TableColumn {
  /** As cells name it: a benchmark, `accuracy`, or `pgd-20 Linf 0.0314`. */
  readonly measure: string;
  readonly title: string;
  /** Whether its benchmark is one of equations. */
  readonly simulated: boolean;
}

/** A mean over seeds. */
export interface TableEntry {
  /** Seeds that it is over: of a difference, those that both arms have. */
  readonly seeds: readonly number[];
  readonly mean: number | null;
  /** 95 %, Student's t; null with fewer than two seeds. */
  readonly interval: readonly [low: number, high: number] | null;
  /** Whether the interval contains 0; null if there is none. Of differences alone. */
  readonly withinNoise: boolean | null;
  /** Why there is no mean. */
  readonly reason?: string;
}

/** One arm on one family. */
export interface TableRow {
  readonly family: string;
  readonly arm: string;
  readonly title: string;
  /** Of the columns, in their order. Of the base the values themselves, of others their differences from the base. */
  readonly entries: readonly TableEntry[];
}

/** One of the two tables. */
export interface Table {
  readonly name: TableName;
  readonly title: string;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly TableRow[];
}

/** What every reader of the differences must know. */
export const DIFFERENCES: Readonly<Record<Direction, string>> = {
  'leave-one-out':
    'Rows but the base are differences from the base over seeds that both have, with 95 % intervals (Student’s t): below 0 the network is worse without the technique.',
  'add-one':
    'Rows but the base are differences from the plain base over seeds that both have, with 95 % intervals (Student’s t): above 0 the network is better with the technique.',
};

/** Why a single significant row proves little. */
export const MANY =
  'Within noise: the interval contains 0. No interval is widened for the number of rows: one in twenty that are truly 0 excludes 0.';

const titles: Readonly<Record<TableName, string>> = {
  behaviour: 'Techniques against behaviour',
  adversarial: 'Adversarial training against V1 and robustness',
};

/**
 * The two tables. Each shows the benchmarks that the ablation names under it, the adversarial one robust accuracy too,
 * both the accuracy on clean images.
 */
export function tablesOf(
  { measures, families }: Pick<Ablation, 'measures' | 'families'>,
  arms: readonly Pick<Arm, 'id' | 'title' | 'table'>[],
  cells: readonly AblationCell[],
): Table[] {
  const names = ['behaviour', 'adversarial'] as const;
  const all = measuresIn(cells);
  return names.map((name) => {
    const other = measures.benchmarks[name === 'behaviour' ? 'adversarial' : 'behaviour'];
    const shown = [...measures.benchmarks[name]];
    // A benchmark that is a file has another name in the results: it goes to both tables.
    const rest = all.filter((m) => !shown.includes(m) && !other.includes(m));
    const robust = (measure: string) => measure.startsWith('pgd-20 ');
    shown.push(...rest.filter((m) => (robust(m) ? name === 'adversarial' : m !== CLEAN)));
    const known = shown.filter((measure) => all.includes(measure));
    const columns = [...known, CLEAN].map((measure) => columnOf(measure, cells));
    const own = arms.filter(({ id, table }) => id === BASE || table === name);
    const rows = families.flatMap(({ name: family }) =>
      own.map((arm) => rowOf(family, arm, columns, cells)),
    );
    return { name, title: titles[name], columns, rows };
  });
}

const CLEAN = 'accuracy';

/** Every measure that a cell has or lacks, in the order in which they were taken. */
export function measuresIn(cells: readonly AblationCell[]): string[] {
  const named = cells.flatMap(({ measures, missing }) => [...measures.keys(), ...missing.keys()]);
  return [...new Set(named)].filter((name) => name !== '');
}

function columnOf(measure: string, cells: readonly AblationCell[]): TableColumn {
  const simulated = cells.some((cell) => cell.measures.get(measure)?.simulated);
  return { measure, title: measureTitle(measure), simulated };
}

/** A measure in words: `pgd-20 Linf 0.0314` becomes `PGD-20 Linf 8/255`. */
export function measureTitle(measure: string): string {
  if (measure === CLEAN) return 'clean accuracy';
  const [, norm, epsilon] = /^pgd-20 (Linf|L2) (\S+)$/.exec(measure) ?? [];
  if (norm === undefined) return measure;
  const steps = Math.round(255 * Number(epsilon));
  const whole = norm === 'Linf' && Number((steps / 255).toPrecision(3)) === Number(epsilon);
  return `accuracy under PGD-20, ${norm} ${whole ? `${steps}/255` : epsilon}`;
}

function rowOf(
  family: string,
  { id, title }: Pick<Arm, 'id' | 'title'>,
  columns: readonly TableColumn[],
  cells: readonly AblationCell[],
): TableRow {
  const own = cells.filter((cell) => cell.family === family && cell.arm === id);
  const base = cells.filter((cell) => cell.family === family && cell.arm === BASE);
  const entries = columns.map(({ measure }) =>
    id === BASE ? valueEntry(own, measure) : differenceEntry(own, base, measure),
  );
  return { family, arm: id, title, entries };
}

function valueEntry(cells: readonly AblationCell[], measure: string): TableEntry {
  const found = cells.flatMap(({ seed, measures }) => {
    const value = measures.get(measure)?.value;
    return value === undefined ? [] : [{ seed, value }];
  });
  return { ...entryOf(found, () => reasonOf(cells, measure)), withinNoise: null };
}

function differenceEntry(
  own: readonly AblationCell[],
  base: readonly AblationCell[],
  measure: string,
): TableEntry {
  const found = own.flatMap(({ seed, measures }) => {
    const value = measures.get(measure)?.value;
    const from = base.find((cell) => cell.seed === seed)?.measures.get(measure)?.value;
    return value === undefined || from === undefined ? [] : [{ seed, value: value - from }];
  });
  return entryOf(found, () => reasonOf(own, measure) ?? reasonOf(base, measure));
}

function entryOf(
  found: readonly { readonly seed: number; readonly value: number }[],
  reason: () => string | undefined,
): TableEntry {
  const seeds = found.map(({ seed }) => seed);
  if (found.length === 0)
    return { seeds, mean: null, interval: null, withinNoise: null, reason: reason() ?? 'no value' };
  const { mean, interval } = meanInterval(found.map(({ value }) => value));
  if (found.length === 1) return { seeds, mean, interval: null, withinNoise: null };
  return { seeds, mean, interval, withinNoise: interval[0] <= 0 && interval[1] >= 0 };
}

/** The first reason for a measure that is missing. */
function reasonOf(cells: readonly AblationCell[], measure: string): string | undefined {
  for (const { missing } of cells) {
    const reason = missing.get(measure) ?? missing.get('');
    if (reason !== undefined) return reason;
  }
  return undefined;
}
