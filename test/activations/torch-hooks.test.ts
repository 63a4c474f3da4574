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

/**
 * Modules that cannot be had by name, by the code of the refusal. `layer-folded`: convolutions that took in the batch norm
 * behind them. Modules without a node are `layer-ambiguous` where names do not prove their place (one of the named values is
 * theirs), and `layer-unknown` where nothing shows that there was one.
 */
type Unavailable = Partial<Record<'layer-folded' | 'layer-ambiguous' | 'layer-unknown', RegExp>>;

const networks: [name: string, unavailable: Unavailable][] = [
  ['vit', { 'layer-ambiguous': /dropout$/, 'layer-unknown': /mlp\.4$/ }],
  ['swin', { 'layer-unknown': /stochastic_depth(#\d)?$|mlp\.4$/ }],
  ['convnext', { 'layer-unknown': /stochastic_depth$/ }],
  ['clip', {}],
  [
    'dino',
    {
      'layer-ambiguous': /patch_embed\.norm$|_drop$|drop_path\d$|mlp\.drop$/,
      'layer-unknown': /drop#\d$|^head$/,
    },
  ],
  ['densenet', { 'layer-folded': /conv0$|layer\d\.conv1$/, 'layer-ambiguous': /layer\d\.norm2$/ }],
  ['mobilenet', { 'layer-folded': /(features|block)\.\d\.0$/ }],
  ['regnet', { 'layer-folded': /(stem|proj|f\.[abc])\.0$/ }],
  [
    'recurrent',
    {
      'layer-folded': /^V1\.conv1$|\.skip$|conv\d(#\d)?$/,
      'layer-unknown': /norm_skip$|norm\d_\d$/,
    },
  ],
  ['video', { 'layer-folded': /(stem|conv\d|downsample)\.0$/ }],
];

describe.each(networks)('%s', (name, unavailable) => {
  test('each module gives what the hook on it recorded, or says why not', async () => {
    const network = await open(name);
    const { worst, refused, misled, unseen } = await compareModules(network, tolerances.hooks);
    await network.close();
    const matching = Object.entries(unavailable).map(([code, names]) => [
      code,
      network.modules.filter((module) => names.test(module)),
    ]);
    expect(refused).toEqual(Object.fromEntries(matching));
    expect(misled).toEqual([]);
    expect(unseen).toEqual([]);
    expect(worst.difference, worst.module).toBeLessThanOrEqual(tolerances.hooks);
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
