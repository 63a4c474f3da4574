import { wasm } from '../numerics/algebra/dense-kernel.js';
import {
  add,
  address,
  advance,
  below,
  body,
  type Code,
  constant,
  get,
  load,
  loadSplat,
  minus,
  moduleOf,
  plus,
  repeat,
  set,
  store,
  times,
  zero,
} from '../numerics/algebra/simd-module.js';

/**
 * Loops over units for maps of receptive fields and their centroids, two units at a time: every activation of a layer to the
 * gratings that map fields goes through them. Values lie in WebAssembly memory; names of instructions follow its
 * specification.
 */
interface Loops {
  /** map ← the largest of the rows above the ground, 0 at least; largest ← that of it and the map. */
  raise(
    rows: number,
    stride: number,
    rowsEnd: number,
    ground: number,
    map: number,
    largest: number,
  ): void;
  /** Adds the values of a map above their thresholds to the sums, and times the two numbers at `place` to those behind. */
  centroid(map: number, stride: number, thresholds: number, sums: number, place: number): void;
}

const larger: Code = [0xfd, 0xf5, 0x01]; // f64x2.max, which is NaN where one is
/** f64x2.pmax: one instruction of a processor where the other takes eight; it loses NaN. */
const largerNumber: Code = [0xfd, 0xf7, 0x01];
const above: Code = [0xfd, 0x4a]; // f64x2.gt
const and: Code = [0xfd, 0x4e]; // v128.and

function raise(): Code {
  const [rows, stride, rowsEnd, ground, map, largest, at, row] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [x, value, none] = [8, 9, 10];
  const next = [
    ...[...address(row, at), ...load(), ...set(value)],
    ...[...get(x), ...get(value), ...largerNumber, ...set(x)],
    // 0 as long as all values are finite, NaN from then on.
    ...[...get(none), ...get(value), ...get(value), ...minus, ...plus, ...set(none)],
    ...advance(row, get(stride)),
  ];
  const unit = [
    ...[...zero, ...set(x), ...zero, ...set(none), ...get(rows), ...set(row)],
    ...repeat(next, [...get(row), ...get(rowsEnd), ...below]),
    ...[...get(x), ...get(none), ...plus],
    ...[...address(ground, at), ...load(), ...minus, ...zero, ...larger, ...set(x)],
    ...[...address(map, at), ...get(x), ...store()],
    ...[...address(largest, at), ...address(largest, at), ...load(), ...get(x), ...larger],
    ...store(),
    ...advance(at, constant(16)),
  ];
  return body(2, 3, repeat(unit, [...get(at), ...get(stride), ...below]));
}

function centroid(): Code {
  const [map, stride, thresholds, sums, place, at, rows, columns, x, y] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
  ];
  const kept = 10;
  const accumulate = (into: number, value: Code): Code => [
    ...[...address(into, at), ...address(into, at), ...load(), ...value, ...plus],
    ...store(),
  ];
  const unit = [
    ...[...address(map, at), ...load(), ...set(kept)],
    ...[...get(kept), ...get(kept), ...address(thresholds, at), ...load(), ...above, ...and],
    ...set(kept),
    ...accumulate(sums, get(kept)),
    ...accumulate(rows, [...get(kept), ...get(y), ...times]),
    ...accumulate(columns, [...get(kept), ...get(x), ...times]),
    ...advance(at, constant(16)),
  ];
  return body(3, 3, [
    ...[...get(place), ...loadSplat(), ...set(y)],
    ...[...get(place), ...loadSplat(8), ...set(x)],
    ...[...get(sums), ...get(stride), ...add, ...set(rows)],
    ...[...get(rows), ...get(stride), ...add, ...set(columns)],
    ...repeat(unit, [...get(at), ...get(stride), ...below]),
  ]);
}

const PAGE = 65536;
let compiled: object | undefined;

/** Rows of activations: the value of row r and unit u stands at r × stride + u. */
export interface FieldRows {
  readonly data: Float32Array | Float64Array;
  readonly stride: number;
  /** Units, as many as the kernel has or fewer. */
  readonly width: number;
  /** Rows of a place, which stand after each other. */
  readonly perPlace: number;
}

/** The maps and centroids of as many units at a time, in memory of its own. */
export class FieldKernel {
  /** Units with those that fill up the last pair. */
  readonly stride: number;
  /** Place × unit, `stride` apart. */
  readonly maps: Float64Array;
  /** Largest value of each map. */
  readonly largest: Float64Array;
  readonly #loops: Loops;
  readonly #rows: Float64Array;
  readonly #ground: Float64Array;
  readonly #thresholds: Float64Array;
  readonly #sums: Float64Array;
  readonly #place: Float64Array;

  constructor(units: number, places: number, perPlace: number) {
    const stride = units + (units % 2);
    this.stride = stride;
    const sizes = [perPlace, places, 1, 1, 1, 3].map((rows) => rows * stride);
    const values = sizes.reduce((sum, size) => sum + size, 2);
    const memory = new wasm.Memory({ initial: Math.ceil((8 * values) / PAGE) });
    compiled ??= new wasm.Module(
      moduleOf([
        { name: 'raise', parameters: 6, body: raise() },
        { name: 'centroid', parameters: 5, body: centroid() },
      ]),
    );
    this.#loops = new wasm.Instance(compiled, { kernel: { memory } }).exports as Loops;
    let at = 0;
    const take = (size: number) => {
      const taken = new Float64Array(memory.buffer, at, size);
      at += 8 * size;
      return taken;
    };
    [this.#rows, this.maps, this.largest, this.#ground, this.#thresholds, this.#sums] = sizes.map(
      take,
    ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
    this.#place = take(2);
  }

  /** Makes the maps. @param blanks activation to the blank by unit */
  map({ data, stride, width, perPlace }: FieldRows, blanks: ArrayLike<number>): void {
    this.#ground.set(Float64Array.from(blanks, (value) => (value < 0 ? 0 : value)));
    this.largest.fill(0);
    const bytes = 8 * this.stride;
    const places = this.maps.length / this.stride;
    const rows = this.#rows;
    for (let place = 0; place < places; place++) {
      for (let k = 0; k < perPlace; k++) {
        const first = (place * perPlace + k) * stride;
        rows.set(data.subarray(first, first + width), k * this.stride);
      }
      this.#loops.raise(
        rows.byteOffset,
        bytes,
        rows.byteOffset + perPlace * bytes,
        this.#ground.byteOffset,
        this.maps.byteOffset + place * bytes,
        this.largest.byteOffset,
      );
    }
  }

  /**
   * Sums of the values of each map above a share of its largest: of themselves, times the row of their place, and times its
   * column.
   * @param columns places of a row
   */
  sums(share: number, columns: number): readonly [Float64Array, Float64Array, Float64Array] {
    const { stride } = this;
    for (let unit = 0; unit < stride; unit++) this.#thresholds[unit] = share * this.largest[unit];
    this.#sums.fill(0);
    for (let place = 0; place * stride < this.maps.length; place++) {
      this.#place[0] = Math.floor(place / columns);
      this.#place[1] = place % columns;
      this.#loops.centroid(
        this.maps.byteOffset + 8 * place * stride,
        8 * stride,
        this.#thresholds.byteOffset,
        this.#sums.byteOffset,
        this.#place.byteOffset,
      );
    }
    const part = (k: number) => this.#sums.subarray(k * stride, (k + 1) * stride);
    return [part(0), part(1), part(2)];
  }
}
