import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import type { LayerMap } from '../src/scoring/map/layer-map-types.js';
import { mapFile, type RealNetwork, realNetworks, writeV4Benchmark } from './real-networks.js';

/**
 * Maps of real networks against macaque V4, candidates from the graph, as `ventral map --json` prints them:
 * writes bench/results/map_v4-hvm640_<network>.json, and says what each took. None of the data belongs
 * to the project; `--data` says where it is.
 *
 *   node dist/bench/real-maps.js [--data ../shared/data] [--only resnet20_cifar10] [--html FOLDER]
 */

const { values } = parseArgs({
  options: { data: { type: 'string' }, only: { type: 'string' }, html: { type: 'string' } },
});
const data = resolve(values.data ?? join(packageRoot, '..', 'shared', 'data'));

/** Runs `ventral map` in a process and a home of its own. */
function mapNetwork({ name, data: from, file, card }: RealNetwork, folder: string): string {
  const cardFile = join(folder, `${name}.json`);
  writeFileSync(cardFile, JSON.stringify(card));
  const benchmark = writeV4Benchmark(folder, join(data, 'v4-hvm640'));
  const words = ['map', join(data, from, file), '--card', cardFile, '-b', benchmark, '--json'];
  if (values.html) words.push('--html', join(values.html, `${name}.html`));
  const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [main, ...words, '--home', join(folder, name)],
    { encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  process.stderr.write(stderr);
  if (status !== 0) throw new Error(`ventral map ended with ${status}`);
  if (stdout.includes(folder) || stdout.includes(data)) {
    throw new Error(`the map of ${name} holds a path of this machine`);
  }
  return stdout;
}

const folder = mkdtempSync(join(tmpdir(), 'ventral-real-maps-'));
try {
  for (const network of realNetworks) {
    if (values.only !== undefined && values.only !== network.name) continue;
    const text = mapNetwork(network, folder);
    writeFileSync(join(packageRoot, mapFile(network.name)), text);
    const { layers, chosen, plan, provenance } = JSON.parse(text) as LayerMap;
    const passes = plan.sets.reduce((sum, set) => sum + set.passes.length, 0);
    const best = Object.values(chosen).map(({ layer }) => layer);
    console.log(
      `${network.name}: ${layers.length} layers, passes ${passes}, ${provenance.seconds} s, peak ${provenance.peakRssMiB} MiB; V4 is ${best.join()}`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
