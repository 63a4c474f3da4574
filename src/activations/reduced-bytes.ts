import { present } from '../formats/present.js';
import { denseFeatures, type Features } from '../numerics/algebra/features.js';
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';
import type { ReducedLayer } from './reduced-layer.js';
import type { LayerTrials } from './trials.js';
import type { UnitLayer } from './unit-layer.js';

/** Features larger than this are not kept in the cache, unless a Gram matrix of their rows would be larger. */
const SMALL = 4 << 20;

const isSmall = ({ rows, cols }: Features) => 8 * rows * cols <= Math.max(SMALL, 8 * rows * rows);

const asBytes = (values: ArrayBufferView) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/**
 * A reduced layer as bytes, symmetric matrices by their lower half; undefined if it is too large to be
 * worth keeping. Read back by {@link fromBytes}.
 * @param always whether features are kept however many: projections on components cost more than their bytes
 */
export async function toBytes(
  layer: ReducedLayer,
  always = false,
): Promise<Uint8Array[] | undefined> {
  const trials = present({ trials: layer.trials });
  if (layer.form === 'units') return unitBytes(layer, trials);
  if (layer.form === 'gram') {
    const { rows } = layer.gram;
    return [header({ units: layer.units, rows, ...trials }), asBytes(lowerHalf(layer.gram))];
  }
  if (layer.form === 'read-out') {
    const { fitting, cross, units } = layer;
    const sizes = { units, rows: fitting.rows, testRows: cross.rows, ...trials };
    return [header(sizes), asBytes(lowerHalf(fitting)), asBytes(cross.data)];
  }
  if (!always && !layer.features.every(isSmall)) return undefined;
  const sets = layer.features.map(({ rows, cols, dtype }) => ({ rows, cols, dtype }));
  const blocks = await Promise.all(layer.features.map((each) => each.columns(0, each.cols)));
  return [header({ units: layer.units, sets, ...trials }), ...blocks.map(asBytes)];
}

/** Reads what {@link toBytes} wrote; undefined if the bytes are of another form. */
export function fromBytes(bytes: Uint8Array, form: ReducedLayer['form']): ReducedLayer | undefined {
  const { head, start } = readHeader(bytes);
  const layer = layerFrom(head, new Reader(bytes, start), form);
  return layer && { ...layer, ...present({ trials: head.trials }) };
}

function layerFrom(
  head: Head,
  reader: Reader,
  form: ReducedLayer['form'],
): ReducedLayer | undefined {
  if (form === 'units') return head.seen && unitsFrom(head, reader);
  if (form === 'features') {
    if (!head.sets) return undefined;
    const features = head.sets.map(({ rows, cols, dtype }) =>
      denseFeatures(rows, cols, reader.take(dtype, rows * cols)),
    );
    return { form, units: head.units, features };
  }
  const { units, rows, testRows } = head;
  if (rows === undefined || (testRows === undefined) !== (form === 'gram')) return undefined;
  const symmetric = whole(rows, reader.take('float64', (rows * (rows + 1)) / 2));
  if (form === 'gram') return { form, units, gram: symmetric };
  const cross = matrix(
    testRows as number,
    rows,
    reader.take('float64', (testRows as number) * rows) as Float64Array,
  );
  return { form, units, fitting: symmetric, cross };
}

interface Head {
  readonly units: number;
  readonly rows?: number;
  readonly testRows?: number;
  readonly seen?: readonly number[];
  readonly trials?: LayerTrials;
  readonly sets?: readonly {
    readonly rows: number;
    readonly cols: number;
    readonly dtype: 'float32' | 'float64';
  }[];
}

/** Units that see a stimulus are few; a layer with more responses than this is made again. */
const MOST_RESPONSES = 64 << 20;

function unitBytes(
  { units, seen, responses }: UnitLayer,
  trials: Pick<Head, 'trials'>,
): Uint8Array[] | undefined {
  const bytes = responses.reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes > MOST_RESPONSES) return undefined;
  const sets = responses.map(({ rows, cols, data }) => ({
    rows,
    cols,
    dtype: data instanceof Float32Array ? ('float32' as const) : ('float64' as const),
  }));
  const head = header({ units, seen: [...seen], sets, ...trials });
  return [head, ...responses.map(({ data }) => asBytes(data))];
}

function unitsFrom({ units, seen = [], sets = [] }: Head, reader: Reader): UnitLayer {
  const responses = sets.map(({ rows, cols, dtype }) => ({
    rows,
    cols,
    data: reader.take(dtype, rows * cols),
  }));
  return { form: 'units', units, seen: Int32Array.from(seen), responses };
}

/** JSON after its length, padded so that the next part is aligned to eight bytes. */
function header(head: Head): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(Math.ceil((8 + text.length) / 8) * 8);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 8);
  return bytes;
}

function readHeader(bytes: Uint8Array): { head: Head; start: number } {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  return { head: JSON.parse(text), start: Math.ceil((8 + length) / 8) * 8 };
}

/** Hands out typed arrays over the bytes, one after the other. */
class Reader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  take(dtype: 'float32' | 'float64', length: number): Float32Array | Float64Array {
    const size = length * (dtype === 'float32' ? 4 : 8);
    const { buffer, byteOffset } = this.#bytes;
    const start = byteOffset + this.#at;
    this.#at += size;
    // Where a block of float32 ends off a multiple of eight, or the bytes lie anywhere, a copy is aligned.
    const whole = start % 8 === 0 ? buffer : buffer.slice(start, start + size);
    const offset = whole === buffer ? start : 0;
    return dtype === 'float32'
      ? new Float32Array(whole, offset, length)
      : new Float64Array(whole, offset, length);
  }
}

function lowerHalf({ rows, data }: Matrix): Float64Array {
  const half = new Float64Array((rows * (rows + 1)) / 2);
  for (let i = 0, at = 0; i < rows; at += ++i)
    half.set(data.subarray(i * rows, i * rows + i + 1), at);
  return half;
}

function whole(rows: number, half: Float32Array | Float64Array): Matrix {
  const full = matrix(rows, rows);
  const { data } = full;
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++, at++) {
      data[i * rows + j] = half[at];
      data[j * rows + i] = half[at];
    }
  }
  return full;
}
