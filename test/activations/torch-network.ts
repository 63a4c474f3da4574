import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import type { ModelCard } from '../../src/activations/card/card.js';
import { extractActivations, type Network } from '../../src/activations/extract.js';
import { openStimulusSet, type StimulusSet } from '../../src/data/stimulus-set.js';
import { VentralError } from '../../src/errors/ventral-error.js';
import type { NpyArray } from '../../src/formats/npy.js';
import { openNpz } from '../../src/formats/npz.js';
import { exposeValues } from '../../src/onnx/expose.js';
import { listLayers, resolveLayer } from '../../src/onnx/layers.js';
import { type Model, readModel } from '../../src/onnx/model.js';
import { Session } from '../../src/runtime/session.js';

/** A network that test/fixtures/hooks/make.py exported, and what hooks on its modules recorded. */
export interface TorchNetwork {
  readonly model: Model;
  /** Names of modules that were called; `name#k` is the k-th call of one that was called several times. */
  readonly modules: readonly string[];
  /** Modules that do nothing in evaluation. */
  readonly nodeless: readonly string[];
  recorded(module: string): Promise<NpyArray>;
  /** Numbers of layers over all stimuli, by name, as layers of a map are computed: from files, in batches. */
  activations(layers: readonly string[]): Promise<ReadonlyMap<string, Floats>>;
  /** Values of the graph alone, whatever their axes. */
  values(names: readonly string[]): Promise<ReadonlyMap<string, Floats>>;
  close(): Promise<void>;
}

type Floats = Float32Array | Float64Array;

/** @param scratch a folder of this run alone */
export async function openTorchNetwork(
  folder: string,
  name: string,
  scratch: string,
): Promise<TorchNetwork> {
  const npz = await openNpz(join(folder, `${name}.npz`));
  const bytes = (await npz.read('graph')).data as Uint8Array;
  const model = readModel(bytes, `${name}.onnx`);
  const about = JSON.parse(Buffer.from((await npz.read('about')).data as Uint8Array).toString());
  const modules = new Map<string, string>(Object.entries(about.modules));
  const input = await npz.read('input');
  const file = { name, digest: `sha256:${name}`, bytes, model, card: undefined };
  mkdirSync(join(scratch, 'pass'), { recursive: true });
  const stimuli = await writtenStimuli(input, scratch);
  return {
    ...{ model, modules: [...modules.keys()], nodeless: about.nodeless },
    recorded: (module) => npz.read(modules.get(module) as string),
    activations: (layers) =>
      ofStimuli({ file, card: cardFor(input) }, stimuli, layers, join(scratch, 'pass')),
    values: (names) => ofGraph(model, scaled(input), names),
    close: async () => {
      await stimuli.close();
      await npz.close();
    },
  };
}

/** As make.py scales its images. */
const cardFor = ({ shape }: NpyArray): ModelCard => ({
  input: {
    ...{ resize: 'none', range: 1, layout: shape.length === 5 ? 'NCTHW' : 'NCHW' },
    ...{ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  },
  visual_degrees: 8,
});

async function ofStimuli(
  network: Network,
  stimuli: StimulusSet,
  layers: readonly string[],
  scratch: string,
): Promise<ReadonlyMap<string, Floats>> {
  const limits = { threads: 2, maxMemory: 2 ** 30, maxScratch: 2 ** 33, scratch };
  const shown = { stimuli, degrees: undefined };
  const { layers: stores, close } = await extractActivations(network, shown, layers, limits);
  const found = new Map<string, Floats>();
  for (const [layer, store] of stores)
    found.set(layer, (await store.columns(0, store.cols)).slice());
  close();
  return found;
}

/** A table and a folder of images, or of clips as folders of frames. */
async function writtenStimuli({ shape, data }: NpyArray, folder: string): Promise<StimulusSet> {
  const [height, width] = shape.slice(-3);
  const frames = shape.length === 5 ? shape[1] : undefined;
  const pixels = data as Uint8Array;
  const one = height * width * 3;
  const ids = Array.from({ length: shape[0] }, (_, row) => `stimulus-${row}`);
  const images = join(folder, 'images');
  const places = ids.flatMap((id) =>
    frames === undefined
      ? [`${id}.png`]
      : Array.from({ length: frames }, (_, t) => join(id, `${t}.png`)),
  );
  for (const [at, place] of places.entries()) {
    mkdirSync(dirname(join(images, place)), { recursive: true });
    const raw = { width, height, channels: 3 } as const;
    await sharp(pixels.subarray(at * one, (at + 1) * one), { raw }).toFile(join(images, place));
  }
  const csv = join(folder, 'stimuli.csv');
  const rows = ids.map((id) => (frames === undefined ? `${id},${id}.png` : `${id},${id}`));
  writeFileSync(csv, ['stimulus_id,filename', ...rows, ''].join('\n'));
  return openStimulusSet({ identifier: 'pixels', csv, images });
}

/** Images or clips as the network takes them. */
function scaled({ shape, data }: NpyArray): NpyArray {
  const pixels = data as Uint8Array;
  const [count, ...own] = shape.slice(0, -1);
  const area = own.reduce((product, size) => product * size, 1);
  const made = Float32Array.from({ length: pixels.length }, (_, i) => {
    const [image, channel] = [Math.floor(i / (3 * area)), Math.floor(i / area) % 3];
    return (pixels[(image * area + (i % area)) * 3 + channel] / 255 - 0.5) / 0.25;
  });
  return { dtype: 'float32', shape: [count, 3, ...own], data: made };
}

async function ofGraph(
  model: Model,
  { shape, data }: NpyArray,
  layers: readonly string[],
): Promise<ReadonlyMap<string, Floats>> {
  const values = new Map(layers.map((layer) => [layer, resolveLayer(model, layer).value]));
  const session = await Session.open(exposeValues(model, [...values.values()]), { threads: 2 });
  const [{ name }] = session.inputs;
  const made = await session.run({
    [name]: { dtype: 'float32', dims: shape, data: data as Float32Array },
  });
  await session.close();
  return new Map([...values].map(([layer, value]) => [layer, made[value].data as Float32Array]));
}

/** How the modules of a network that hooks saw are had here. */
export interface ComparedModules {
  /** Largest difference from what a hook recorded, as a share of the module's largest value, and where it is. */
  readonly worst: { readonly module: string; readonly difference: number };
  /** Modules whose values were compared. */
  readonly compared: readonly string[];
  /** Modules that are refused, by the code of the refusal. */
  readonly refused: Readonly<Record<string, readonly string[]>>;
  /** Refused as ambiguous, although none of the values named in the refusal is what the hook recorded. */
  readonly misled: readonly string[];
  /** Modules that are listed and that no hook saw. */
  readonly unseen: readonly string[];
}

/** Every module that hooks saw against its layer here. */
export async function compareModules(
  network: TorchNetwork,
  tolerance: number,
): Promise<ComparedModules> {
  const { model, modules } = network;
  const had: string[] = [];
  const ambiguous = new Map<string, string[]>();
  const refused: Record<string, string[]> = {};
  for (const module of modules) {
    try {
      resolveLayer(model, module);
      had.push(module);
    } catch (error) {
      if (!(error instanceof VentralError)) throw error;
      refused[error.code] = [...(refused[error.code] ?? []), module];
      if (error.code === 'layer-ambiguous')
        ambiguous.set(module, (error.details.found ?? '').split(', '));
    }
  }
  let worst = { module: '', difference: 0 };
  const found = await network.activations(had);
  for (const module of had) {
    const want = (await network.recorded(module)).data as Float32Array;
    const difference = apart(found.get(module) as Floats, want);
    if (difference > worst.difference) worst = { module, difference };
  }
  const misled: string[] = [];
  const named = [...new Set([...ambiguous.values()].flat())];
  const values = named.length > 0 ? await network.values(named) : new Map<string, Floats>();
  for (const [module, candidates] of ambiguous) {
    const want = (await network.recorded(module)).data as Float32Array;
    const all = candidates.map((value) => apart(values.get(value) as Floats, want));
    if (Math.min(...all) > tolerance) misled.push(module);
  }
  const listed = listLayers(model).filter(({ kind, value }) => kind === 'module' && value !== null);
  return {
    ...{ worst, refused, misled },
    compared: had,
    unseen: listed.map(({ name }) => name).filter((name) => !modules.includes(name)),
  };
}

/** Largest difference as a share of the largest value; infinite for another size or no number. */
function apart(got: Floats, want: Float32Array): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let most = 0;
  for (let i = 0; i < want.length; i++) {
    const off = Math.abs(want[i] - got[i]);
    if (Number.isNaN(off)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, Math.abs(want[i]));
    most = Math.max(most, off);
  }
  return most === 0 ? 0 : most / largest;
}
