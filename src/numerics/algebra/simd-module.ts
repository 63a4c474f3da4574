/**
 * Bytes of the WebAssembly module behind dense-kernel.ts: loops over padded float64 matrices
 * with 128-bit SIMD, four rows at a time. Assembled here, since a tool chain for four loops would be
 * more to keep than these instructions. Names of instructions follow the WebAssembly specification.
 */

export type Code = readonly number[];

/** Unsigned and signed LEB128. */
function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value % 128) + 128, ...unsigned(Math.floor(value / 128))];
}
function signed(value: number): Code {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) + 128, ...signed(value >> 7)];
}

const I32 = 0x7f;
const F64 = 0x7c;
const V128 = 0x7b;
const F64X2_ALIGNMENT = 3; // rows start at multiples of 8 bytes

export const get = (local: number): Code => [0x20, local];
export const set = (local: number): Code => [0x21, local];
export const constant = (value: number): Code => [0x41, ...signed(value)];
export const add: Code = [0x6a];
export const below: Code = [0x49]; // i32.lt_u
export const load = (offset = 0): Code => [0xfd, 0x00, F64X2_ALIGNMENT, ...unsigned(offset)];
export const loadSplat = (offset = 0): Code => [0xfd, 0x0a, F64X2_ALIGNMENT, ...unsigned(offset)];
export const store = (offset = 0): Code => [0xfd, 0x0b, F64X2_ALIGNMENT, ...unsigned(offset)];
const storeF64 = (offset: number): Code => [0x39, F64X2_ALIGNMENT, ...unsigned(offset)];
export const zero: Code = [0xfd, 0x0c, ...new Array<number>(16).fill(0)];
export const plus: Code = [0xfd, 0xf0, 0x01]; // f64x2.add
export const minus: Code = [0xfd, 0xf1, 0x01];
export const times: Code = [0xfd, 0xf2, 0x01];
const divided: Code = [0xfd, 0xf3, 0x01];
const root: Code = [0xfd, 0xef, 0x01]; // f64x2.sqrt
const least: Code = [0xfd, 0xf4, 0x01]; // f64x2.min
const most: Code = [0xfd, 0xf5, 0x01];
const atMost: Code = [0xfd, 0x4b]; // f64x2.le
const or: Code = [0xfd, 0x50];
const select: Code = [0xfd, 0x52]; // v128.bitselect
/** The unsigned integer on the stack, in both lanes. */
const splatUnsigned: Code = [0xb8, 0xfd, 0x14]; // f64.convert_i32_u, f64x2.splat
const bothLanes = (value: number): Code => [
  ...[0xfd, 0x0c],
  ...new Uint8Array(Float64Array.of(value, value).buffer),
];
const lane = (k: number): Code => [0xfd, 0x21, k];
const addF64: Code = [0xa0];

/** Repeats `body` while `condition` leaves true on the stack. */
export const repeat = (body: Code, condition: Code): Code => [
  ...[0x03, 0x40],
  ...body,
  ...condition,
  ...[0x0d, 0x00, 0x0b],
];
/** local ← local + what is on the stack. */
export const advance = (local: number, by: Code): Code => [
  ...get(local),
  ...by,
  ...add,
  ...set(local),
];
export const address = (base: number, offset: number): Code => [
  ...get(base),
  ...get(offset),
  ...add,
];

const four = <T>(make: (k: number) => readonly T[]): T[] => [0, 1, 2, 3].flatMap(make);

/** A function of i32 arguments with i32, v128 and f64 locals behind them. */
export function body(integers: number, vectors: number, code: Code, numbers = 0): Code {
  const locals = [
    ...[3, ...unsigned(integers), I32, ...unsigned(vectors), V128],
    ...[...unsigned(numbers), F64],
  ];
  const bytes = [...locals, ...code, 0x0b];
  return [...unsigned(bytes.length), ...bytes];
}

/** Sets the locals `first` … to the rows behind the one at `row`. */
const rowsBehind = (row: number, stride: number, first: number): Code =>
  [0, 1, 2].flatMap((k) => [
    ...get(k === 0 ? row : first + k - 1),
    ...get(stride),
    ...add,
    ...set(first + k),
  ]);

/** multiply(m, stride, end, v, out): out ← m v. Two sums a row, so that additions overlap. */
function multiply(): Code {
  const [m, stride, end, v, out, at, behind] = [0, 1, 2, 3, 4, 5, 6];
  const sums = 9; // eight of them
  const [x0, x1] = [17, 18];
  const row = (k: number) => (k === 0 ? m : behind + k - 1);
  const accumulate = (k: number, half: number) => [
    ...get(sums + 2 * k + half),
    ...address(row(k), at),
    ...load(16 * half),
    ...get(half === 0 ? x0 : x1),
    ...times,
    ...plus,
    ...set(sums + 2 * k + half),
  ];
  const inner = [
    ...address(v, at),
    ...load(),
    ...set(x0),
    ...address(v, at),
    ...load(16),
    ...set(x1),
    ...four((k) => [...accumulate(k, 0), ...accumulate(k, 1)]),
    ...advance(at, constant(32)),
  ];
  const total = (k: number) => [
    ...get(out),
    ...[...get(sums + 2 * k), ...get(sums + 2 * k + 1), ...plus, ...set(x0)],
    ...[...get(x0), ...lane(0), ...get(x0), ...lane(1), ...addF64],
    ...storeF64(8 * k),
  ];
  const outer = [
    ...Array.from({ length: 8 }, (_, k) => [...zero, ...set(sums + k)]).flat(),
    ...rowsBehind(m, stride, behind),
    ...constant(0),
    ...set(at),
    ...repeat(inner, [...get(at), ...get(stride), ...below]),
    ...four(total),
    ...advance(out, constant(32)),
    ...[...get(behind + 2), ...get(stride), ...add, ...set(m)],
  ];
  return body(4, 10, repeat(outer, [...get(m), ...get(end), ...below]));
}

/** addTransposed(m, stride, end, v, out): out ← out + mᵀ v. */
function addTransposed(): Code {
  const [m, stride, end, v, out, at, behind] = [0, 1, 2, 3, 4, 5, 6];
  const factors = 9; // four of them
  const row = (k: number) => (k === 0 ? m : behind + k - 1);
  const half = (offset: number) => [
    ...address(out, at),
    ...address(out, at),
    ...load(offset),
    ...four((k) => [
      ...address(row(k), at),
      ...load(offset),
      ...get(factors + k),
      ...times,
      ...plus,
    ]),
    ...store(offset),
  ];
  const outer = [
    ...rowsBehind(m, stride, behind),
    ...four((k) => [...get(v), ...loadSplat(8 * k), ...set(factors + k)]),
    ...constant(0),
    ...set(at),
    ...repeat(
      [...half(0), ...half(16), ...advance(at, constant(32))],
      [...get(at), ...get(stride), ...below],
    ),
    ...advance(v, constant(32)),
    ...[...get(behind + 2), ...get(stride), ...add, ...set(m)],
  ];
  return body(4, 4, repeat(outer, [...get(m), ...get(end), ...below]));
}

/** subtractOuters(m, stride, end, u, v, s, t): m ← m − u vᵀ − s tᵀ. */
function subtractOuters(): Code {
  const [m, stride, end, u, v, s, t, at, behind] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const [factorsU, factorsS, x, y] = [11, 15, 19, 20]; // four factors each
  const row = (k: number) => (k === 0 ? m : behind + k - 1);
  const update = (k: number, offset: number) => [
    ...address(row(k), at),
    ...[...address(row(k), at), ...load(offset)],
    ...[...get(x), ...get(factorsU + k), ...times, ...minus],
    ...[...get(y), ...get(factorsS + k), ...times, ...minus],
    ...store(offset),
  ];
  const half = (offset: number) => [
    ...[...address(v, at), ...load(offset), ...set(x)],
    ...[...address(t, at), ...load(offset), ...set(y)],
    ...four((k) => update(k, offset)),
  ];
  const outer = [
    ...rowsBehind(m, stride, behind),
    ...four((k) => [...get(u), ...loadSplat(8 * k), ...set(factorsU + k)]),
    ...four((k) => [...get(s), ...loadSplat(8 * k), ...set(factorsS + k)]),
    ...constant(0),
    ...set(at),
    ...repeat(
      [...half(0), ...half(16), ...advance(at, constant(32))],
      [...get(at), ...get(stride), ...below],
    ),
    ...[...advance(u, constant(32)), ...advance(s, constant(32))],
    ...[...get(behind + 2), ...get(stride), ...add, ...set(m)],
  ];
  return body(4, 10, repeat(outer, [...get(m), ...get(end), ...below]));
}

/** addFour(a, b, c, d, sums, end): sums ← sums + (a + b + c + d), all as long as from sums to end. */
function addFour(): Code {
  const [a, b, c, d, sums, end] = [0, 1, 2, 3, 4, 5];
  const half = (offset: number) => [
    ...[...get(sums), ...get(sums), ...load(offset)],
    ...[...get(a), ...load(offset), ...get(b), ...load(offset), ...plus],
    ...[...get(c), ...load(offset), ...plus, ...get(d), ...load(offset), ...plus],
    ...[...plus, ...store(offset)],
  ];
  const both = [
    ...[...half(0), ...half(16)],
    ...[a, b, c, d, sums].flatMap((local) => advance(local, constant(32))),
  ];
  return body(0, 0, repeat(both, [...get(sums), ...get(end), ...below]));
}

/** A variance this small beside the mean square is rounding. */
export const FLAT = 1e-12;

/**
 * correlate(sums, bytes, total, out, end): r of two columns at a time from sums of y, p, y², p² and yp, each as many bytes
 * behind the one before; NaN where either does not vary.
 */
function correlate(): Code {
  const [sums, bytes, total, out, end, at] = [0, 1, 2, 3, 4, 5];
  const [n, y, p, yy, pp, varY, varP, cross] = [6, 7, 8, 9, 10, 11, 12, 13];
  const next = (into: number): Code => [
    ...[...get(at), ...load(), ...set(into)],
    ...advance(at, get(bytes)),
  ];
  /** The sum `of` less the product of two sums over the count. */
  const less = (of: Code, [a, b]: readonly [number, number], into: number): Code => [
    ...[...of, ...get(a), ...get(b), ...times, ...get(n), ...divided, ...minus],
    ...set(into),
  ];
  const flat = (variance: number, squares: number): Code => [
    ...[...get(variance), ...bothLanes(FLAT), ...get(squares), ...times, ...atMost],
  ];
  const two = [
    ...[...get(sums), ...set(at)],
    ...[y, p, yy, pp].flatMap(next),
    ...less(get(yy), [y, y], varY),
    ...less(get(pp), [p, p], varP),
    ...less([...get(at), ...load()], [y, p], cross),
    ...get(out),
    ...bothLanes(Number.NaN),
    ...[...bothLanes(-1), ...bothLanes(1)],
    ...[...get(cross), ...get(varY), ...get(varP), ...times, ...root, ...divided],
    ...[...least, ...most],
    ...[...flat(varY, yy), ...flat(varP, pp), ...or, ...select],
    ...store(),
    ...[...advance(sums, constant(16)), ...advance(out, constant(16))],
  ];
  const code = [
    ...[...get(total), ...splatUnsigned, ...set(n)],
    ...repeat(two, [...get(out), ...get(end), ...below]),
  ];
  return body(1, 8, code);
}

const loadF64: Code = [0x2b, F64X2_ALIGNMENT, 0];
const storeHere: Code = storeF64(0);
const [lessF64, atMostF64]: readonly Code[] = [[0x63], [0x65]];
const [equal, atLeast, minusI32, shiftUp, shiftDown]: readonly Code[] = [
  ...[[0x46], [0x4f], [0x6b], [0x74], [0x76]],
];
const leave: Code = [0x0f];
const loopFrom = (code: Code): Code => [0x03, 0x40, ...code, 0x0b];
const again = (depth: number): Code => [0x0c, depth];
const when = (condition: Code, then: Code): Code => [...condition, ...[0x04, 0x40, ...then, 0x0b]];

/**
 * selectRank(low, k, high): brings the f64 of rank to the address `k`, smaller ones before it and larger ones behind, among
 * those from `low` up to `high`. Halves are parted without a jump that a value decides, which a processor would guess wrongly
 * every other time.
 */
function selectRank(): Code {
  const [low, k, high, i, at, pivot, x] = [0, 1, 2, 3, 4, 5, 6];
  /** Brings values that `isBefore` holds of before `at`, up to the one in which `i` ends. */
  const part = (isBefore: Code, goesOn: Code): Code =>
    repeat(
      [
        ...[...get(i), ...loadF64, ...set(x)],
        ...[...get(i), ...get(at), ...loadF64, ...storeHere],
        ...[...get(at), ...get(x), ...storeHere],
        ...advance(at, [...get(x), ...get(pivot), ...isBefore, ...constant(3), ...shiftUp]),
        ...advance(i, constant(8)),
      ],
      goesOn,
    );
  const middle = [
    ...[...get(high), ...get(low), ...minusI32, ...constant(4), ...shiftDown],
    ...[...constant(3), ...shiftUp, ...get(low), ...add],
  ];
  const copies = [
    // Nothing is below: copies of the least value need no second look.
    ...[...get(low), ...constant(8), ...add, ...set(at), ...get(at), ...set(i)],
    ...part(atMostF64, [...get(high), ...get(i), ...atLeast]),
    ...when([...get(k), ...get(at), ...below], leave),
    ...[...get(at), ...set(low), ...again(1)],
  ];
  const round = [
    ...when([...get(low), ...get(high), ...atLeast], leave),
    ...[...middle, ...set(i), ...get(i), ...loadF64, ...set(pivot)],
    ...[...get(i), ...get(high), ...loadF64, ...storeHere],
    ...[...get(low), ...set(at), ...get(low), ...set(i)],
    ...part(lessF64, [...get(i), ...get(high), ...below]),
    ...[...get(high), ...get(at), ...loadF64, ...storeHere, ...get(at), ...get(pivot)],
    ...storeHere,
    ...when(
      [...get(k), ...get(at), ...below],
      [...get(at), ...constant(8), ...minusI32, ...set(high), ...again(1)],
    ),
    ...when([...get(at), ...get(low), ...equal], copies),
    ...when([...get(k), ...get(at), ...equal], leave),
    ...[...get(at), ...constant(8), ...add, ...set(low), ...again(0)],
  ];
  return body(2, 0, loopFrom(round), 2);
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function name(text: string): Code {
  const bytes = [...new TextEncoder().encode(text)];
  return [...unsigned(bytes.length), ...bytes];
}

/** A loop of a module. */
export interface Loop {
  readonly name: string;
  /** Number of its i32 arguments. */
  readonly parameters: number;
  /** What {@link body} makes. */
  readonly body: Code;
}

/** A module that imports `kernel.memory` and exports loops. */
export function moduleOf(loops: readonly Loop[]): Uint8Array<ArrayBuffer> {
  const type = ({ parameters }: Loop): Code => [
    0x60,
    parameters,
    ...new Array<number>(parameters).fill(I32),
    0,
  ];
  const count = loops.length;
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [count, ...loops.flatMap(type)]),
    ...section(2, [1, ...name('kernel'), ...name('memory'), 0x02, 0x00, 0x01]),
    ...section(3, [count, ...loops.map((_, k) => k)]),
    ...section(7, [count, ...loops.flatMap((loop, k) => [...name(loop.name), 0x00, k])]),
    ...section(10, [count, ...loops.flatMap((loop) => loop.body)]),
  ]);
}

/** The loops of dense-kernel.ts. */
export function simdModule(): Uint8Array<ArrayBuffer> {
  return moduleOf([
    { name: 'multiply', parameters: 5, body: multiply() },
    { name: 'addTransposed', parameters: 5, body: addTransposed() },
    { name: 'subtractOuters', parameters: 7, body: subtractOuters() },
    { name: 'addFour', parameters: 6, body: addFour() },
    { name: 'correlate', parameters: 5, body: correlate() },
    { name: 'selectRank', parameters: 3, body: selectRank() },
  ]);
}
