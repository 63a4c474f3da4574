import sharp from 'sharp';
import type { ModelCard } from '../../src/activations/card/card.js';
import type { ModelFile } from '../../src/activations/model-file.js';
import { type StimulusSet, stimulusSetOf } from '../../src/data/stimulus-set.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { readModel } from '../../src/onnx/model.js';
import { noise } from '../screen/raster.js';

/** How the input of a made network looks. */
export interface MadeInput {
  readonly dtype?: 'float32' | 'float16' | 'uint8';
  readonly layout?: 'NCHW' | 'NHWC';
  readonly batch?: number | string;
  readonly side?: number | string;
}

const elementTypes = { float32: 1, float16: 10, uint8: 2, int64: 7 } as const;
const CHANNELS = 4;

/**
 * A convolution (3 → 4 channels), a rectifier and a pool, with weights of quarters: on pixels of 0 … 255
 * every sum is exact in float32, so that two ways to the same numbers must agree bit for bit.
 * Layers: `conv`, `relu`, `pool`, and `relu` as `half`, `byte` (clipped) and `whole` numbers.
 */
export function madeNetwork(input: MadeInput = {}): GraphBuilder {
  const { dtype = 'float32', layout = 'NCHW', batch = 'N', side = 'S' } = input;
  const graph = new GraphBuilder('made');
  const dims = layout === 'NCHW' ? [batch, 3, side, side] : [batch, side, side, 3];
  let value = graph.input('image', dtype, dims);
  const cast = (from: string, to: keyof typeof elementTypes, name: string) =>
    graph.node('Cast', [from], { outputs: [name], attributes: { to: { int: elementTypes[to] } } });
  if (dtype !== 'float32') value = cast(value, 'float32', 'floats');
  if (layout === 'NHWC') {
    const perm = { ints: [0, 3, 1, 2] };
    value = graph.node('Transpose', [value], { outputs: ['turned'], attributes: { perm } });
  }
  const weights = Float32Array.from({ length: CHANNELS * 27 }, (_, i) => (((i * 7) % 9) - 4) / 4);
  graph.initializer('conv.weight', [CHANNELS, 3, 3, 3], weights);
  graph.node('Conv', [value, 'conv.weight'], {
    name: '/conv/Conv',
    outputs: ['/conv/Conv_output_0'],
    attributes: { strides: { ints: [2, 2] }, pads: { ints: [1, 1, 1, 1] } },
  });
  graph.node('Relu', ['/conv/Conv_output_0'], { outputs: ['relu'] });
  graph.node('GlobalAveragePool', ['relu'], { outputs: ['pool'] });
  cast('relu', 'float16', 'half');
  graph.initializer('low', [], Float32Array.of(0));
  graph.initializer('high', [], Float32Array.of(255));
  cast(graph.node('Clip', ['relu', 'low', 'high'], { outputs: ['clipped'] }), 'uint8', 'byte');
  cast('relu', 'int64', 'whole');
  graph.output('pool', 'float32', [batch, CHANNELS, 1, 1]);
  return graph;
}

/** A network as {@link extractActivations} takes it. */
export const modelFile = (graph: GraphBuilder): ModelFile => {
  const bytes = graph.build();
  const model = readModel(bytes, 'made');
  return { name: 'made', digest: 'sha256:made', bytes, model, card: undefined };
};

/** Pixels as they are, 0 … 255, nothing resized. */
export const plainCard = (input: Partial<ModelCard['input']> = {}): ModelCard => ({
  input: {
    resize: 'none',
    range: 255,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    layout: 'NCHW',
    ...input,
  },
  visual_degrees: 8,
});

/** Colour images of noise; one size, or the sizes of the rows. */
export async function madeStimuli(count: number, side: number | readonly number[] = 16) {
  const pictures = await Promise.all(
    Array.from({ length: count }, (_, row) => {
      const width = typeof side === 'number' ? side : side[row];
      const { data } = noise(width, width, 3, row + 1);
      return sharp(data, { raw: { width, height: width, channels: 3 } })
        .png()
        .toBuffer();
    }),
  );
  const ids = pictures.map((_, row) => `picture-${row}`);
  const names = ids.map((id) => `${id}.png`);
  const set: StimulusSet = stimulusSetOf(
    'made',
    [
      { name: 'stimulus_id', dtype: 'string', values: ids },
      { name: 'filename', dtype: 'string', values: names },
    ],
    async (row) => pictures[row],
  );
  return set;
}
