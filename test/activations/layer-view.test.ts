import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { ModelCard } from '../../src/activations/card/card.js';
import { checkCard } from '../../src/activations/check-card.js';
import { extractActivations } from '../../src/activations/extract.js';
import { viewed, viewUnits } from '../../src/activations/layer-view.js';
import { expandLayers, resolveLayer } from '../../src/onnx/layers.js';
import { channelLayout } from '../../src/onnx/tokens/channel-layout.js';
import { prefixTokens } from '../../src/onnx/tokens/prefix-tokens.js';
import { madeStimuli, modelFile, plainCard } from './made-networks.js';
import { CHANNELS, PATCHES, type Prefix, tokenNetwork } from './token-networks.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-views-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const ROWS = 11;
const stimuli = await madeStimuli(ROWS, 8);
let runs = 0;

async function activations(
  prefix: Prefix,
  layers: readonly string[],
  more: Partial<ModelCard> & { readonly maxMemory?: number } = {},
) {
  const { maxMemory = 2 ** 28, ...card } = more;
  const scratch = join(root, `scratch-${runs++}`);
  mkdirSync(scratch);
  const network = { file: modelFile(tokenNetwork(prefix)), card: { ...plainCard(), ...card } };
  const options = { threads: 1, maxMemory, maxScratch: 2 ** 28, scratch };
  const found = await extractActivations(network, { stimuli, degrees: undefined }, layers, options);
  const all = new Map<string, Float32Array | Float64Array>();
  for (const [layer, store] of found.layers)
    all.set(layer, (await store.columns(0, store.cols)).slice());
  found.close();
  return all;
}

/** Tokens [from, to) of each row, as numpy's `whole[:, from:to]`. */
function sliced(whole: Float32Array | Float64Array, from: number, to: number): number[] {
  const width = whole.length / ROWS;
  return Array.from({ length: ROWS }, (_, row) => [
    ...whole.subarray(row * width + from * CHANNELS, row * width + to * CHANNELS),
  ]).flat();
}

/** `whole[:, from:].mean(1)` of float32: numpy adds one token after the other, in float32. */
function averaged(whole: Float32Array | Float64Array, from: number): number[] {
  const width = whole.length / ROWS;
  const tokens = width / CHANNELS;
  return Array.from({ length: ROWS * CHANNELS }, (_, i) => {
    const at = Math.floor(i / CHANNELS) * width + (i % CHANNELS);
    let sum = whole[at + from * CHANNELS];
    for (let t = from + 1; t < tokens; t++) sum = Math.fround(sum + whole[at + t * CHANNELS]);
    return Math.fround(sum / (tokens - from));
  });
}

describe.each<[Prefix, number, number]>([
  ['cls', 1, 0],
  ['cls and registers', 1, 3],
  ['registers after', 1, 3],
  ['registers after, unfolded', 1, 3],
  ['folded', 1, 0],
  ['vector', 1, 0],
])('tokens of a graph with %s', (prefix, cls, registers) => {
  test.each([2 ** 28, 0])('are numpy’s slices, with %i bytes of memory', async (maxMemory) => {
    const names = [
      'cls',
      'patches',
      'no-prefix',
      'mean',
      'max',
      ...(registers ? ['registers'] : []),
    ];
    const layers = ['block', ...names.map((name) => `block@${name}`)];
    const found = await activations(prefix, layers, { maxMemory });
    const whole = found.get('block') as Float32Array;
    const before = cls + registers;
    const all = before + PATCHES;
    expect(whole.length).toBe(ROWS * all * CHANNELS);
    expect([...(found.get('block@cls') ?? [])]).toEqual(sliced(whole, 0, 1));
    expect([...(found.get('block@patches') ?? [])]).toEqual(sliced(whole, before, all));
    expect(found.get('block@no-prefix')).toEqual(found.get('block@patches'));
    if (registers)
      expect([...(found.get('block@registers') ?? [])]).toEqual(sliced(whole, 1, before));
    expect([...(found.get('block@mean') ?? [])]).toEqual(averaged(whole, before));
    expect(found.get('block@max')?.[0]).toBe(
      Math.max(
        ...sliced(whole, before, all).filter(
          (_, i) => i < PATCHES * CHANNELS && i % CHANNELS === 0,
        ),
      ),
    );
  });

  test('a part alone has the bits that it has beside others', async () => {
    const beside = await activations(prefix, ['tokens', 'block', 'block@cls', 'tokens@mean']);
    const alone = await activations(prefix, ['block@cls']);
    expect(alone.get('block@cls')).toEqual(beside.get('block@cls'));
  });
});

describe('what is not clear is refused', () => {
  test.each<[Prefix, string, string, RegExp]>([
    ['registers alone', 'block@cls', 'layer-unknown', /no class token among 4 prefix tokens/],
    ['cls', 'block@registers', 'layer-unknown', /no token after the first among 1 prefix token$/],
    ['none', 'block@cls', 'layer-ambiguous', /puts none before.*prefix_tokens: \{ cls: 1/],
    ['padded', 'block@patches', 'layer-ambiguous', /17 tokens, and the graph puts none before/],
    ['padded', 'block@mean', 'layer-ambiguous', /17 tokens/],
    ['appended', 'block@cls', 'layer-ambiguous', /another order than prefix and patches/],
    ['appended', 'block@mean', 'layer-ambiguous', /the graph does not show them/],
    ['computed', 'block@cls', 'layer-ambiguous', /how many tokens .* has cannot be read/],
    ['cls', 'rest@patches', 'layer-ambiguous', /rest holds some of the tokens only/],
    ['cls', 'patches@cls', 'layer-ambiguous', /puts none before/],
    [
      'none',
      'patches@patches',
      'input-mismatch',
      /@patches needs tokens × channels, found 4 × 4 × 4/,
    ],
    ['cls', 'block@4x4', 'input-mismatch', /@4x4 needs a map of channels, found tokens/],
    ['cls', 'patches@5x5', 'input-mismatch', /at least 5 × 5 places, found 4 × 4/],
    ['cls', 'block@clas', 'layer-unknown', /block has no part @clas; expected one of cls, reg/],
    ['cls', 'blok@cls', 'layer-unknown', /has no layer blok/],
  ])('%s: %s', async (prefix, layer, code, message) => {
    await expect(activations(prefix, [layer])).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test('unless the card says it', async () => {
    const prefix_tokens = { cls: 1, registers: 0 } as const;
    const padded = await activations('padded', ['block', 'block@cls', 'block@mean'], {
      prefix_tokens,
    });
    const whole = padded.get('block') as Float32Array;
    expect([...(padded.get('block@cls') ?? [])]).toEqual(sliced(whole, 0, 1));
    expect([...(padded.get('block@mean') ?? [])]).toEqual(averaged(whole, 1));
    const none = await activations('cls', ['rest', 'rest@mean'], {
      prefix_tokens: { cls: 0, registers: 0 },
    });
    expect([...(none.get('rest@mean') ?? [])]).toEqual(
      averaged(none.get('rest') as Float32Array, 0),
    );
  });

  test('a square of tokens without any before them is one of patches', async () => {
    const found = await activations('none', ['block', 'block@patches', 'block@mean']);
    expect(found.get('block@patches')).toEqual(found.get('block'));
    expect(prefixTokens(modelFile(tokenNetwork('none')).model, 'block')).toEqual({ kind: 'none' });
  });
});

test('a card that names an unclear part is told of when it is checked', async () => {
  const path = (name: string) => join(root, name);
  writeFileSync(path('net.onnx'), tokenNetwork('padded').build());
  const warnings = async (more: object) => {
    const card = { ...plainCard(), region_layer_map: { IT: 'block@cls', V4: 'block' }, ...more };
    writeFileSync(path('net.json'), JSON.stringify(card));
    const checked = await checkCard(path('net.json'), path('net.onnx'));
    return checked.warnings.filter(({ code }) => code === 'card-layer').map(({ detail }) => detail);
  };
  expect(await warnings({})).toEqual([
    expect.stringMatching(/^region_layer_map\.IT: The number of prefix tokens of block@cls/),
  ]);
  expect(await warnings({ prefix_tokens: { cls: 1, registers: 0 } })).toEqual([]);
});

describe('maps', () => {
  const names = ['mean', 'max', '2x2', '4x4', 'nchw'];
  test('are pooled alike with channels first and last', async () => {
    const layers = ['patches', 'channels.last'];
    const model = modelFile(tokenNetwork('cls')).model;
    expect(layers.map((layer) => channelLayout(model, layer))).toEqual(['NCHW', 'NHWC']);
    const found = await activations('cls', [
      ...layers,
      ...layers.flatMap((layer) => names.map((name) => `${layer}@${name}`)),
    ]);
    const of = (layer: string) => [...(found.get(layer) as Float32Array)];
    const [first, last] = layers.map((layer) => of(layer));
    const cell = (row: number, c: number, place: number) =>
      first[(row * CHANNELS + c) * PATCHES + place];
    expect(of('channels.last@nchw')).toEqual(first.map((value) => Math.max(0, value)));
    expect(of('patches@nchw')).toEqual(first);
    expect(of('patches@4x4')).toEqual(first);
    expect(last).not.toEqual(first);
    const channels = Array.from({ length: ROWS * CHANNELS }, (_, i) =>
      Array.from({ length: PATCHES }, (_, place) =>
        cell(Math.floor(i / CHANNELS), i % CHANNELS, place),
      ),
    );
    const mean = (values: readonly number[]) =>
      Math.fround(values.reduce((sum, value) => sum + value, 0) / values.length);
    expect(of('patches@mean')).toEqual(channels.map(mean));
    expect(of('patches@max')).toEqual(channels.map((values) => Math.max(...values)));
    expect(of('patches@2x2')).toEqual(
      channels.flatMap((values) =>
        [0, 2, 8, 10].map((at) => mean([0, 1, 4, 5].map((step) => values[at + step]))),
      ),
    );
    expect(of('channels.last@max')).toEqual(channels.map((values) => Math.max(0, ...values)));
  });

  test('cells of uneven maps overlap as torch’s do', () => {
    const view = { select: '2x2', layout: 'NCHW' } as const;
    const values = Float32Array.from({ length: 15 }, (_, i) => i);
    // Rows [0, 2) and [1, 3), columns [0, 3) and [2, 5).
    expect([...viewed(view, values, [1, 1, 3, 5], 'map')]).toEqual([3.5, 5.5, 8.5, 10.5]);
  });

  test('whose channels cannot be told are refused, and shapes tell them where the graph does not', () => {
    const view = { select: 'mean' } as const;
    expect(viewUnits(view, [8, 64, 7, 7], 'map')).toBe(64);
    expect(viewUnits(view, [8, 7, 7, 64], 'map')).toBe(64);
    expect(() => viewUnits(view, [8, 7, 7, 7], 'map')).toThrow(
      /the shape 7 × 7 × 7 shows which axis holds/,
    );
    expect(() => viewUnits(view, [8, 7], 'map')).toThrow(/needs tokens, or a map of channels/);
  });

  test('of whole numbers have means that are none, and maxima that are NaN where one is', () => {
    const view = { select: 'mean', layout: 'NCHW' } as const;
    expect([...viewed(view, Int32Array.of(1, 2, 4, 4), [1, 1, 2, 2], 'map')]).toEqual([2.75]);
    const max = { select: 'max', layout: 'NCHW' } as const;
    expect([...viewed(max, Float32Array.of(1, NaN, 4, 4), [1, 1, 2, 2], 'map')]).toEqual([NaN]);
  });
});

test('frames of a map and steps of a recurrent layer are slices, and of nothing else', () => {
  const values = Float32Array.from({ length: 24 }, (_, i) => i);
  // Clip × channel × frame × row × column, and clip × step × unit.
  expect([...viewed({ select: 't1' }, values, [2, 2, 3, 2, 1], 'map')]).toEqual([
    ...[2, 3, 8, 9, 14, 15, 20, 21],
  ]);
  expect([...viewed({ select: 't2' }, values, [2, 3, 4], 'lstm')]).toEqual([
    ...[8, 9, 10, 11, 20, 21, 22, 23],
  ]);
  expect(viewUnits({ select: 't0' }, [1, 64, 8, 7, 7], 'map')).toBe(64 * 49);
  expect(() => viewUnits({ select: 't3' }, [2, 3, 4], 'lstm')).toThrow(/more than 3 frames/);
  expect(() => viewUnits({ select: 't0' }, [2, 3, 4, 4], 'map')).toThrow(
    /@t0 needs channels × frames × rows × columns, or steps × units, found 3 × 4 × 4/,
  );
});

describe('names', () => {
  const { model } = modelFile(tokenNetwork('cls'));
  test('globs take a part of each layer that they fit', () => {
    const names = (...patterns: string[]) => expandLayers(model, patterns).map(({ name }) => name);
    expect(names('b*@cls')).toEqual(['block@cls']);
    expect(names('{block,tokens}@{cls,mean}')).toEqual([
      'tokens@cls',
      'block@cls',
      'tokens@mean',
      'block@mean',
    ]);
    expect(() => names('b*@cl')).toThrow(/No layer of made fits/);
    // A part of a part is none.
    expect(() => names('b*@cls@mean')).toThrow(/No layer of made fits/);
    expect(() => names('block@patches@mean')).toThrow(/has no layer block@patches@mean/);
  });

  test('a value of that very name comes first', () => {
    const graph = tokenNetwork('cls');
    graph.node('Relu', ['block'], { outputs: ['block@cls'] });
    graph.output('block@cls');
    expect(resolveLayer(modelFile(graph).model, 'block@cls')).toEqual({
      name: 'block@cls',
      value: 'block@cls',
    });
  });
});

test('a map of a clip is pooled over places, and each frame of a channel stays', () => {
  const dims = [2, 3, 2, 2, 4];
  const values = Float32Array.from({ length: 96 }, (_, i) => (i * 7) % 31);
  const view = (select: 'mean' | 'max' | '1x2') => ({ select, layout: 'NCHW' }) as const;
  expect(viewUnits(view('mean'), dims, 'conv')).toBe(6);
  expect(viewUnits(view('1x2'), dims, 'conv')).toBe(12);
  const areas = Array.from({ length: 12 }, (_, i) => [...values.subarray(8 * i, 8 * i + 8)]);
  const mean = (of: readonly number[]) => of.reduce((sum, value) => sum + value, 0) / of.length;
  expect([...viewed(view('mean'), values, dims, 'conv')]).toEqual(
    areas.map((area) => Math.fround(mean(area))),
  );
  expect([...viewed(view('max'), values, dims, 'conv')]).toEqual(
    areas.map((area) => Math.max(...area)),
  );
  expect([...viewed(view('1x2'), values, dims, 'conv')]).toEqual(
    areas.flatMap((area) =>
      [0, 2].map((left) =>
        Math.fround(mean(area.filter((_, i) => i % 4 >= left && i % 4 < left + 2))),
      ),
    ),
  );
  // Without a sign that channels are first, a map of four axes is anything.
  expect(() => viewUnits({ select: 'mean' }, dims, 'conv')).toThrow(/found 3 × 2 × 2 × 4/);
});
