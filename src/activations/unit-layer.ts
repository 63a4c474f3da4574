import { columnBlocks } from '../numerics/algebra/column-blocks.js';
import type { Features } from '../numerics/algebra/features.js';
import type { Protocol } from '../properties/protocol.js';
import {
  type Centre,
  type Places,
  receptiveFieldCentre,
  receptiveFieldMap,
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

/** The receptive fields of all units of a layer. */
export interface Centres {
  readonly y: Float64Array;
  readonly x: Float64Array;
}

/**
 * The centre of every unit's receptive field.
 * @param peaks largest response at each place, place × unit
 * @param blank response of each unit to the blank
 */
export function centresOf(
  peaks: ArrayLike<number>,
  blank: ArrayLike<number>,
  places: Places,
): Centres {
  const width = blank.length;
  const centres = { y: new Float64Array(width), x: new Float64Array(width) };
  const own = new Float64Array(peaks.length / width);
  for (let unit = 0; unit < width; unit++) {
    for (let place = 0; place < own.length; place++) own[place] = peaks[place * width + unit];
    const centre = receptiveFieldCentre(receptiveFieldMap(own, blank[unit]), places);
    centres.y[unit] = centre.y;
    centres.x[unit] = centre.x;
  }
  return centres;
}

/** The same by blocks of columns of the peaks. */
export async function receptiveFields(
  peaks: Features,
  blank: ArrayLike<number>,
  { places }: Protocol,
): Promise<Centres> {
  const centres = { y: new Float64Array(peaks.cols), x: new Float64Array(peaks.cols) };
  const all = Float64Array.from(blank);
  for (const [from, to] of columnBlocks(peaks)) {
    const { y, x } = centresOf(await peaks.columns(from, to), all.subarray(from, to), places);
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
  const more = await Promise.all(others.map((each) => responsesOf(each, units.seen)));
  return { ...units, responses: [...units.responses, ...more] };
}

/** One pass over the columns: the receptive fields of a block, and the responses of its units that see the stimulus. */
async function unitsOfGratings(gratings: Features, protocol: Protocol): Promise<UnitLayer> {
  const { places, perPlace, studies, stimulus } = protocol;
  const mapping = places.ys.length * places.xs.length * perPlace;
  const cols = 1 + gratings.rows - studies;
  const seen: number[] = [];
  const rows: (Float32Array | Float64Array)[] = [];
  for (const [from, to] of columnBlocks(gratings)) {
    const block = await gratings.columns(from, to);
    const width = to - from;
    const peaks = peaksOf(block.subarray(width, (1 + mapping) * width), width, perPlace);
    const centres = centresOf(peaks, block.subarray(0, width), places);
    for (const unit of unitsThatSee(centres, stimulus)) {
      const own = gratings.dtype === 'float32' ? new Float32Array(cols) : new Float64Array(cols);
      for (let i = 0; i < cols; i++) own[i] = block[(i && studies + i - 1) * width + unit];
      seen.push(from + unit);
      rows.push(own);
    }
  }
  const length = seen.length * cols;
  const data = gratings.dtype === 'float32' ? new Float32Array(length) : new Float64Array(length);
  rows.forEach((own, i) => {
    data.set(own, i * cols);
  });
  const responses = [{ rows: seen.length, cols, data }];
  return { form: 'units', units: gratings.cols, seen: Int32Array.from(seen), responses };
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

/** Largest response at each place (place × unit), from the rows that map receptive fields, `perPlace` a place. */
export function peaksOf(
  rows: Float32Array | Float64Array,
  width: number,
  perPlace: number,
): Float64Array {
  const count = rows.length / width;
  const peaks = new Float64Array((count / perPlace) * width).fill(Number.NEGATIVE_INFINITY);
  for (let row = 0; row < count; row++)
    raise(
      peaks.subarray(Math.floor(row / perPlace) * width),
      rows.subarray(row * width, (row + 1) * width),
    );
  return peaks;
}

/** Raises each value of `peaks` to that of a row; NaN stays NaN. */
export function raise<T extends ArrayLike<number> & { [unit: number]: number }>(
  peaks: T,
  row: ArrayLike<number>,
): void {
  for (let unit = 0; unit < row.length; unit++)
    if (!(row[unit] <= peaks[unit]) && !Number.isNaN(peaks[unit])) peaks[unit] = row[unit];
}

async function responsesOf(features: Features, seen: Int32Array): Promise<UnitResponses> {
  const { rows } = features;
  const length = seen.length * rows;
  const data = features.dtype === 'float32' ? new Float32Array(length) : new Float64Array(length);
  let done = 0;
  for (const [from, to] of columnBlocks(features)) {
    if (done === seen.length) break;
    if (seen[done] >= to) continue;
    const block = await features.columns(from, to);
    for (; done < seen.length && seen[done] < to; done++)
      for (let row = 0; row < rows; row++)
        data[done * rows + row] = block[row * (to - from) + seen[done] - from];
  }
  return { rows: seen.length, cols: rows, data };
}
