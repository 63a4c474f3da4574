import { join } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';
import type { Features } from '../numerics/algebra/features.js';
import { nonFiniteRows } from '../numerics/algebra/non-finite.js';
import { resolveLayer } from '../onnx/layers.js';
import type { Session, Tensor } from '../runtime/session.js';
import { traced } from '../runtime/traced.js';
import { batchOf, firstAlone, unitsOf } from './batch-axis.js';
import type { ModelCard } from './card/card.js';
import { openPass, type Pass, passesOf } from './exposed-values.js';
import { type KeptValue, keptValue, viewDtype, viewed, viewUnits } from './layer-view.js';
import type { ModelFile } from './model-file.js';
import { keptDtype, type Numbers, numbersOf } from './numbers.js';
import { ActivationStore, bytesOf, scratchBytesOf } from './scratch/activation-store.js';
import { type Keeper, OutputBuffers } from './scratch/output-buffers.js';
import type { Route, ScratchFile } from './scratch/scratch-file.js';
import { layOut } from './scratch/scratch-layout.js';
import { ScratchRoute } from './scratch/scratch-route.js';
import { type InputPlan, inputPlan } from './stimuli/input-plan.js';
import type { PreparedStimuli } from './stimuli/prepared-stimuli.js';
import type { Shown } from './stimuli/shown.js';
import { StimulusFeed } from './stimuli/stimulus-feed.js';
import { TrialBuffers, type TrialSums, trialsOf } from './trials.js';

/** Limits and listeners of the work. */
export interface ExtractOptions {
  readonly threads?: number;
  /** Bytes that activations may take in memory; what does not fit goes to scratch. */
  readonly maxMemory: number;
  readonly maxScratch: number;
  /** Folder for scratch files; it exists and belongs to this run alone. */
  readonly scratch: string;
  /** Images that were decoded and resized before, for runs over the same stimuli. */
  readonly pictures?: PreparedStimuli | undefined;
  readonly signal?: AbortSignal;
  readonly progress?: (done: number, total: number) => void;
}

/** A network with its card. */
export interface Network {
  readonly file: ModelFile;
  readonly card: ModelCard;
}

/** Activations by requested layer name; close it to remove scratch files. */
export interface Activations {
  readonly layers: ReadonlyMap<string, ActivationStore>;
  close(): void;
}

/**
 * Runs the stimuli through the network and keeps every requested layer, flattened in C order
 * (stimulus × unit, spec §5.4), rows in the order of the stimulus set. One pass for the model's
 * candidate layers, and one for all others where such are asked for.
 * @throws VentralError `layer-…` for a layer that cannot be had, `input-mismatch`, `image-…`,
 *   `activations-not-finite` (layer, stimulus, count), `memory-exceeded`, `interrupted`
 */
export async function extractActivations(
  network: Network,
  shown: Shown,
  layers: readonly string[],
  options: ExtractOptions,
): Promise<Activations> {
  const { model } = network.file;
  const kept = new Map(
    layers.map((layer) => [layer, keptValue(model, network.card, resolveLayer(model, layer))]),
  );
  const stores = new Map<string, ActivationStore>();
  const close = () => {
    for (const store of stores.values()) store.close();
  };
  const rows = shown.stimuli.ids.length;
  const passes = passesOf(model, network.card, [...kept.values()]);
  try {
    for (const [index, pass] of passes.entries()) {
      const extracted = await runPass(network, shown, pass, {
        ...options,
        held: stores,
        nameOf: (value) => [...kept].find(([, { id }]) => id === value)?.[0] ?? value,
        progress: (done) => options.progress?.(index * rows + done, passes.length * rows),
      });
      for (const [value, store] of extracted.stores) stores.set(value, store);
      for (const error of extracted.failures.values()) throw error;
      for (const [layer, { id }] of kept) {
        const store = extracted.stores.get(id);
        if (store) await requireFiniteLayer(store, layer, shown.stimuli.ids);
      }
    }
  } catch (error) {
    close();
    throw error;
  }
  const byLayer = [...kept].map(
    ([layer, { id }]) => [layer, stores.get(id) as ActivationStore] as const,
  );
  return { layers: new Map(byLayer), close };
}

/** Budget of a pass beside its share of the options. */
export interface PassOptions extends ExtractOptions {
  /** Stores of earlier passes, which count against the budgets. */
  readonly held?: ReadonlyMap<string, ActivationStore>;
  /** Called when the network is open, before the first image. */
  readonly opened?: () => void;
  /** The layer that a kept value, by its `id`, is called in messages. */
  readonly nameOf: (id: string) => string;
}

/** Activations by what is kept (its `id`), and what could not be kept, each with the reason. */
export interface PassResult {
  readonly stores: ReadonlyMap<string, ActivationStore>;
  readonly failures: ReadonlyMap<string, VentralError>;
  /** Of the values that depend on random numbers. */
  readonly trials: ReadonlyMap<string, TrialSums>;
}

/**
 * One pass of the stimuli through the network.
 * @throws what concerns the pass as a whole
 */
export async function runPass(
  network: Network,
  shown: Shown,
  pass: Pass,
  options: PassOptions,
): Promise<PassResult> {
  const { digest } = network.file;
  return traced('ventral.activations', { model: digest, layers: pass.values.length }, () =>
    tracedPass(network, shown, pass, options),
  );
}

async function tracedPass(
  network: Network,
  shown: Shown,
  pass: Pass,
  options: PassOptions,
): Promise<PassResult> {
  const { file, card } = network;
  const session = await openPass(file, card, pass, options.threads);
  const kept: Kept = { shown, options, stores: new Map(), failures: new Map(), scratch: [] };
  try {
    const plan = inputPlan(session.inputs, card.input, {
      ...{ name: file.name, batch: batchOf(file.model) },
    });
    const pictures = await options.pictures?.of(shown, { ...card, input: plan.spec });
    options.opened?.();
    const rows = { batch: plan.batch, total: shown.stimuli.ids.length };
    const buffers = buffersOf(network, pass, rows);
    const feed = new StimulusFeed(shown, card, plan, pictures);
    await runBatches({ session, feed, buffers, seeded: file.model.seeded }, pass, kept);
    return { ...kept, trials: sumsOf(buffers) };
  } catch (error) {
    for (const store of kept.stores.values()) store.close();
    throw error;
  } finally {
    await session.close();
  }
}

/** What runs the network on the batches of a pass: once each, or several times where a value depends on random numbers. */
export function buffersOf(
  { file: { model }, card }: Network,
  { values }: Pick<Pass, 'values'>,
  rows: { readonly batch: number; readonly total: number },
): OutputBuffers | TrialBuffers {
  const random = values.filter((value) => trialsOf(model, card, value));
  const [trials] = random.flatMap((value) => trialsOf(model, card, value) ?? []);
  return trials ? new TrialBuffers(values, random, trials, rows) : new OutputBuffers(values);
}

/** How much values vary over trials; nothing where they were run once. */
export const sumsOf = (buffers: OutputBuffers | TrialBuffers): ReadonlyMap<string, TrialSums> =>
  buffers instanceof TrialBuffers ? buffers.sums : new Map();

interface Kept {
  readonly shown: Shown;
  readonly options: PassOptions;
  readonly stores: Map<string, ActivationStore>;
  readonly failures: Map<string, VentralError>;
  /** Files of the layers that do not fit memory. */
  readonly scratch: ScratchFile[];
}

interface Running {
  readonly session: Session;
  /** Values that depend on random numbers. */
  readonly seeded: ReadonlySet<string> | undefined;
  readonly feed: StimulusFeed;
  readonly buffers: OutputBuffers | TrialBuffers;
}

async function runBatches(
  { session, feed, buffers, seeded }: Running,
  pass: Pass,
  kept: Kept,
): Promise<void> {
  const { options, shown } = kept;
  const { plan } = feed;
  const rows = shown.stimuli.ids.length;
  const disk = new ScratchRoute();
  let written: Promise<void> = Promise.resolve();
  try {
    // Decoding, and writing the batch before, continue in other threads while the runtime works on this one.
    for await (const { first, input } of feed.batches()) {
      if (options.signal?.aborted) throw VentralError.from(options.signal.reason);
      const alone =
        first === 0 ? await firstAlone(session, plan.name, input, pass.values) : undefined;
      const started = performance.now();
      const made = await buffers.run(session, { [plan.name]: input }, first);
      const ran = performance.now();
      await written;
      disk.took(ran - started, performance.now() - ran);
      if (first === 0) reserve(made, pass, plan, kept, { alone, seeded });
      else giveUpOtherShapes(made, pass, plan, kept);
      const wanted = buffers.keep(made, keepersOf(pass, kept));
      putAll(first, pass, kept, wanted);
      written = writeAll(kept.scratch, disk.route);
      written.catch(() => {});
      options.progress?.(Math.min(first + plan.batch, rows), rows);
      if (kept.stores.size === 0) return;
    }
    await written;
  } finally {
    // After a failure nothing writes to scratch: the files may be closed.
    await Promise.allSettled([written]);
  }
}

/** What becomes of the values of a pass of which anything is kept: of parts, the values are only read. */
function keepersOf({ kept: all }: Pass, { stores }: Kept): ReadonlyMap<string, Keeper> {
  const keepers = new Map<string, Keeper>();
  for (const { id, value } of all)
    if (stores.has(id)) keepers.set(value, stores.get(value) ?? onlyRead);
  return keepers;
}

const onlyRead: Keeper = { takes: () => false, placeOf: () => undefined };

/** Hands what is kept of a batch to the stores. */
function putAll(
  first: number,
  pass: Pass,
  { stores, options }: Kept,
  wanted: Readonly<Record<string, Tensor>>,
): void {
  // float16 is widened once, whatever is kept of it.
  const numbers = new Map<string, Numbers>();
  for (const { id, value, view } of pass.kept) {
    const store = stores.get(id);
    if (!store) continue;
    const whole = numbers.get(value) ?? numbersOf(wanted[value]);
    numbers.set(value, whole);
    const part = view && viewed(view, whole, wanted[value].dims, options.nameOf(id));
    store.put(first, part ?? whole);
  }
}

type Alone = Awaited<ReturnType<typeof firstAlone>>;

/** What is known of a pass before its first batch. */
interface Before extends Pick<Running, 'seeded'> {
  readonly alone: Alone;
}

/** Units and element type of what is kept of a value. Throws `input-mismatch`, `layer-ambiguous`, `layer-unsteady`. */
function shapeOf(
  { value, view }: KeptValue,
  tensor: Tensor,
  { plan, layer, alone, seeded }: Before & { readonly plan: InputPlan; readonly layer: string },
) {
  const ofOneClip = plan.spec.frames !== undefined && plan.batch === 1 && !view;
  const units = ofOneClip
    ? tensor.data.length
    : unitsOf(tensor, plan.batch, layer, alone?.[value], seeded?.has(value));
  const dtype = keptDtype(tensor, layer);
  return view
    ? { cols: viewUnits(view, tensor.dims, layer), dtype: viewDtype(view, dtype) }
    : { cols: units, dtype };
}

/**
 * Starts all writes, since no call returns to this thread while the network runs, and waits for all before it
 * throws an error: files are closed then, and nothing may write to them.
 */
async function writeAll(files: readonly ScratchFile[], route: Route): Promise<void> {
  for (const result of await Promise.allSettled(files.map((file) => file.write(route))))
    if (result.status === 'rejected') throw result.reason;
}

/** Makes room for every layer, the largest on scratch disk where memory does not hold them all. */
function reserve(
  outputs: Record<string, Tensor>,
  pass: Pass,
  plan: InputPlan,
  kept: Kept,
  before: Before,
): void {
  const { batch } = plan;
  const { options, shown, stores, failures } = kept;
  const rows = shown.stimuli.ids.length;
  const shapes = pass.kept.flatMap((each) => {
    const { id: value } = each;
    try {
      const layer = options.nameOf(value);
      const { cols, dtype } = shapeOf(each, outputs[each.value], { plan, layer, ...before });
      return [{ value, layer, dtype, rows, cols, batch, bytes: bytesOf(dtype, rows, cols) }];
    } catch (error) {
      failures.set(value, VentralError.from(error));
      return [];
    }
  });
  const held = [...(options.held?.values() ?? [])];
  let memory = held.reduce((sum, store) => sum + (store.spilled ? 0 : store.bytes), 0);
  let scratch = held.reduce((sum, store) => sum + (store.spilled ? store.bytes : 0), 0);
  const spilled = new Set<string>();
  for (const shape of [...shapes].sort((a, b) => a.bytes - b.bytes)) {
    const bytes = scratchBytesOf(shape);
    if (memory + shape.bytes <= options.maxMemory) {
      memory += shape.bytes;
      stores.set(shape.value, new ActivationStore(shape));
    } else if (scratch + bytes <= options.maxScratch) {
      scratch += bytes;
      spilled.add(shape.value);
    } else failures.set(shape.value, tooLarge(shape, scratch + bytes, options));
  }
  const path = join(options.scratch, `layers-${held.length}`);
  const wide = shapes.filter(({ value }) => spilled.has(value));
  for (const { file, placed } of layOut(wide, path)) {
    kept.scratch.push(file);
    for (const [shape, place] of placed) stores.set(shape.value, new ActivationStore(shape, place));
  }
}

function tooLarge(
  shape: { layer: string; cols: number; rows: number },
  scratch: number,
  options: ExtractOptions,
): VentralError {
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  return new VentralError(
    'memory-exceeded',
    `The layer ${shape.layer} has ${shape.cols} units over ${shape.rows} stimuli: ${mib(scratch)} of scratch are needed, --max-scratch allows ${mib(options.maxScratch)}`,
    { field: '--max-scratch' },
  );
}

/** A layer whose width depends on the image has no units: it is dropped, the pass continues. */
function giveUpOtherShapes(
  made: Record<string, Tensor>,
  pass: Pass,
  { batch }: InputPlan,
  { options, stores, failures }: Kept,
): void {
  for (const each of pass.kept) {
    const { id: value } = each;
    const store = stores.get(value);
    if (!store) continue;
    const layer = options.nameOf(value);
    const units = each.view
      ? viewUnits(each.view, made[each.value].dims, layer)
      : made[each.value].data.length / batch;
    if (units === store.cols) continue;
    const sentence = `The layer ${layer} has ${store.cols} units for the first stimuli and ${units} later: a layer must have one width`;
    failures.set(value, new VentralError('input-mismatch', sentence, { field: layer }));
    stores.delete(value);
    store.close();
  }
}

/** @throws VentralError `activations-not-finite` (layer, stimulus, count) where a value is NaN or infinite */
export async function requireFiniteLayer(
  features: Features,
  layer: string,
  ids: readonly (string | number)[],
): Promise<void> {
  const found = await nonFiniteRows(features);
  if (!found) return;
  const stimulus = ids[found.row];
  throw new VentralError(
    'activations-not-finite',
    `The layer ${layer} has ${found.count} values that are NaN or infinite, the first for the stimulus ${stimulus}`,
    {
      field: layer,
      expected: 'finite values',
      found: `${found.count} NaN or infinite, the first for ${stimulus}`,
    },
  );
}
