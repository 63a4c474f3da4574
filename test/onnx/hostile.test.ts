import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { checkGraph } from '../../src/onnx/checks/check-graph.js';
import { exposeValues } from '../../src/onnx/expose.js';
import { listLayers, resolveLayer } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';
import { bytesRecord, concatenate, integerRecord } from '../../src/onnx/wire.js';
import { oraclePath } from '../oracle.js';

/** All that is done to an uploaded file before the runtime sees it; true if it stays a model. */
function survives(bytes: Uint8Array): boolean {
  try {
    const model = readModel(bytes, 'upload.onnx');
    checkGraph(model);
    const layers = listLayers(model).filter((layer) => layer.value !== null);
    for (const { name } of layers.slice(0, 10)) resolveLayer(model, name);
    if (layers.length > 0) readModel(exposeValues(model, [layers[0].value!]), 'exposed');
    return true;
  } catch (error) {
    if (error instanceof VentralError && error.code !== 'internal') return false;
    throw error;
  }
}

const seeds = ['odd/unfolded', 'odd/newer', 'resnet/folded'].map(
  (name) => new Uint8Array(readFileSync(oraclePath(`11-layer-names/${name}.onnx`))),
);

const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });

describe('damaged files are refused in words or stay models', () => {
  test('bytes changed', () => {
    const outcomes = new Set<boolean>();
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(change, { minLength: 1, maxLength: 8 }),
        (seed, changes) => {
          const bytes = Uint8Array.from(seed);
          for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
          outcomes.add(survives(bytes));
        },
      ),
      { numRuns: 1000 },
    );
    expect(outcomes.size).toBe(2);
  });

  test('bytes of the structure changed', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (seed, changes) => {
          const bytes = Uint8Array.from(seed);
          // Names and lengths stand at the front, weights behind.
          for (const { at, byte } of changes) bytes[at % 4000] = byte;
          survives(bytes);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('pieces cut out, doubled and joined', () => {
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.nat(), fc.nat(), fc.nat(), (seed, a, b, c) => {
        const cut = (n: number) => n % seed.length;
        survives(
          concatenate([
            seed.subarray(0, cut(a)),
            seed.subarray(cut(b)),
            seed.subarray(0, cut(c) % 300),
          ]),
        );
      }),
      { numRuns: 500 },
    );
  });

  test('bytes behind a version', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        survives(concatenate([integerRecord(1, 8), bytes]));
        survives(
          concatenate([
            integerRecord(1, 8),
            bytesRecord(7, bytes),
            bytesRecord(8, integerRecord(2, 17)),
          ]),
        );
      }),
      { numRuns: 1000 },
    );
  });
});

describe('files made to exhaust', () => {
  const modelOf = (graph: Uint8Array) =>
    concatenate([integerRecord(1, 8), bytesRecord(7, graph), bytesRecord(8, integerRecord(2, 17))]);

  test('millions of empty nodes', () => {
    const graph = new Uint8Array(8_000_000);
    for (let i = 0; i < graph.length; i += 2) graph[i] = 0x0a;
    expect(survives(modelOf(graph))).toBe(false);
  });

  test.each(['call', 'conditional'])(
    'thousands of nodes made to be compared with each other: %s',
    (kind) => {
      const count = 20_000;
      const name = (i: number) => (kind === 'call' ? `/s/x_${i}/Relu` : `/s/s.${2 * i}/bn1/Relu`);
      const nodes = Array.from({ length: count }, (_, i) =>
        bytesRecord(
          1,
          concatenate([
            bytesRecord(1, 'x'),
            bytesRecord(2, `v${i}`),
            bytesRecord(3, name(i)),
            bytesRecord(4, 'Relu'),
          ]),
        ),
      );
      const start = performance.now();
      survives(modelOf(concatenate([bytesRecord(11, bytesRecord(1, 'x')), ...nodes])));
      expect(performance.now() - start).toBeLessThan(60_000);
    },
  );

  test('lists that grow when read', () => {
    const ints = bytesRecord(8, new Uint8Array(20_000_000));
    const attribute = concatenate([bytesRecord(1, 'axes'), ints]);
    const node = bytesRecord(1, concatenate([bytesRecord(4, 'Relu'), bytesRecord(5, attribute)]));
    expect(survives(modelOf(node))).toBe(false);
  });

  test('a deep scope and long names', () => {
    const long = 'a'.repeat(100_000);
    const node = (name: string, from: string, to: string) =>
      bytesRecord(
        1,
        concatenate([
          bytesRecord(1, from),
          bytesRecord(2, to),
          bytesRecord(3, name),
          bytesRecord(4, 'Relu'),
        ]),
      );
    const deep = `/${Array.from({ length: 20_000 }, (_, i) => `s${i}`).join('/')}/Relu`;
    const graph = concatenate([
      bytesRecord(11, bytesRecord(1, 'x')),
      node(deep, 'x', 'y'),
      node(`/${long}/Relu`, 'y', long),
    ]);
    expect(survives(modelOf(graph))).toBe(true);
    expect(() => resolveLayer(readModel(modelOf(graph), 'm'), long.slice(1))).toThrow(VentralError);
  });

  test('a long chain of scopes, listed in reasonable time', () => {
    const nodes = Array.from({ length: 5000 }, (_, i) =>
      bytesRecord(
        1,
        concatenate([
          bytesRecord(1, i === 0 ? 'x' : `v${i - 1}`),
          bytesRecord(2, `v${i}`),
          bytesRecord(3, `/blocks/blocks.${i}/relu/Relu`),
          bytesRecord(4, 'Relu'),
        ]),
      ),
    );
    const model = readModel(
      modelOf(concatenate([bytesRecord(11, bytesRecord(1, 'x')), ...nodes])),
      'm',
    );
    const start = performance.now();
    expect(listLayers(model).filter((layer) => layer.kind === 'module')).toHaveLength(10_001);
    expect(performance.now() - start).toBeLessThan(60_000);
  });
});
