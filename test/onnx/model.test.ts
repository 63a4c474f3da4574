import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { getMetadata, setMetadata } from '../../src/onnx/metadata.js';
import { readModel, writeModel, writeModelWithGraph } from '../../src/onnx/model.js';
import { bytesRecord, concatenate, integerRecord } from '../../src/onnx/wire.js';
import { oraclePath } from '../oracle.js';
import { smallNetwork } from './small-models.js';

const network = readFileSync(oraclePath('09-end-to-end/resnet/model.onnx'));
const ascii = (text: string) => new TextEncoder().encode(text);

function codeOf(bytes: Uint8Array): string {
  try {
    readModel(bytes, 'file.onnx');
    return 'a model';
  } catch (error) {
    if (error instanceof VentralError) return error.code;
    throw error;
  }
}

test.each(['09-end-to-end/mbconv/model.onnx', '11-layer-names/odd/newer.onnx'])(
  '%s is written as it was read',
  (path) => {
    const bytes = readFileSync(oraclePath(path));
    expect(Buffer.compare(writeModel(readModel(bytes, path)), bytes)).toBe(0);
  },
);

test('initializers are views of the file', () => {
  const model = readModel(network, 'resnet');
  const [weight] = model.graph.initializers;
  expect(weight.bytes.buffer).toBe(network.buffer);
  expect(weight.data.at).toBe('raw');
});

describe('what is no model', () => {
  test.each([
    ['an empty file', new Uint8Array(0), /empty/],
    ['a JPEG', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46), /JPEG/],
    ['a PNG', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10), /PNG/],
    ['a ZIP', ascii('PK\x03\x04 archive/data.pkl'), /ZIP/],
    ['a Git LFS pointer', ascii('version https://git-lfs.github.com/spec/v1\noid'), /Git LFS/],
    ['text', ascii('stimulus_id,repetition\n1,2\n'), /start with 73 74 69 6d/],
    ['zeros', new Uint8Array(1000), /start with 00 00/],
    [
      'a SavedModel',
      concatenate([integerRecord(1, 1), bytesRecord(2, new Uint8Array(99))]),
      /start with/,
    ],
    ['a message without a version', bytesRecord(2, 'pytorch'), /start with/],
  ])('%s', (_, bytes, words) => {
    expect(codeOf(bytes)).toBe('not-onnx');
    expect(() => readModel(bytes, 'file.onnx')).toThrow(words);
    expect(() => readModel(bytes, 'file.onnx')).toThrow(/^file\.onnx/);
  });

  test('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        // An IR version in front makes bytes look like a model that was cut or damaged.
        fc.pre(bytes[0] !== 0x08);
        expect(codeOf(bytes)).toBe('not-onnx');
      }),
    );
  });
});

describe('what was cut', () => {
  test('everywhere behind the version of the format', () => {
    for (let length = 2; length < network.length; length += 97) {
      expect(codeOf(network.subarray(0, length)), `${length} bytes`).toBe('onnx-truncated');
    }
    for (let length = network.length - 40; length < network.length; length++) {
      expect(codeOf(network.subarray(0, length)), `${length} bytes`).toBe('onnx-truncated');
    }
  });

  test('says where it ends', () => {
    expect(() => readModel(network.subarray(0, 5000), 'net.onnx')).toThrow(
      /^net\.onnx is cut short: after 5000 bytes/,
    );
  });
});

test('damage inside the graph is told from a cut', () => {
  const bytes = smallNetwork().build();
  const damaged = concatenate([
    integerRecord(1, 8),
    bytesRecord(7, concatenate([bytesRecord(1, Uint8Array.of(0x0a, 0x7f, 1))])),
    bytesRecord(8, integerRecord(2, 17)),
  ]);
  expect(codeOf(bytes)).toBe('a model');
  expect(codeOf(damaged)).toBe('onnx-invalid');
});

test('subgraphs nested without end are refused', () => {
  let graph = bytesRecord(2, 'innermost');
  for (let depth = 0; depth < 500; depth++) {
    const attribute = concatenate([bytesRecord(1, 'body'), bytesRecord(6, graph)]);
    graph = bytesRecord(1, concatenate([bytesRecord(4, 'Loop'), bytesRecord(5, attribute)]));
  }
  const bytes = concatenate([
    integerRecord(1, 8),
    bytesRecord(7, graph),
    bytesRecord(8, integerRecord(2, 17)),
  ]);
  expect(codeOf(bytes)).toBe('onnx-invalid');
});

describe('metadata', () => {
  const model = readModel(smallNetwork().build(), 'small');

  test('an entry is set, replaced and read back', () => {
    const once = setMetadata(model, 'ventral.card', 'name: größe\n');
    const twice = setMetadata(setMetadata(once, 'other', '1'), 'ventral.card', 'name: b\n');
    const read = readModel(writeModel(twice), 'small');
    expect(getMetadata(read, 'ventral.card')).toBe('name: b\n');
    expect(getMetadata(read, 'other')).toBe('1');
    expect(getMetadata(once, 'ventral.card')).toBe('name: größe\n');
    expect(getMetadata(model, 'ventral.card')).toBeUndefined();
    expect(read.records.filter((record) => record.field === 14)).toHaveLength(2);
  });

  // A field that only another reader knows could say what the checks did not see; inside of a node both pass over it.
  test('unknown fields survive in the graph and are refused at the top', () => {
    const network = readModel(smallNetwork().build(), 'small');
    const graph = network.graph.records.map((record) => record.raw);
    const bytes = writeModelWithGraph(network, [...graph, bytesRecord(999, 'of the future')]);
    const written = writeModel(setMetadata(readModel(bytes, 'small'), 'a', 'b'));
    expect(Buffer.from(written).includes('of the future')).toBe(true);
    const atTop = concatenate([smallNetwork().build(), bytesRecord(999, 'of the future')]);
    expect(codeOf(atTop)).toBe('onnx-invalid');
  });
});
