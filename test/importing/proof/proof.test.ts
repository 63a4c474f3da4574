import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeNpz } from '../../../src/formats/npz.js';
import { compareLayer, transposeAxes } from '../../../src/importing/proof/compare-layers.js';
import { prove, runtimeOutputs, syntheticImage } from '../../../src/importing/proof/proof.js';
import { openReference } from '../../../src/importing/proof/reference-outputs.js';
import { selfCheck } from '../../../src/importing/proof/self-check.js';
import type { Imported, SourceRuntime } from '../../../src/importing/source/imported.js';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import { readModel } from '../../../src/onnx/model.js';
import type { Tensor } from '../../../src/runtime/session.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-proof-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Many steps of x + 1, so that several runs are needed, on N × 3 × 2 × 2. */
function steps(count: number, factor = 1): Uint8Array {
  const graph = new GraphBuilder('steps');
  let value = graph.input('image', 'float32', ['batch', 3, 2, 2]);
  const one = graph.initializer('one', [], Float32Array.of(factor));
  for (let i = 0; i < count; i++) {
    value = graph.node('Add', [value, one], { name: `/step${i}/Add`, outputs: [`step${i}`] });
  }
  graph.output(value);
  return graph.build();
}

/** A source that computes the same on N × 2 × 2 × 3. */
function source(count: number, off: Partial<Record<string, number>> = {}): SourceRuntime {
  return {
    name: 'a source',
    dims: [1, 2, 2, 3],
    async *run(input) {
      for (const step of Array.from({ length: count }, (_, i) => i).reverse()) {
        const data = Float32Array.from(input.data as Float32Array, (x) => {
          let value = x;
          for (let i = 0; i <= step; i++) value = Math.fround(value + 1);
          return value;
        });
        data[5] += off[`step${step}`] ?? 0;
        yield { layer: `step${step}`, output: { ...input, data } };
      }
    },
    close: async () => {},
  };
}

const imported = (count: number): Imported => ({
  model: steps(count),
  layers: Array.from({ length: count }, (_, i) => ({
    layer: `step${i}`,
    value: `step${i}`,
    axes: [0, 3, 1, 2],
  })).reverse(),
  inputAxes: [0, 2, 3, 1],
  notes: [],
});

describe('a source that lays its axes otherwise', () => {
  test('is compared at every layer, in the order of the graph', async () => {
    const network = imported(60);
    const model = readModel(network.model, 'steps');
    const proof = await prove(model, runtimeOutputs(network, source(60)));
    expect(proof).toMatchObject({ by: 'a source', tolerance: 1e-4, notCompared: [] });
    expect(proof.layers.map(({ layer }) => layer)).toEqual(
      Array.from({ length: 60 }, (_, i) => `step${i}`),
    );
    expect(proof.layers.every(({ difference }) => difference === 0)).toBe(true);
  });

  test('is refused at the first layer of the graph that differs, whichever came first', async () => {
    const network = imported(60);
    const model = readModel(network.model, 'steps');
    const off = { step7: 0.01, step30: 5, step59: 1 };
    await expect(prove(model, runtimeOutputs(network, source(60, off)))).rejects.toMatchObject({
      code: 'import-differs',
      details: { field: 'step7' },
    });
    const below = { step7: 1e-5 };
    const proof = await prove(model, runtimeOutputs(network, source(60, below)));
    expect(proof.layers[7].difference).toBeCloseTo(1e-5, 6);
    await expect(
      prove(model, runtimeOutputs(network, source(60, { step3: Number.NaN }))),
    ).rejects.toThrowError(
      /differs from a source first at layer step3 \(value step3\): by Infinity/,
    );
  });

  test('that gives no layer proves nothing', async () => {
    const network = { ...imported(2), layers: [] };
    const model = readModel(network.model, 'steps');
    await expect(prove(model, runtimeOutputs(network, source(2)))).rejects.toMatchObject({
      code: 'import-differs',
    });
  });
});

describe('comparing a layer', () => {
  const tensor = (...data: number[]): Tensor => ({
    dtype: 'float32',
    dims: [1, data.length],
    data: Float32Array.from(data),
  });
  const layer = { layer: 'a', value: 'b' };

  test('gives the largest difference and the layer’s largest value', () => {
    expect(compareLayer(layer, tensor(1, -4, 2), tensor(1.5, -4, 2.25))).toEqual({
      ...layer,
      difference: 0.5,
      largest: 4,
      relative: 0.125,
    });
  });

  test('refuses another shape, saying both', () => {
    const turned = { ...tensor(1, 2), dims: [2, 1] };
    expect(() => compareLayer(layer, tensor(1, 2), turned)).toThrowError(
      /Layer a has the shape \[1, 2\] in the source and \[2, 1\]/,
    );
  });

  test('takes not-a-number on either side for a difference', () => {
    const nan = tensor(1, Number.NaN);
    expect(compareLayer(layer, nan, tensor(1, 2)).difference).toBe(Infinity);
    expect(compareLayer(layer, tensor(1, 2), nan).difference).toBe(Infinity);
  });

  test('reads halves', () => {
    const half: Tensor = { dtype: 'float16', dims: [1, 2], data: Uint16Array.of(0x3c00, 0xc000) };
    expect(compareLayer(layer, tensor(1, -2), half)).toMatchObject({ difference: 0, largest: 2 });
  });

  test('axes are put where the graph has them', () => {
    const data = Float32Array.from({ length: 12 }, (_, i) => i);
    const turned = transposeAxes({ dtype: 'float32', dims: [1, 2, 2, 3], data }, [0, 3, 1, 2]);
    expect(turned.dims).toEqual([1, 3, 2, 2]);
    expect([...(turned.data as Float32Array)]).toEqual([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
  });
});

describe('stored outputs', () => {
  const model = readModel(steps(3), 'steps.onnx');
  const input = syntheticImage([1, 3, 2, 2]);
  const shape = [...input.dims];
  const plus = (n: number) => Float32Array.from(input.data as Float32Array, (x) => x + n);
  const write = async (name: string, arrays: Record<string, Float32Array | Float64Array>) => {
    const path = join(root, name);
    const entries = Object.entries(arrays).map(([key, data]) => {
      const dtype = data instanceof Float64Array ? ('float64' as const) : ('float32' as const);
      return { name: key, array: { dtype, shape, data } };
    });
    await writeNpz(path, entries);
    return path;
  };

  test('are found by module path, the network’s own under `output`, others listed', async () => {
    const path = await write('good.npz', {
      input: input.data as Float32Array,
      step0: plus(1),
      dropout: plus(1),
      output: Float64Array.from(plus(3)),
    });
    const reference = await openReference(path, model);
    const proof = await prove(model, reference);
    await reference.close();
    expect(proof.by).toBe(path);
    expect(proof.layers.map(({ layer, value }) => [layer, value])).toEqual([
      ['step0', 'step0'],
      ['output', 'step2'],
    ]);
    expect(proof.notCompared).toEqual([{ layer: 'dropout', why: expect.any(String) }]);
  });

  test('need an input that the graph can take', async () => {
    const without = await write('without.npz', { step0: plus(1) });
    await expect(openReference(without, model)).rejects.toThrowError(/no array input/);
    const path = join(root, 'small.npz');
    const small = { dtype: 'float32', shape: [1, 3, 1, 2], data: new Float32Array(6) } as const;
    await writeNpz(path, [{ name: 'input', array: small }]);
    await expect(openReference(path, model)).rejects.toMatchObject({
      code: 'input-mismatch',
      details: { found: '[1, 3, 1, 2]', expected: '[any, 3, 2, 2]' },
    });
  });
});

test('without a source a network must run and give finite numbers', async () => {
  const good = steps(2);
  await selfCheck(readModel(good, 'good'), good, {});
  const bad = steps(2, Infinity);
  await expect(selfCheck(readModel(bad, 'bad'), bad, {})).rejects.toThrowError(
    /bad gives -?Infinity in step1 for a test image/,
  );
});
