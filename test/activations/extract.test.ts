import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ModelCard } from '../../src/activations/card/card.js';
import { type ExtractOptions, extractActivations } from '../../src/activations/extract.js';
import { fromHalf, toHalf } from '../../src/activations/stimuli/half.js';
import type { StimulusSet } from '../../src/data/stimulus-set.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { type MadeInput, madeNetwork, madeStimuli, modelFile, plainCard } from './made-networks.js';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'ventral-extract-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const LAYERS = ['conv', 'relu', 'pool'];

/** Values of each layer, whole. */
async function extract(
  graph: GraphBuilder,
  stimuli: StimulusSet,
  layers: readonly string[] = LAYERS,
  { card = plainCard(), ...options }: Partial<ExtractOptions> & { card?: ModelCard } = {},
) {
  const file = modelFile(graph);
  const found = await extractActivations({ file, card }, { stimuli, degrees: undefined }, layers, {
    threads: 1,
    maxMemory: 2 ** 30,
    maxScratch: 2 ** 30,
    scratch,
    ...options,
  });
  const values = new Map<string, Float32Array | Float64Array>();
  for (const [layer, store] of found.layers)
    values.set(layer, (await store.columns(0, store.cols)).slice());
  found.close();
  return values;
}

describe('the same numbers come', () => {
  test.each<[string, MadeInput, Partial<ModelCard['input']>]>([
    ['from a fixed batch axis', { batch: 4 }, {}],
    ['from a batch axis of one', { batch: 1 }, {}],
    ['from a fixed size', { side: 16 }, {}],
    ['in NHWC', { layout: 'NHWC' }, { layout: 'NHWC' }],
    ['from bytes', { dtype: 'uint8' }, {}],
    ['from half precision', { dtype: 'float16' }, {}],
    ['from bytes in NHWC', { dtype: 'uint8', layout: 'NHWC' }, { layout: 'NHWC' }],
    ['from a resize and crop to the same size', {}, { crop: 16 }],
  ])('%s', async (_, input, spec) => {
    const stimuli = await madeStimuli(10);
    const plain = await extract(madeNetwork(), stimuli);
    const found = await extract(madeNetwork(input), stimuli, LAYERS, { card: plainCard(spec) });
    for (const layer of LAYERS) expect(found.get(layer)).toEqual(plain.get(layer));
  });

  test('from pictures that are read out of their order', async () => {
    const stimuli = await madeStimuli(12);
    const late: StimulusSet = {
      ...stimuli,
      read: async (row) => {
        if (row % 3 === 1) await setTimeout(20);
        return stimuli.read(row);
      },
    };
    const plain = await extract(madeNetwork(), stimuli);
    const found = await extract(madeNetwork({ batch: 1 }), late);
    for (const layer of LAYERS) expect(found.get(layer)).toEqual(plain.get(layer));
  });

  test.each([1, 7, 8, 9, 17])('for each of %i pictures as alone', async (count) => {
    const stimuli = await madeStimuli(count);
    const together = (await extract(madeNetwork(), stimuli)).get('relu') as Float32Array;
    const units = together.length / count;
    for (const row of [0, count - 1]) {
      const alone: StimulusSet = {
        ...stimuli,
        ids: [stimuli.ids[row]],
        read: () => stimuli.read(row),
      };
      const [values] = (await extract(madeNetwork(), alone, ['relu'])).values();
      expect(values).toEqual(together.slice(row * units, (row + 1) * units));
    }
  });
});

describe('a layer', () => {
  test('may be the input of the graph', async () => {
    const stimuli = await madeStimuli(3, 4);
    const found = await extract(madeNetwork(), stimuli, ['image', 'relu']);
    const image = found.get('image') as Float32Array;
    expect(image).toHaveLength(3 * 3 * 4 * 4);
    expect(image.every(Number.isInteger)).toBe(true);
    expect(Math.max(...image)).toBeGreaterThan(200);
  });

  test('that is the input of the graph is there for every image, in memory and on scratch', async () => {
    const stimuli = await madeStimuli(30, 4);
    const one = await madeStimuli(30, 4);
    for (const maxMemory of [2 ** 30, 0]) {
      const found = await extract(madeNetwork(), stimuli, ['image', 'relu'], { maxMemory });
      const image = found.get('image') as Float32Array;
      for (const row of [0, 9, 17, 29]) {
        const alone = { ...one, ids: [one.ids[row]], read: () => one.read(row) };
        const [values] = (await extract(madeNetwork(), alone, ['image'])).values();
        expect(image.slice(row * 48, (row + 1) * 48), `row ${row}`).toEqual(values);
      }
    }
  });

  test('may be asked for by two names', async () => {
    const names = ['conv', '/conv/Conv_output_0'];
    const found = await extract(madeNetwork(), await madeStimuli(3), names);
    expect([...found.keys()]).toEqual(names);
    expect(found.get('conv')).toEqual(found.get('/conv/Conv_output_0'));
  });

  test('of half precision, bytes or integers arrives as what it is worth', async () => {
    const layers = ['relu', 'half', 'byte', 'whole'];
    const found = await extract(madeNetwork(), await madeStimuli(5), layers);
    const relu = found.get('relu') as Float32Array;
    expect(found.get('half')).toEqual(fromHalf(toHalf(relu)));
    const floor = Float64Array.from(relu, Math.floor);
    expect(found.get('whole')).toEqual(floor);
    expect(found.get('byte')).toEqual(floor.map((value) => Math.min(value, 255)));
  });

  test('without a batch axis is refused', async () => {
    const graph = madeNetwork();
    graph.node('ReduceMean', ['relu'], { outputs: ['all'], attributes: { keepdims: { int: 0 } } });
    await expect(extract(graph, await madeStimuli(3), ['all'])).rejects.toMatchObject({
      code: 'input-mismatch',
      message: expect.stringContaining('all has no batch axis'),
    });
  });

  test('whose width depends on the pictures is refused', async () => {
    const graph = new GraphBuilder('wide');
    graph.input('image', 'float32', ['N', 3, 'S', 'S']);
    const whole = (name: string, ...values: number[]) =>
      graph.initializer(name, [values.length], BigInt64Array.from(values, BigInt));
    const sum = graph.node('ReduceSum', ['image'], { attributes: { keepdims: { int: 1 } } });
    const flat = graph.node('Reshape', [sum, whole('one', 1)]);
    const count = graph.node('Cast', [flat], { attributes: { to: { int: 7 } } });
    const rest = graph.node('Mod', [graph.node('Abs', [count]), whole('modulus', 15)]);
    const end = graph.node('Add', [rest, 'one']);
    graph.node('Slice', ['image', whole('start', 0), end, whole('axis', 3)], { outputs: ['part'] });
    graph.output('part', 'float32', ['N', 3, 'S', 'W']);
    await expect(extract(graph, await madeStimuli(40), ['part'])).rejects.toMatchObject({
      code: 'input-mismatch',
      message: expect.stringContaining('a layer must have one width'),
    });
  });

  test('that is not finite names layer, stimulus and count', async () => {
    const graph = new GraphBuilder('log');
    graph.input('image', 'float32', ['N', 3, 'S', 'S']);
    graph.node('Log', ['image'], { outputs: ['log'] });
    graph.output('log', 'float32', ['N', 3, 'S', 'S']);
    const stimuli = await madeStimuli(20);
    const zeros = [];
    for (const row of stimuli.ids.keys()) {
      const one = { ...stimuli, ids: [stimuli.ids[row]], read: () => stimuli.read(row) };
      const [pixels] = (await extract(madeNetwork(), one, ['image'])).values();
      zeros.push(pixels.filter((value) => value === 0).length);
    }
    const first = zeros.findIndex((count) => count > 0);
    const all = zeros.reduce((sum, count) => sum + count);
    await expect(extract(graph, stimuli, ['log'])).rejects.toMatchObject({
      code: 'activations-not-finite',
      message: expect.stringContaining(
        `log has ${all} values that are NaN or infinite, the first for the stimulus picture-${first}`,
      ),
    });
  });
});

describe('scratch disk', () => {
  test('holds what memory does not, with the same numbers', async () => {
    const stimuli = await madeStimuli(20);
    const layers = ['conv', 'relu', 'pool', 'byte', 'half', 'whole'];
    const kept = await extract(madeNetwork(), stimuli, layers);
    for (const maxMemory of [1, 1000, 30_000]) {
      const spilled = await extract(madeNetwork(), stimuli, layers, { maxMemory });
      for (const layer of layers) expect(spilled.get(layer)).toEqual(kept.get(layer));
      expect(readdirSync(scratch)).toEqual([]);
    }
  });

  test('is read by blocks of columns and of rows', async () => {
    const file = modelFile(madeNetwork());
    const stimuli = await madeStimuli(20);
    const shown = { stimuli, degrees: undefined };
    const whole = (await extract(madeNetwork(), stimuli, ['relu'])).get('relu') as Float32Array;
    const options = { threads: 1, maxMemory: 1, maxScratch: 2 ** 30, scratch };
    const found = await extractActivations({ file, card: plainCard() }, shown, ['relu'], options);
    const [store] = found.layers.values();
    expect(readdirSync(scratch)).toHaveLength(1);
    const block = await store.columns(3, 10);
    for (let i = 0; i < 20; i++)
      expect(block.slice(i * 7, (i + 1) * 7)).toEqual(
        whole.slice(i * store.cols + 3, i * store.cols + 10),
      );
    expect(store.readRows(5, 2)).toEqual(whole.slice(5 * store.cols, 7 * store.cols));
    found.close();
    expect(readdirSync(scratch)).toEqual([]);
  });

  test('has an end', async () => {
    const stimuli = await madeStimuli(20);
    await expect(
      extract(madeNetwork(), stimuli, LAYERS, { maxMemory: 1, maxScratch: 10_000 }),
    ).rejects.toMatchObject({
      code: 'memory-exceeded',
      message: expect.stringMatching(/layer (conv|relu) has 256 units over 20 .*--max-scratch/),
    });
    expect(readdirSync(scratch)).toEqual([]);
  });
});

describe('pictures', () => {
  test('of unequal size need a resize', async () => {
    const stimuli = await madeStimuli(5, [16, 16, 20, 16, 16]);
    await expect(extract(madeNetwork(), stimuli)).rejects.toMatchObject({
      code: 'input-mismatch',
      message: expect.stringMatching(
        /has (20 × 20|16 × 16) pixels after preprocessing.*resize or crop/,
      ),
    });
    const card = plainCard({ crop: 16 });
    expect((await extract(madeNetwork(), stimuli, LAYERS, { card })).size).toBe(3);
  });

  test('of another size than the graph fixes are refused', async () => {
    await expect(extract(madeNetwork({ side: 24 }), await madeStimuli(2))).rejects.toMatchObject({
      code: 'input-mismatch',
      message: expect.stringMatching(
        /16 × 16 pixels after preprocessing, the network takes 24 × 24/,
      ),
    });
  });

  test('are shown at their degrees', async () => {
    const stimuli = await madeStimuli(2, 8);
    const file = modelFile(madeNetwork());
    const options = { threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30, scratch };
    const units = async (degrees: number[]) => {
      const found = await extractActivations(
        { file, card: plainCard() },
        { stimuli, degrees },
        ['image'],
        options,
      );
      return found.layers.get('image')?.cols;
    };
    expect(await units([8, 8])).toBe(3 * 8 * 8);
    expect(await units([4, 4])).toBe(3 * 16 * 16);
  });
});

test.each(['before the first batch', 'between two batches'])(
  '%s an abort ends it',
  async (when) => {
    const stop = new AbortController();
    if (when.startsWith('before')) stop.abort();
    const done: number[] = [];
    const running = extract(madeNetwork(), await madeStimuli(40), LAYERS, {
      maxMemory: 1,
      signal: stop.signal,
      progress: (count) => {
        done.push(count);
        stop.abort();
      },
    });
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    expect(done).toEqual(when.startsWith('before') ? [] : [8]);
    expect(readdirSync(scratch)).toEqual([]);
  },
);
