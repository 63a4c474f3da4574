import { selectStimuli } from '../data/select-stimuli.js';
import type { StimulusSet } from '../data/stimulus-set.js';
import { quoted, quotedList } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import type { Centre, Places } from './receptive-fields.js';
import { type Sweep, sizesOf, sweepOf } from './sweep.js';

/** The stimuli of a study, one after the other in the order of its sweep. */
export interface StudySweep extends Sweep {
  /** Row of the first. */
  readonly first: number;
}

/** How gratings stand in a stimulus set: the blank, then those that map receptive fields by place, then the studies. */
export interface Protocol {
  readonly places: Places;
  /** Gratings at each place. */
  readonly perPlace: number;
  /** Where the gratings of the studies stand. */
  readonly stimulus: Centre;
  /** The first row after those that map receptive fields. */
  readonly studies: number;
  readonly sweeps: ReadonlyMap<string, StudySweep>;
}

/** Gratings in the order of their protocol. */
export interface OrderedGratings {
  readonly stimuli: StimulusSet;
  readonly protocol: Protocol;
}

const known = new WeakMap<StimulusSet, OrderedGratings>();

/**
 * Orders gratings by their parameters, whatever the order of their table: a column `set` (`blank`, `receptive_field`,
 * `orientation`, and further studies), `position_y`, `position_x`, `radius`, `spatial_frequency`, `orientation`, `phase`.
 * Throws `stimuli-mismatch` where a column is missing, a set lacks a combination of its levels, or the blank is not one.
 */
export function orderedGratings(stimuli: StimulusSet): OrderedGratings {
  const found = known.get(stimuli) ?? ordered(stimuli);
  known.set(stimuli, found);
  return found;
}

function ordered(stimuli: StimulusSet): OrderedGratings {
  const { identifier } = stimuli;
  const sets = rowsBySet(stimuli);
  const numbers = (name: string, rows: readonly number[]) => numbersOf(stimuli, name, rows);
  const rowsOf = (set: string) => sets.get(set) ?? [];
  const blank = rowsOf('blank');
  if (blank.length !== 1) throw wrong(identifier, 'set', 'one blank', String(blank.length));
  const field = rowsOf('receptive_field');
  const mapped = placed(identifier, numbers('position_y', field), numbers('position_x', field));
  const order = [blank[0], ...mapped.order.map((row) => field[row])];
  const studies = order.length;
  const sweeps = new Map<string, StudySweep>();
  for (const [set, rows] of sets) {
    if (set === 'blank' || set === 'receptive_field') continue;
    const sweep = sweepOf(parametersOf(set, (name) => numbers(name, rows)));
    if (!sweep) throw incomplete(identifier, set, rows.length);
    sweeps.set(set, { ...sweep, first: order.length });
    order.push(...Array.from(sweep.rows, (row) => rows[row]));
  }
  const { places, perPlace } = mapped;
  const stimulus = {
    y: shared(identifier, 'position_y', numbers('position_y', order.slice(studies))),
    x: shared(identifier, 'position_x', numbers('position_x', order.slice(studies))),
  };
  if (!sweeps.has('orientation'))
    throw wrong(identifier, 'set', 'orientation', quotedList(sets.keys()));
  return {
    stimuli: selectStimuli(stimuli, order),
    protocol: { places, perPlace, stimulus, studies, sweeps },
  };
}

function rowsBySet(stimuli: StimulusSet): Map<string, number[]> {
  const column = stimuli.columns.get('set');
  if (!column)
    throw wrong(stimuli.identifier, 'set', 'a column set', quotedList(stimuli.columns.keys()));
  const sets = new Map<string, number[]>();
  column.values.forEach((value, row) => {
    const set = String(value);
    const rows = sets.get(set);
    if (rows) rows.push(row);
    else sets.set(set, [row]);
  });
  return sets;
}

function numbersOf(stimuli: StimulusSet, name: string, rows: readonly number[]): number[] {
  const column = stimuli.columns.get(name);
  if (!column) throw wrong(stimuli.identifier, name, `a column ${name}`, 'no such column');
  return rows.map((row) => {
    const value = Number(column.values[row] ?? Number.NaN);
    if (Number.isFinite(value)) return value;
    throw wrong(
      stimuli.identifier,
      name,
      `a number for ${quoted(stimuli.ids[row])}`,
      quoted(column.values[row]),
    );
  });
}

/** The parameters of a set, the slowest first; orientations are shown over a number of cycles, not of degrees. */
function parametersOf(
  set: string,
  numbers: (name: string) => readonly number[],
): readonly (readonly number[])[] {
  const [radius, frequency] = [numbers('radius'), numbers('spatial_frequency')];
  const extent =
    set === 'orientation' ? radius.map((r, row) => Math.round(2 * r * frequency[row])) : radius;
  return [extent, frequency, numbers('orientation'), numbers('phase')];
}

/** Rows by place, y slowest; their order within a place has no bearing. */
function placed(identifier: string, y: readonly number[], x: readonly number[]) {
  const ys = [...new Set(y)].sort((a, b) => a - b);
  const xs = [...new Set(x)].sort((a, b) => a - b);
  const byPlace = Array.from({ length: ys.length * xs.length }, (): number[] => []);
  y.forEach((value, row) => {
    byPlace[ys.indexOf(value) * xs.length + xs.indexOf(x[row])].push(row);
  });
  const perPlace = y.length / byPlace.length;
  if (y.length === 0 || byPlace.some(({ length }) => length !== perPlace))
    throw incomplete(identifier, 'receptive_field', y.length);
  return { order: byPlace.flat(), places: { ys, xs }, perPlace };
}

function shared(identifier: string, name: string, values: readonly number[]): number {
  const other = values.find((value) => value !== values[0]);
  if (other === undefined) return values[0];
  throw wrong(identifier, name, 'one place for all studies', `${values[0]} and ${other}`);
}

function incomplete(identifier: string, set: string, found: number): VentralError {
  const what = 'every combination of its levels once';
  return wrong(identifier, 'set', `${what} in ${quoted(set)}`, `${found} stimuli`);
}

function wrong(file: string, field: string, expected: string, found: string): VentralError {
  return new VentralError(
    'stimuli-mismatch',
    `${file} ${field}: ${expected} expected, ${found} found`,
    { file, field, expected, found },
  );
}

/** Rows of the textures of a study by type, family and sample. Throws `stimuli-mismatch` where one is missing. */
export function textureSweep(stimuli: StimulusSet): Sweep {
  const rows = stimuli.ids.map((_, row) => row);
  const keys = ['type', 'family', 'sample'].map((name) => numbersOf(stimuli, name, rows));
  const sweep = sweepOf(keys);
  if (sweep && sizesOf(sweep)[0] === 2) return sweep;
  throw incomplete(stimuli.identifier, 'type × family × sample', rows.length);
}
