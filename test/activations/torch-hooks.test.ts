import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tolerances } from '../tolerances.js';
import { compareModules, openTorchNetwork, type TorchNetwork } from './torch-network.js';

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'hooks');
const root = mkdtempSync(join(tmpdir(), 'ventral-hooks-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const open = (name: string) => openTorchNetwork(fixtures, name, join(root, name));

/** What cannot be had by a module's name, by the code of the refusal. */
interface Unavailable {
  /** Convolutions that took in the batch norm behind them. */
  readonly 'layer-folded'?: readonly string[];
  /** Modules without a node, whose place names do not prove. */
  readonly 'layer-ambiguous'?: readonly string[];
  /** Modules without a node, at the end of a sequence. */
  readonly 'layer-unknown'?: readonly string[];
}

const networks: [name: string, unavailable: Unavailable][] = [
  ['vit', {}],
  ['swin', {}],
  ['convnext', {}],
  ['clip', {}],
  ['dino', {}],
  ['densenet', {}],
  ['mobilenet', {}],
  ['regnet', {}],
  ['recurrent', {}],
  ['video', {}],
];

describe.each(networks)('%s', (name, unavailable) => {
  test('each module gives what the hook on it recorded, or says why not', async () => {
    const network = await open(name);
    const { worst, refused, misled, unseen } = await compareModules(network, tolerances.hooks);
    expect(refused).toEqual(unavailable);
    expect(misled).toEqual([]);
    expect(unseen).toEqual([]);
    expect(worst.difference, worst.module).toBeLessThanOrEqual(tolerances.hooks);
    await network.close();
  });
});

/** Networks with tokens before those of the image, and their blocks. */
const prefixes: [name: string, blocks: readonly string[], registers: number][] = [
  ['vit', ['encoder.layers.encoder_layer_0', 'encoder.layers.encoder_layer_1.mlp'], 0],
  ['clip', ['transformer.resblocks.0', 'transformer.resblocks.1.attn'], 0],
  ['dino', ['blocks.0', 'blocks.1.attn.qkv'], 4],
];

describe.each(prefixes)('tokens of %s', (name, blocks, registers) => {
  test.each(blocks)('%s are slices, bit for bit', async (block) => {
    const network = await open(name);
    const found = await partsOf(network, block, registers);
    const { shape } = await network.recorded(block);
    const [count, tokens, channels] = shape;
    const whole = found('') as Float32Array;
    const sliced = (from: number, to: number) =>
      Array.from({ length: count }, (_, row) => [
        ...whole.subarray((row * tokens + from) * channels, (row * tokens + to) * channels),
      ]).flat();
    const prefix = 1 + registers;
    expect(tokens).toBe(prefix + 16);
    expect([...found('@cls')]).toEqual(sliced(0, 1));
    if (registers > 0) expect([...found('@registers')]).toEqual(sliced(1, prefix));
    expect([...found('@patches')]).toEqual(sliced(prefix, tokens));
    expect([...found('@no-prefix')]).toEqual(sliced(prefix, tokens));
    // As numpy's mean along that axis: one token after the other, in float32.
    const mean = Array.from({ length: count * channels }, (_, i) => {
      const at = (token: number) =>
        whole[(Math.floor(i / channels) * tokens + token) * channels + (i % channels)];
      let sum = at(prefix);
      for (let token = prefix + 1; token < tokens; token++) sum = Math.fround(sum + at(token));
      return Math.fround(sum / (tokens - prefix));
    });
    expect([...found('@mean')]).toEqual(mean);
    await network.close();
  });
});

async function partsOf(network: TorchNetwork, block: string, registers: number) {
  const parts = ['', '@cls', '@patches', '@no-prefix', '@mean'];
  if (registers > 0) parts.push('@registers');
  const found = await network.activations(parts.map((part) => block + part));
  return (part: string) => found.get(block + part) as Float32Array;
}
