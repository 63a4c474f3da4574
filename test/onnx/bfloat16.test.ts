import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { extractActivations } from '../../src/activations/extract.js';
import { measureLayers } from '../../src/activations/measure-layers.js';
import { openNetwork } from '../../src/activations/open-network.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { readModel } from '../../src/onnx/model.js';
import { withoutBfloat16 } from '../../src/onnx/prepare/widen-bfloat16.js';
import { madeStimuli, plainCard } from '../activations/made-networks.js';

const SIDE = 8;
const UNITS = 5;

/** Weights that bfloat16 has exactly: seven bits and a sign. */
const weights = Float32Array.from(
  { length: 3 * SIDE * SIDE * UNITS },
  (_, i) => (((i * 37) % 255) - 127) / 64,
);

/** A product in float32, or with its weights stored and computed in bfloat16. */
function product(type: 'float32' | 'bfloat16'): Uint8Array {
  const graph = new GraphBuilder('product');
  graph.input('image', 'float32', ['N', 3, SIDE, SIDE]);
  const flat = graph.node('Flatten', ['image'], {
    ...{ name: '/flat/Flatten', outputs: ['/flat/Flatten_output_0'] },
  });
  const isHalf = type === 'bfloat16';
  // The builder knows float16 for such an array; its number, 10, is turned into that of bfloat16.
  const bits = Uint16Array.from(new Uint32Array(weights.buffer), (word) => word >>> 16);
  graph.initializer('fc.weight', [3 * SIDE * SIDE, UNITS], isHalf ? bits : weights);
  const input = isHalf
    ? graph.node('Cast', [flat], { name: '/fc/Cast', attributes: { to: { int: 16 } } })
    : flat;
  const fc = graph.node('MatMul', [input, 'fc.weight'], {
    ...{ name: '/fc/MatMul', outputs: ['/fc/MatMul_output_0'] },
  });
  graph.output(fc, type, ['N', UNITS]);
  const bytes = Buffer.from(graph.build());
  if (!isHalf) return bytes;
  const at = bytes.indexOf(Buffer.from([0x10, 10, 0x42, 9, ...Buffer.from('fc.weight')]));
  expect(at).toBeGreaterThan(0);
  bytes[at + 1] = 16;
  return bytes;
}

test('a graph in bfloat16 is computed with its weights widened as they are', async () => {
  const root = mkdtempSync(join(tmpdir(), 'ventral-bfloat16-'));
  try {
    const card = plainCard({ range: 1 });
    const shown = { stimuli: await madeStimuli(3, SIDE), degrees: undefined };
    const limits = { maxMemory: 2 ** 30, maxScratch: 0, scratch: tmpdir() };
    const found: unknown[] = [];
    for (const type of ['float32', 'bfloat16'] as const) {
      const path = join(root, `${type}.onnx`);
      writeFileSync(path, product(type));
      const network = await openNetwork({ path, card });
      const { layers, close } = await extractActivations(network, shown, ['fc'], limits);
      found.push(await layers.get('fc')?.columns(0, UNITS));
      close();
    }
    expect(found[1]).toEqual(found[0]);
    const listed = await measureLayers(join(root, 'bfloat16.onnx'), { card });
    expect(listed.find(({ name }) => name === 'fc')).toMatchObject({ shape: [UNITS] });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('a graph without bfloat16 is left as it is', () => {
  const model = readModel(product('float32'), 'plain');
  expect(withoutBfloat16(model)).toBe(model);
});
