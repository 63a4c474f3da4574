/**
 * Event files of TensorBoard: records of a TFRecord file, each an Event message of protobuf. Sources: tensorflow/core/lib/io
 * record_writer.h (framing, masked CRC-32C), core/util/event.proto and core/framework/summary.proto (field numbers).
 */

/** Scalars of one step, as TensorBoard shows them under their tags. */
export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  /** A whole number. */
  readonly step: number;
  /** Finite values by tag; TensorBoard keeps them as float32. */
  readonly values: Readonly<Record<string, number>>;
}

/** What stands in an event file. */
export interface ReadEvents {
  /** The wall time of each record, the first of the file included. */
  readonly wallTimes: readonly number[];
  /** Bytes up to the end of the last whole record: what follows was cut off. */
  readonly end: number;
}

/** The record that an event file begins with. */
export function firstRecord(wallTime: number): Buffer {
  return record(Buffer.concat([double(1, wallTime), bytes(3, Buffer.from('brain.Event:2'))]));
}

/** One record with all scalars of a step, so that it is there whole or not at all. */
export function scalarRecord({ wallTime, step, values }: ScalarEvent): Buffer {
  const summary = Object.entries(values).map(([tag, value]) =>
    bytes(1, Buffer.concat([bytes(1, Buffer.from(tag)), float(2, value)])),
  );
  const head = [double(1, wallTime), varintField(2, BigInt(step))];
  return record(Buffer.concat([...head, bytes(5, Buffer.concat(summary))]));
}

/**
 * Reads the records of an event file as far as they are whole: a length or content against its checksum ends it, as a file ends
 * whose writer was killed.
 */
export function readEventRecords(file: Buffer): ReadEvents {
  const wallTimes: number[] = [];
  let end = 0;
  while (end + FRAME <= file.length) {
    const length = Number(file.readBigUInt64LE(end));
    const next = end + FRAME + length;
    if (file.readUInt32LE(end + 8) !== maskedCrc(file.subarray(end, end + 8))) break;
    if (next > file.length) break;
    const content = file.subarray(end + 12, end + 12 + length);
    if (file.readUInt32LE(end + 12 + length) !== maskedCrc(content)) break;
    // The wall time comes first in what is written here.
    if (content.length >= 9 && content[0] === 9) wallTimes.push(content.readDoubleLE(1));
    end = next;
  }
  return { wallTimes, end };
}

/** Bytes of a record beside its content: length, its checksum, that of the content. */
const FRAME = 16;

function record(content: Buffer): Buffer {
  const frame = Buffer.alloc(FRAME + content.length);
  frame.writeBigUInt64LE(BigInt(content.length), 0);
  frame.writeUInt32LE(maskedCrc(frame.subarray(0, 8)), 8);
  content.copy(frame, 12);
  frame.writeUInt32LE(maskedCrc(content), 12 + content.length);
  return frame;
}

const key = (field: number, wireType: number): Buffer => Buffer.from([(field << 3) | wireType]);

function double(field: number, value: number): Buffer {
  const content = Buffer.alloc(8);
  content.writeDoubleLE(value);
  return Buffer.concat([key(field, 1), content]);
}

function float(field: number, value: number): Buffer {
  const content = Buffer.alloc(4);
  content.writeFloatLE(value);
  return Buffer.concat([key(field, 5), content]);
}

const bytes = (field: number, content: Buffer): Buffer =>
  Buffer.concat([key(field, 2), varint(BigInt(content.length)), content]);

const varintField = (field: number, value: bigint): Buffer =>
  Buffer.concat([key(field, 0), varint(value)]);

function varint(value: bigint): Buffer {
  const parts: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    parts.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(parts);
}

/** CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), a byte at a time. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32C of bytes. */
export function crc32c(content: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of content) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Rotated and shifted, since a checksum of checksums would be weak (crc32c.h, `Mask`). */
function maskedCrc(content: Uint8Array): number {
  const crc = crc32c(content);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
