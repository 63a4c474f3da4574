import { describe, expect, test } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { checkGraph } from '../../src/onnx/checks/check-graph.js';
import { readModel, writeModelWithGraph } from '../../src/onnx/model.js';
import { bytesRecord, concatenate, integerRecord, varintBytes } from '../../src/onnx/wire.js';
import { Session } from '../../src/runtime/session.js';
import { smallNetwork } from './small-models.js';

const network = () => readModel(smallNetwork().build(), 'small');

/** The small network with other records in its graph, and in its first weight. */
function changed(graph: readonly Uint8Array[], weight: readonly Uint8Array[] = []): Uint8Array {
  const small = network();
  let isFirst = true;
  const records = small.graph.records.map((record) => {
    if (record.field !== 5 || !isFirst) return record.raw;
    isFirst = false;
    return bytesRecord(5, concatenate([record.payload, ...weight]));
  });
  return writeModelWithGraph(small, [...records, ...graph]);
}

function refusal(bytes: Uint8Array): VentralError {
  try {
    checkGraph(readModel(bytes, 'file.onnx'));
  } catch (error) {
    if (error instanceof VentralError) return error;
    throw error;
  }
  throw new Error('it was read');
}

/** A varint of a record whose value takes more than 32 bits. */
const wide = (field: number, low: number) => integerRecord(field, 2 ** 32 + low);
const node = (...parts: Uint8Array[]) =>
  bytesRecord(
    1,
    concatenate([bytesRecord(1, 'z'), bytesRecord(2, 'q'), bytesRecord(4, 'Relu'), ...parts]),
  );
const attribute = (...parts: Uint8Array[]) =>
  bytesRecord(5, concatenate([bytesRecord(1, 'alpha'), ...parts]));

describe('what the schema does not say is refused', () => {
  test.each([
    [
      'external data by a location cut to 32 bits',
      changed([], [wide(14, 1)]),
      /out of its range in field 14/,
    ],
    ['a location of no kind', changed([], [integerRecord(14, 2)]), /field 14/],
    ['a negative location', changed([], [integerRecord(14, -1)]), /field 14/],
    [
      'a location twice',
      changed([], [integerRecord(14, 0), integerRecord(14, 1)]),
      /field 14 twice/,
    ],
    [
      'a location of another wire type',
      changed([], [bytesRecord(14, '\x01')]),
      /field 14 of another type/,
    ],
    [
      'an element type of more than 32 bits',
      changed([bytesRecord(5, concatenate([bytesRecord(8, 'w'), wide(2, 1)]))]),
      /field 2/,
    ],
    [
      'a type of attribute that is none',
      changed([node(attribute(integerRecord(20, 15)))]),
      /field 20/,
    ],
    ['a type of attribute cut to 32 bits', changed([node(attribute(wide(20, 4)))]), /field 20/],
    ['an operator twice', changed([node(bytesRecord(4, 'Loop'))]), /field 4 twice/],
    [
      'a tensor of an attribute twice',
      changed([node(attribute(bytesRecord(5, ''), bytesRecord(5, '')))]),
      /field 5 twice/,
    ],
    ['two graphs', concatenate([smallNetwork().build(), bytesRecord(7, '')]), /field 7 twice/],
    ['two versions', concatenate([smallNetwork().build(), integerRecord(1, 8)]), /field 1 twice/],
    [
      'a field of the future',
      concatenate([smallNetwork().build(), bytesRecord(27, 'x')]),
      /field 27 that ONNX/,
    ],
    [
      'a type that is two types',
      changed([
        bytesRecord(
          13,
          concatenate([
            bytesRecord(1, 'q'),
            bytesRecord(2, concatenate([bytesRecord(1, ''), bytesRecord(4, '')])),
          ]),
        ),
      ]),
      /field 4 twice/,
    ],
  ])('%s', (_, bytes, words) => {
    const error = refusal(bytes);
    expect(error.code).toBe('onnx-invalid');
    expect(error.message).toMatch(words);
  });

  test('keys and lengths that take more than 32 bits', () => {
    const key = Uint8Array.of(0x82, 0x80, 0x80, 0x80, 0x80, 0x00);
    const length = concatenate([
      varintBytes(2 * 8 + 2),
      Uint8Array.of(0x81, 0x80, 0x80, 0x80, 0x80, 0x00),
      Uint8Array.of(65),
    ]);
    for (const record of [concatenate([key, Uint8Array.of(0)]), length]) {
      expect(refusal(changed([record])).code).toBe('onnx-invalid');
    }
  });
});

test('what looks like the own format of the runtime is run as ONNX', async () => {
  // Its producer is called so that "ORTM" stands at byte 4.
  const bytes = concatenate([
    integerRecord(1, 8),
    bytesRecord(2, 'ORTM'),
    ...network()
      .records.filter(({ field }) => field > 2)
      .map(({ raw }) => raw),
  ]);
  expect(Buffer.from(bytes).toString('latin1', 4, 8)).toBe('ORTM');
  checkGraph(readModel(bytes, 'polyglot'));
  const session = await Session.open(bytes, { threads: 1 });
  const { z } = await session.run({
    x: { dtype: 'float32', dims: [1, 2], data: Float32Array.of(1, 1) },
  });
  expect([...(z.data as Float32Array)]).toEqual([5.25, 1]);
  await session.close();
});
