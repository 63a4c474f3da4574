import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { unitsOfFeatures } from '../src/activations/unit-layer.js';
import { writeNpy } from '../src/formats/npy.js';
import { packageRoot } from '../src/formats/package-root.js';
import { denseFeatures } from '../src/numerics/algebra/features.js';
import { RandomState } from '../src/numerics/random/random-state.js';
import type { Grating } from '../src/properties/grating.js';
import { type GratingSet, gratingSets, stimuliOfSet } from '../src/properties/grating-sets.js';
import { properties } from '../src/properties/property-table.js';
import type { Protocol } from '../src/properties/protocol.js';
import { loadBenchmarks } from '../src/scoring/registry/load-benchmark.js';
import { listBenchmarks } from '../src/scoring/registry/registry.js';
import { hasPython, PYTHON } from './original.js';

/**
 * The seven property scores of one made-up layer, by us and by the original's own files in turn: from activations in
 * memory to scores, and the seconds of the processor by part. The original copies the activations whenever it asks for
 * them, maps receptive fields (with the copies that it takes), reads properties, and compares distributions; we read the
 * units of the layer (fields, and responses of those at the stimulus), read properties, and compare. Our first round is
 * that of a process that has just started. The original is read from a checkout of brain-score/vision.
 *
 *   node dist/bench/properties-original.js CHECKOUT [--units 2000] [--seen 200] [--rounds 5] [--save NAME]
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    units: { type: 'string', default: '2000' },
    seen: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    save: { type: 'string' },
  },
});
const [checkout] = positionals;
const [units, seen, rounds] = [values.units, values.seen, values.rounds].map(Number);
const SCRIPT = join(packageRoot, 'bench', 'properties_original.py');

/** Files and functions of the original, by the beginning of what a benchmark is called. */
const originals: readonly (readonly [start: string, module: string, name: string])[] = [
  ['DeValois1982-pref_or', 'devalois1982a', 'devalois1982a'],
  ['DeValois1982-peak_sf', 'devalois1982b', 'devalois1982b'],
  ['Schiller1976', 'schiller1976', 'schiller1976'],
  ['Cavanaugh2002', 'cavanaugh2002a', 'cavanaugh2002'],
];

interface Published {
  readonly property: string;
  readonly bins: readonly number[];
  readonly recorded: Float64Array;
}

/** A made-up unit: a place, and what it prefers. */
interface Unit {
  readonly [preferred: string]: number;
}

const STIMULUS = 0.5;

/** Some units at the stimulus, the others anywhere. */
function madeUnits(random: RandomState): Unit[] {
  const draw = (from: number, to: number) => from + (to - from) * random.double();
  return Array.from({ length: units }, (_, i) => ({
    y: i < seen ? STIMULUS + draw(-0.1, 0.1) : draw(-2, 2),
    x: i < seen ? STIMULUS + draw(-0.1, 0.1) : draw(-2, 2),
    orientation: draw(0, 180),
    phase: draw(0, 2 * Math.PI),
    octave: draw(-1, 3),
    radius: draw(0.2, 1),
    surround: draw(0, 0.6),
    gain: draw(0.5, 2),
    baseline: draw(0, 0.1),
  }));
}

/** A response of simple form: products of tunings, of which a part follows the phase, and a little noise. */
function response(unit: Unit, grating: Grating | undefined, noise: number): number {
  if (!grating) return unit.baseline;
  const far = (grating.positionY - unit.y) ** 2 + (grating.positionX - unit.x) ** 2;
  const turned = Math.cos((2 * Math.PI * (grating.orientation - unit.orientation)) / 180);
  const octaves = Math.log2(grating.spatialFrequency) - unit.octave;
  const relative = grating.radius / unit.radius;
  const size = Math.min(1, relative) - unit.surround * Math.max(0, Math.min(1, relative - 1));
  const wave = 1 + 0.5 * Math.cos((Math.PI * grating.phase) / 180 - unit.phase);
  const tuned = Math.exp(-far / 0.1 + 1.5 * (turned - 1) - octaves ** 2) * size * wave;
  return Math.max(0, unit.baseline + unit.gain * tuned + 0.02 * noise);
}

function activations(): { readonly [set: string]: Float64Array } {
  const random = new RandomState(12);
  const made = madeUnits(random);
  return Object.fromEntries(
    gratingSets.map((set) => {
      const stimuli = stimuliOfSet(set);
      const values = new Float64Array(stimuli.length * units);
      stimuli.forEach(({ grating }, row) => {
        for (let i = 0; i < units; i++)
          values[row * units + i] = response(made[i], grating, random.double() - 0.5);
      });
      return [set, values];
    }),
  );
}

/** Columns of a stimulus set as the original names them. */
function columnsOf(set: GratingSet): Record<string, readonly (number | undefined)[]> {
  const stimuli = stimuliOfSet(set).map(({ grating }) => grating);
  if (set === 'blank') return {};
  return {
    position_y: stimuli.map((each) => each?.positionY),
    position_x: stimuli.map((each) => each?.positionX),
    contrast: stimuli.map((each) => each?.contrast),
    radius: stimuli.map((each) => each?.radius),
    spatial_frequency: stimuli.map((each) => each?.spatialFrequency),
    orientation: stimuli.map((each) => each?.orientation),
    phase: stimuli.map((each) => each?.phase),
  };
}

interface Took {
  readonly seconds: number;
  /** Seconds of the processor. */
  readonly processor: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly scores: Readonly<Record<string, number>>;
  readonly versions?: Readonly<Record<string, string>>;
}

function theirs(folder: string): Took {
  const { stdout, stderr, status } = spawnSync(PYTHON, [SCRIPT, checkout, folder], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (status !== 0) throw new Error(`${SCRIPT} failed: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}

/** Seconds of the processor that this process has had. */
const processor = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const rounded = (value: number) => Math.round(value * 1e4) / 1e4;

if (!checkout) throw new Error('the path of a checkout of brain-score/vision is wanted');
if (!hasPython()) process.exit(1);
const folder = mkdtempSync(join(tmpdir(), 'ventral-bench-'));
const ids = listBenchmarks().flatMap(({ id, distribution }) =>
  distribution?.neurons.kind === 'counts' ? [id] : [],
);
const { loaded, close } = await loadBenchmarks(ids, { home: folder }, (_, error) => {
  throw error;
});
try {
  const made = activations();
  for (const set of gratingSets) {
    const array = { shape: [made[set].length / units, units], data: made[set] };
    const path = join(folder, `Marques2020_${set}.npy`);
    writeFileSync(path, writeNpy({ dtype: 'float64', ...array }));
  }
  const benchmarks = loaded.map(({ benchmark, inputs }) => {
    const { distribution } = inputs as unknown as { distribution: Published };
    const [, module, name] =
      originals.find(([start]) => benchmark.id.startsWith(`Marques2020_${start}`)) ?? [];
    return {
      ...{ id: benchmark.id, module, function: name, seed: benchmark.metric.seed ?? 0 },
      set: `Marques2020_${properties.get(distribution.property)?.set}`,
      property: distribution.property,
      bins: distribution.bins,
      recorded: [...distribution.recorded],
    };
  });
  const stimuli = Object.fromEntries(
    gratingSets.map((set) => [`Marques2020_${set}`, columnsOf(set)]),
  );
  writeFileSync(join(folder, 'task.json'), JSON.stringify({ units, stimuli, benchmarks }));
  const whole = new Float64Array(gratingSets.reduce((sum, set) => sum + made[set].length, 0));
  let at = 0;
  for (const set of gratingSets) {
    whole.set(made[set], at);
    at += made[set].length;
  }
  const ours = async (): Promise<Took> => {
    // Others each time: what is read from features is kept as long as these are.
    const features = [denseFeatures(whole.length / units, units, whole)];
    const protocol = loaded[0].shown[0].protocol as Protocol;
    const started = performance.now();
    const begun = processor();
    const scores: Record<string, number> = {};
    await unitsOfFeatures(features, protocol);
    const read = processor();
    for (const each of loaded) {
      const { value } = await each.measure({ form: 'features', units, features });
      scores[each.benchmark.id] = value ?? Number.NaN;
    }
    const seconds = (performance.now() - started) / 1000;
    const ended = processor();
    // Units and properties are there now.
    for (const each of loaded) await each.measure({ form: 'features', units, features });
    const comparing = processor() - ended;
    const parts = {
      reading: read - begun,
      properties: Math.max(0, ended - read - comparing),
      comparing,
    };
    return { seconds, processor: ended - begun, parts, scores };
  };
  const took = { original: [] as Took[], ours: [] as Took[] };
  for (let round = 0; round < rounds; round++) {
    took.original.push(theirs(folder));
    took.ours.push(await ours());
  }
  const [original] = took.original;
  const sideOf = (all: readonly Took[]) => ({
    seconds: all.map(({ seconds }) => rounded(seconds)),
    processor: all.map((each) => rounded(each.processor)),
    parts: Object.fromEntries(
      Object.keys(all[0].parts).map((part) => [
        part,
        rounded(Math.min(...all.map(({ parts }) => parts[part]))),
      ]),
    ),
  });
  const least = (all: readonly Took[]) => Math.min(...all.map((each) => each.processor));
  const differences = Object.entries(took.ours[0].scores).map(([id, value]) =>
    Math.abs(value - original.scores[id]),
  );
  const report = {
    ...{ units, seen, stimuli: whole.length / units },
    original: sideOf(took.original),
    ours: sideOf(took.ours),
    ratio: rounded(least(took.original) / least(took.ours)),
    largestDifference: Math.max(...differences),
    scores: took.ours[0].scores,
    versions: { ...original.versions, node: process.versions.node },
  };
  const text = JSON.stringify(report, null, 2);
  console.log(text);
  if (values.save)
    writeFileSync(join(packageRoot, 'bench', 'results', `${values.save}.json`), `${text}\n`);
} finally {
  await close();
  rmSync(folder, { recursive: true, force: true });
}
