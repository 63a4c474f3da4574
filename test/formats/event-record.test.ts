import { expect, test } from 'vitest';
import {
  crc32c,
  firstRecord,
  readEventRecords,
  scalarRecord,
} from '../../src/formats/event-record.js';

test('CRC-32C is that of RFC 3720, appendix B.4', () => {
  expect(crc32c(new Uint8Array(32)).toString(16)).toBe('8a9136aa');
  expect(crc32c(new Uint8Array(32).fill(255)).toString(16)).toBe('62a8ab43');
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)).toString(16)).toBe('46dd794e');
});

test('records are those that TensorBoard’s own writer makes of the same events', () => {
  const made = [
    firstRecord(1_700_000_000.5),
    scalarRecord({
      ...{ wallTime: 1_700_000_001.125, step: 1200 },
      values: { 'V4/value': 0.25, 'IT/ci_low': -0.5 },
    }),
    scalarRecord({ wallTime: 1_700_000_002.25, step: 2 ** 40, values: { 'V4/value': 0.1 } }),
  ];
  // RecordWriter and event_pb2 of TensorBoard at 70b76c922822 (2026-06-30).
  expect(made.map((record) => record.toString('hex'))).toEqual([
    '1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110',
    [
      '31000000000000009d8383e90900004840fc54d94110b0092a230a0f0a0856342f76616c7565150000803e0a10',
      '0a0949542f63695f6c6f7715000000bfb24e6af5',
    ].join(''),
    [
      '2300000000000000b09f77430900009040fc54d941108080808080202a110a0f0a0856342f76616c756515cdcc',
      'cc3d7ef9119c',
    ].join(''),
  ]);
});

const event = { wallTime: 1_700_000_000.125, step: 1200 };

test('a file that was cut anywhere is read up to its last whole record', () => {
  const records = [
    firstRecord(1),
    scalarRecord({ ...event, values: { 'V4/value': 0.25 } }),
    scalarRecord({ ...event, wallTime: 3, values: {} }),
  ];
  const file = Buffer.concat(records);
  const ends = [0, ...records.map((_, i) => Buffer.concat(records.slice(0, i + 1)).length)];
  for (let length = 0; length <= file.length; length++) {
    const { end, wallTimes } = readEventRecords(file.subarray(0, length));
    const whole = ends.findLastIndex((each) => each <= length);
    expect([end, wallTimes]).toEqual([ends[whole], [1, event.wallTime, 3].slice(0, whole)]);
  }
});

test('a flipped bit ends what is read', () => {
  const first = firstRecord(1);
  const file = Buffer.concat([first, scalarRecord({ ...event, values: { a: 1 } })]);
  for (let at = first.length; at < file.length; at++) {
    const damaged = Buffer.from(file);
    damaged[at] ^= 16;
    expect(readEventRecords(damaged).end).toBe(first.length);
  }
});
