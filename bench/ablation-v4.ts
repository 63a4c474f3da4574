import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import { scoreModel } from '../src/scoring/model/score-model.js';
import { type AblationFamily, BASE, parseAblation } from '../src/training/ablation/ablation.js';
import { markdownTable } from '../src/training/ablation/ablation-markdown.js';
import { type Arm, armsOf } from '../src/training/ablation/arms.js';
import type { AblationCell } from '../src/training/ablation/cells.js';
import { tablesOf } from '../src/training/ablation/tables.js';
import { writeV4Benchmark } from './real-networks.js';

/**
 * Scores the networks that an ablation left on macaque V4 (50 neurons × 640 images), at the layer that their card has
 * for V4 and at the resolution that their arm is tested at; and those it started from, and pixels. None of the data
 * belongs to the project. Prints the table, and with `--save` writes bench/results/ablation-v4.json.
 *
 *   node dist/bench/ablation-v4.js [--runs runs/objects-ablation] [--data ../shared/data] [--save]
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: 'runs/objects-ablation' },
    data: { type: 'string', default: join(packageRoot, '..', 'shared', 'data') },
    save: { type: 'boolean', default: false },
  },
});
const file = join(packageRoot, 'models', 'objects-resnet', 'ablation.yaml');
const ablation = parseAblation(readFileSync(file, 'utf8'), file);
const UNTRAINED = { id: 'untrained', title: 'untrained', table: undefined };

const home = mkdtempSync(join(tmpdir(), 'ventral-ablation-v4-'));
const benchmark = writeV4Benchmark(home, join(resolve(values.data), 'v4-hvm640'));
const context = { home, threads: 2, maxMemory: 2 ** 31, maxScratch: 2 ** 33 };

type Score = Pick<AblationCell, 'measures' | 'missing'>;
type Input = Parameters<typeof scoreModel>[0]['input'];

async function v4(path: string, input?: Input): Promise<Score> {
  const { scores, failures } = await scoreModel(
    { model: { path }, benchmarks: [benchmark], ...(input ? { input } : {}) },
    context,
  );
  const found = scores.flatMap(({ benchmark, value, simulated }) =>
    value === null ? [] : [[benchmark, { value, simulated }] as const],
  );
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
  const last = { ...place, arm: arm.id, ...(await v4(network, input)) };
  if (arm.id !== BASE) return [last];
  const first = await v4(join(folder, 'checkpoints', 'untrained.onnx'), input);
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
  const column = table.columns.findIndex(({ measure }) => measure.startsWith('v4-hvm640'));
  const shownTable = {
    ...{ ...table, title: 'Macaque V4', columns: [table.columns[column]] },
    rows: table.rows.map(({ entries, ...row }) => ({ ...row, entries: [entries[column]] })),
  };
  console.log(markdownTable(shownTable, 1, ablation.seeds.length).join('\n'));
  const pixels = await v4('pixels');
  console.log(`pixels: ${[...pixels.measures.values()][0].value}`);
  if (values.save) save(cells, pixels);
} finally {
  rmSync(home, { recursive: true, force: true });
}

function save(cells: readonly AblationCell[], pixels: Score): void {
  const v4Of = ({ measures }: Score) => [...measures.values()][0]?.value ?? null;
  const scores = cells.map(({ family, arm, seed, ...cell }) => ({
    ...{ family, arm, seed, value: v4Of(cell) },
    ...(cell.missing.size > 0 ? { missing: [...cell.missing.values()][0] } : {}),
  }));
  const result = { benchmark: 'v4-hvm640.V4-pls', pixels: v4Of(pixels), scores };
  const path = join(packageRoot, 'bench', 'results', 'ablation-v4.json');
  writeFileSync(path, `${JSON.stringify(result, null, 1)}\n`);
}
