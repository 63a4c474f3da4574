import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { candidateLayers } from '../src/activations/candidates.js';
import { outputsOf, type Pass } from '../src/activations/exposed-values.js';
import { BATCH, type Network, runPass, type Shown } from '../src/activations/extract.js';
import { inputPlan } from '../src/activations/input-plan.js';
import { cardOf, openModelFile } from '../src/activations/model-file.js';
import { PictureFeed } from '../src/activations/picture-feed.js';
import { PreparedPictures } from '../src/activations/prepared-pictures.js';
import { packageRoot } from '../src/formats/package-root.js';
import { median } from '../src/numerics/statistics.js';
import { exposeValues } from '../src/onnx/expose.js';
import { loadBenchmarks } from '../src/scoring/load-benchmark.js';
import { writeMadeSet } from './made-set.js';
import { PYTHON } from './original.js';

/** Pictures a second, by round. */
export interface ExtractionRates {
  readonly layers: number;
  /** The runtime alone: the same graph, outputs and batches, nothing kept. */
  readonly bare: readonly number[];
  /** Ours, with the pictures decoded and resized before: kept on scratch disk, checked to be finite. */
  readonly prepared: readonly number[];
  /** Ours, from PNG files of 256 pixels. */
  readonly files: readonly number[];
  /** PyTorch with a hook on every one of the modules. */
  readonly torch: readonly number[];
  /** Medians, ours to the bare runtime's. */
  readonly ratio: { readonly prepared: number; readonly files: number };
}

const PICTURES = 160;

/** Rounds of all, in turn, on the candidate layers of EfficientNet-B1 at 240 pixels. */
export async function extractionRates(
  folder: string,
  rounds: number,
  python: boolean,
): Promise<ExtractionRates> {
  const file = await openModelFile('efficientnet-b1');
  const network = { file, card: cardOf(file) };
  const candidates = candidateLayers(file.model, network.card);
  const values = candidates.flatMap(({ value }) => value ?? []);
  const pass: Pass = { operators: 'fused', values };
  const benchmark = await writeMadeSet(folder, {
    ...{ stimuli: PICTURES, regions: { V1: 5 }, repetitions: 2 },
    ...{ side: 256, classes: 4, degrees: 4 },
  });
  const { loaded, close } = await loadBenchmarks([benchmark], { home: folder }, (_, error) => {
    throw error;
  });
  const [shown] = loaded[0].shown;
  const pictures = new PreparedPictures(folder, 2 ** 30);
  const bare = await bareLoop(network, shown, pass);
  const ours = (given?: PreparedPictures) => ownRate({ network, shown, pass, folder }, given);
  const torch = python ? torchLoop(folder, file.bytes, candidates.flatMap(namesOf)) : undefined;
  const rates = { bare: [], prepared: [], files: [], torch: [] } as Record<string, number[]>;
  await ours(pictures);
  for (let round = 0; round < rounds; round++) {
    rates.bare.push(await bare.rate());
    rates.prepared.push(await ours(pictures));
    rates.files.push(await ours());
    if (torch) rates.torch.push(torch());
  }
  await bare.close();
  pictures.close();
  await close();
  const share = (mine: readonly number[]) => median(mine) / median(rates.bare);
  const ratio = { prepared: share(rates.prepared), files: share(rates.files) };
  return { layers: values.length, ...rates, ratio } as unknown as ExtractionRates;
}

const namesOf = ({ layer, aliases }: { layer: string; aliases: readonly string[] }) => [
  layer,
  ...aliases,
];

/** The runtime alone over the batches that we give the network too. */
async function bareLoop({ file, card }: Network, shown: Shown, pass: Pass) {
  const session = await InferenceSession.create(
    exposeValues(file.model, outputsOf(file.model, card, pass)),
    { intraOpNumThreads: availableParallelism(), interOpNumThreads: 1, logSeverityLevel: 4 },
  );
  const [input] = session.inputMetadata;
  if (!input.isTensor) throw new Error('the network takes no picture');
  const described = { name: input.name, dtype: 'float32' as const, dims: [null, 3, null, null] };
  const plan = inputPlan([described], card.input, { name: file.name, batch: BATCH });
  const feed = new PictureFeed(shown, card, plan);
  const batches: OrtTensor[] = [];
  for (let first = 0; first < PICTURES; first += BATCH) {
    const { dims, data } = await feed.batch(first);
    batches.push(new OrtTensor('float32', data as Float32Array, dims));
  }
  await session.run({ [plan.name]: batches[0] }, [...pass.values]);
  return {
    async rate() {
      const started = performance.now();
      for (const batch of batches) await session.run({ [plan.name]: batch }, [...pass.values]);
      return (PICTURES * 1000) / (performance.now() - started);
    },
    close: () => session.release(),
  };
}

interface OwnRun {
  readonly network: Network;
  readonly shown: Shown;
  readonly pass: Pass;
  readonly folder: string;
}

let runs = 0;

/** Ours after the first batch, which opens the session. */
async function ownRate(
  { network, shown, pass, folder }: OwnRun,
  pictures: PreparedPictures | undefined,
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
      last = performance.now();
      if (done === BATCH) first = last;
    },
  });
  for (const store of stores.values()) store.close();
  return ((PICTURES - BATCH) * 1000) / (last - first);
}

function torchLoop(folder: string, bytes: Uint8Array, modules: readonly string[]) {
  const model = join(folder, 'model.onnx');
  writeFileSync(model, bytes);
  const task = { model, modules, pictures: PICTURES, batch: BATCH, side: 240 };
  const script = join(packageRoot, 'bench', 'torch_extraction.py');
  return () => {
    const { stdout, stderr, status } = spawnSync(PYTHON, [script, JSON.stringify(task)], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${PYTHON} ${script} failed: ${stderr}`);
    return Number(stdout);
  };
}
