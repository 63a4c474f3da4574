import { VentralError } from '../errors/ventral-error.js';
import type { NpyArray } from '../formats/npy.js';
import { type NpzFile, openNpz } from '../formats/npz.js';
import { resolveLayer } from '../onnx/layers.js';
import type { Model } from '../onnx/model.js';
import { modelInputs } from '../onnx/model-inputs.js';
import type { Tensor } from '../runtime/session.js';
import type { MatchedLayer } from './imported.js';
import type { SourceOutputs } from './proof.js';

/** Outputs of a source that were stored in an npz file; close it when they were compared. */
export interface ReferenceOutputs extends SourceOutputs {
  close(): Promise<void>;
}

/**
 * Opens stored outputs of the source: `input`, `output` (of the whole network) and one array per module
 * path, as the script of docs/import.md writes them. Modules whose output the graph does not hold (folded
 * into others, or told apart by no name) are listed, not compared.
 * @param pathOf how the graph calls a module of the source, where it calls it otherwise
 * Throws `npy-invalid` for a file without `input`, and `input-mismatch` for one that the graph cannot take.
 */
export async function openReference(
  path: string,
  model: Model,
  pathOf: (module: string, all: ReadonlySet<string>) => string = (module) => module,
): Promise<ReferenceOutputs> {
  const file = await openNpz(path);
  try {
    const input = toTensor(await file.read('input'));
    requireInput(model, input, path);
    const { layers, notCompared } = matchLayers(file, model, pathOf);
    return {
      by: path,
      input,
      layers,
      notCompared,
      outputs: readOutputs(file, layers),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function matchLayers(
  file: NpzFile,
  model: Model,
  pathOf: (module: string, all: ReadonlySet<string>) => string,
) {
  const all = new Set(file.names);
  const layers: MatchedLayer[] = [];
  const notCompared: { layer: string; why: string }[] = [];
  for (const layer of file.names) {
    if (layer === 'input') continue;
    try {
      const value =
        layer === 'output' ? outputOf(model) : resolveLayer(model, pathOf(layer, all)).value;
      layers.push({ layer, value });
    } catch (thrown) {
      const { code } = VentralError.from(thrown);
      if (!code.startsWith('layer-')) throw thrown;
      notCompared.push({ layer, why: reasons[code] ?? 'the graph does not name it' });
    }
  }
  return { layers, notCompared };
}

const reasons: Record<string, string> = {
  'layer-folded': 'a batch norm was folded into it',
  'layer-ambiguous': 'it may be any of several values of the graph',
};

function outputOf(model: Model): string {
  return model.graph.outputs[0]?.name ?? '';
}

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
    `${path}: input has the shape ${shape(dims)}, and the graph takes ${shape(wanted)}`,
    { file: path, field: 'input', expected: shape(wanted), found: shape(dims) },
  );
}
