/**
 * The natural logarithm rounded as the C library rounds it: V8's own is off by one unit in the last
 * place now and then, and normal numbers of the legacy stream are compared bit for bit.
 * Computed to about 75 bits in pairs of float64 (Dekker 1971) and rounded once.
 */

const LN2_HIGH = 0.6931471803691238; // low 32 bits zero: a multiple below 2²¹ is exact
const LN2_LOW = 1.9082149292705877e-10;
const SPLITTER = 134217729; // 2²⁷ + 1

const value = new Float64Array(1);
const halves = new Uint32Array(value.buffer); // little-endian: low, high

/** The rounding error of the product a × b. */
function productError(a: number, b: number): number {
  const p = a * b;
  const aHigh = SPLITTER * a - (SPLITTER * a - a);
  const bHigh = SPLITTER * b - (SPLITTER * b - b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return aHigh * bHigh - p + aHigh * bLow + aLow * bHigh + aLow * bLow;
}

/** ln x of a positive, normal x. */
export function accurateLog(x: number): number {
  value[0] = x;
  let exponent = (halves[1] >>> 20) - 1023;
  halves[1] = (halves[1] & 0xfffff) | 0x3ff00000;
  let m = value[0];
  if (m > Math.SQRT2) {
    m /= 2;
    exponent++;
  }
  // ln m = 2 artanh(s) = 2 s (1 + z/3 + z²/5 + …) with s = (m − 1) / (m + 1), z = s².
  const top = m - 1;
  const below = m + 1;
  const belowError = m < 1 ? m - (below - 1) : 1 - (below - m);
  const s = top / below;
  const sError = (top - s * below - productError(s, below) - s * belowError) / below;
  const z = s * s;
  const zError = productError(s, s) + 2 * s * sError;
  let tail = 0;
  for (let n = 12; n >= 2; n--) tail = (tail + 1 / (2 * n + 1)) * z;
  tail *= z;
  const third = z / 3;
  const thirdError = (z - 3 * third - productError(3, third) + zError) / 3;
  const ratio = third + (tail + thirdError);
  const ratioError = third - ratio + (tail + thirdError);
  const product = s * ratio;
  const productLow = productError(s, ratio) + s * ratioError + sError * ratio;
  const half = s + product;
  const halfError = s - half + product + (productLow + sError);
  const base = exponent * LN2_HIGH;
  const sum = base + 2 * half;
  const sumError =
    Math.abs(base) > Math.abs(2 * half) ? base - sum + 2 * half : 2 * half - sum + base;
  return sum + (sumError + 2 * halfError + exponent * LN2_LOW);
}
