import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ContentCache } from '../src/activations/cache/content-cache.js';
import { candidateLayers } from '../src/activations/card/candidates.js';
import { extractActivations, type Network } from '../src/activations/extract.js';
import { openNetwork } from '../src/activations/open-network.js';
import { trialOf, withExecution } from '../src/activations/provider/choose-provider.js';
import { tryProvider } from '../src/activations/provider/try-provider.js';
import { PreparedStimuli } from '../src/activations/stimuli/prepared-stimuli.js';
import type { Shown } from '../src/activations/stimuli/shown.js';
import { packageRoot } from '../src/formats/package-root.js';
import { executionOn, providerStates } from '../src/runtime/installed-providers.js';
import type { Execution } from '../src/runtime/provider.js';
import { runtimeIdentity } from '../src/runtime/session.js';
import type { Score } from '../src/scoring/measure/score.js';
import { scoreModel } from '../src/scoring/model/score-model.js';
import { loadBenchmarks } from '../src/scoring/registry/load-benchmark.js';
import { writeMadeSet } from './made-set.js';

/**
 * Every provider of this machine beside the CPU, on networks that ship: the error of each layer, the difference of scores, hits of
 * one cache between them, and images a second.
 *
 *     npm run build && node dist/bench/providers.js [--models resnet-50,resnet-20] [--stimuli 64] [--only webgpu]
 *         [--errors resnet-50]   of these networks the errors of layers alone
 */
const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: 'objects-resnet,resnet-20,resnet-50' },
    stimuli: { type: 'string', default: '64' },
    only: { type: 'string' },
    errors: { type: 'string', default: '' },
    output: { type: 'string' },
  },
});
const ROUNDS = 2;
const threads = availableParallelism();
const limits = { threads, maxMemory: 2 ** 31, maxScratch: 10 * 2 ** 30 };
const root = mkdtempSync(join(tmpdir(), 'ventral-providers-'));

interface Errors {
  readonly model: string;
  readonly execution: Execution;
  /** Relative root mean square of the difference from the CPU, by value of the graph, four stimuli. */
  readonly layers: Readonly<Record<string, number>>;
  /** The same with TF32, of cuda alone. */
  readonly tf32?: Readonly<Record<string, number>>;
  readonly largest: number;
}

interface Report extends Errors {
  readonly scores: readonly {
    readonly benchmark: string;
    readonly cpu: number | null;
    readonly provider: number | null;
    readonly difference: number | null;
    readonly error: number | null;
    /** Whether their inputs have one digest, which they may not. */
    readonly sameInputs: boolean;
  }[];
  /** Entries that the second run found in the cache of the first, shapes of layers left out. */
  readonly cacheHits: number;
  /** Images a second through the network with all candidate layers kept, by round. */
  readonly rates: { readonly cpu: readonly number[]; readonly provider: readonly number[] };
  readonly ratio: number;
}

async function main(): Promise<void> {
  const states = providerStates();
  const ready = states.filter(
    ({ provider, state }) =>
      provider !== 'cpu' && state === 'ready' && (options.only ?? provider) === provider,
  );
  const benchmark = await writeMadeSet(root, {
    ...{ stimuli: Number(options.stimuli), regions: { IT: 30 }, repetitions: 6 },
    ...{ side: 256, classes: 4, degrees: 8 },
  });
  const reports: (Errors | Report)[] = [];
  const names = (list: string) => list.split(',').filter(Boolean);
  for (const { provider } of ready)
    for (const model of names(options.models)) {
      const report = await measured(model, provider as Execution['provider'], benchmark);
      console.log(
        `${model} on ${provider}: largest error ${report.largest.toExponential(1)}, ${report.cacheHits} cache hits, ${report.ratio.toFixed(2)} × the CPU`,
      );
      reports.push(report);
    }
  for (const { provider } of ready)
    for (const model of names(options.errors)) {
      const errors = await openErrors(model, provider as Execution['provider'], benchmark);
      console.log(`${model} on ${provider}: largest error ${errors.largest.toExponential(1)}`);
      reports.push(errors);
    }
  const result = {
    processor: cpus()[0]?.model.trim(),
    node: process.versions.node,
    ...runtimeIdentity(threads),
    stimuli: Number(options.stimuli),
    tried: ready.map(({ provider, found }) => ({ provider, found })),
    notTried: states
      .filter(({ state }) => state !== 'ready')
      .map(({ provider, found }) => ({ provider, found })),
    reports,
  };
  const folder = join(packageRoot, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const path = options.output ?? join(folder, 'providers.json');
  writeFileSync(path, `${JSON.stringify(result, null, 1)}\n`);
  console.log(`Wrote ${path}`);
}

async function measured(
  model: string,
  provider: Execution['provider'],
  benchmark: string,
): Promise<Report> {
  return opened(model, benchmark, async (network, shown) => {
    const errors = await allErrors(model, provider, network, shown);
    const rates = await ratesOf(network, shown, errors.execution);
    const best = (all: readonly number[]) => Math.max(...all);
    const scored = await scoresOf(model, provider, { benchmark, layer: deepLayer(network) });
    return { ...errors, ...scored, rates, ratio: best(rates.provider) / best(rates.cpu) };
  });
}

const openErrors = (model: string, provider: Execution['provider'], benchmark: string) =>
  opened(model, benchmark, (network, shown) => allErrors(model, provider, network, shown));

async function allErrors(
  model: string,
  provider: Execution['provider'],
  network: Network,
  shown: Shown,
): Promise<Errors> {
  const layers = await errorsOf(network, shown, provider, false);
  const tf32 = provider === 'cuda' ? await errorsOf(network, shown, provider, true) : undefined;
  const largest = Math.max(...Object.values(layers));
  const execution = executionOn(provider, {});
  return { model, execution, layers, ...(tf32 ? { tf32 } : {}), largest };
}

/** A network with the stimuli of the benchmark. */
async function opened<T>(
  model: string,
  benchmark: string,
  work: (network: Network, shown: Shown) => Promise<T>,
): Promise<T> {
  const network = await openNetwork({ path: model }, { threads });
  const { loaded, close } = await loadBenchmarks([benchmark], { home: root }, (_, error) => {
    throw error;
  });
  try {
    return await work(network, loaded[0].shown[0]);
  } finally {
    await close();
  }
}

async function errorsOf(
  network: Network,
  shown: Shown,
  provider: Execution['provider'],
  tf32: boolean,
): Promise<Record<string, number>> {
  const outcome = await tryProvider(await trialOf(network, shown), { provider, tf32 }, { threads });
  if ('failed' in outcome) throw new Error(`${provider}: ${outcome.failed}`);
  return Object.fromEntries(outcome.layers.map(({ value, error }) => [value, error]));
}

/** Both into one cache, the CPU first. */
async function scoresOf(
  model: string,
  provider: Execution['provider'],
  { benchmark, layer }: { readonly benchmark: string; readonly layer: string },
) {
  const home = join(root, `${model}-${provider}`);
  const run = async (asked: 'cpu' | Execution['provider']) => {
    const cache = await ContentCache.open(home);
    const get = cache.get.bind(cache);
    let hits = 0;
    // The shapes of layers are those of every provider.
    cache.get = async (key) => {
      const found = await get(key);
      if (found && !key.startsWith('shape')) hits++;
      return found;
    };
    const context = { ...limits, home, cache, provider: { provider: asked } };
    const layers = { '*': layer };
    const found = await scoreModel(
      { model: { path: model }, benchmarks: [benchmark], layers },
      context,
    );
    for (const { error } of found.failures) throw error;
    return { scores: found.scores, hits };
  };
  const cpu = await run('cpu');
  const other = await run(provider);
  return {
    scores: cpu.scores.map((score, i) => difference(score, other.scores[i])),
    cacheHits: other.hits,
  };
}

/** Three quarters into the network. */
function deepLayer({ file, card }: Network): string {
  const layers = candidateLayers(file.model, card);
  return layers[Math.floor((layers.length * 3) / 4)].layer;
}

const difference = (cpu: Score, other: Score) => ({
  benchmark: cpu.benchmark,
  ...{ cpu: cpu.value, provider: other.value },
  difference: cpu.value === null || other.value === null ? null : other.value - cpu.value,
  error: cpu.error,
  sameInputs: cpu.provenance.inputs === other.provenance.inputs,
});

/** Decoded and resized images through the network, all candidate layers kept. */
async function ratesOf(network: Network, shown: Shown, execution: Execution) {
  const layers = candidateLayers(network.file.model, network.card).map(({ layer }) => layer);
  const pictures = new PreparedStimuli(root, 2 ** 30);
  const rate = async (on: Network) => {
    const scratch = mkdtempSync(join(root, 'scratch-'));
    const started = performance.now();
    const { close } = await extractActivations(on, shown, layers, { ...limits, scratch, pictures });
    const seconds = (performance.now() - started) / 1000;
    close();
    rmSync(scratch, { recursive: true, force: true });
    return shown.stimuli.ids.length / seconds;
  };
  const there = withExecution(network, execution);
  const rates = { cpu: [] as number[], provider: [] as number[] };
  await rate(network);
  for (let round = 0; round < ROUNDS; round++) {
    rates.cpu.push(await rate(network));
    rates.provider.push(await rate(there));
  }
  pictures.close();
  return rates;
}

try {
  await main();
} finally {
  rmSync(root, { recursive: true, force: true });
}
