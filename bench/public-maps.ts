import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import type { LayerMap } from '../src/scoring/map/layer-map-types.js';
import type { Score } from '../src/scoring/measure/score.js';

/**
 * The map of MobileNet v2 (Coral, 8 bits) over recordings of macaque V1 (Henaff2021, by film and at random) and V4
 * (Cowley2023), and pixels on the same: bench/results/map_mobilenet-v2.json. Network and recordings come from a folder; none
 * of them belongs to the project. A connected machine has them by `ventral models pull` and `ventral data pull`.
 *
 *   node dist/bench/public-maps.js [--data ../shared/data] [--home FOLDER]
 */
const { values } = parseArgs({ options: { data: { type: 'string' }, home: { type: 'string' } } });
const data = resolve(values.data ?? join(packageRoot, '..', 'shared', 'data'));
const scratch = mkdtempSync(join(tmpdir(), 'ventral-public-maps-'));
const home = values.home ?? join(scratch, 'home');
const BENCHMARKS = ['Henaff2021.V1-pls', 'Henaff2021random.V1-pls', 'Cowley2023.V4-pls'];
const NETWORK = 'mobilenet-v2-1.0-224';

/** Runs `ventral`. @returns its standard output */
function ventral(...words: readonly string[]): string {
  const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, ...words, '--home', home], {
    encoding: 'utf8',
    maxBuffer: 256 << 20,
  });
  process.stderr.write(stderr);
  if (status !== 0) throw new Error(`ventral ${words[0]} ended with ${status}`);
  return stdout;
}

/** The card of a public network, from the catalog. */
function cardOf(name: string): unknown {
  const { models } = JSON.parse(readFileSync(join(packageRoot, 'models', 'public.json'), 'utf8'));
  return models.find((model: { readonly name: string }) => model.name === name)?.card;
}

/** A score without its splits and provenance. */
const shortScore = ({ value, ci, raw, ceiling }: Score) => ({
  ...{ value, ci, raw: raw.value, ceiling: ceiling?.value ?? null },
});

/** A map without what each split has. */
function withoutDetail({ layers, chosen, plan, provenance }: LayerMap) {
  const { inputs, runtime, seconds, peakRssMiB } = provenance;
  return {
    layers: layers.map(({ layer, depth, units, cells }) => ({
      ...{ layer, depth, units },
      cells: Object.fromEntries(
        Object.entries(cells).map(([id, cell]) => [id, 'reason' in cell ? cell : shortScore(cell)]),
      ),
    })),
    chosen: Object.fromEntries(
      Object.entries(chosen).map(([id, { layer, tied }]) => [id, { layer, tied }]),
    ),
    passes: plan.sets.map(({ passes }) => passes.length),
    provenance: { inputs, runtime, seconds, peakRssMiB },
  };
}

try {
  ventral('data', 'import', 'Henaff2021', '--from', join(data, 'henaff2021-v1'));
  ventral('data', 'import', 'Cowley2023', '--from', join(data, 'v4-hvm640'));
  const network = join(scratch, `${NETWORK}.onnx`);
  const source = join(data, 'imagenet-networks', 'mobilenet_v2_1.0_224_quant.tflite');
  ventral('import', source, '-o', network);
  writeFileSync(join(scratch, 'card.json'), JSON.stringify(cardOf(NETWORK)));
  const on = BENCHMARKS.flatMap((id) => ['--benchmark', id]);
  const card = ['--card', join(scratch, 'card.json')];
  const map = JSON.parse(ventral('map', network, ...card, ...on, '--json')) as LayerMap;
  const pixels = JSON.parse(ventral('score', 'pixels', ...on, '--json')) as Score[];
  const report = {
    network: NETWORK,
    ...withoutDetail(map),
    pixels: Object.fromEntries(pixels.map((score) => [score.benchmark, shortScore(score)])),
  };
  const text = `${JSON.stringify(report, null, 1)}\n`;
  if (text.includes(scratch) || text.includes(data)) throw new Error('the map holds a local path');
  writeFileSync(join(packageRoot, 'bench', 'results', 'map_mobilenet-v2.json'), text);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
