import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { mapCandidates } from '../src/activations/card/candidates.js';
import { cardOf, openModelFile } from '../src/activations/model-file.js';
import { packageRoot } from '../src/formats/package-root.js';
import { runtimeIdentity } from '../src/runtime/session.js';
import type { LayerMap } from '../src/scoring/map/layer-map-types.js';
import { type ExtractionRates, networkRates } from './extraction.js';
import { PYTHON } from './original.js';
import { writeV4Benchmark } from './real-networks.js';
import { followed } from './tree-memory.js';

/**
 * Layer maps of torchvision's ViT-B/16 with random weights, by the command line: memory of all of its processes
 * against 2 GiB, and the speed of its activations against the bare runtime with the same settings, in turn. Needs
 * Debian's torch; macaque V4 is left out where it is not found, and at least 40 pictures are wanted.
 *
 *   node dist/bench/transformer.js [--only simulated,v4,extraction] [--data ../shared/data] [--network vit_b_16]
 *     [--layers NAMES] [--max-memory 2GiB] [--pictures 64] [--rounds 3] [--save]
 */

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'simulated,v4,extraction' },
    data: { type: 'string', default: join(packageRoot, '..', 'shared', 'data') },
    network: { type: 'string', default: 'vit_b_16' },
    layers: { type: 'string' },
    'max-memory': { type: 'string', default: '2GiB' },
    pictures: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
    save: { type: 'boolean', default: false },
  },
});

/** What torchvision's weights are applied to. */
const card = {
  input: {
    resize: { to: 256, mode: 'short-side', filter: 'bilinear', library: 'pillow' },
    ...{ crop: 224, range: 1, layout: 'NCHW' },
    ...{ mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  },
  visual_degrees: 8,
};

/** Those of our sessions (src/runtime/session.ts). */
const settings = {
  enableMemPattern: false,
  extra: { session: { intra_op: { spin_duration_us: '200' } } },
};

interface MapRun {
  readonly benchmarks: readonly string[];
  readonly layers: number;
  readonly stimuli: number;
  readonly passes: number;
  readonly seconds: number;
  /** Of all processes together, and of the one that computes. */
  readonly treeMiB: number;
  readonly mainMiB: number;
  readonly plannedMiB: number;
  readonly plannedScratchMiB: number;
}

/** `ventral map` in a home of its own. */
async function mapRun(model: string, home: string, words: readonly string[]): Promise<MapRun> {
  const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');
  const limits = ['--home', home, '--max-memory', options['max-memory']];
  if (options.layers) limits.push('--layers', options.layers);
  const run = await followed(process.execPath, [main, 'map', model, ...words, ...limits, '--json']);
  const { benchmarks, layers, plan } = JSON.parse(run.stdout) as LayerMap;
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
  const found = {
    ...{ benchmarks, layers: layers.length },
    stimuli: plan.sets.reduce((sum, { stimuli }) => sum + stimuli, 0),
    passes: plan.sets.reduce((sum, { passes }) => sum + passes.length, 0),
    seconds: run.seconds,
    ...{ treeMiB: run.treeMiB, mainMiB: run.mainMiB },
    ...{ plannedMiB: mib(plan.memory), plannedScratchMiB: mib(plan.scratch) },
  };
  console.log(`map of ${found.layers} layers over ${benchmarks.join(', ')}, ${found.stimuli} stimuli
  ${found.seconds.toFixed(0)} s, ${found.passes} passes; peak ${run.treeMiB} MiB in ${run.processes} processes, ${run.mainMiB} MiB in the one that computes
  plan      memory ${found.plannedMiB} MiB beyond the network's own, scratch ${found.plannedScratchMiB} MiB`);
  return found;
}

async function extraction(model: string, folder: string): Promise<ExtractionRates[]> {
  const file = await openModelFile(model);
  const network = { file, card: cardOf(file) };
  const candidates = mapCandidates(file.model, network.card).filter(({ value }) => value !== null);
  const rates = await networkRates(network, [{ what: 'all candidates', candidates }], {
    ...{ folder, settings, python: false },
    pictures: Number(options.pictures),
    rounds: Number(options.rounds),
  });
  const text = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(', ');
  for (const { what, layers, outputs, bare, prepared, files, ratio } of rates)
    console.log(`extraction, ${what} (${layers}, ${outputs.toFixed(0)} MiB a batch), pictures a second by round
  bare runtime, the same outputs ${text(bare)}
  ours, pictures prepared        ${text(prepared)}
  ours, from the files           ${text(files)}
  ours is ${(ratio.prepared * 100).toFixed(1)} % of the bare runtime with pictures prepared, ${(ratio.files * 100).toFixed(1)} % from the files (medians)`);
  return rates;
}

function exported(folder: string): string {
  const path = join(folder, `${options.network}.onnx`);
  const script = join(packageRoot, 'bench', 'torch_export.py');
  const { status, stderr } = spawnSync(PYTHON, [script, options.network, path], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${PYTHON} ${script} failed: ${stderr}`);
  writeFileSync(join(folder, `${options.network}.yaml`), JSON.stringify(card));
  return path;
}

async function main(): Promise<void> {
  const wanted = options.only.split(',');
  const folder = mkdtempSync(join(tmpdir(), 'ventral-bench-'));
  try {
    const model = exported(folder);
    const figures: Record<string, unknown> = {};
    if (wanted.includes('simulated')) {
      const regions = ['-r', 'V1,V2,V4,IT'];
      figures.simulated = await mapRun(model, join(folder, 'simulated'), regions);
    }
    const v4 = resolve(options.data, 'v4-hvm640');
    if (wanted.includes('v4') && existsSync(v4)) {
      const benchmark = writeV4Benchmark(folder, v4);
      figures.v4 = await mapRun(model, join(folder, 'v4'), ['-b', benchmark]);
    } else if (wanted.includes('v4')) console.log('macaque V4 is not here: --data says where');
    if (wanted.includes('extraction'))
      figures.extraction = await extraction(model, join(folder, 'extraction'));
    if (options.save) save(figures);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Keeps the figures beside those of parts that were not asked for. */
function save(figures: object): void {
  const cpu = cpus()[0]
    .model.toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-');
  const machine = `${cpu}-${availableParallelism()}-threads_node-${process.versions.node}_ort-${runtimeIdentity().ort}`;
  const results = join(packageRoot, 'bench', 'results');
  mkdirSync(results, { recursive: true });
  const path = join(results, `map_${options.network}_${machine}.json`);
  const kept = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  writeFileSync(path, `${JSON.stringify({ ...kept, ...figures }, null, 2)}\n`);
}

await main();
