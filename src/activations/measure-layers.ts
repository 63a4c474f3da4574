import { present } from '../formats/present.js';
import { ancestorValues, exposedPieces } from '../onnx/expose.js';
import { type LayerInfo, listLayers } from '../onnx/layers.js';
import { modelInputs } from '../onnx/model-inputs.js';
import type { TensorDtype } from '../runtime/session.js';
import type { ModelCard } from './card/card.js';
import { withClip } from './clip-card.js';
import { type ModelFile, openModelFile } from './model-file.js';
import { takesOneClip, unitAxes } from './stimuli/input-plan.js';
import { crashed, trySessions } from './try-sessions.js';
import type { MadeTensor } from './try-sessions-child.js';

/** A layer with its shape for one image; null if the network could not be run. */
export interface MeasuredLayer extends LayerInfo {
  readonly shape: readonly number[] | null;
  /** Number of units: the product of the shape. */
  readonly units: number | null;
  /** Type of its numbers in the graph; missing if the network could not be run. */
  readonly dtype?: TensorDtype;
}

/** The modules of a network and the outputs that no module has; its values if names give no modules. */
export function modulesOrValues<T extends LayerInfo>(layers: readonly T[]): readonly T[] {
  const modules = layers.filter(({ kind }) => kind === 'module');
  const values = new Set(modules.map(({ value }) => value));
  const outputs = layers.filter(({ output, value }) => output && value && !values.has(value));
  return modules.length > 0 ? [...modules, ...outputs] : layers;
}

interface MeasureOptions {
  readonly threads?: number;
  readonly card?: ModelCard;
}

/**
 * The layers of a model, each with its shape without the batch axis, measured by running the network
 * once on an empty image of the card's (else the graph's) size, in a process of its own.
 * @throws what opening the model throws, `process-crashed`, `inference-failed`
 */
export async function measureLayers(
  reference: string,
  options: MeasureOptions = {},
): Promise<MeasuredLayer[]> {
  const file = await openModelFile(reference, options.card ? { card: options.card } : {});
  const layers = listLayers(file.model);
  const values = [...new Set(layers.flatMap(({ value }) => value ?? []))];
  const card = file.card && withClip(file, file.card);
  const made = await measured({ ...file, card }, values, options);
  const alone = takesOneClip(modelInputs(file.model));
  return layers.map((layer) => {
    const found = layer.value === null ? undefined : made.get(layer.value);
    const shape = found ? unitAxes(found.dims, alone) : null;
    const units = shape?.reduce((product, size) => product * size, 1) ?? null;
    return { ...layer, shape, units, ...present({ dtype: found?.dtype }) };
  });
}

async function measured(
  file: ModelFile,
  values: readonly string[],
  options: MeasureOptions,
): Promise<ReadonlyMap<string, MadeTensor>> {
  if (values.length === 0) return new Map();
  const how = { ...options, name: file.name, card: file.card };
  const tried = async (some: readonly string[]) => {
    const graph = () => exposedPieces(file.model, some);
    const [outcome] = await trySessions([{ graph, operators: 'as written' }], how);
    if (outcome.end === 'crashed') throw crashed(file.name, outcome.signal);
    return outcome;
  };
  const outcome = await tried(values);
  if (outcome.end === 'ran') return outcome.made;
  // What no output of the graph needs may be what does not run.
  const ends = file.model.graph.outputs.map(({ name }) => name);
  const needed = ancestorValues(file.model, ends);
  const some = values.filter((value) => needed.has(value));
  if (some.length === 0 || some.length === values.length) throw outcome.error;
  const second = await tried(some);
  if (second.end === 'refused') throw second.error;
  return second.made;
}
