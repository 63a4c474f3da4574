/**
 * The wire format of Protocol Buffers, as far as ONNX needs it: records are walked as views and
 * never copied, and what is not understood is kept byte for byte. Source: the encoding page of
 * protobuf.dev. Groups (wire types 3 and 4), which ONNX never uses, are refused.
 */

/**
 * Why bytes are not read: they end inside a record, they are not records at all, what they hold is
 * more (records, nodes) or deeper (subgraphs) than any network's, or it is not what the schema says (a field
 * that is unknown, stored as another type, there twice, or out of its range).
 */
export class WireError extends Error {
  override readonly name = 'WireError';

  constructor(
    readonly kind:
      | 'cut'
      | 'malformed'
      | 'many'
      | 'deep'
      | 'unknown'
      | 'type'
      | 'repeated'
      | 'range',
    /** Offset in the message where the record starts. */
    readonly offset: number,
    /** Field number of that record, 0 if even its key cannot be read. */
    readonly field: number,
  ) {
    super(`${kind} record of field ${field} at byte ${offset}`);
  }
}

/** One record of a message. */
export interface WireRecord {
  readonly field: number;
  /** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  readonly wire: number;
  /** The whole record, key included. */
  readonly raw: Uint8Array;
  /** What follows the key (and the length); empty for a varint. */
  readonly payload: Uint8Array;
  /** Value of a varint as a signed 64-bit integer (rounded beyond 2⁵³), else 0. */
  readonly value: number;
}

const NOTHING = new Uint8Array(0);

/** A varint that starts at `at`: its signed value and where it ends; undefined if it is cut. */
function varint(bytes: Uint8Array, at: number): { value: number; end: number } | undefined {
  let value = 0;
  let scale = 1;
  for (let i = at; i < bytes.length && i < at + 10; i++) {
    value += (bytes[i] & 0x7f) * scale;
    if (bytes[i] < 0x80) {
      const signed = i === at + 9 ? Number(BigInt.asIntN(64, bigVarint(bytes, at))) : value;
      return { value: signed, end: i + 1 };
    }
    scale *= 128;
  }
  return undefined;
}

function bigVarint(bytes: Uint8Array, at: number): bigint {
  let value = 0n;
  for (let i = 9; i >= 0; i--) value = (value << 7n) | BigInt(bytes[at + i] & 0x7f);
  return value;
}

/**
 * Walks the records of one message.
 * @throws {@link WireError}
 */
export function* records(bytes: Uint8Array): Generator<WireRecord> {
  for (let at = 0; at < bytes.length; ) {
    const record = recordAt(bytes, at);
    yield record;
    at += record.raw.length;
  }
}

function recordAt(bytes: Uint8Array, at: number): WireRecord {
  const key = varint(bytes, at);
  if (!key) throw new WireError(bytes.length - at < 10 ? 'cut' : 'malformed', at, 0);
  const wire = key.value % 8;
  const field = Math.floor(key.value / 8);
  // Readers of protobuf take keys and lengths of 32 bits, in five bytes at most.
  if (key.end - at > 5) throw new WireError('malformed', at, 0);
  if (field < 1 || field >= 2 ** 29) throw new WireError('malformed', at, 0);
  if (wire === 0) {
    const number = varint(bytes, key.end);
    if (!number) throw new WireError(bytes.length - key.end < 10 ? 'cut' : 'malformed', at, field);
    const raw = bytes.subarray(at, number.end);
    return { field, wire, raw, payload: NOTHING, value: number.value };
  }
  let start = key.end;
  let length = wire === 1 ? 8 : 4;
  if (wire === 2) {
    const size = varint(bytes, key.end);
    if (!size) throw new WireError(bytes.length - key.end < 10 ? 'cut' : 'malformed', at, field);
    if (size.end - key.end > 5) throw new WireError('malformed', at, field);
    start = size.end;
    length = size.value;
  } else if (wire !== 1 && wire !== 5) throw new WireError('malformed', at, field);
  if (length < 0) throw new WireError('malformed', at, field);
  if (start + length > bytes.length) throw new WireError('cut', at, field);
  const payload = bytes.subarray(start, start + length);
  return { field, wire, raw: bytes.subarray(at, start + length), payload, value: 0 };
}

/** What reading one file may amount to, so that a small file cannot fill the memory with objects. */
export class ReadBudget {
  #records = 4_000_000;
  #nodes = 200_000;

  /** Walks records as {@link records} does, counting them. */
  *records(bytes: Uint8Array): Generator<WireRecord> {
    for (const record of records(bytes)) {
      this.spend(1, record.field);
      yield record;
    }
  }

  /**
   * Counts values that become objects or numbers.
   * @throws {@link WireError} when there are too many
   */
  spend(count: number, field: number): void {
    this.#records -= count;
    if (this.#records < 0) throw new WireError('many', 0, field);
  }

  /** Counts a node. */
  spendNode(): void {
    if (this.#nodes-- <= 0) throw new WireError('many', 0, 1);
  }
}

/** The signed integers of a repeated integer record, packed or not. */
export function integers(record: WireRecord): number[] {
  if (record.wire === 0) return [record.value];
  const values: number[] = [];
  for (let at = 0; at < record.payload.length; ) {
    const next = varint(record.payload, at);
    if (!next) throw new WireError('malformed', at, record.field);
    values.push(next.value);
    at = next.end;
  }
  return values;
}

/** The float32 numbers of a repeated float record, packed or not. */
export function floats(record: WireRecord): number[] {
  const { buffer, byteOffset, byteLength } = record.payload;
  const view = new DataView(buffer, byteOffset, byteLength);
  return Array.from({ length: byteLength >> 2 }, (_, i) => view.getFloat32(4 * i, true));
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Text of a string record. */
export function text(record: WireRecord): string {
  return decoder.decode(record.payload);
}

/** Bytes of a non-negative or negative integer as a varint. */
export function varintBytes(value: number): Uint8Array {
  const bytes: number[] = [];
  if (value < 0) {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    return Uint8Array.from(bytes);
  }
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Joins pieces into one array: the only copy that writing a message makes. */
export function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** A varint record. */
export function integerRecord(field: number, value: number): Uint8Array {
  return concatenate([varintBytes(field * 8), varintBytes(value)]);
}

/** Pieces of a length-delimited record around `parts`, which are not copied. */
export function messagePieces(field: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [concatenate([varintBytes(field * 8 + 2), varintBytes(length)]), ...parts];
}

/** A length-delimited record around bytes or the UTF-8 of a text. */
export function bytesRecord(field: number, content: Uint8Array | string): Uint8Array {
  const bytes = typeof content === 'string' ? encoder.encode(content) : content;
  return concatenate(messagePieces(field, [bytes]));
}

/** A float32 record. */
export function floatRecord(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return concatenate([varintBytes(field * 8 + 5), bytes]);
}
