/** A small writer of FlatBuffers, and of TensorFlow Lite networks in them. */

type Field =
  | { readonly i8: number }
  | { readonly u32: number }
  | { readonly i32: number }
  | { readonly f32: number }
  | { readonly text: string }
  | { readonly bytes: Uint8Array }
  | { readonly i32s: readonly number[] }
  | { readonly f32s: readonly number[] }
  | { readonly i64s: readonly number[] }
  | { readonly table: Table }
  | { readonly tables: readonly Table[] };

/** Fields by their number in the schema. */
export type Table = Readonly<Record<number, Field>>;

/** Bytes that grow; whatever is referred to is written behind what refers to it. */
class Writer {
  bytes = Buffer.alloc(1024);
  length = 0;

  reserve(count: number, alignment = 1, offset = 0): number {
    while ((this.length + offset) % alignment !== 0) this.length++;
    const at = this.length;
    this.length += count;
    while (this.length > this.bytes.length)
      this.bytes = Buffer.concat([this.bytes, this.bytes.fill(0, this.bytes.length)]);
    this.bytes.fill(0, at, this.length);
    return at;
  }

  table(fields: Table): number {
    const numbers = Object.keys(fields).map(Number);
    const slots = numbers.length === 0 ? 0 : Math.max(...numbers) + 1;
    const vtable = this.reserve(4 + 2 * slots, 2);
    // Every field takes 4 bytes: a byte in front of three more is as good.
    const at = this.reserve(4 + 4 * numbers.length, 4);
    this.bytes.writeUInt16LE(4 + 2 * slots, vtable);
    this.bytes.writeUInt16LE(4 + 4 * numbers.length, vtable + 2);
    this.bytes.writeInt32LE(at - vtable, at);
    const later: [place: number, field: Field][] = [];
    numbers.forEach((number, i) => {
      const place = at + 4 + 4 * i;
      const field = fields[number];
      this.bytes.writeUInt16LE(place - at, vtable + 4 + 2 * number);
      if ('i8' in field) this.bytes.writeInt8(field.i8, place);
      else if ('i32' in field) this.bytes.writeInt32LE(field.i32, place);
      else if ('u32' in field) this.bytes.writeUInt32LE(field.u32, place);
      else if ('f32' in field) this.bytes.writeFloatLE(field.f32, place);
      else later.push([place, field]);
    });
    for (const [place, field] of later) {
      const target = this.referred(field);
      this.bytes.writeUInt32LE(target - place, place);
    }
    return at;
  }

  referred(field: Field): number {
    if ('table' in field) return this.table(field.table);
    if ('text' in field)
      return this.list(Buffer.from(`${field.text}\0`), Buffer.byteLength(field.text));
    if ('bytes' in field) return this.list(field.bytes, field.bytes.length, 16);
    if ('i32s' in field) return this.list(bytesOf(Int32Array.from(field.i32s)), field.i32s.length);
    if ('f32s' in field)
      return this.list(bytesOf(Float32Array.from(field.f32s)), field.f32s.length);
    if ('i64s' in field)
      return this.list(bytesOf(BigInt64Array.from(field.i64s, BigInt)), field.i64s.length, 8);
    if (!('tables' in field)) throw new Error('a field that refers to nothing');
    const { tables } = field;
    const start = this.list(new Uint8Array(4 * tables.length), tables.length);
    tables.forEach((table, i) => {
      const place = start + 4 + 4 * i;
      const target = this.table(table);
      this.bytes.writeUInt32LE(target - place, place);
    });
    return start;
  }

  list(content: Uint8Array, count: number, alignment = 4): number {
    const at = this.reserve(4 + content.length, alignment, 4);
    this.bytes.writeUInt32LE(count, at);
    this.bytes.set(content, at + 4);
    return at;
  }
}

export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** A FlatBuffer with a file identifier. */
export function flatBuffer(root: Table, identifier = 'TFL3'): Uint8Array {
  const writer = new Writer();
  writer.reserve(8);
  writer.bytes.write(identifier, 4, 'latin1');
  const at = writer.table(root);
  writer.bytes.writeUInt32LE(at, 0);
  return Uint8Array.from(writer.bytes.subarray(0, writer.length));
}

const types = { float32: 0, float16: 1, int32: 2, uint8: 3, int64: 4, string: 5, int8: 9 } as const;

/** A tensor of a made network; with `data` it is a constant. */
export interface MadeTensor {
  readonly name: string;
  readonly type?: keyof typeof types;
  readonly shape: readonly number[];
  readonly scale?: readonly number[];
  readonly zeroPoint?: readonly number[];
  readonly axis?: number;
  readonly data?: Uint8Array;
}

/** An operator by its code; inputs and outputs by the names of tensors, `''` for none. */
export interface MadeOperator {
  readonly code: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly options?: readonly [type: number, table: Table];
}

export interface MadeNetwork {
  readonly tensors: readonly MadeTensor[];
  readonly operators: readonly MadeOperator[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Bytes of a `.tflite` file. */
export function tfliteOf({ tensors, operators, inputs, outputs }: MadeNetwork): Uint8Array {
  const at = (name: string) =>
    name === '' ? -1 : tensors.findIndex((tensor) => tensor.name === name);
  const codes = [...new Set(operators.map(({ code }) => code))];
  const graph: Table = {
    0: { tables: tensors.map((tensor, i) => tensorTable(tensor, i + 1)) },
    1: { i32s: inputs.map(at) },
    2: { i32s: outputs.map(at) },
    3: {
      tables: operators.map(({ code, inputs, outputs, options }): Table => {
        const said: Table = {
          0: { u32: codes.indexOf(code) },
          1: { i32s: inputs.map(at) },
          2: { i32s: outputs.map(at) },
        };
        return options ? { ...said, 3: { i8: options[0] }, 4: { table: options[1] } } : said;
      }),
    },
  };
  return flatBuffer({
    0: { u32: 3 },
    1: { tables: codes.map((code) => ({ 0: { i8: Math.min(code, 127) }, 3: { i32: code } })) },
    2: { tables: [graph] },
    3: { text: 'made by a test' },
    // The first buffer is always empty.
    4: { tables: [{}, ...tensors.map(({ data }): Table => (data ? { 0: { bytes: data } } : {}))] },
  });
}

function tensorTable({ name, type = 'float32', ...rest }: MadeTensor, buffer: number): Table {
  const { shape, scale, zeroPoint, axis } = rest;
  const said: Table = {
    0: { i32s: shape },
    1: { i8: types[type] },
    2: { u32: buffer },
    3: { text: name },
  };
  if (scale === undefined) return said;
  const steps: Table = {
    2: { f32s: scale },
    3: { i64s: zeroPoint ?? scale.map(() => 0) },
    6: { i32: axis ?? 0 },
  };
  return { ...said, 4: { table: steps } };
}
