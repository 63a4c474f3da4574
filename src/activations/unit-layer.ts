import { columnBlocks } from '../numerics/algebra/column-blocks.js';
import { type Features, selectRows } from '../numerics/algebra/features.js';
import type { Protocol } from '../properties/protocol.js';
import {
  type Centre,
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
 * The centre of every unit's receptive field, by blocks of columns.
 * @param peaks largest response at each place, place × unit
 * @param blank response of each unit to the blank
 * @param blocks bounds of the columns that are read at once
 */
export async function receptiveFields(
  peaks: Features,
  blank: ArrayLike<number>,
  { places }: Protocol,
  blocks = columnBlocks(peaks),
): Promise<Centres> {
  const centres = { y: new Float64Array(peaks.cols), x: new Float64Array(peaks.cols) };
  const own = new Float64Array(peaks.rows);
  for (const [from, to] of blocks) {
    const block = await peaks.columns(from, to);
    const width = to - from;
    for (let unit = 0; unit < width; unit++) {
      for (let place = 0; place < peaks.rows; place++) own[place] = block[place * width + unit];
      const centre = receptiveFieldCentre(receptiveFieldMap(own, blank[from + unit]), places);
      centres.y[from + unit] = centre.y;
      centres.x[from + unit] = centre.x;
    }
  }
  return centres;
}

/** Positions of the units that see the stimulus. */
export function unitsThatSee({ y, x }: Centres, stimulus: Centre): Int32Array {
  return Int32Array.from(y.keys()).filter((unit) =>
    seesStimulus({ y: y[unit], x: x[unit] }, stimulus),
  );
}

/** Features (one a stimulus set, the first in the order of the protocol) as units that see the stimulus. */
export async function unitsOfFeatures(
  features: readonly Features[],
  protocol: Protocol,
): Promise<UnitLayer> {
  const [gratings] = features;
  const [blank] = await rowsOf(gratings, [0]);
  const peaks = peaksOf(gratings, protocol);
  // The peaks of a block are made from all of its rows.
  const centres = await receptiveFields(peaks, blank, protocol, columnBlocks(gratings));
  const seen = unitsThatSee(centres, protocol.stimulus);
  const count = gratings.rows - protocol.studies;
  const studies = Array.from({ length: count }, (_, i) => protocol.studies + i);
  const responses = await Promise.all(
    features.map((each, set) =>
      responsesOf(set === 0 ? selectRows(each, [0, ...studies]) : each, seen),
    ),
  );
  return { form: 'units', units: gratings.cols, seen, responses };
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

async function rowsOf(features: Features, rows: readonly number[]) {
  const { cols } = features;
  const picked = selectRows(features, rows);
  const whole = rows.map(() => new Float64Array(cols));
  for (const [from, to] of columnBlocks(features)) {
    const block = await picked.columns(from, to);
    whole.forEach((row, i) => {
      row.set(block.subarray(i * (to - from), (i + 1) * (to - from)), from);
    });
  }
  return whole;
}

/** Largest response at each place, from the rows that map receptive fields. */
export function peaksOf(gratings: Features, { places, perPlace }: Protocol): Features {
  const rows = places.ys.length * places.xs.length;
  const mapping = selectRows(
    gratings,
    Array.from({ length: rows * perPlace }, (_, i) => 1 + i),
  );
  return {
    rows,
    cols: gratings.cols,
    dtype: 'float64',
    async columns(from, to) {
      const block = await mapping.columns(from, to);
      const width = to - from;
      const peaks = new Float64Array(rows * width).fill(Number.NEGATIVE_INFINITY);
      for (let row = 0; row < rows * perPlace; row++)
        raise(
          peaks.subarray(Math.floor(row / perPlace) * width),
          block.subarray(row * width, (row + 1) * width),
        );
      return peaks;
    },
  };
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
