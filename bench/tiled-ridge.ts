import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ActivationStore } from '../src/activations/scratch/activation-store.js';
import { layOut } from '../src/activations/scratch/scratch-layout.js';
import { withTileRoom } from '../src/activations/scratch/tile-room.js';
import { tiledPlan, tiledPredictions } from '../src/metrics/tiled/tiled-regression.js';
import { columnSource } from '../src/numerics/algebra/column-source.js';
import { matrix } from '../src/numerics/algebra/matrix.js';
import { RandomState } from '../src/numerics/random/random-state.js';
import { peakRssMiB } from '../src/runtime/peak-memory.js';
import { machineName, resultOptions, writeResults } from './results-file.js';

/**
 * A ridge regression at the size of Papale2025 (22,248 training images, a layer of 25,088 units on scratch disk, 600
 * electrodes of two animals) within --max-memory: seconds, peak memory, and what its plan said.
 *
 *   node dist/bench/tiled-ridge.js [--images 22248] [--units 25088] [--targets 600] [--memory 2048] [--save]
 */

const TEST = 100;
const BATCH = 32;

/** Activations with a few strong directions, as layers have them, on scratch disk. */
async function writeLayer(folder: string, rows: number, cols: number): Promise<ActivationStore> {
  const shape = { rows, cols, dtype: 'float32', batch: BATCH } as const;
  const [{ file, placed }] = layOut([shape], join(folder, 'layer'));
  const store = new ActivationStore(shape, placed[0][1]);
  const random = new RandomState(1);
  const rank = 8;
  const directions = Float32Array.from(random.standardNormal(rank * cols));
  const noise = Float32Array.from(random.standardNormal(1 << 20));
  for (let first = 0; first < rows; first += BATCH) {
    const count = Math.min(BATCH, rows - first);
    const data = new Float32Array(BATCH * cols);
    for (let i = 0; i < count; i++) {
      const own = random.standardNormal(rank);
      const shift = Math.floor(random.double() * noise.length);
      for (let k = 0; k < cols; k++) {
        let value = noise[(shift + k) % noise.length];
        for (let d = 0; d < rank; d++) value += own[d] * directions[d * cols + k];
        data[i * cols + k] = Math.max(0, value);
      }
    }
    store.put(first, data);
    await file.write('cached');
  }
  return store;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      images: { type: 'string', default: '22248' },
      units: { type: 'string', default: '25088' },
      targets: { type: 'string', default: '600' },
      memory: { type: 'string', default: '2048' },
      ...resultOptions,
    },
  });
  const [images, units, targets, memory] = [
    values.images,
    values.units,
    values.targets,
    values.memory,
  ].map(Number);
  const home = mkdtempSync(join(tmpdir(), 'ventral-bench-'));
  try {
    const features = await writeLayer(home, images + TEST, units);
    const train = Array.from({ length: images }, (_, i) => i);
    const test = Array.from({ length: TEST }, (_, i) => images + i);
    const y = new RandomState(2).standardNormal(images * targets);
    const fold = { train, test };
    // Two animals, which share the factor.
    const half = Math.ceil(targets / 2);
    const jobs = [half, targets - half].map((cols) => ({
      fold,
      targets: columnSource(matrix(images, cols, y.subarray(0, images * cols))),
    }));
    const plan = tiledPlan({ name: 'ridge' }, { rows: images, targets })?.of(units);
    const stimulusIds = Array.from({ length: images + TEST }, (_, i) => i);
    const room = { home, maxMemory: memory * 2 ** 20, maxScratch: 10 * 2 ** 30 };
    const before = peakRssMiB();
    const started = performance.now();
    const [first] = await withTileRoom(room, 1, (own) =>
      tiledPredictions({ stimulusIds, features }, { name: 'ridge' }, jobs, own),
    );
    const seconds = (performance.now() - started) / 1000;
    features.close();
    const peakMiB = peakRssMiB();
    const tilesMiB = Math.round((plan?.bytes ?? 0) / 2 ** 20);
    console.log(`ridge, ${images} images × ${units} units × ${targets} electrodes, ${plan?.form}
  ${seconds.toFixed(0)} s; the plan said ${plan?.seconds.toFixed(0)} s
  peak ${peakMiB} MiB of ${memory}, ${before} MiB before; tiles ${tilesMiB} MiB
  a prediction ${first.values.data[0]}`);
    const report = {
      ...{ machine: machineName(), images, units, targets, form: plan?.form },
      ...{ seconds, plannedSeconds: plan?.seconds, tilesMiB },
      ...{ memoryMiB: memory, peakMiB, beforeMiB: before },
    };
    writeResults('tiled-ridge', report, values);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

await main();
