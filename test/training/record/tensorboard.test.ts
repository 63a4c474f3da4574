import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { crc32c, maskedCrc32c } from '../../../src/training/record/crc32c.js';
import { TensorboardFile } from '../../../src/training/record/tensorboard.js';
import { trainingEvents } from '../training-events.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-tensorboard-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('CRC-32C', () => {
  // RFC 3720, appendix B.4.
  test.each([
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    [Buffer.from('123456789'), 0xe3069283],
    [new Uint8Array(0), 0],
  ])('of test vector %#', (bytes, sum) => {
    expect(crc32c(bytes)).toBe(sum);
  });

  test('is masked as TFRecords mask it', () => {
    // The head of every event file whose first record has 24 bytes, as TensorFlow writes it.
    const length = Uint8Array.of(24, 0, 0, 0, 0, 0, 0, 0);
    const head = Uint8Array.of(0xa3, 0x7f, 0x4b, 0x22);
    expect(maskedCrc32c(length)).toBe(new DataView(head.buffer).getUint32(0, true));
  });
});

/** Records of a file, read by the layout alone. */
function recordsOf(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(data));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

/** Fields of a message: number to what stood there, by the wire type alone. */
function fieldsOf(bytes: Buffer): [number, number | Buffer][] {
  const fields: [number, number | Buffer][] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const [field, wire] = [key >> 3, key & 7];
    if (wire === 0) fields.push([field, varint()]);
    else if (wire === 1) fields.push([field, take(8).readDoubleLE()]);
    else if (wire === 5) fields.push([field, take(4).readFloatLE()]);
    else fields.push([field, take(varint())]);
  }
  return fields;
}

/** Wall time, step and scalars of an Event. */
function eventOf(record: Buffer) {
  const fields = new Map(fieldsOf(record));
  const summary = fields.get(5) as Buffer;
  const scalars = fieldsOf(summary).map(([, value]) => {
    const [[, tag], [, number]] = fieldsOf(value as Buffer);
    return [String(tag), number] as const;
  });
  return { time: fields.get(1), step: fields.get(2), scalars: new Map(scalars) };
}

const TIME = 1764106000.25;

async function written(name: string, from = 0, to = trainingEvents.length, length = 0) {
  const path = join(root, name);
  const file = await TensorboardFile.open(path, TIME, length);
  for (let i = from; i < to; i++) await file.append(trainingEvents[i], TIME + i);
  const size = await file.sync();
  await file.close();
  return { path, size };
}

describe('an event file', () => {
  test('says first what it is', async () => {
    const { path } = await written('first', 0, 0);
    const [record] = recordsOf(readFileSync(path));
    expect(fieldsOf(record).map(([field, value]) => [field, String(value)])).toEqual([
      [1, String(TIME)],
      [3, 'brain.Event:2'],
    ]);
  });

  test('holds the scalars of every event, with step and wall time', async () => {
    const { path } = await written('all');
    const events = recordsOf(readFileSync(path)).slice(1).map(eventOf);
    // Averages have no number, nor has a score without a value.
    expect(events).toHaveLength(trainingEvents.length - 2);
    expect(events[1].step).toBe(1);
    expect(events[1].time).toBe(TIME + 1);
    expect([...events[1].scalars.keys()]).toEqual([
      'adversarial/step/loss',
      'adversarial/step/rate',
      'adversarial/step/epsilon',
    ]);
    expect(events[1].scalars.get('adversarial/step/loss')).toBe(Math.fround(2.1));
    expect(events[2].scalars.get('adversarial/validation/robust accuracy')).toBe(0.25);
    expect([...events[3].scalars.keys()]).not.toContain('behaviour/step/epsilon');
    const robust = events.find(({ scalars }) => scalars.has('robustness/Linf/worst/soup'));
    expect(robust?.step).toBe(16);
    expect(robust?.scalars.get('robustness/Linf/worst/soup')).toBe(Math.fround(0.3));
    const tags = events.flatMap(({ scalars }) => [...scalars.keys()]);
    expect(tags).toContain('score/Simulated.V1-pls (simulated)/pixels');
  });

  test('goes on where a checkpoint left it', async () => {
    const { path: whole } = await written('whole');
    const { size } = await written('parts', 0, 4);
    await written('parts', 4, 6);
    const first = await written('parts', 0, 4);
    expect(first.size).toBe(size);
    const { path } = await written('parts', 4, trainingEvents.length, size);
    expect(readFileSync(path)).toEqual(readFileSync(whole));
  });
});
