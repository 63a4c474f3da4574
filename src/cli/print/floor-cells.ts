import {
  clears,
  type Floor,
  type FloorPart,
  type Floors,
  type NullName,
} from '../../scoring/floor/floor.js';

/** What is printed of a score with floors. */
interface Floored {
  readonly benchmark: string;
  readonly name: string | null;
  readonly floors?: Floors;
}

const order: readonly NullName[] = ['rows', 'labels', 'random-weights'];

/** The nulls that were run for any of some scores. */
export const nullsOf = (scores: readonly Floored[]): NullName[] =>
  order.filter((name) => scores.some(({ floors }) => floors?.[name]));

const parts = ['value', 'raw'] as const;
const ofPart = ['floor', 'above', 'p'] as const;

/** The columns of a null in TSV and CSV: `rows_runs`, `rows_value_floor` … `rows_raw_p`. */
export const floorColumns = (name: NullName): string[] => {
  const of = name.replace('-', '_');
  return [`${of}_runs`, ...parts.flatMap((part) => ofPart.map((each) => `${of}_${part}_${each}`))];
};

/** The cells of {@link floorColumns}. */
export const floorCells = (floor: Floor | undefined): (number | null)[] => [
  floor?.value.runs.length ?? null,
  ...parts.flatMap((part) => ofPart.map((each) => floor?.[part][each] ?? null)),
];

/** In the remarks of a table: what a reader must not miss. */
export function floorRemark({ null: name, raw, leak }: Floor): string {
  if (leak !== undefined) return 'labels leak';
  return clears(raw) ? '' : `inside its floor (${name})`;
}

/** How far each score lies above its floors, a line for each. */
export const floorLines = (scores: readonly Floored[]): string[] =>
  scores.flatMap(({ benchmark, name, floors = {} }) =>
    order.flatMap((each) => {
      const floor = floors[each];
      const of = name === null ? benchmark : `${name} on ${benchmark}`;
      return floor ? `Floor of ${of}: ${floorSentence(floor)}` : [];
    }),
  );

const floorSentence = ({ null: name, value, raw }: Floor): string =>
  name === 'random-weights'
    ? `${value.runs.length} random weights give ${list(value)}, raw ${list(raw)}; the score lies ${number(value.above)}, raw ${number(raw.above)} above their mean`
    : `permuted ${name} (${value.runs.length} runs) reach ${number(value.floor)}, raw ${number(raw.floor)}; the score lies ${number(value.above)} above (p ${number(value.p)}), raw ${number(raw.above)} (p ${number(raw.p)})`;

const number = (value: number | null | undefined) =>
  value === null || value === undefined ? '–' : value.toFixed(3);
const list = ({ runs }: FloorPart) => runs.map(number).join(' ');
