import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ModelCard, parseCard } from '../../src/activations/card/card.js';
import { cardTemplate } from '../../src/activations/card/card-template.js';
import { withClip } from '../../src/activations/clip-card.js';
import { type ExtractOptions, extractActivations } from '../../src/activations/extract.js';
import { draftCard } from '../../src/activations/init-card.js';
import { measureLayers } from '../../src/activations/measure-layers.js';
import { openNetwork } from '../../src/activations/open-network.js';
import { openReducer } from '../../src/activations/reduce-layers.js';
import { frameIndices } from '../../src/activations/stimuli/clip.js';
import { stimulusDigests } from '../../src/activations/stimuli/stimulus-digest.js';
import type { StimulusSet } from '../../src/data/stimulus-set.js';
import type { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { frameLayouts } from '../../src/onnx/input-layout.js';
import {
  framePixels,
  framePng,
  type MadeClips,
  madeClips,
  madeVideoNetwork,
} from './clip-networks.js';
import { madeNetwork, madeStimuli, modelFile, plainCard } from './made-networks.js';

let root: string;
let folders = 0;
const folder = () => mkdtempSync(join(root, `${folders++}-`));
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-clips-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Nothing said of the axes: the graph has to. */
const bareCard = (input: Partial<ModelCard['input']> = {}): ModelCard => {
  const { layout: _, ...rest } = plainCard().input;
  return { ...plainCard(), input: { ...rest, ...input } as ModelCard['input'] };
};

const LAYERS = ['clip', 'conv', 'relu', 'pool', 'frame', 'time'];

async function extract(
  graph: GraphBuilder,
  stimuli: StimulusSet,
  { card = bareCard(), ...options }: Partial<ExtractOptions> & { card?: ModelCard } = {},
  layers: readonly string[] = LAYERS,
) {
  const file = modelFile(graph);
  const network = { file, card: withClip(file, card) };
  const limits = { threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30, scratch: folder() };
  const found = await extractActivations(network, { stimuli, degrees: undefined }, layers, {
    ...limits,
    ...options,
  });
  const values = new Map<string, Float32Array | Float64Array>();
  for (const [layer, store] of found.layers)
    values.set(layer, (await store.columns(0, store.cols)).slice());
  found.close();
  return values;
}

describe('frames that a network gets', () => {
  test.each([
    [1, 4, [0, 0, 0, 0], [0, 0, 0, 0]],
    [2, 4, [0, 0, 1, 1], [0, 1, 1, 1]],
    [3, 4, [0, 1, 1, 2], [0, 1, 2, 2]],
    [4, 4, [0, 1, 2, 3], [0, 1, 2, 3]],
    [10, 4, [1, 3, 6, 8], [3, 4, 5, 6]],
    [10_000, 2, [2500, 7500], [4999, 5000]],
    [7, 1, [3], [3]],
  ])('%i frames for %i', (there, wanted, even, consecutive) => {
    expect(frameIndices(there, wanted, 'even')).toEqual(even);
    expect(frameIndices(there, wanted, 'consecutive')).toEqual(consecutive);
  });

  test.each(frameLayouts)('are where the layout %s has them', async (layout) => {
    const seeds = Array.from({ length: 12 }, (_, i) => i + 1);
    const stimuli = await madeClips(folder(), [seeds, 50, [60, 61]]);
    const graph = madeVideoNetwork({ layout, side: 8, frames: 4 });
    const clips = (await extract(graph, stimuli)).get('clip') as Float32Array;
    // The middles of four equal parts of 12 frames in natural order.
    const shown = [
      [2, 5, 8, 11],
      [50, 50, 50, 50],
      [60, 60, 61, 61],
    ];
    const sizes: Record<string, number> = { C: 3, T: 4, H: 8, W: 8 };
    const expected = new Float32Array(clips.length);
    let at = 0;
    for (const frames of shown) {
      const pixels = frames.map((seed) => framePixels(seed));
      const index: Record<string, number> = {};
      const axes = [...layout].slice(1);
      const walk = (depth: number) => {
        if (depth === axes.length) {
          const { C = 0, T = 0, H = 0, W = 0 } = index;
          expected[at++] = pixels[T][(H * 8 + W) * 3 + C];
          return;
        }
        for (let i = 0; i < sizes[axes[depth]]; i++) {
          index[axes[depth]] = i;
          walk(depth + 1);
        }
      };
      walk(0);
    }
    expect(clips).toEqual(expected);
  });

  test('are the same for every layout, a free or fixed number, and a fixed batch', async () => {
    const stimuli = await madeClips(folder(), [[1, 2, 3, 4, 5, 6], 7, [8, 9]]);
    const four = bareCard({ frames: 4 });
    const plain = await extract(madeVideoNetwork({ side: 8 }), stimuli, { card: four });
    const others: [MadeClips, ModelCard][] = [
      [{ side: 8, frames: 4 }, bareCard()],
      [{ side: 'S', frames: 4 }, bareCard({ crop: 8 })],
      [{ side: 8, layout: 'NTCHW' }, four],
      [{ side: 8, layout: 'NTHWC' }, four],
      [{ side: 8, batch: 1 }, four],
    ];
    const layers = LAYERS.filter((layer) => layer !== 'clip');
    for (const [input, card] of others) {
      const found = await extract(madeVideoNetwork(input), stimuli, { card });
      for (const layer of layers) expect(found.get(layer), layer).toEqual(plain.get(layer));
    }
    const inTwos = madeVideoNetwork({ side: 8, batch: 2 });
    const found = await extract(inTwos, stimuli, { card: four }, ['conv', 'pool']);
    for (const layer of ['conv', 'pool']) expect(found.get(layer)).toEqual(plain.get(layer));
  });

  test('are a run from the middle where the card says so', async () => {
    const stimuli = await madeClips(folder(), [[1, 2, 3, 4, 5, 6, 7]]);
    const card = bareCard({ frames: 3, sampling: 'consecutive' });
    const graph = madeVideoNetwork({ side: 8 });
    const [clip] = (await extract(graph, stimuli, { card }, ['clip'])).values();
    const red = [3, 4, 5].map((seed) => framePixels(seed)[0]);
    expect([0, 1, 2].map((t) => clip[t * 64])).toEqual(red);
  });
});

test('a layer is everything of one clip, wherever its axis of time stands', async () => {
  const stimuli = await madeClips(folder(), [
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const graph = madeVideoNetwork({ side: 8, frames: 2 });
  const found = await extract(graph, stimuli);
  const widths = [...found].map(([layer, values]) => [layer, values.length / 3]);
  expect(Object.fromEntries(widths)).toEqual({
    ...{
      clip: 3 * 2 * 64,
      conv: 4 * 2 * 16,
      relu: 4 * 2 * 16,
      pool: 4,
      frame: 2 * 4 * 64,
      time: 2,
    },
  });
  const sums = [1, 2, 3, 4, 5, 6].map((seed) =>
    framePixels(seed).reduce((sum, value) => sum + value, 0),
  );
  expect([...(found.get('time') as Float32Array)]).toEqual(sums);
  writeFileSync(join(root, 'shapes.onnx'), graph.build());
  const layers = await measureLayers(join(root, 'shapes.onnx'), { card: bareCard() });
  const shapes = new Map(layers.map(({ name, shape, units }) => [name, [shape, units]]));
  expect(shapes.get('conv')).toEqual([[4, 2, 4, 4], 128]);
  expect(shapes.get('frame')).toEqual([[2, 4, 8, 8], 512]);
  expect(shapes.get('time')).toEqual([[2, 1], 2]);
});

test('kept frames of an earlier pass are the frames of this one', async () => {
  const stimuli = await madeClips(folder(), [[1, 2, 3], 4, [5, 6]]);
  const file = modelFile(madeVideoNetwork({ side: 8, frames: 2 }));
  const network = { file, card: withClip(file, bareCard()) };
  const shown = { stimuli, degrees: undefined };
  // Two layers and one that is computed as written: three passes at the least memory.
  const demands = ['conv', 'relu', 'by-frame'].map((layer) => ({
    ...{ layer, layers: [layer], sets: [0], form: () => 'features' as const },
  }));
  const values = async (maxMemory: number) => {
    const limits = { threads: 1, maxMemory, maxScratch: 2 ** 30, scratch: folder() };
    const reducer = await openReducer(network, [shown], demands, limits);
    const all: unknown[] = [];
    for await (const met of reducer.run()) {
      if (!('reduced' in met) || met.reduced.form !== 'features') throw new Error('none');
      const [{ cols, columns }] = [met.reduced.features[0]].map((each) => ({
        cols: each.cols,
        columns: each.columns.bind(each),
      }));
      all.push([met.demand.layer, (await columns(0, cols)).slice()]);
    }
    return { all: new Map(all as [string, Float32Array][]), plan: reducer.plan };
  };
  const [wide, narrow] = [await values(2 ** 30), await values(2 ** 12)];
  expect(narrow.plan.sets[0].passes.length).toBeGreaterThan(wide.plan.sets[0].passes.length);
  for (const [layer, own] of wide.all) expect(narrow.all.get(layer), layer).toEqual(own);
});

describe('axes that nothing explains', () => {
  const opened = async (input: MadeClips, card: Partial<ModelCard['input']> = {}) => {
    const path = join(folder(), 'video.onnx');
    writeFileSync(path, madeVideoNetwork(input).build());
    return openNetwork({ path, card: bareCard(card) });
  };
  test.each<[string, MadeClips, Partial<ModelCard['input']>, string]>([
    [
      'three frames of three colours',
      { frames: 3, side: 8 },
      {},
      'expected layout: NCTHW or layout: NTCHW under input in the card, found clip (? × 3 × 3 × 8 × 8), which can be read either way',
    ],
    [
      'a free number of frames',
      { side: 8 },
      {},
      'expected frames: N under input in the card, found clip (? × 3 × ? × 8 × 8), which leaves their number free',
    ],
    [
      'another number than the graph has',
      { frames: 4, side: 8 },
      { frames: 8 },
      'expected 4 frames, from the graph, found frames: 8 in the card',
    ],
    [
      'an order of four axes',
      { frames: 4, side: 8 },
      { layout: 'NCHW' },
      'expected layout: NCTHW under input in the card, found layout: NCHW for clip (? × 3 × 4 × 8 × 8)',
    ],
    [
      'an order that the shape excludes',
      { frames: 4, side: 8 },
      { layout: 'NTCHW' },
      'expected 3 channels in layout NTCHW',
    ],
    ['more frames than any', { frames: 4096, side: 8 }, {}, 'expected 1 to 512 frames'],
  ])('%s are refused before any work', async (_, input, card, sentence) => {
    await expect(opened(input, card)).rejects.toMatchObject({
      code: 'input-mismatch',
      message: expect.stringContaining(sentence),
    });
  });

  test('no frames at all are refused by the runtime’s own shape', async () => {
    const { file, card } = await opened({ frames: 0, side: 8 }, { frames: 4 });
    const shown = { stimuli: await madeStimuli(1, 8), degrees: undefined };
    const limits = { threads: 1, maxMemory: 2 ** 30, maxScratch: 0, scratch: folder() };
    await expect(extractActivations({ file, card }, shown, ['conv'], limits)).rejects.toMatchObject(
      {
        code: expect.stringMatching(/^(input-mismatch|inference-failed|onnx-invalid)$/),
      },
    );
  });

  test('a card line settles each', async () => {
    const { card } = await opened({ frames: 3, side: 8 }, { layout: 'NCTHW' });
    expect(card.input).toMatchObject({ layout: 'NCTHW', frames: 3, sampling: 'even' });
    expect((await opened({ side: 8 }, { frames: 5 })).card.input).toMatchObject({ frames: 5 });
  });

  test('clips too large to be held are refused', async () => {
    await expect(opened({ frames: 500, side: 512 })).rejects.toMatchObject({
      code: 'memory-exceeded',
      message: expect.stringContaining('a clip of 500 frames of 512 × 512 pixels takes 1500 MiB'),
    });
    await expect(opened({ frames: 64, side: 224, batch: 32 })).rejects.toMatchObject({
      code: 'memory-exceeded',
      message: expect.stringContaining('a batch of 32 clips of 64 frames'),
    });
    const path = join(folder(), 'video.onnx');
    writeFileSync(path, madeVideoNetwork({ frames: 4096, side: 256 }).build());
    await expect(measureLayers(path)).rejects.toMatchObject({ code: 'memory-exceeded' });
  });

  test('a network of images has no frames', async () => {
    const path = join(folder(), 'still.onnx');
    writeFileSync(path, madeNetwork().build());
    const image = await madeStimuli(1, 8);
    await expect(
      openNetwork({ path, card: bareCard({ frames: 4 }) }).then(({ file, card }) =>
        extractActivations({ file, card }, { stimuli: image, degrees: undefined }, ['relu'], {
          threads: 1,
          maxMemory: 2 ** 30,
          maxScratch: 0,
          scratch: folder(),
        }),
      ),
    ).rejects.toMatchObject({
      code: 'input-mismatch',
      message: expect.stringContaining(
        'expected an input of five axes, for the frames of the card',
      ),
    });
  });
});

describe('a stimulus that is a clip', () => {
  test('is refused by a network of images, and one frame is an image', async () => {
    const clips = await madeClips(folder(), [[1, 2], 3]);
    const card = plainCard();
    await expect(extract(madeNetwork(), clips, { card }, ['relu'])).rejects.toMatchObject({
      code: 'input-mismatch',
      message: expect.stringContaining(
        '"id-0" is a clip of 2 frames, and the network takes images',
      ),
    });
    const alone = await extract(madeNetwork(), await madeClips(folder(), [[1]]), { card }, [
      'relu',
    ]);
    const image = await extract(madeNetwork(), await madeClips(folder(), [1]), { card }, ['relu']);
    expect(alone.get('relu')).toEqual(image.get('relu'));
  });

  test('with frames of several sizes is refused, whatever a resize makes of them', async () => {
    const made = folder();
    const clips = await madeClips(made, [[1, 2, 3]]);
    writeFileSync(join(made, 'images', 'clip-0', 'frame2.png'), await framePng(2, 9));
    const resize = { to: 8, mode: 'square', filter: 'bilinear', library: 'pillow' } as const;
    const card = bareCard({ frames: 3, resize });
    await expect(extract(madeVideoNetwork({ side: 8 }), clips, { card })).rejects.toMatchObject({
      code: 'input-mismatch',
      message:
        'The frames of the stimulus "id-0" differ in size: expected 8 × 8 pixels as its first, found 9 × 9 pixels',
    });
  });

  test('has a digest of all of its frames in their order', async () => {
    const clips = await madeClips(folder(), [[1, 2], [2, 1], [1, 2], [1], 1]);
    const digests = await stimulusDigests(clips);
    expect(digests[2]).toBe(digests[0]);
    expect(new Set(digests).size).toBe(4);
    const [image] = await stimulusDigests(await madeClips(folder(), [1]));
    expect(digests[4]).toBe(image);
  });
});

test('a card says how clips are fed, and not where there are no frames', () => {
  const text = (input: object) =>
    JSON.stringify({ ...plainCard(), input: { ...plainCard().input, ...input } });
  const { input } = parseCard(text({ layout: 'NTCHW', frames: 16, sampling: 'even' }), 'card');
  expect(input).toMatchObject({ layout: 'NTCHW', frames: 16 });
  for (const [wrong, what] of [
    [{ frames: 16 }, 'frames needs a layout with an axis of frames'],
    [{ sampling: 'even' }, 'sampling needs a layout with an axis of frames'],
    [{ layout: 'NCTHW', frames: 0 }, 'frames'],
    [{ layout: 'NCTHW', frames: 513 }, 'frames'],
  ] as const)
    expect(() => parseCard(text(wrong), 'card')).toThrow(
      expect.objectContaining({ code: 'card-invalid', message: expect.stringContaining(what) }),
    );
});

test('a drafted card has the axes of the graph, and marks what it leaves open', async () => {
  const path = join(root, 'draft.onnx');
  const drafted = async (input: MadeClips) => {
    writeFileSync(path, madeVideoNetwork(input).build());
    const { name, hints } = await draftCard(path);
    return cardTemplate(name, hints).split('\n');
  };
  const certain = await drafted({ frames: 8, side: 16, layout: 'NTCHW' });
  expect(certain).toEqual(expect.arrayContaining(['  layout: NTCHW', '  frames: 8', '  crop: 16']));
  const open = (await drafted({ side: 16 })).find((line) => line.startsWith('  frames'));
  expect(open).toMatch(/^ {2}frames: 16 +# TODO: frames that the network was trained with$/);
  const either = (await drafted({ frames: 3, side: 16 })).find((line) => line.includes('layout'));
  expect(either).toMatch(/layout: NCTHW +# TODO: NCTHW, NTCHW or NTHWC/);
});

test('a frame of a layer is a layer', async () => {
  const stimuli = await madeClips(folder(), [[1, 2, 3, 4], 5]);
  const graph = madeVideoNetwork({ side: 8, frames: 4 });
  const layers = ['conv', 'conv@t0', 'conv@t2'];
  const found = await extract(graph, stimuli, {}, layers);
  const [whole, first, last] = layers.map((layer) => found.get(layer) as Float32Array);
  const sliced = (frame: number) =>
    [0, 1].flatMap((row) =>
      [0, 1, 2, 3].flatMap((c) => {
        const start = ((row * 4 + c) * 4 + frame) * 16;
        return [...whole.subarray(start, start + 16)];
      }),
    );
  expect([...first]).toEqual(sliced(0));
  expect([...last]).toEqual(sliced(2));
  for (const [layer, what] of [
    ['conv@t4', '@t4 needs more than 4 frames'],
    ['time@t0', 'has no batch axis'],
    ['pool@t1', '@t1 needs more than 1 frames'],
  ] as const)
    await expect(extract(graph, stimuli, {}, [layer])).rejects.toMatchObject({
      code: 'input-mismatch',
      message: expect.stringContaining(what),
    });
});
