import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import { runtimeIdentity } from '../src/runtime/session.js';
import { plsArrays } from './arrays.js';
import { type ExtractionRates, extractionRates } from './extraction.js';
import { type GrowthLine, growth } from './growth.js';
import { writeMadeSet } from './made-set.js';
import { type MeasuredMap, measureMap } from './measure-map.js';
import { hasPython, hasTorch, original, withArrays } from './original.js';
import { inOwnProcess } from './own-process.js';
import { resultOptions, writeResults } from './results-file.js';

/**
 * Layer maps measured in one run: the whole map of EfficientNet-B1 (67 candidates, V1 and V2, 315 stimuli)
 * against the original's metric on the largest layer alone; extraction against a bare loop of the runtime
 * and against PyTorch; how time and memory grow. Says so and continues where Debian's python3 is missing.
 *
 *   node dist/bench/map.js [--only map,extraction,growth] [--rounds 3] [--no-original] [--save]
 *   node dist/bench/map.js --only large [--model resnet-50] [--scratch 10]      3,200 stimuli: a quarter of an hour
 */

/** Units of the widest of the 67 layers at 240 pixels: blocks.0, 16 × 120 × 120. */
const LARGEST = 230_400;
/** Of the original's BLAS: in every run of bench/reference.ts one thread was slower. */
const THREADS = 2;

async function mapAgainstOriginal(folder: string, withOriginal: boolean) {
  const benchmark = await writeMadeSet(join(folder, 'set'), {
    stimuli: 315,
    regions: { V1: 102, V2: 103 },
    repetitions: 5,
    side: 256,
    classes: 15,
    degrees: 4,
  });
  const task = { model: 'efficientnet-b1', benchmark, home: join(folder, 'home') };
  const first = inOwnProcess<MeasuredMap>('map', task);
  const again = inOwnProcess<MeasuredMap>('map', task);
  const theirs = withOriginal
    ? withArrays(plsArrays(LARGEST), (arrays) => [original('pls', arrays, THREADS)])
    : [];
  const seconds = theirs.length > 0 ? Math.min(...theirs.map((run) => run.seconds)) : null;
  console.log(`map of ${first.layers} layers × ${first.benchmarks} benchmarks, 315 stimuli
  ours      ${first.seconds.toFixed(1)} s, peak ${first.peakMiB} MiB; again from the cache ${again.seconds.toFixed(2)} s, the process ${again.wall.toFixed(2)} s
  plan      memory ${first.plannedMiB} MiB, scratch ${first.plannedScratchMiB} MiB, passes ${first.passes}
  original  ${seconds === null ? 'not run' : `${seconds.toFixed(0)} s for V1 on ${LARGEST} units alone; the whole map takes ${(first.seconds / seconds).toFixed(3)} of that`}`);
  return {
    first,
    again,
    original: theirs.map(({ seconds: s, peakMiB }) => ({ seconds: s, peakMiB })),
  };
}

/** A set of Majaj and Hong's size: 3,200 images of 64 objects, unequal repetitions. */
async function largeMap(folder: string, model: string, scratch: number): Promise<MeasuredMap> {
  const benchmark = await writeMadeSet(join(folder, 'set'), {
    stimuli: 3200,
    regions: { V4: 88, IT: 168 },
    repetitions: 3,
    side: 256,
    classes: 64,
    degrees: 8,
  });
  const map = inOwnProcess<MeasuredMap>('map', {
    ...{ model, benchmark, home: join(folder, model), maxScratch: scratch * 2 ** 30 },
  });
  console.log(`map of ${model} over 3,200 stimuli, V4 and IT, ${map.layers} layers, ${map.units} units
  ${(map.seconds / 60).toFixed(1)} minutes, ${map.passes} passes, peak ${map.peakMiB} MiB, scratch at most ${map.scratchMiB} MiB
  plan      memory ${map.plannedMiB} MiB beyond the network's own, scratch ${map.plannedScratchMiB} MiB
  seconds   ${JSON.stringify(map.stages)}`);
  return map;
}

function printExtraction(rates: ExtractionRates): void {
  const text = (name: string, values: readonly number[]) =>
    `${name} ${values.map((value) => value.toFixed(1)).join(', ')}`;
  console.log(`extraction from EfficientNet-B1, ${rates.what} (${rates.layers}, ${rates.outputs.toFixed(0)} MiB a batch), pictures a second by round
  ${text('bare runtime, the same outputs', rates.bare)}
  ${text('ours, pictures prepared        ', rates.prepared)}
  ${text('ours, from the files           ', rates.files)}
  ${text('PyTorch, hooks on the modules  ', rates.torch)}
  ours is ${(rates.ratio.prepared * 100).toFixed(1)} % of the bare runtime with pictures prepared, ${(rates.ratio.files * 100).toFixed(1)} % from the files (medians)`);
}

function printGrowth(lines: readonly GrowthLine[]): void {
  for (const { what, points, seconds, memory } of lines) {
    const shown = points.map((p) => `${p.size}: ${p.seconds.toFixed(2)} s, ${p.peakMiB} MiB`);
    console.log(
      `growth with ${what}: time ~ n^${seconds.toFixed(2)}, memory ~ n^${memory.toFixed(2)}\n  ${shown.join('\n  ')}`,
    );
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string', default: 'map,extraction,growth' },
      model: { type: 'string', default: 'efficientnet-b1' },
      scratch: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '3' },
      'no-original': { type: 'boolean', default: false },
      ...resultOptions,
      part: { type: 'string' },
    },
  });
  if (values.part === 'map') {
    console.log(JSON.stringify(await measureMap(JSON.parse(positionals[0]))));
    return;
  }
  const wanted = values.only.split(',');
  const python = hasPython();
  const folder = mkdtempSync(join(tmpdir(), 'ventral-bench-'));
  try {
    const map = wanted.includes('map')
      ? await mapAgainstOriginal(folder, python && !values['no-original'])
      : undefined;
    const extraction = wanted.includes('extraction')
      ? await extractionRates(join(folder, 'extraction'), Number(values.rounds), hasTorch())
      : undefined;
    extraction?.forEach(printExtraction);
    const grown = wanted.includes('growth') ? await growth(join(folder, 'growth')) : undefined;
    if (grown) printGrowth(grown);
    const large = wanted.includes('large')
      ? await largeMap(join(folder, 'large'), values.model, Number(values.scratch))
      : undefined;
    const figures = { map, extraction, growth: grown, large };
    if (values.save) save(figures);
    const { out } = values;
    if (out !== undefined) writeResults('map', figures, { out });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Keeps the figures under bench/results, machine and versions in the name, beside those of other parts. */
function save(figures: object): void {
  const cpu = cpus()[0]
    .model.toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-');
  const threads = availableParallelism();
  const name = `map_${cpu}-${threads}-threads_node-${process.versions.node}_ort-${runtimeIdentity().ort}.json`;
  mkdirSync(join(packageRoot, 'bench', 'results'), { recursive: true });
  const path = join(packageRoot, 'bench', 'results', name);
  const kept = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  // A part that was not asked for is undefined, and may not take away what is kept.
  const made = JSON.parse(JSON.stringify(figures));
  writeFileSync(path, `${JSON.stringify({ ...kept, ...made }, null, 2)}\n`);
}

await main();
