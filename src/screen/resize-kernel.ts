import { wasm } from '../numerics/algebra/dense-kernel.js';
import {
  address,
  advance,
  below,
  body,
  type Code,
  constant,
  get,
  load,
  moduleOf,
  repeat,
  set,
  store,
  zero,
} from '../numerics/algebra/simd-module.js';

/**
 * Loops over the rows of an image that is resized, four to sixteen values at a time. Rows and tables lie in WebAssembly memory;
 * names of instructions follow its specification. A step reads and writes whole vectors, so that what it writes
 * behind its last value is for the next step to overwrite: {@link ResizeMemory} leaves room behind every array.
 */
interface Loops {
  /**
   * out ← for each target pixel the weighted sum of the source pixels that the table names, in whole numbers.
   * @param table by target pixel, `perPixel` bytes: for each two source pixels their offsets in bytes, and their weights of 16 bits
   * @param step bytes between the sums of neighbouring pixels
   */
  stretch(
    row: number,
    table: number,
    tableEnd: number,
    perPixel: number,
    out: number,
    step: number,
  ): void;
  /** out ← the 8-bit sum of two stretched rows, each with its weight × 2048. */
  blendTwo(a: number, b: number, weights: number, out: number, outEnd: number): void;
  /** out ← a w₀ + (b w₁ + (c w₂ + d w₃)) of stretched rows, in float32, rounded half to even and clipped. */
  blendFour(
    a: number,
    b: number,
    c: number,
    d: number,
    weights: number,
    out: number,
    outEnd: number,
  ): void;
  /**
   * out ← for each target pixel the weighted sum of source pixels in their order, in float32.
   * @param table by target pixel: bytes of its shares; for each share the offset in bytes and the weight
   */
  gather(row: number, table: number, tableEnd: number, out: number, step: number): void;
  /** sums ← sums + row × weight, in float32. */
  accumulate(row: number, weight: number, sums: number, sumsEnd: number): void;
  /** out ← sums, rounded half to even and clipped. */
  toBytes(sums: number, out: number, outEnd: number): void;
}

const load32 = (offset = 0): Code => [0xfd, 0x5c, 0, offset]; // v128.load32_zero
const splat32 = (offset = 0): Code => [0xfd, 0x09, 2, offset]; // v128.load32_splat
const integer = (offset = 0): Code => [0x28, 2, offset]; // i32.load
/** Bytes of two vectors in turn. */
const interleave: Code = [0xfd, 0x0d, ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((k) => [k, k + 16])];
const bytesToWords: Code = [0xfd, 0x89, 0x01]; // i16x8.extend_low_i8x16_u
const wordsToIntegers: Code = [0xfd, 0xa9, 0x01]; // i32x4.extend_low_i16x8_u
const dotWords: Code = [0xfd, 0xba, 0x01]; // i32x4.dot_i16x8_s
const plus: Code = [0xfd, 0xae, 0x01]; // i32x4.add
const times: Code = [0xfd, 0xb5, 0x01]; // i32x4.mul
const shiftRight = (bits: number): Code => [...constant(bits), 0xfd, 0xac, 0x01]; // i32x4.shr_s
const splat = (value: number): Code => [...constant(value), 0xfd, 0x11]; // i32x4.splat
const toFloats: Code = [0xfd, 0xfa, 0x01]; // f32x4.convert_i32x4_s
const plusFloats: Code = [0xfd, 0xe4, 0x01]; // f32x4.add
const timesFloats: Code = [0xfd, 0xe6, 0x01]; // f32x4.mul
const nearest: Code = [0xfd, 0x6a]; // f32x4.nearest
const toIntegers: Code = [0xfd, 0xf8, 0x01]; // i32x4.trunc_sat_f32x4_s
const toWords: Code = [0xfd, 0x85, 0x01]; // i16x8.narrow_i32x4_s
const toClippedBytes: Code = [0xfd, 0x66]; // i8x16.narrow_i16x8_u

/** Sixteen bytes from four vectors of integers. */
const narrowed = (part: (k: number) => Code): Code => [
  ...[...part(0), ...part(1), ...toWords],
  ...[...part(2), ...part(3), ...toWords],
  ...toClippedBytes,
];
const sourcePixel = (row: number, table: number, entry = 0): Code => [
  ...[...get(table), ...integer(entry), ...get(row), 0x6a],
  ...load32(),
];
const until = (local: number, end: number): Code => [...get(local), ...get(end), ...below];

function stretch(): Code {
  const [row, table, tableEnd, perPixel, out, step, pixelEnd, sum] = [0, 1, 2, 3, 4, 5, 6, 7];
  const two = [
    ...get(sum),
    ...[...sourcePixel(row, table), ...sourcePixel(row, table, 4), ...interleave, ...bytesToWords],
    ...[...get(table), ...splat32(8), ...dotWords],
    ...[...plus, ...set(sum)],
    ...advance(table, constant(12)),
  ];
  const pixel = [
    ...[...zero, ...set(sum), ...address(table, perPixel), ...set(pixelEnd)],
    ...repeat(two, until(table, pixelEnd)),
    ...[...get(out), ...get(sum), ...store()],
    ...advance(out, get(step)),
  ];
  return body(1, 1, repeat(pixel, until(table, tableEnd)));
}

function blendTwo(): Code {
  const [a, b, weights, out, outEnd, wa, wb] = [0, 1, 2, 3, 4, 5, 6];
  const share = (row: number, weight: number, k: number): Code => [
    ...[...get(row), ...load(16 * k), ...shiftRight(4)],
    ...[...get(weight), ...times, ...shiftRight(16)],
  ];
  const part = (k: number): Code => [
    ...[...share(a, wa, k), ...share(b, wb, k), ...plus],
    ...[...splat(2), ...plus, ...shiftRight(2)],
  ];
  const sixteen = [
    ...[...get(out), ...narrowed(part), ...store()],
    ...[a, b].flatMap((row) => advance(row, constant(64))),
    ...advance(out, constant(16)),
  ];
  return body(0, 2, [
    ...[...get(weights), ...splat32(), ...set(wa), ...get(weights), ...splat32(4), ...set(wb)],
    ...repeat(sixteen, until(out, outEnd)),
  ]);
}

function blendFour(): Code {
  const rows = [0, 1, 2, 3];
  const [weights, out, outEnd, factors] = [4, 5, 6, 7]; // four factors
  const share = (k: number, row: number): Code => [
    ...[...get(row), ...load(16 * k), ...toFloats],
    ...[...get(factors + row), ...timesFloats],
  ];
  const part = (k: number): Code => [
    ...rows.flatMap((row) => share(k, row)),
    ...[...plusFloats, ...plusFloats, ...plusFloats],
    ...[...nearest, ...toIntegers],
  ];
  const sixteen = [
    ...[...get(out), ...narrowed(part), ...store()],
    ...rows.flatMap((row) => advance(row, constant(64))),
    ...advance(out, constant(16)),
  ];
  return body(0, 4, [
    ...rows.flatMap((k) => [...get(weights), ...splat32(4 * k), ...set(factors + k)]),
    ...repeat(sixteen, until(out, outEnd)),
  ]);
}

function gather(): Code {
  const [row, table, tableEnd, out, step, pixelEnd, sum] = [0, 1, 2, 3, 4, 5, 6];
  const share = [
    ...get(sum),
    ...[...sourcePixel(row, table), ...bytesToWords, ...wordsToIntegers, ...toFloats],
    ...[...get(table), ...splat32(4), ...timesFloats, ...plusFloats, ...set(sum)],
    ...advance(table, constant(8)),
  ];
  const pixel = [
    ...[...zero, ...set(sum)],
    ...[...get(table), ...integer(), ...advance(table, constant(4))],
    ...[...get(table), 0x6a, ...set(pixelEnd)],
    ...repeat(share, until(table, pixelEnd)),
    ...[...get(out), ...get(sum), ...store()],
    ...advance(out, get(step)),
  ];
  return body(1, 1, repeat(pixel, until(table, tableEnd)));
}

function accumulate(): Code {
  const [row, weight, sums, sumsEnd, factor] = [0, 1, 2, 3, 4];
  const four = [
    ...[...get(sums), ...get(sums), ...load()],
    ...[...get(row), ...load(), ...get(factor), ...timesFloats, ...plusFloats],
    ...store(),
    ...[row, sums].flatMap((local) => advance(local, constant(16))),
  ];
  const factored = [...get(weight), ...splat32(), ...set(factor)];
  return body(0, 1, [...factored, ...repeat(four, until(sums, sumsEnd))]);
}

function toBytes(): Code {
  const [sums, out, outEnd] = [0, 1, 2];
  const part = (k: number): Code => [...get(sums), ...load(16 * k), ...nearest, ...toIntegers];
  const sixteen = [
    ...[...get(out), ...narrowed(part), ...store()],
    ...[...advance(sums, constant(64)), ...advance(out, constant(16))],
  ];
  return body(0, 0, repeat(sixteen, until(out, outEnd)));
}

const PAGE = 65_536;
/** Bytes behind an array that a step may read or write. */
const SLACK = 64;
/** Memory beyond this is given back after the image. */
const KEPT = 16 * 2 ** 20;

let compiled: object | undefined;
let kept: ResizeMemory | undefined;

/** Memory for the rows and tables of one resize, and the loops over them. */
export class ResizeMemory {
  readonly loops: Loops;
  readonly #memory: { readonly buffer: ArrayBuffer };
  #used = 0;

  private constructor(bytes: number) {
    this.#memory = new wasm.Memory({ initial: Math.ceil(bytes / PAGE) });
    compiled ??= new wasm.Module(
      moduleOf([
        { name: 'stretch', parameters: 6, body: stretch() },
        { name: 'blendTwo', parameters: 5, body: blendTwo() },
        { name: 'blendFour', parameters: 7, body: blendFour() },
        { name: 'gather', parameters: 5, body: gather() },
        { name: 'accumulate', parameters: 4, body: accumulate() },
        { name: 'toBytes', parameters: 3, body: toBytes() },
      ]),
    );
    const instance = new wasm.Instance(compiled, { kernel: { memory: this.#memory } });
    this.loops = instance.exports as Loops;
  }

  /** Memory for arrays of these lengths in bytes, until it is asked for the next time. */
  static of(lengths: readonly number[]): ResizeMemory {
    const bytes = lengths.reduce((sum, length) => sum + room(length), 0);
    const memory = kept && kept.#memory.buffer.byteLength >= bytes ? kept : new ResizeMemory(bytes);
    kept = bytes <= KEPT ? memory : undefined;
    memory.#used = 0;
    return memory;
  }

  #take(bytes: number): number {
    const at = this.#used;
    this.#used += room(bytes);
    return at;
  }

  bytes(length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, this.#take(length), length);
  }

  integers(length: number): Int32Array {
    return new Int32Array(this.#memory.buffer, this.#take(4 * length), length);
  }

  floats(length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, this.#take(4 * length), length);
  }
}

const room = (bytes: number) => Math.ceil((bytes + SLACK) / 16) * 16;
