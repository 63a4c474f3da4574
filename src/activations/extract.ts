import type { StimulusSet } from '../data/stimulus-set.js';
import { VentralError } from '../errors/ventral-error.js';
import { exposeValues } from '../onnx/expose.js';
import { resolveLayer } from '../onnx/layers.js';
import { Session, type Tensor } from '../runtime/session.js';
import { ActivationStore, bytesOf, type KeptDtype } from './activation-store.js';
import type { ModelCard } from './card.js';
import { exposedBefore, exposedValues, runsOf } from './exposed-values.js';
import { fromHalf } from './half.js';
import { type InputPlan, inputPlan } from './input-plan.js';
import type { ModelFile } from './model-file.js';
import { PictureFeed } from './picture-feed.js';

/**
 * Pictures in one call of the runtime. Always full (the last batch repeats its last picture, as the
 * reference does, spec §5.4), so that the bits of a row do not depend on how many rows there are.
 */
const BATCH = 16;

/** What the work may use, and who listens. */
export interface ExtractOptions {
  readonly threads?: number;
  /** Bytes that activations may take in memory; what does not fit goes to scratch. */
  readonly maxMemory: number;
  readonly maxScratch: number;
  /** Folder for scratch files; it exists and belongs to this run alone. */
  readonly scratch: string;
  readonly signal?: AbortSignal;
  readonly progress?: (done: number, total: number) => void;
}

/** The stimuli of a run, and the degrees of visual angle at which each was shown. */
export interface Shown {
  readonly stimuli: StimulusSet;
  /** One a stimulus; undefined leaves the pictures as they are (Geirhos2021's top-1). */
  readonly degrees: readonly number[] | undefined;
}

/** Activations by the layer names that were asked for; close it to let scratch files go. */
export interface Activations {
  readonly layers: ReadonlyMap<string, ActivationStore>;
  /** Values kept apart in this run that a layer depends on: they decide its last bits. */
  readonly exposed: ReadonlyMap<string, readonly string[]>;
  close(): void;
}

/**
 * Runs the stimuli through the network and keeps every requested layer, flattened in C order
 * (stimulus × unit, spec §5.4), rows in the order of the stimulus set. One pass for the card's own
 * layers, and one for all others where such are asked for.
 * Throws `layer-…` for a layer that cannot be had, `input-mismatch`, `image-…`,
 * `activations-not-finite` (layer, stimulus, count), `memory-exceeded`, `interrupted`.
 */
export async function extractActivations(
  network: { readonly file: ModelFile; readonly card: ModelCard },
  shown: Shown,
  layers: readonly string[],
  options: ExtractOptions,
): Promise<Activations> {
  const { model } = network.file;
  const values = new Map(layers.map((layer) => [layer, resolveLayer(model, layer).value]));
  const stores = new Map<string, ActivationStore>();
  const exposed = new Map<string, readonly string[]>();
  const close = () => {
    for (const store of stores.values()) store.close();
  };
  const rows = shown.stimuli.ids.length;
  const runs = runsOf(model, network.card, [...new Set(values.values())]);
  try {
    for (const [index, wanted] of runs.entries()) {
      const progress = (done: number) =>
        options.progress?.(index * rows + done, runs.length * rows);
      const run = { card: network.card, shown, values, wanted, stores, options, progress };
      const kept = await runNetwork(network.file, run);
      for (const value of wanted) exposed.set(value, exposedBefore(model, kept, value));
    }
  } catch (error) {
    close();
    throw error;
  }
  const byLayer = <T>(found: ReadonlyMap<string, T>) =>
    new Map([...values].map(([layer, value]) => [layer, found.get(value) as T]));
  return { layers: byLayer(stores), exposed: byLayer(exposed), close };
}

/** One pass; gives the values that were outputs of the graph. */
async function runNetwork(file: ModelFile, run: Run): Promise<readonly string[]> {
  const { card, wanted, options } = run;
  const exposed = exposedValues(file.model, card, wanted);
  const session = await Session.open(exposeValues(file.model, exposed), {
    name: file.name,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  try {
    const plan = inputPlan(session.inputs, card.input, { name: file.name, batch: BATCH });
    await runBatches(session, plan, run);
  } finally {
    await session.close();
  }
  return exposed;
}

interface Run {
  readonly card: ModelCard;
  readonly shown: Shown;
  /** Value of each layer. */
  readonly values: ReadonlyMap<string, string>;
  /** Values of this pass. */
  readonly wanted: readonly string[];
  readonly stores: Map<string, ActivationStore>;
  readonly options: ExtractOptions;
  readonly progress: (done: number) => void;
}

async function runBatches(session: Session, plan: InputPlan, run: Run): Promise<void> {
  const { shown, wanted, options } = run;
  const rows = shown.stimuli.ids.length;
  const feed = new PictureFeed(shown, run.card, plan);
  let next = feed.batch(0);
  try {
    for (let first = 0; first < rows; first += plan.batch) {
      if (options.signal?.aborted) throw VentralError.from(options.signal.reason);
      const input = await next;
      // Decoding goes on in other threads while the runtime works on this batch.
      if (first + plan.batch < rows) next = feed.batch(first + plan.batch);
      next.catch(() => {});
      const outputs = await session.run({ [plan.name]: input }, wanted);
      const count = Math.min(plan.batch, rows - first);
      if (first === 0) reserve(outputs, plan.batch, run);
      for (const value of wanted) keep(outputs[value], { value, first, count }, plan.batch, run);
      run.progress(first + count);
    }
  } finally {
    // Nobody reads the stimuli any more once this has failed: they may be closed.
    await next.catch(() => {});
  }
}

/** The layer name that stands for a value in messages. */
const layerOf = (run: Run, value: string): string =>
  [...run.values].find(([, name]) => name === value)?.[0] ?? value;

/** Makes room for every layer, the largest on scratch disk where memory does not hold them all. */
function reserve(outputs: Record<string, Tensor>, batch: number, run: Run): void {
  const { options, shown, stores } = run;
  const rows = shown.stimuli.ids.length;
  const shapes = Object.entries(outputs).map(([value, tensor]) => {
    const units = unitsOf(tensor, batch, layerOf(run, value));
    const dtype = keptDtype(tensor, layerOf(run, value));
    return { value, dtype, rows, cols: units, bytes: bytesOf(dtype, rows, units) };
  });
  shapes.sort((a, b) => a.bytes - b.bytes);
  const held = [...stores.values()];
  let memory = held.reduce((sum, store) => sum + (store.spilled ? 0 : store.bytes), 0);
  let scratch = held.reduce((sum, store) => sum + (store.spilled ? store.bytes : 0), 0);
  shapes.forEach((shape, index) => {
    const fits = memory + shape.bytes <= options.maxMemory;
    if (fits) memory += shape.bytes;
    else scratch += shape.bytes;
    if (scratch > options.maxScratch) throw tooLarge(shape, scratch, options, run);
    stores.set(
      shape.value,
      new ActivationStore(
        shape,
        fits ? undefined : { folder: options.scratch, name: `layer-${stores.size}-${index}` },
      ),
    );
  });
}

function tooLarge(
  shape: { value: string; cols: number; rows: number },
  scratch: number,
  options: ExtractOptions,
  run: Run,
): VentralError {
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  return new VentralError(
    'memory-exceeded',
    `The layer ${layerOf(run, shape.value)} has ${shape.cols} units over ${shape.rows} stimuli: ${mib(scratch)} of scratch are needed, --max-scratch allows ${mib(options.maxScratch)}`,
    { field: '--max-scratch' },
  );
}

function unitsOf(tensor: Tensor, batch: number, layer: string): number {
  if (tensor.dims[0] === batch) return tensor.data.length / batch;
  throw new VentralError(
    'input-mismatch',
    `The layer ${layer} has no batch axis: expected ${batch} × …, found ${tensor.dims.join(' × ') || 'a scalar'}`,
    { field: layer, expected: `${batch} rows`, found: String(tensor.dims[0] ?? 1) },
  );
}

function keptDtype(tensor: Tensor, layer: string): KeptDtype {
  const { dtype } = tensor;
  if (dtype === 'float64' || dtype === 'uint8') return dtype;
  if (dtype === 'float32' || dtype === 'float16') return 'float32';
  if (
    dtype === 'int32' ||
    dtype === 'int16' ||
    dtype === 'int8' ||
    dtype === 'uint16' ||
    dtype === 'bool'
  )
    return 'int32';
  if (dtype === 'int64' || dtype === 'uint32' || dtype === 'uint64') return 'float64';
  throw new VentralError('input-mismatch', `The layer ${layer} holds ${dtype}, not numbers`, {
    field: layer,
    expected: 'numbers',
    found: dtype,
  });
}

function keep(
  tensor: Tensor,
  part: { value: string; first: number; count: number },
  batch: number,
  run: Run,
): void {
  const store = run.stores.get(part.value) as ActivationStore;
  const layer = layerOf(run, part.value);
  if (unitsOf(tensor, batch, layer) !== store.cols) {
    throw new VentralError(
      'input-mismatch',
      `The layer ${layer} has ${store.cols} units for the first stimuli and ${tensor.data.length / batch} later: the pictures must have one size`,
      { field: layer },
    );
  }
  const values = numbersOf(tensor).subarray(0, part.count * store.cols);
  refuseNonFinite(values, store.cols, { layer, ids: run.shown.stimuli.ids, first: part.first });
  store.write(part.first, values);
}

type Numbers = Float32Array | Float64Array | Uint8Array | Int32Array;

function numbersOf({ dtype, data }: Tensor): Numbers {
  if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Int32Array)
    return data;
  if (dtype === 'float16') return fromHalf(data as Uint16Array);
  if (dtype === 'uint8') return data as Uint8Array;
  if (
    data instanceof BigInt64Array ||
    data instanceof BigUint64Array ||
    data instanceof Uint32Array
  )
    return Float64Array.from(data as ArrayLike<number | bigint>, Number);
  return Int32Array.from(data as ArrayLike<number>);
}

function refuseNonFinite(
  values: Numbers,
  units: number,
  where: { layer: string; ids: readonly (string | number)[]; first: number },
): void {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return;
  let sum = 0;
  // Finite values can add up to infinity, never to a NaN of their own: a finite sum clears all at once.
  for (let i = 0; i < values.length; i++) sum += values[i] * 0;
  if (sum === 0) return;
  const row = Math.floor(values.findIndex((value) => !Number.isFinite(value)) / units);
  let count = 0;
  for (let i = row * units; i < (row + 1) * units; i++) if (!Number.isFinite(values[i])) count++;
  const stimulus = where.ids[where.first + row];
  throw new VentralError(
    'activations-not-finite',
    `The layer ${where.layer} has ${count} of ${units} values that are NaN or infinite for the stimulus ${stimulus}`,
    {
      field: where.layer,
      expected: 'finite values',
      found: `${count} NaN or infinite for ${stimulus}`,
    },
  );
}
