import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RandomState } from '../src/numerics/random/random-state.js';
import { GraphBuilder } from '../src/onnx/graph-builder.js';
import { exponent } from './growth/line.js';
import { writeMadeSet } from './made-set.js';
import type { MeasuredMap } from './measure-map.js';
import { inOwnProcess } from './own-process.js';

/** One size along one axis, all else equal. */
interface Case {
  readonly stimuli: number;
  readonly units: number;
  readonly layers: number;
  readonly neuroids: number;
  /** Regions of as many neuroids each, with the images of one set for every four. */
  readonly benchmarks: number;
}

/** How the map grows along one axis. */
export interface GrowthLine {
  readonly what: keyof Case;
  readonly points: readonly {
    readonly size: number;
    readonly seconds: number;
    readonly peakMiB: number;
  }[];
  /** Exponents of power laws fitted to the points. */
  readonly seconds: number;
  readonly memory: number;
}

const usual: Case = { stimuli: 320, units: 16 * 28 ** 2, layers: 12, neuroids: 100, benchmarks: 1 };

const axes: Readonly<Record<keyof Case, readonly number[]>> = {
  stimuli: [160, 320, 640, 1280],
  units: [16, 32, 64, 128].map((channels) => channels * 28 ** 2),
  layers: [24, 48, 96, 192],
  neuroids: [100, 200, 400, 800],
  benchmarks: [1, 2, 4, 8],
};

/** The regions that a benchmark may be of. */
const REGIONS = ['V1', 'V2', 'V4', 'IT'];

/** So little that most layers go to scratch at every size: the step from memory to disk is no growth. */
const MEMORY = 384 * 2 ** 20;

/** Of each size; other work on the machine only adds to the time, so that the least of them is taken. */
const ROUNDS = 3;

/**
 * Maps a made network of equal layers at four sizes along each axis, each in processes of its own.
 * @param only some of the axes
 */
export async function growth(
  folder: string,
  only = Object.keys(axes) as readonly (keyof Case)[],
): Promise<GrowthLine[]> {
  const lines: GrowthLine[] = [];
  for (const what of only) {
    const points: GrowthLine['points'][number][] = [];
    for (const size of axes[what]) {
      const own = join(folder, `${what}-${size}`);
      points.push({ size, ...(await measured({ ...usual, [what]: size }, own)) });
    }
    lines.push({
      what,
      points,
      seconds: exponent(points.map(({ size, seconds }) => [size, seconds])),
      memory: exponent(points.map(({ size, peakMiB }) => [size, peakMiB])),
    });
  }
  return lines;
}

async function measured(made: Case, folder: string) {
  mkdirSync(folder, { recursive: true });
  const benchmark: string[] = [];
  for (let k = 0; k < made.benchmarks; k += REGIONS.length) {
    const regions = REGIONS.slice(0, made.benchmarks - k).map((region) => [region, made.neuroids]);
    const set = { stimuli: made.stimuli, repetitions: 4, side: 28, classes: 8, degrees: 8 };
    benchmark.push(
      await writeMadeSet(join(folder, `set-${k}`), {
        ...{ ...set, regions: Object.fromEntries(regions), name: `made${k}` },
      }),
    );
  }
  const model = join(folder, 'network.onnx');
  writeFileSync(model, network(made));
  writeFileSync(join(folder, 'network.yaml'), card);
  const runs = Array.from({ length: ROUNDS }, (_, round) => {
    const home = join(folder, `home-${round}`);
    const task = { model, benchmark, home, maxMemory: MEMORY };
    const { stages, peakMiB } = inOwnProcess<MeasuredMap>('map', task);
    // What is read and opened before is the same at every size.
    const { start = 0, data = 0, ...work } = stages;
    return { seconds: Object.values(work).reduce((sum, each) => sum + each, 0), peakMiB };
  });
  return {
    seconds: Math.min(...runs.map(({ seconds }) => seconds)),
    peakMiB: Math.max(...runs.map((run) => run.peakMiB)),
  };
}

const card = `name: equal-layers
input: { resize: none, range: 1, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], layout: NCHW }
visual_degrees: 8
`;

/** A chain of 1 × 1 convolutions over 28 × 28 pixels, every one of them a candidate. */
function network({ layers, units }: Case): Uint8Array {
  const channels = units / 28 ** 2;
  const random = new RandomState(7);
  const graph = new GraphBuilder('equal-layers');
  let value = graph.input('image', 'float32', ['batch', 3, 28, 28]);
  for (let layer = 0; layer < layers; layer++) {
    const from = layer === 0 ? 3 : channels;
    const scale = Math.sqrt(1 / from);
    const weights = Float32Array.from(random.standardNormal(channels * from), (w) => w * scale);
    const shape = [channels, from, 1, 1];
    const mixed = graph.node('Conv', [value, graph.initializer(`w${layer}`, shape, weights)]);
    value = graph.node('Tanh', [mixed], { outputs: [`layer${layer}`] });
    graph.output(value);
  }
  return graph.build();
}
