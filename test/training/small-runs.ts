import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { gains, ModuleGraph } from '../../models/module-graph.js';
import { type Progress, Work } from '../../src/runtime/work.js';
import { parseRecipe } from '../../src/training/recipe/parse-recipe.js';
import type { Recipe } from '../../src/training/recipe/recipe.js';
import { runRecipe } from '../../src/training/run/run-recipe.js';

const CLASSES = Array.from({ length: 10 }, (_, i) => String(i));

/** A network of a stem, two residual blocks and a classifier. */
function smallNetwork(): Uint8Array {
  const graph = new ModuleGraph('small');
  const conv = { from: 4, to: 4, kernel: 3, gain: gains.relu };
  let value = graph.conv('conv1', graph.image(), { ...conv, from: 3, stride: 2 });
  value = graph.node('relu', 'Relu', [graph.batchNorm('bn1', value, 4, 1e-5)]);
  for (const path of ['blocks.0', 'blocks.1']) {
    const short = value;
    value = graph.batchNorm(`${path}.bn1`, graph.conv(`${path}.conv1`, value, conv), 4, 1e-5);
    value = graph.conv(`${path}.conv2`, graph.node(`${path}.relu`, 'Relu', [value]), conv);
    value = graph.node(path, 'Add', [graph.batchNorm(`${path}.bn2`, value, 4, 1e-5), short]);
  }
  value = graph.node('pool', 'GlobalAveragePool', [value]);
  value = graph.node('', 'Flatten', [value], { axis: { int: 1 } });
  graph.linear('fc', value, { from: 4, to: 10, output: 'logits' });
  return graph.build();
}

/** A folder with a network and its card, `model.yaml`, for recipes that stand there. */
export function networkFolder(bytes: Uint8Array, side: number, more: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'ventral-small-network-'));
  writeFileSync(join(folder, 'model.onnx'), bytes);
  const card = {
    name: 'small',
    file: 'model.onnx',
    input: {
      resize: { to: side, mode: 'square', filter: 'bilinear', library: 'pillow' },
      range: 1,
      mean: [0.5, 0.5, 0.5],
      std: [0.25, 0.25, 0.25],
      layout: 'NCHW',
    },
    visual_degrees: 8,
    logits: { layer: 'fc', classes: CLASSES },
    ...more,
  };
  writeFileSync(join(folder, 'model.yaml'), stringify(card));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Folder that recipes of tests stand in: that of the network that they train. */
export const base = networkFolder(smallNetwork(), 16, {
  readout: 'pool',
  region_layer_map: { V1: 'blocks.0' },
});

const generated = { generate: 'objects-on-backgrounds', seed: 1, count: 60, side: 16 };

/** A recipe that is over in a moment: some 50 images of 16 pixels. */
export function smallRecipe(stages: readonly object[], more: object = {}): Recipe {
  const recipe = {
    name: 'small',
    model: 'model.yaml',
    weights: 'redrawn',
    workers: 0,
    data: { train: generated, test: { ...generated, seed: 2 } },
    ...more,
    stages,
  };
  return parseRecipe(stringify(recipe), 'small.yaml');
}

/** A train stage of two epochs of three steps. */
export const smallStage = (more: object = {}) => ({
  name: 'first',
  epochs: 2,
  batch: 16,
  rate: 0.02,
  ...more,
});

/** How a recipe of a test runs. */
interface SmallRunOptions {
  readonly signal?: AbortSignal;
  readonly progress?: (at: Progress) => void;
  /** Folder of the recipe. */
  readonly from?: string;
  readonly threads?: number;
}

/** Runs a recipe in a folder, in this thread. */
export async function runSmall(
  recipe: Recipe,
  folder: string,
  { signal, progress, from = base, threads = 1 }: SmallRunOptions = {},
): Promise<void> {
  await runRecipe(
    recipe,
    { base: from, folder },
    {
      home: join(folder, 'home'),
      threads,
      maxMemory: 2 ** 31,
      maxScratch: 2 ** 31,
      signal: signal ?? new AbortController().signal,
      ...(progress ? { progress: Work.start(progress) } : {}),
    },
  );
}

/** Bytes of everything in a run folder that no clock goes into, by name. */
export function bytesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(onnx|jsonl|html|yaml)$/.test(name))
    .sort();
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  );
}
