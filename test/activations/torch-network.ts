import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import type { ModelCard } from '../../src/activations/card/card.js';
import { extractActivations, type Network } from '../../src/activations/extract.js';
import { type StimulusSet, stimulusSetOf } from '../../src/data/stimulus-set.js';
import { VentralError } from '../../src/errors/ventral-error.js';
import type { NpyArray } from '../../src/formats/npy.js';
import { type NpzFile, openNpz } from '../../src/formats/npz.js';
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
  /** Image × row × column × colour in bytes, or clips as the network takes them. */
  readonly input: NpyArray;
  recorded(module: string): Promise<NpyArray>;
  /** Numbers of layers over all images, by name. */
  activations(layers: readonly string[]): Promise<ReadonlyMap<string, Floats>>;
  close(): Promise<void>;
}

type Floats = Float32Array | Float64Array;

/** @param scratch a folder of this run alone */
export async function openTorchNetwork(
  folder: string,
  name: string,
  scratch: string,
): Promise<TorchNetwork> {
  const bytes = readFileSync(join(folder, `${name}.onnx`));
  const model = readModel(bytes, `${name}.onnx`);
  const npz = await openNpz(join(folder, `${name}.npz`));
  const about = JSON.parse(Buffer.from((await npz.read('about')).data as Uint8Array).toString());
  const modules = new Map<string, string>(Object.entries(about.modules));
  const input = await npz.read('input');
  const file = { name, digest: `sha256:${name}`, bytes, model, card };
  mkdirSync(scratch, { recursive: true });
  return {
    ...{ model, modules: [...modules.keys()], nodeless: about.nodeless, input },
    recorded: (module) => npz.read(modules.get(module) as string),
    activations: (layers) =>
      input.shape.length === 5
        ? ofClips(model, input, layers)
        : ofImages({ file, card }, input, layers, scratch),
    close: () => (npz as NpzFile).close(),
  };
}

/** As make.py scales its images. */
const card: ModelCard = {
  input: {
    ...{ resize: 'none', range: 1, layout: 'NCHW' },
    ...{ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  },
  visual_degrees: 8,
};

/** Through decoding, preprocessing and passes, as layers of a map are computed. */
async function ofImages(
  network: Network,
  pixels: NpyArray,
  layers: readonly string[],
  scratch: string,
): Promise<ReadonlyMap<string, Floats>> {
  const shown = { stimuli: await pictures(pixels), degrees: undefined };
  const limits = { threads: 2, maxMemory: 2 ** 30, maxScratch: 2 ** 33, scratch };
  const { layers: stores, close } = await extractActivations(network, shown, layers, limits);
  const found = new Map<string, Floats>();
  for (const [layer, store] of stores)
    found.set(layer, (await store.columns(0, store.cols)).slice());
  close();
  return found;
}

async function pictures({ shape, data }: NpyArray): Promise<StimulusSet> {
  const [count, height, width] = shape;
  const bytes = data as Uint8Array;
  const raw = { width, height, channels: 3 } as const;
  const each = bytes.length / count;
  const encoded = await Promise.all(
    Array.from({ length: count }, (_, row) =>
      sharp(bytes.subarray(row * each, (row + 1) * each), { raw })
        .png()
        .toBuffer(),
    ),
  );
  const ids = encoded.map((_, row) => `picture-${row}`);
  const columns = [
    { name: 'stimulus_id', dtype: 'string', values: ids },
    { name: 'filename', dtype: 'string', values: ids.map((id) => `${id}.png`) },
  ] as const;
  return stimulusSetOf('pictures', [...columns], async (row) => encoded[row]);
}

/** The graph alone, on what make.py gave the network. */
async function ofClips(
  model: Model,
  { shape, data }: NpyArray,
  layers: readonly string[],
): Promise<ReadonlyMap<string, Floats>> {
  const values = new Map(layers.map((layer) => [layer, resolveLayer(model, layer).value]));
  const session = await Session.open(exposeValues(model, [...values.values()]), { threads: 2 });
  const [{ name }] = session.inputs;
  const clips = { dtype: 'float32', dims: shape, data: data as Float32Array } as const;
  const made = await session.run({ [name]: clips });
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
  const values = new Map<string, string[]>();
  const refused: Record<string, string[]> = {};
  for (const module of modules) {
    try {
      values.set(module, [resolveLayer(model, module).value]);
    } catch (error) {
      if (!(error instanceof VentralError)) throw error;
      refused[error.code] = [...(refused[error.code] ?? []), module];
      if (error.code === 'layer-ambiguous')
        values.set(module, (error.details.found ?? '').split(', '));
    }
  }
  const had = await network.activations([...new Set([...values.values()].flat())]);
  const ambiguous = new Set(refused['layer-ambiguous']);
  const misled: string[] = [];
  let worst = { module: '', difference: 0 };
  for (const [module, named] of values) {
    const want = (await network.recorded(module)).data as Float32Array;
    const nearest = Math.min(...named.map((value) => apart(had.get(value) as Floats, want)));
    if (ambiguous.has(module)) {
      if (nearest > tolerance) misled.push(module);
    } else if (nearest > worst.difference) worst = { module, difference: nearest };
  }
  const listed = listLayers(model).filter(({ kind, value }) => kind === 'module' && value !== null);
  return {
    ...{ worst, refused, misled },
    compared: [...values.keys()].filter((module) => !ambiguous.has(module)),
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
