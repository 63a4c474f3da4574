import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import { scoreModel } from '../src/scoring/model/score-model.js';
import { listBenchmarks } from '../src/scoring/registry/registry.js';
import { type AblationFamily, BASE, parseAblation } from '../src/training/ablation/ablation.js';
import { markdownTable } from '../src/training/ablation/ablation-markdown.js';
import { type Arm, armsOf } from '../src/training/ablation/arms.js';
import type { AblationCell } from '../src/training/ablation/cells.js';
import { tablesOf } from '../src/training/ablation/tables.js';
import { writeV4Benchmark } from './real-networks.js';

/**
 * Scores the networks that an ablation left on recordings of macaques, at the layer that their card has for the area and
 * at the resolution that their arm is tested at; and those it started from, and pixels. V4: 50 neurons × 640 images. V1:
 * the seven single-neuron properties of Marques2020 that need no data and their mean, and 360 units × 440 frames of
 * Henaff2021 (`ventral data import` brings them into the home first). Prints the table, and with `--save` writes
 * bench/results/ablation-<area>.json.
 *
 *   node dist/bench/ablation-real.js v1|v4 [--runs runs/objects-ablation] [--data ../shared/data] [--home FOLDER] [--save]
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: 'runs/objects-ablation' },
    data: { type: 'string', default: join(packageRoot, '..', 'shared', 'data') },
    home: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
});
const area = positionals[0] === 'v1' ? 'V1' : 'V4';
const file = join(packageRoot, 'models', 'objects-resnet', 'ablation.yaml');
const ablation = parseAblation(readFileSync(file, 'utf8'), file);
const UNTRAINED = { id: 'untrained', title: 'untrained', table: undefined };

const scratch = mkdtempSync(join(tmpdir(), 'ventral-ablation-'));
const home = values.home ?? scratch;
const benchmarks =
  area === 'V4' ? [writeV4Benchmark(scratch, join(resolve(values.data), 'v4-hvm640'))] : v1();
const context = { home, threads: 2, maxMemory: 2 ** 31, maxScratch: 2 ** 33 };

/** The mean of the properties. */
const MEAN = 'Marques2020';

/** The properties of which the counts are published, and the recordings of natural films. */
function v1(): string[] {
  const properties = listBenchmarks().flatMap(({ id, distribution }) =>
    distribution?.neurons.kind === 'counts' ? [id] : [],
  );
  return [...properties, 'Henaff2021.V1-pls'];
}

type Score = Pick<AblationCell, 'measures' | 'missing'>;
type Input = Parameters<typeof scoreModel>[0]['input'];

async function scored(path: string, input?: Input): Promise<Score> {
  const { scores, failures } = await scoreModel(
    { model: { path }, benchmarks, ...(input ? { input } : {}) },
    context,
  );
  const found = scores.flatMap(({ benchmark, value, simulated }) =>
    value === null ? [] : [[benchmark, { value, simulated }] as const],
  );
  const properties = found.filter(([id]) => id.startsWith(`${MEAN}_`));
  const sum = properties.reduce((total, [, { value }]) => total + value, 0);
  if (properties.length > 0)
    found.unshift([MEAN, { value: sum / properties.length, simulated: false }]);
  return {
    measures: new Map(found),
    missing: new Map(failures.map(({ benchmark, error }) => [benchmark, error.message])),
  };
}

/** The last network of one arm and seed; with the base the one before any training. */
async function cellsOf(family: AblationFamily, arm: Arm, seed: number): Promise<AblationCell[]> {
  const folder = join(values.runs, family.name, arm.id, `seed-${seed}`);
  const network = join(folder, 'model.onnx');
  if (!existsSync(network)) return [];
  const { stages } = arm.recipe(family, seed);
  const input = stages.flatMap((stage) => ('score' in stage ? [stage.score.input] : []))[0];
  const place = { family: family.name, seed };
  const last = { ...place, arm: arm.id, ...(await scored(network, input)) };
  if (arm.id !== BASE) return [last];
  const first = await scored(join(folder, 'checkpoints', 'untrained.onnx'), input);
  return [last, { ...place, arm: UNTRAINED.id, ...first }];
}

try {
  const arms = armsOf(ablation, 'leave-one-out', file);
  const cells: AblationCell[] = [];
  for (const seed of ablation.seeds)
    for (const family of ablation.families)
      for (const arm of arms) cells.push(...(await cellsOf(family, arm, seed)));
  const shown = [...arms, UNTRAINED].map((arm) => ({ ...arm, table: 'behaviour' as const }));
  const nothing = { behaviour: [], adversarial: [] };
  const measures = { ...ablation.measures, benchmarks: nothing };
  const [table] = tablesOf({ ...ablation, measures }, shown, cells);
  console.log(
    markdownTable({ ...table, title: `Macaque ${area}` }, 1, ablation.seeds.length).join('\n'),
  );
  const pixels = await scored('pixels');
  for (const [id, { value }] of pixels.measures) console.log(`pixels: ${id} ${value}`);
  if (values.save) save(cells, pixels);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function save(cells: readonly AblationCell[], pixels: Score): void {
  const valuesOf = ({ measures }: Score) =>
    Object.fromEntries([...measures].map(([id, { value }]) => [id, value]));
  const scores = cells.map(({ family, arm, seed, ...cell }) => ({
    ...{ family, arm, seed, values: valuesOf(cell) },
    ...(cell.missing.size > 0 ? { missing: Object.fromEntries(cell.missing) } : {}),
  }));
  const result = { area, pixels: valuesOf(pixels), scores };
  const path = join(packageRoot, 'bench', 'results', `ablation-${area.toLowerCase()}.json`);
  writeFileSync(path, `${JSON.stringify(result, null, 1)}\n`);
}
