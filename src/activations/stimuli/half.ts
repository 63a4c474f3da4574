import { halfToNumber } from '../../formats/npy.js';

/** float32 values of IEEE 754 half-precision bits. */
export const fromHalf = (bits: Uint16Array): Float32Array => Float32Array.from(bits, halfToNumber);

const view = new DataView(new ArrayBuffer(4));

/** Half-precision bits of float32 values, rounded to nearest, halves to even. */
export function toHalf(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) bits[i] = halfBits(values[i]);
  return bits;
}

function halfBits(value: number): number {
  view.setFloat32(0, value);
  const word = view.getUint32(0);
  const sign = (word >>> 16) & 0x8000;
  const exponent = (word >>> 23) & 255;
  if (exponent === 255) return sign | (word & 0x7fffff ? 0x7e00 : 0x7c00);
  const scale = exponent - 112;
  if (scale >= 31) return sign | 0x7c00;
  if (scale <= 0) return sign | Math.min(0x400, roundEven(Math.abs(value) * 2 ** 24));
  return sign + roundEven((scale << 10) + (word & 0x7fffff) / 8192);
}

function roundEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}
