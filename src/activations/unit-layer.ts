import { columnBlocks } from '../numerics/algebra/column-blocks.js';
import type { Features } from '../numerics/algebra/features.js';
import type { Protocol } from '../properties/protocol.js';
import {
  type Centre,
  type Centres,
  centresOfFields,
  seesStimulus,
} from '../properties/receptive-fields.js';

/** Responses of units, unit × stimulus, row-major. */
export interface UnitResponses {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float32Array | Float64Array;
}

/** The units of a layer that see the stimulus of single-neuron studies, with their responses. */
export interface UnitLayer {
  readonly form: 'units';
  /** Units of the whole layer. */
  readonly units: number;
  /** Positions of those that see the stimulus. */
  readonly seen: Int32Array;
  /**
   * One a stimulus set. Of the first, which maps receptive fields: the blank, then every stimulus of the studies; of
   * others every stimulus.
   */
  readonly responses: readonly UnitResponses[];
}

/**
 * The centre of every unit's receptive field, by blocks of columns.
 * @param peaks largest response at each place, place × unit
 * @param blank response of each unit to the blank
 */
export async function receptiveFields(
  peaks: Features,
  blank: ArrayLike<number>,
  { places }: Protocol,
): Promise<Centres> {
  const centres = { y: new Float64Array(peaks.cols), x: new Float64Array(peaks.cols) };
  const all = Float64Array.from(blank);
  for (const [from, to] of columnBlocks(peaks)) {
    const width = to - from;
    const rows = { data: await peaks.columns(from, to), stride: width, width, perPlace: 1 };
    const { y, x } = centresOfFields(rows, all.subarray(from, to), places);
    centres.y.set(y, from);
    centres.x.set(x, from);
  }
  return centres;
}

/** Positions of the units that see the stimulus. */
export function unitsThatSee({ y, x }: Centres, stimulus: Centre): Int32Array {
  return Int32Array.from(y.keys()).filter((unit) =>
    seesStimulus({ y: y[unit], x: x[unit] }, stimulus),
  );
}

/** By protocol and features, for as long as these are in use: the benchmarks of one set of stimuli share a layer. */
const known = new WeakMap<Protocol, WeakMap<Features, Promise<UnitLayer>>>();

/** Features (one a stimulus set, the first in the order of the protocol) as units that see the stimulus. */
export async function unitsOfFeatures(
  [gratings, ...others]: readonly Features[],
  protocol: Protocol,
): Promise<UnitLayer> {
  const layers = known.get(protocol) ?? new WeakMap<Features, Promise<UnitLayer>>();
  known.set(protocol, layers);
  const reading = layers.get(gratings) ?? unitsOfGratings(gratings, protocol);
  layers.set(gratings, reading);
  reading.catch(() => layers.delete(gratings));
  const units = await reading;
  // The same layer for every benchmark: what is read from it is kept with it.
  if (others.length === 0) return units;
  const more = await Promise.all(others.map((each) => responsesOf(each, units.seen)));
  return { ...units, responses: [...units.responses, ...more] };
}

/**
 * Columns from `from` on: the value of a row and column stands at row × stride + column − from. Features in memory are
 * not copied.
 */
async function blockOf(features: Features, from: number, to: number) {
  const { values, cols } = features;
  if (values) return { block: values.subarray(from), stride: cols };
  return { block: await features.columns(from, to), stride: to - from };
}

/** One pass over the columns: the receptive fields of a block, and the responses of its units that see the stimulus. */
async function unitsOfGratings(gratings: Features, protocol: Protocol): Promise<UnitLayer> {
  const { places, perPlace, studies, stimulus } = protocol;
  const cols = 1 + gratings.rows - studies;
  const seen: number[] = [];
  const parts: (Float32Array | Float64Array)[] = [];
  for (const [from, to] of columnBlocks(gratings)) {
    const { block, stride } = await blockOf(gratings, from, to);
    const width = to - from;
    const rows = { data: block.subarray(stride), stride, width, perPlace };
    const centres = centresOfFields(rows, block.subarray(0, width), places);
    const near = unitsThatSee(centres, stimulus);
    const responses = block.subarray((studies - 1) * stride);
    const own = transposed(responses, { units: near, rows: cols, stride });
    // The blank takes the place of the last grating that maps receptive fields.
    near.forEach((unit, i) => {
      own[i * cols] = block[unit];
      seen.push(from + unit);
    });
    parts.push(own);
  }
  const data = joined(parts);
  const responses = [{ rows: seen.length, cols, data }];
  return { form: 'units', units: gratings.cols, seen: Int32Array.from(seen), responses };
}

/** Rows that are read together: a unit's values lie far apart. */
const TILE = 16;

/** The columns of some units, row-major, unit × row. */
function transposed<T extends Float32Array | Float64Array>(
  block: T,
  { units, rows, stride }: { units: Int32Array; rows: number; stride: number },
): T {
  const length = units.length * rows;
  const made = (
    block instanceof Float32Array ? new Float32Array(length) : new Float64Array(length)
  ) as T;
  for (let start = 0; start < rows; start += TILE) {
    const end = Math.min(rows, start + TILE);
    for (let i = 0; i < units.length; i++) {
      const unit = units[i];
      const first = i * rows;
      for (let row = start; row < end; row++) made[first + row] = block[row * stride + unit];
    }
  }
  return made;
}

function joined(parts: readonly (Float32Array | Float64Array)[]): Float32Array | Float64Array {
  const filled = parts.filter(({ length }) => length > 0);
  if (filled.length === 1) return filled[0];
  const length = filled.reduce((sum, part) => sum + part.length, 0);
  const whole =
    parts[0] instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
  let at = 0;
  for (const part of filled) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Layers whose units stand after each other in one. */
export function joinUnits(layers: readonly UnitLayer[]): UnitLayer {
  if (layers.length === 1) return layers[0];
  let before = 0;
  const seen = layers.flatMap((layer) => {
    const own = [...layer.seen].map((unit) => before + unit);
    before += layer.units;
    return own;
  });
  const responses = layers[0].responses.map((_, set) => {
    const parts = layers.map(({ responses }) => responses[set]).filter(({ rows }) => rows > 0);
    const data = Float64Array.from(parts.flatMap((part) => [...part.data]));
    return { rows: seen.length, cols: parts[0]?.cols ?? 0, data };
  });
  return { form: 'units', units: before, seen: Int32Array.from(seen), responses };
}

/** Raises each value of `peaks` to that of a row, all finite. */
export function raise<T extends ArrayLike<number> & { [unit: number]: number }>(
  peaks: T,
  row: ArrayLike<number>,
): void {
  for (let unit = 0; unit < row.length; unit++) {
    const [value, peak] = [row[unit], peaks[unit]];
    // Without a branch, which a processor would guess wrong half of the time.
    const isHigher = +(value > peak);
    peaks[unit] = value * isHigher + peak * (1 - isHigher);
  }
}

async function responsesOf(features: Features, seen: Int32Array): Promise<UnitResponses> {
  const { rows } = features;
  const parts: (Float32Array | Float64Array)[] = [];
  let done = 0;
  for (const [from, to] of columnBlocks(features)) {
    const first = done;
    while (done < seen.length && seen[done] < to) done++;
    if (done === first) continue;
    const units = seen.subarray(first, done).map((unit) => unit - from);
    const { block, stride } = await blockOf(features, from, to);
    parts.push(transposed(block, { units, rows, stride }));
  }
  return { rows: seen.length, cols: rows, data: joined(parts) };
}
