import type { Weight } from '../keras/operations.js';
import { invalidPart, valueText } from '../keras/refusals.js';
import { type Fields, isFields } from '../source/fields.js';

/** A tensor in a manifest (tfjs-core, io/types.ts, WeightsManifestEntry), checked. */
export interface ManifestWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'uint8' | 'bool';
  readonly quantization?: Quantization;
}

/** Stored as whole numbers q for q × scale + min, or as half floats. */
export interface Quantization {
  readonly dtype: 'uint8' | 'uint16' | 'float16';
  readonly scale?: number;
  readonly min?: number;
}

const bytesOf = { float32: 4, int32: 4, uint8: 1, bool: 1, uint16: 2, float16: 2 } as const;
const MOST_WEIGHTS = 100_000;

/**
 * Checks the entries of one group.
 * @throws VentralError `checkpoint-invalid`
 */
export function manifestWeights(file: string, entries: readonly unknown[]): ManifestWeight[] {
  if (entries.length > MOST_WEIGHTS)
    throw invalidPart(file, 'weightsManifest', `at most ${MOST_WEIGHTS} weights`, entries.length);
  return entries.map((entry) => {
    if (!isFields(entry) || typeof entry.name !== 'string' || entry.name.length > 512) {
      throw invalidPart(file, 'weightsManifest', 'weights with names', entry);
    }
    const { name, shape, dtype } = entry;
    const field = `weight ${valueText(name)}`;
    if (
      !Array.isArray(shape) ||
      shape.length > 8 ||
      !shape.every((size) => Number.isInteger(size) && size >= 0)
    ) {
      throw invalidPart(file, `${field}, shape`, 'sizes', shape);
    }
    if (!['float32', 'int32', 'uint8', 'bool'].includes(dtype as string)) {
      throw invalidPart(file, `${field}, dtype`, 'float32, int32, uint8 or bool', dtype);
    }
    const quantization = quantizationOf(file, field, entry);
    const known = { name, shape: shape as number[], dtype: dtype as ManifestWeight['dtype'] };
    return quantization ? { ...known, quantization } : known;
  });
}

function quantizationOf(file: string, field: string, entry: Fields): Quantization | undefined {
  const given = entry.quantization;
  if (given === undefined || given === null) return undefined;
  const bad = (): never => {
    throw invalidPart(
      file,
      `${field}, quantization`,
      'uint8 or uint16 with scale and min, or float16',
      given,
    );
  };
  if (!isFields(given)) return bad();
  const { dtype, scale, min } = given;
  if (dtype === 'float16') return { dtype };
  if (dtype !== 'uint8' && dtype !== 'uint16') return bad();
  if (typeof scale !== 'number' || typeof min !== 'number') return bad();
  return { dtype, scale, min };
}

/**
 * The tensors of one group, in the order of its bytes, which they must use up. Quantized values are
 * rounded to float32 once, as TensorFlow.js does.
 * @throws VentralError `checkpoint-invalid`
 */
export function decodeWeights(
  file: string,
  specs: readonly ManifestWeight[],
  bytes: Buffer,
): Map<string, Weight> {
  const counts = specs.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
  const sizes = specs.map(
    ({ dtype, quantization }, at) => counts[at] * bytesOf[quantization?.dtype ?? dtype],
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== bytes.length) {
    throw invalidPart(
      file,
      'weightsManifest',
      `weights of ${bytes.length} bytes, as the shards have`,
      `${total} bytes`,
    );
  }
  const weights = new Map<string, Weight>();
  let at = 0;
  specs.forEach((spec, index) => {
    const own = bytes.subarray(at, at + sizes[index]);
    at += sizes[index];
    if (weights.has(spec.name))
      throw invalidPart(file, 'weightsManifest', 'weights of different names', spec.name);
    weights.set(spec.name, { dims: spec.shape, data: decode(spec, own, counts[index]) });
  });
  return weights;
}

function decode(
  { dtype, quantization }: ManifestWeight,
  bytes: Buffer,
  count: number,
): Float32Array {
  const data = new Float32Array(count);
  if (quantization === undefined) {
    const read = {
      float32: (at: number) => bytes.readFloatLE(4 * at),
      int32: (at: number) => bytes.readInt32LE(4 * at),
      uint8: (at: number) => bytes[at],
      bool: (at: number) => bytes[at],
    }[dtype];
    for (let at = 0; at < count; at++) data[at] = read(at);
    return data;
  }
  const { dtype: stored, scale = 1, min = 0 } = quantization;
  if (stored === 'float16') {
    for (let at = 0; at < count; at++) data[at] = fromHalf(bytes.readUInt16LE(2 * at));
    return data;
  }
  const whole = dtype !== 'float32';
  for (let at = 0; at < count; at++) {
    const value = (stored === 'uint8' ? bytes[at] : bytes.readUInt16LE(2 * at)) * scale + min;
    data[at] = whole ? Math.round(value) : value;
  }
  return data;
}

/** A half float (IEEE 754 binary16). */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
