import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { BATCH } from '../src/activations/batch-axis.js';
import { outputsOf, passesOf } from '../src/activations/exposed-values.js';
import type { Network } from '../src/activations/extract.js';
import { cardOf, openModelFile } from '../src/activations/model-file.js';
import { inputPlan } from '../src/activations/stimuli/input-plan.js';
import { PreparedStimuli } from '../src/activations/stimuli/prepared-stimuli.js';
import type { Shown } from '../src/activations/stimuli/shown.js';
import { StimulusFeed } from '../src/activations/stimuli/stimulus-feed.js';
import type { UnitLayer } from '../src/activations/unit-layer.js';
import { runUnitPass } from '../src/activations/unit-pass.js';
import { packageRoot } from '../src/formats/package-root.js';
import { exposeValues } from '../src/onnx/expose.js';
import { resolveLayer } from '../src/onnx/layers.js';
import { peakRssMiB } from '../src/runtime/peak-memory.js';
import { Session, type Tensor } from '../src/runtime/session.js';
import { loadBenchmarks } from '../src/scoring/registry/load-benchmark.js';
import { listBenchmarks } from '../src/scoring/registry/registry.js';

/**
 * What the single-neuron properties of a network take: the bare runtime on the gratings, one pass that keeps the units that
 * see the stimulus (images prepared before, and computed on the way), and the seven scores of its activations. Seconds of
 * the processor stand beside those of the clock, so that a machine with other work gives a ratio too.
 * `node dist/bench/properties.js [MODEL] [RESULT.json]`
 */
const [model = 'gabor-v1', result = join(packageRoot, 'bench/results/properties.json')] =
  process.argv.slice(2);
const threads = availableParallelism();
const folder = mkdtempSync(join(tmpdir(), 'ventral-bench-'));

interface Took {
  readonly clock: number;
  readonly processor: number;
}

const seconds = async <T>(work: () => Promise<T>): Promise<readonly [Took, T]> => {
  const started = performance.now();
  const before = process.cpuUsage();
  const made = await work();
  const { user, system } = process.cpuUsage(before);
  const clock = Math.round(performance.now() - started) / 1000;
  return [{ clock, processor: Math.round((user + system) / 1e3) / 1000 }, made];
};

/** The runtime alone: the same graph, outputs and number of batches, of which nothing is kept. */
async function bare({ file, card }: Network, shown: Shown, values: readonly string[]) {
  const [pass] = passesOf(
    file.model,
    card,
    values.map((value) => ({ id: value, value })),
  );
  const session = await Session.open(exposeValues(file.model, outputsOf(file.model, card, pass)), {
    ...{ name: file.name, operators: pass.operators, threads },
  });
  const plan = inputPlan(session.inputs, card.input, { name: file.name, batch: BATCH });
  let filled: Record<string, Tensor> | undefined;
  let input: Tensor | undefined;
  for await (const batch of new StimulusFeed(shown, card, plan).batches()) {
    input = batch.input;
    break;
  }
  if (!input) throw new Error('no stimuli');
  const feeds = { [plan.name]: input };
  const [took] = await seconds(async () => {
    for (let row = 0; row < shown.stimuli.ids.length; row += plan.batch) {
      if (filled) await session.run(feeds, filled);
      else filled = await session.run(feeds, [...values]);
    }
  });
  await session.close();
  return took;
}

const ids = listBenchmarks().flatMap(({ id, distribution }) =>
  distribution?.neurons.kind === 'counts' ? [id] : [],
);
const { loaded, close } = await loadBenchmarks(ids, { home: folder }, (_, error) => {
  throw error;
});
try {
  const [{ shown, layers }] = loaded;
  const file = await openModelFile(model);
  const network = { file, card: cardOf(file) };
  const layer = [layers.fromCard(network.card) ?? []].flat()[0];
  const { value } = resolveLayer(file.model, layer);
  const [pass] = passesOf(file.model, network.card, [{ id: value, value }]);
  const pictures = new PreparedStimuli(folder, 2 ** 32);
  const run = (more: { readonly pictures?: PreparedStimuli }) =>
    seconds(() =>
      runUnitPass(network, shown, pass, {
        ...{
          threads,
          maxMemory: 2 ** 28,
          maxScratch: 2 ** 34,
          scratch: folder,
          nameOf: () => layer,
        },
        ...more,
      }),
    );
  const [computed, { layers: units }] = await run({ pictures });
  const runtime: Took[] = [];
  const prepared: Took[] = [];
  for (let round = 0; round < 3; round++) {
    runtime.push(await bare(network, shown[0], [value]));
    prepared.push((await run({ pictures }))[0]);
  }
  const [scoring] = await seconds(async () => {
    for (const each of loaded) await each.measure(units.get(value) as UnitLayer);
  });
  const { units: width, seen } = units.get(value) as UnitLayer;
  const least = (all: readonly Took[]) => Math.min(...all.map(({ processor }) => processor));
  const report = {
    ...{
      model,
      layer,
      units: width,
      seen: seen.length,
      stimuli: shown[0].stimuli.ids.length,
      threads,
    },
    seconds: { bare: runtime, prepared, computed, sevenScores: scoring },
    ratio: Math.round((1000 * least(runtime)) / least(prepared)) / 1000,
    peakRssMiB: peakRssMiB(),
  };
  writeFileSync(result, `${JSON.stringify(report, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  pictures.close();
} finally {
  await close();
  rmSync(folder, { recursive: true, force: true });
}
