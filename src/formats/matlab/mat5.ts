import { quoted } from '../../errors/quoted.js';
import { type Element, MATRIX, Mat5Bytes } from './mat5-elements.js';

/** MAT-files of level 5 (MATLAB 5 to 7): numbers, text, cells and structs, compressed or not. */

/** A value of a file; arrays are in MATLAB's order, the first dimension fastest. */
export type MatValue =
  | {
      readonly kind: 'numbers';
      readonly shape: readonly number[];
      readonly data: ArrayLike<number>;
    }
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'cell';
      readonly shape: readonly number[];
      readonly cells: readonly MatValue[];
    }
  | {
      readonly kind: 'struct';
      readonly shape: readonly number[];
      /** Fields of each element. */
      readonly elements: readonly ReadonlyMap<string, MatValue>[];
    };

const CLASSES = { cell: 1, struct: 2, text: 4, firstNumber: 6, lastNumber: 15 };
const COMPLEX = 0x0800;
/** Arrays in arrays, and all arrays of a file. */
const MAX_DEPTH = 16;
const MAX_ARRAYS = 100_000;
const MAX_RANK = 32;

/**
 * The variables of a file by name; `wanted` leaves others unread.
 * @throws VentralError `mat-invalid` for what is no such file, for objects, sparse, complex and unknown arrays, for
 *   files that end early, nest too deeply or unpack to far more than they are
 * @param name how messages call the file
 */
export function readMat5(
  bytes: Uint8Array,
  name: string,
  wanted?: readonly string[],
): Map<string, MatValue> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return new Mat5Reader(new Mat5Bytes(buffer, name)).variables(wanted);
}

/** What stands before the content of an array. */
interface Head {
  readonly class: number;
  readonly flags: number;
  readonly shape: readonly number[];
  readonly count: number;
  readonly name: string;
}

class Mat5Reader {
  readonly #file: Mat5Bytes;
  #arrays = 0;

  constructor(file: Mat5Bytes) {
    this.#file = file;
  }

  variables(wanted: readonly string[] | undefined): Map<string, MatValue> {
    const found = new Map<string, MatValue>();
    for (const element of this.#file.elements(this.#file.bytes.subarray(128), true)) {
      if (element.type !== MATRIX) this.#file.refuse(`element ${element.type} is no array`);
      const parts = this.#file.elements(element.data);
      const head = this.#head(parts);
      // Unnamed variables hold what MATLAB keeps for its own objects.
      if (head.name === '' || (wanted && !wanted.includes(head.name))) continue;
      if (found.has(head.name)) this.#file.refuse(`variable ${quoted(head.name)} stands twice`);
      found.set(head.name, this.#content(head, parts, 0));
    }
    return found;
  }

  #next(parts: Generator<Element>, what: string): Element {
    const next = parts.next();
    return next.done ? this.#file.refuse(`an array ends before its ${what}`) : next.value;
  }

  #head(parts: Generator<Element>): Head {
    if (++this.#arrays > MAX_ARRAYS) this.#file.refuse(`it has more than ${MAX_ARRAYS} arrays`);
    const flags = this.#next(parts, 'flags').data;
    if (flags.length < 8) this.#file.refuse('the flags of an array are cut short');
    const word = this.#file.uint32(flags, 0);
    const shape = Array.from(this.#file.numbers(this.#next(parts, 'shape')));
    const count = shape.reduce((product, length) => product * length, 1);
    const sound = shape.every((length) => Number.isSafeInteger(length) && length >= 0);
    if (!sound || shape.length > MAX_RANK || !Number.isSafeInteger(count))
      this.#file.refuse(`an array has the shape ${shape.slice(0, 4).join(' × ')}`);
    const name = this.#next(parts, 'name').data.toString('latin1');
    return { class: word & 0xff, flags: word, shape, count, name };
  }

  #content(head: Head, parts: Generator<Element>, depth: number): MatValue {
    if (depth > MAX_DEPTH) this.#file.refuse('its arrays are nested too deeply');
    if (head.class === CLASSES.cell) return this.#cell(head, parts, depth);
    if (head.class === CLASSES.struct) return this.#struct(head, parts, depth);
    if (head.class === CLASSES.text) return this.#text(head, parts);
    if (head.class >= CLASSES.firstNumber && head.class <= CLASSES.lastNumber)
      return this.#numbers(head, parts);
    const what = quoted(head.name);
    return this.#file.refuse(`array ${what} is of class ${head.class}, which is not supported`);
  }

  #numbers(head: Head, parts: Generator<Element>): MatValue {
    if ((head.flags & COMPLEX) !== 0) this.#file.refuse(`array ${quoted(head.name)} is complex`);
    const data = this.#file.numbers(this.#next(parts, 'numbers'));
    this.#requireCount(data.length, head);
    return { kind: 'numbers', shape: head.shape, data };
  }

  #requireCount(found: number, { count, shape }: Head): void {
    if (found === count) return;
    this.#file.refuse(`${found} values stand for the shape ${shape.slice(0, 4).join(' × ')}`);
  }

  /** Rows of text as one line each; MATLAB keeps them column by column. */
  #text({ shape, count }: Head, parts: Generator<Element>): MatValue {
    const { type, data } = this.#next(parts, 'text');
    const text =
      type === 16
        ? data.toString('utf8')
        : Array.from(this.#file.numbers({ type, data }), (code) => String.fromCharCode(code)).join(
            '',
          );
    const [rows = 0] = shape;
    if (rows <= 1 || text.length !== count) return { kind: 'text', text };
    const line = (row: number) => [...text].filter((_, i) => i % rows === row).join('');
    return { kind: 'text', text: Array.from({ length: rows }, (_, row) => line(row)).join('\n') };
  }

  #inner(parts: Generator<Element>, depth: number): MatValue {
    const element = this.#next(parts, 'elements');
    if (element.type !== MATRIX) this.#file.refuse(`element ${element.type} lies in an array`);
    // An element without data is an empty array.
    if (element.data.length === 0) return { kind: 'numbers', shape: [0, 0], data: [] };
    const inner = this.#file.elements(element.data);
    return this.#content(this.#head(inner), inner, depth + 1);
  }

  #cell({ shape, count }: Head, parts: Generator<Element>, depth: number): MatValue {
    this.#requireRoom(count);
    const cells: MatValue[] = [];
    for (let i = 0; i < count; i++) cells.push(this.#inner(parts, depth));
    return { kind: 'cell', shape, cells };
  }

  #struct({ shape, count }: Head, parts: Generator<Element>, depth: number): MatValue {
    const [width] = Array.from(this.#file.numbers(this.#next(parts, 'width of names')));
    const names = this.#next(parts, 'field names').data;
    if (!(width > 0) || names.length % width !== 0)
      this.#file.refuse(`field names have ${width} of ${names.length} bytes`);
    const fields = Array.from({ length: names.length / width }, (_, i) => {
      const [name] = names.toString('latin1', i * width, (i + 1) * width).split('\0');
      return name;
    });
    this.#requireRoom(count * fields.length);
    if (fields.length === 0 && count > 1) this.#requireRoom(Number.POSITIVE_INFINITY);
    const elements = Array.from(
      { length: count },
      () => new Map(fields.map((field) => [field, this.#inner(parts, depth)])),
    );
    return { kind: 'struct', shape, elements };
  }

  /** @throws before anything is made of a count that no file of this kind can hold */
  #requireRoom(arrays: number): void {
    if (arrays > MAX_ARRAYS - this.#arrays)
      this.#file.refuse(`it has more than ${MAX_ARRAYS} arrays`);
  }
}
