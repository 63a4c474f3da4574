import { VentralError } from '../../errors/ventral-error.js';
import type { NpyArray } from '../../formats/npy.js';
import { type NpzFile, openNpz } from '../../formats/npz.js';
import { resolveLayer } from '../../onnx/layers.js';
import type { Model } from '../../onnx/model.js';
import { modelInputs } from '../../onnx/model-inputs.js';
import type { Tensor } from '../../runtime/session.js';
import type { Imported, MatchedLayer } from '../source/imported.js';
import { valuesAfterNorm } from './after-activation.js';
import { transposeAxes } from './compare-layers.js';
import type { SourceOutputs } from './proof.js';

/** Outputs of a source that were stored in an npz file; close it when they were compared. */
export interface ReferenceOutputs extends SourceOutputs {
  close(): Promise<void>;
}

/** How a source's modules are found in a graph. */
export interface ReferenceOptions {
  /** How the graph calls a module of the source, where it calls it otherwise. */
  readonly pathOf?: (module: string, all: ReadonlySet<string>) => string;
  /** Whether the graph ends before the source's output. */
  readonly withoutHead?: boolean;
}

/**
 * Opens stored outputs of the source: `input`, `output` (of the whole network) and one array per module
 * path, as the script of docs/import.md writes them. Modules whose output the graph does not hold (folded
 * into others, or told apart by no name) are listed, not compared.
 * Throws `npy-invalid` for a file without `input`, and `input-mismatch` for one that the graph cannot take.
 */
export async function openReference(
  path: string,
  model: Model,
  { pathOf = (module) => module, withoutHead = false }: ReferenceOptions = {},
): Promise<ReferenceOutputs> {
  const find = (layer: string, all: ReadonlySet<string>): Match => {
    try {
      const { value } = resolveLayer(model, pathOf(layer, all));
      return { layer, value, otherwise: valuesAfterNorm(model, value) };
    } catch (thrown) {
      const { code } = VentralError.from(thrown);
      if (!code.startsWith('layer-')) throw thrown;
      return { layer, why: reasons[code] ?? 'the graph does not name it' };
    }
  };
  return open(path, model, find, withoutHead ? {} : { whole: model.graph.outputs[0]?.name });
}

/**
 * The same for a whole network that was imported: arrays bear the names of its layers, and `input` and they
 * lie as the source has them.
 */
export async function openNetworkReference(
  path: string,
  model: Model,
  { layers, inputAxes }: Imported,
): Promise<ReferenceOutputs> {
  const matched = new Map(layers.map((layer) => [layer.layer, layer]));
  const turned = inputAxes?.map((_, i) => inputAxes.indexOf(i));
  const find = (layer: string) =>
    matched.get(layer) ?? { layer, why: 'the imported network has no such layer' };
  return open(path, model, find, { whole: model.graph.outputs[0]?.name, inputAxes: turned });
}

type Match = MatchedLayer | { readonly layer: string; readonly why: string };

interface StoredAs {
  /** Value of the graph that the source's output is; undefined where the graph ends before it. */
  readonly whole?: string | undefined;
  /** How an input for the graph lies for the source. */
  readonly inputAxes?: readonly number[] | undefined;
}

async function open(
  path: string,
  model: Model,
  find: (layer: string, all: ReadonlySet<string>) => Match,
  { whole, inputAxes }: StoredAs,
): Promise<ReferenceOutputs> {
  const file = await openNpz(path);
  try {
    const stored = toTensor(await file.read('input'));
    const input =
      inputAxes?.length === stored.dims.length ? transposeAxes(stored, inputAxes) : stored;
    requireInput(model, input, path);
    const all = new Set(file.names);
    const names = file.names.filter((name) => name !== 'input');
    const found = names.map((name): Match => {
      const match = find(name, all);
      const isWhole = name === 'output' && 'why' in match && whole !== undefined;
      return isWhole ? { layer: name, value: whole } : match;
    });
    const layers = found.flatMap((match) => ('why' in match ? [] : match));
    return {
      by: path,
      input,
      layers,
      notCompared: found.flatMap((match) => ('why' in match ? match : [])),
      outputs: readOutputs(file, layers),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

const reasons: Record<string, string> = {
  'layer-folded': 'a batch norm was folded into it',
  'layer-ambiguous': 'it matches several values of the graph',
};

async function* readOutputs(file: NpzFile, layers: readonly MatchedLayer[]) {
  for (const { layer } of layers) yield { layer, output: toTensor(await file.read(layer)) };
}

function toTensor({ dtype, shape, data }: NpyArray): Tensor {
  if (data instanceof Float32Array) return { dtype: 'float32', dims: shape, data };
  if (dtype === 'string' || dtype === 'float16') {
    throw new VentralError('npy-invalid', `expected float32 or float64 outputs, found ${dtype}`, {
      expected: 'float32 or float64',
      found: dtype,
    });
  }
  const numbers = Float32Array.from(data as ArrayLike<number | bigint>, Number);
  return { dtype: 'float32', dims: shape, data: numbers };
}

/** The graph must take the stored input as it is. */
function requireInput(model: Model, { dims }: Tensor, path: string): void {
  const wanted = modelInputs(model)[0]?.dims;
  const fits =
    !wanted ||
    (wanted.length === dims.length && wanted.every((n, i) => n === null || n === dims[i]));
  if (fits) return;
  const shape = (sizes: readonly (number | null)[]) =>
    `[${sizes.map((size) => size ?? 'any').join(', ')}]`;
  throw new VentralError(
    'input-mismatch',
    `${path}: input has the shape ${shape(dims)}, the graph takes ${shape(wanted)}`,
    { file: path, field: 'input', expected: shape(wanted), found: shape(dims) },
  );
}
