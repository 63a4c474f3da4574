import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { BATCH } from '../src/activations/batch-axis.js';
import { type Candidate, candidateLayers } from '../src/activations/card/candidates.js';
import { outputsOf, type Pass } from '../src/activations/exposed-values.js';
import { type Network, runPass } from '../src/activations/extract.js';
import { cardOf, openModelFile } from '../src/activations/model-file.js';
import { inputPlan } from '../src/activations/stimuli/input-plan.js';
import { PreparedStimuli } from '../src/activations/stimuli/prepared-stimuli.js';
import type { Shown } from '../src/activations/stimuli/shown.js';
import { StimulusFeed } from '../src/activations/stimuli/stimulus-feed.js';
import { packageRoot } from '../src/formats/package-root.js';
import { median } from '../src/numerics/statistics/statistics.js';
import { exposeValues } from '../src/onnx/expose.js';
import { loadBenchmarks } from '../src/scoring/registry/load-benchmark.js';
import { writeMadeSet } from './made-set.js';
import { PYTHON } from './original.js';

/** Images a second, by round. */
export interface ExtractionRates {
  readonly what: string;
  readonly layers: number;
  /** MiB that a batch gives. */
  readonly outputs: number;
  /** The runtime alone: the same graph, outputs and batches, nothing kept. */
  readonly bare: readonly number[];
  /** Ours, with the images decoded and resized before. */
  readonly prepared: readonly number[];
  /** Ours, from PNG files of 256 pixels. */
  readonly files: readonly number[];
  /** PyTorch with a hook on every one of the modules. */
  readonly torch: readonly number[];
  /** Medians, ours to the bare runtime's. */
  readonly ratio: { readonly prepared: number; readonly files: number };
}

/** Rounds of all, in turn, on EfficientNet-B1 at 240 pixels: the layers of its region map, then all candidates. */
export async function extractionRates(
  folder: string,
  rounds: number,
  python: boolean,
): Promise<ExtractionRates[]> {
  const file = await openModelFile('efficientnet-b1');
  const network = { file, card: cardOf(file) };
  const all = candidateLayers(file.model, network.card);
  const regions = Object.values(network.card.region_layer_map ?? {}).flat();
  return networkRates(
    network,
    [
      { what: 'the layers of its region map', candidates: all.filter(isOneOf(regions)) },
      { what: 'all candidates', candidates: all },
    ],
    { folder, pictures: 160, rounds, python, settings: {} },
  );
}

/** How a network is measured. */
export interface RateOptions {
  readonly folder: string;
  /** Images of a round; at least 40, of which splits can be made. */
  readonly pictures: number;
  readonly rounds: number;
  /** Whether PyTorch is measured too, on EfficientNet-B1. */
  readonly python: boolean;
  /** Settings of the bare runtime beside its threads. */
  readonly settings: InferenceSession.SessionOptions;
}

/** Rounds of all, in turn, for each list of layers. */
export async function networkRates(
  network: Network,
  lists: readonly { readonly what: string; readonly candidates: readonly Candidate[] }[],
  options: RateOptions,
): Promise<ExtractionRates[]> {
  const { folder } = options;
  const benchmark = await writeMadeSet(folder, {
    ...{ stimuli: options.pictures, regions: { V1: 5 }, repetitions: 4 },
    ...{ side: 256, classes: 4, degrees: 4 },
  });
  const { loaded, close } = await loadBenchmarks([benchmark], { home: folder }, (_, error) => {
    throw error;
  });
  const pictures = new PreparedStimuli(folder, 2 ** 30);
  const rates: ExtractionRates[] = [];
  for (const { what, candidates } of lists) {
    const given = { network, shown: loaded[0].shown[0], folder, prepared: pictures, candidates };
    rates.push(await measured(what, { ...given, options }));
  }
  pictures.close();
  await close();
  return rates;
}

const isOneOf = (names: readonly string[]) => (candidate: Candidate) =>
  namesOf(candidate).some((name) => names.includes(name));

interface Given extends Omit<OwnRun, 'pass'> {
  readonly prepared: PreparedStimuli;
  readonly candidates: readonly Candidate[];
  readonly options: RateOptions;
}

async function measured(what: string, given: Given): Promise<ExtractionRates> {
  const { network, shown, folder, prepared, candidates, options } = given;
  const values = candidates.flatMap(({ value }) => value ?? []);
  const kept = values.map((value) => ({ id: value, value }));
  const pass: Pass = { operators: 'fused', values, kept };
  const bare = await bareLoop(network, shown, pass, options.settings);
  const ours = (from?: PreparedStimuli) => ownRate({ network, shown, pass, folder }, from);
  const names = candidates.flatMap(namesOf);
  const torch = options.python
    ? torchLoop(folder, network.file.bytes, names, options.pictures)
    : undefined;
  const rates = { bare: [] as number[], prepared: [] as number[], files: [] as number[] };
  const torchRates: number[] = [];
  await ours(prepared);
  for (let round = 0; round < options.rounds; round++) {
    rates.bare.push(await bare.rate());
    rates.prepared.push(await ours(prepared));
    rates.files.push(await ours());
    if (torch) torchRates.push(torch());
  }
  await bare.close();
  const share = (mine: readonly number[]) => median(mine) / median(rates.bare);
  return {
    what,
    layers: values.length,
    outputs: bare.outputs / 2 ** 20,
    ...rates,
    torch: torchRates,
    ratio: { prepared: share(rates.prepared), files: share(rates.files) },
  };
}

const namesOf = ({ layer, aliases }: Candidate) => [layer, ...aliases];

/** The runtime alone over the batches that we give the network too. */
async function bareLoop(
  { file, card }: Network,
  shown: Shown,
  pass: Pass,
  settings: InferenceSession.SessionOptions,
) {
  const session = await InferenceSession.create(
    exposeValues(file.model, outputsOf(file.model, card, pass)),
    {
      ...{ intraOpNumThreads: availableParallelism(), interOpNumThreads: 1, logSeverityLevel: 4 },
      ...settings,
    },
  );
  const [input] = session.inputMetadata;
  if (!input.isTensor) throw new Error('the network takes no picture');
  const described = { name: input.name, dtype: 'float32' as const, dims: [null, 3, null, null] };
  const plan = inputPlan([described], card.input, { name: file.name, batch: BATCH });
  const feed = new StimulusFeed(shown, card, plan);
  const batches: OrtTensor[] = [];
  for await (const { input } of feed.batches())
    batches.push(new OrtTensor('float32', (input.data as Float32Array).slice(), input.dims));
  const first = await session.run({ [plan.name]: batches[0] }, [...pass.values]);
  const outputs = Object.values(first).reduce((sum, { data }) => sum + bytesIn(data), 0);
  return {
    outputs,
    async rate() {
      const started = performance.now();
      for (const batch of batches) await session.run({ [plan.name]: batch }, [...pass.values]);
      return (shown.stimuli.ids.length * 1000) / (performance.now() - started);
    },
    close: () => session.release(),
  };
}

const bytesIn = (data: unknown) => (ArrayBuffer.isView(data) ? data.byteLength : 0);

interface OwnRun {
  readonly network: Network;
  readonly shown: Shown;
  readonly pass: Pass;
  readonly folder: string;
}

let runs = 0;

/** Batches that make a session's memory: the bare loop, whose session stays open, has had them before it is timed. */
const OPENING = 2;

/** Ours after the batches that open the session and make the two sets of tensors that serve in turn. */
async function ownRate(
  { network, shown, pass, folder }: OwnRun,
  pictures: PreparedStimuli | undefined,
): Promise<number> {
  const scratch = join(folder, `scratch-${runs++}`);
  mkdirSync(scratch);
  let first = 0;
  let last = 0;
  const { stores } = await runPass(network, shown, pass, {
    threads: availableParallelism(),
    maxMemory: 2 ** 28,
    maxScratch: 10 * 2 ** 30,
    scratch,
    pictures,
    nameOf: (value) => value,
    progress: (done) => {
      if (done === 0) return;
      last = performance.now();
      if (done === OPENING * BATCH) first = last;
    },
  });
  for (const store of stores.values()) store.close();
  return ((shown.stimuli.ids.length - OPENING * BATCH) * 1000) / (last - first);
}

function torchLoop(
  folder: string,
  bytes: Uint8Array,
  modules: readonly string[],
  pictures: number,
) {
  const model = join(folder, 'model.onnx');
  writeFileSync(model, bytes);
  const task = { model, modules, pictures, batch: BATCH, side: 240 };
  const script = join(packageRoot, 'bench', 'torch_extraction.py');
  return () => {
    const { stdout, stderr, status } = spawnSync(PYTHON, [script, JSON.stringify(task)], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${PYTHON} ${script} failed: ${stderr}`);
    return Number(stdout);
  };
}
