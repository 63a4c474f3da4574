import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { openStimulusSet } from '../../src/data/stimulus-set.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { type FrameLayout, inLayout } from '../../src/onnx/input-layout.js';
import { noise } from '../screen/raster.js';

/** How the input of a network of videos looks. */
export interface MadeClips {
  readonly layout?: FrameLayout;
  readonly batch?: number | string;
  readonly frames?: number | string;
  readonly side?: number | string;
}

const CHANNELS = 4;
const KERNEL = [2, 3, 3];
/** Where the axes N, C, T, H, W of a convolution stand in an input. */
const turned = { NCTHW: undefined, NTCHW: [0, 2, 1, 3, 4], NTHWC: [0, 4, 1, 2, 3] } as const;

/**
 * A convolution over frames, rows and columns (3 → 4 channels), a rectifier and a pool, with weights of quarters: on pixels of
 * 0 … 255 every sum is exact in float32. Layers: `conv`, `relu`, `pool`, and `frame`, the convolution of each frame by itself, as
 * frames × channels × rows × columns without an axis of clips; `time` is the sum of each frame, frames first.
 */
export function madeVideoNetwork(input: MadeClips = {}): GraphBuilder {
  const { layout = 'NCTHW', batch = 'N', frames = 'T', side = 'S' } = input;
  const graph = new GraphBuilder('video');
  const dims = inLayout<number | string>(layout, { N: batch, C: 3, T: frames, H: side, W: side });
  let value = graph.input('clip', 'float32', dims);
  const perm = turned[layout];
  const transpose = (from: string, ints: readonly number[], name: string) =>
    graph.node('Transpose', [from], { outputs: [name], attributes: { perm: { ints } } });
  if (perm) value = transpose(value, perm, 'turned');
  const weights = (count: number) =>
    Float32Array.from({ length: count }, (_, i) => (((i * 7) % 9) - 4) / 4);
  graph.initializer('conv.weight', [CHANNELS, 3, ...KERNEL], weights(CHANNELS * 3 * 18));
  graph.node('Conv', [value, 'conv.weight'], {
    name: '/conv/Conv',
    outputs: ['/conv/Conv_output_0'],
    attributes: { strides: { ints: [1, 2, 2] }, pads: { ints: [0, 1, 1, 1, 1, 1] } },
  });
  graph.node('Relu', ['/conv/Conv_output_0'], { outputs: ['relu'] });
  graph.node('GlobalAveragePool', ['relu'], { outputs: ['pool'] });
  const byFrame = transpose(value, [0, 2, 1, 3, 4], 'by-frame');
  graph.initializer('four', [4], BigInt64Array.from([-1n, 3n, 8n, 8n]));
  const each = graph.node('Reshape', [byFrame, 'four'], { outputs: ['each'] });
  graph.initializer('frame.weight', [CHANNELS, 3, 3, 3], weights(CHANNELS * 27));
  graph.node('Conv', [each, 'frame.weight'], {
    name: '/frame/Conv',
    outputs: ['/frame/Conv_output_0'],
    attributes: { pads: { ints: [1, 1, 1, 1] } },
  });
  const first = transpose(value, [2, 0, 1, 3, 4], 'time-first');
  graph.node(
    'ReduceSum',
    [first, graph.initializer('axes', [3], BigInt64Array.from([2n, 3n, 4n]))],
    {
      ...{ outputs: ['time'], attributes: { keepdims: { int: 0 } } },
    },
  );
  graph.output('pool', 'float32', [batch, CHANNELS, 1, 1, 1]);
  return graph;
}

/** PNG of colour noise. */
export const framePng = (seed: number, side = 8): Promise<Buffer> =>
  sharp(noise(side, side, 3, seed).data, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();

/** Interleaved RGB pixels of {@link framePng}. */
export const framePixels = (seed: number, side = 8): Uint8Array => noise(side, side, 3, seed).data;

/**
 * Writes a stimulus set of clips and opens it: `clips` has the seeds of each clip's frames, in their order; a number is an image.
 * Frames are called `frame1.png`, `frame2.png`, … `frame10.png`.
 */
export async function madeClips(folder: string, clips: readonly (number | readonly number[])[]) {
  const images = join(folder, 'images');
  mkdirSync(images, { recursive: true });
  const rows: string[] = [];
  for (const [row, seeds] of clips.entries()) {
    const name = typeof seeds === 'number' ? `image-${row}.png` : `clip-${row}`;
    rows.push(`id-${row},${name}`);
    if (typeof seeds === 'number') writeFileSync(join(images, name), await framePng(seeds));
    else {
      mkdirSync(join(images, name), { recursive: true });
      for (const [i, seed] of seeds.entries())
        writeFileSync(join(images, name, `frame${i + 1}.png`), await framePng(seed));
    }
  }
  const csv = join(folder, 'stimuli.csv');
  writeFileSync(csv, ['stimulus_id,filename', ...rows, ''].join('\n'));
  return openStimulusSet({ identifier: 'clips', csv, images });
}
