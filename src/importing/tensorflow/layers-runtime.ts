import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Tensor } from '../../runtime/session.js';
import type { Size, SourceRuntime } from '../source/imported.js';
import type { ModelArtifacts } from './model-artifacts.js';
import { type Runtime, runtimeError, tensorflow } from './tensorflow.js';

/** A size that a network leaves open is this for a proof. */
export const OPEN_SIZE = 224;

/** What a loaded model shows of how its layers hang together (tfjs-layers, engine/topology.ts and container.ts). */
interface SourceNode {
  /** None for the node of an input layer. */
  readonly inboundLayers: readonly unknown[];
  readonly inputTensors: readonly { readonly id: number }[];
  readonly outputTensors: readonly { readonly id: number }[];
}

interface SourceLayer {
  readonly name: string;
  readonly inboundNodes: readonly SourceNode[];
  /** Of a model that is a layer: its layers; of a Sequential, the model that it makes of them. */
  readonly layers?: readonly SourceLayer[];
  readonly model?: SourceModel;
  apply(inputs: TfTensor | TfTensor[], how: { training: boolean }): TfTensor | TfTensor[];
}

interface SourceModel {
  readonly layers: readonly SourceLayer[];
  readonly containerNodes: ReadonlySet<string>;
  readonly inputs: readonly { readonly id: number }[];
  readonly outputs: readonly { readonly id: number }[];
}

type Output = { readonly layer: string; readonly output: Tensor };

/** What a layers model is called, and its parts. */
export interface LayersSource {
  readonly file: string;
  /** Of the outputs, by calls of layers. */
  readonly names: ReadonlyMap<string, string>;
  /** Of the input, without the batch. */
  readonly shape: readonly Size[];
}

/**
 * A layers model in TensorFlow.js, which loads the artifacts itself and computes layer by layer; outputs
 * bear the names that `names` has for calls (`outer:0/inner:1`).
 */
export async function layersRuntime(
  artifacts: ModelArtifacts | LoadedArtifacts,
  { file, names, shape }: LayersSource,
): Promise<SourceRuntime> {
  const runtime = await tensorflow();
  let model: Promise<LayersModel> | undefined;
  return {
    name: runtime.name,
    dims: [1, ...shape.map((size) => size ?? OPEN_SIZE)],
    async *run(input) {
      model ??= runtime.tf.loadLayersModel({ load: async () => artifacts as never });
      try {
        const loaded = (await model) as unknown as SourceModel;
        yield* new Walk(runtime, names).run(loaded, input);
      } catch (error) {
        throw runtimeError(error, file);
      }
    },
    async close() {
      (await model?.catch(() => undefined))?.dispose();
    },
  };
}

/** Artifacts with weights in any form that TensorFlow.js decodes. */
export interface LoadedArtifacts {
  readonly modelTopology: unknown;
  readonly weightSpecs: readonly unknown[];
  readonly weightData: ArrayBuffer;
}

/** One pass through a model and its nested models; tensors are disposed after their last use. */
class Walk {
  readonly #runtime: Runtime;
  readonly #names: ReadonlyMap<string, string>;

  constructor(runtime: Runtime, names: ReadonlyMap<string, string>) {
    this.#runtime = runtime;
    this.#names = names;
  }

  async *run(model: SourceModel, { data, dims }: Tensor): AsyncGenerator<Output> {
    const input = this.#runtime.tf.tensor(data as Float32Array, [...dims], 'float32');
    for (const output of yield* this.#model(model, [input], '')) output.dispose();
    input.dispose();
  }

  async *#model(
    model: SourceModel,
    inputs: readonly TfTensor[],
    around: string,
  ): AsyncGenerator<Output, TfTensor[]> {
    const values = new Map(model.inputs.map(({ id }, at) => [id, inputs[at].clone()]));
    const calls = callsOf(model);
    const uses = new Map<number, number>();
    const wanted = [...model.outputs, ...calls.flatMap(({ node }) => node.inputTensors)];
    for (const { id } of wanted) uses.set(id, (uses.get(id) ?? 0) + 1);
    const release = (id: number) => {
      const left = (uses.get(id) ?? 0) - 1;
      uses.set(id, left);
      if (left <= 0) values.get(id)?.dispose();
    };
    for (const { layer, node, call } of inOrder(calls, values)) {
      const given = node.inputTensors.flatMap(({ id }) => values.get(id) ?? []);
      const key = `${around}${layer.name}:${call}`;
      const output = yield* this.#layer(layer, given, key);
      const [{ id }] = node.outputTensors;
      values.set(id, output);
      for (const taken of node.inputTensors) release(taken.id);
      if (!uses.has(id)) output.dispose();
    }
    const outputs = model.outputs.map(({ id }) => values.get(id)?.clone() as TfTensor);
    for (const { id } of model.outputs) release(id);
    return outputs;
  }

  async *#layer(
    layer: SourceLayer,
    given: readonly TfTensor[],
    key: string,
  ): AsyncGenerator<Output, TfTensor> {
    const inner = layer.layers ? (layer.model ?? (layer as unknown as SourceModel)) : undefined;
    let output: TfTensor;
    if (inner) {
      [output] = yield* this.#model(inner, given, `${key}/`);
    } else {
      const inputs = given.length === 1 ? given[0] : [...given];
      const result = this.#runtime.tf.tidy(() => layer.apply(inputs, { training: false }));
      output = Array.isArray(result) ? result[0] : result;
    }
    const name = this.#names.get(key);
    if (name !== undefined) yield { layer: name, output: await read(output) };
    return output;
  }
}

/** Values of a tensor, copied out. */
export async function read(tensor: TfTensor): Promise<Tensor> {
  const data = await tensor.data();
  return { dtype: 'float32', dims: tensor.shape, data: Float32Array.from(data) };
}

interface SourceCall {
  readonly layer: SourceLayer;
  readonly node: SourceNode;
  /** Which of the layer's calls within this model. */
  readonly call: number;
}

/** Calls of a model's layers, as far as they belong to it. */
function callsOf({ layers, containerNodes }: SourceModel): SourceCall[] {
  return layers.flatMap((layer) =>
    layer.inboundNodes
      .filter(
        (node, at) => containerNodes.has(`${layer.name}_ib-${at}`) && node.inboundLayers.length > 0,
      )
      .map((node, call) => ({ layer, node, call })),
  );
}

/** Calls one after the other, each when its inputs are there. */
function* inOrder(
  calls: readonly SourceCall[],
  values: ReadonlyMap<number, TfTensor>,
): Generator<SourceCall> {
  let waiting = [...calls];
  while (waiting.length > 0) {
    const later: SourceCall[] = [];
    for (const call of waiting) {
      if (call.node.inputTensors.every(({ id }) => values.has(id))) yield call;
      else later.push(call);
    }
    if (later.length === waiting.length) return;
    waiting = later;
  }
}
