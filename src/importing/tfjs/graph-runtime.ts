import type { GraphModel } from '@tensorflow/tfjs-converter';
import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import { sizeOf } from '../keras/operations.js';
import type { Size, SourceRuntime } from '../source/imported.js';
import { OPEN_SIZE, read } from '../tensorflow/layers-runtime.js';
import { runtimeError, tensorflow } from '../tensorflow/tensorflow.js';
import type { ModelJsonFiles } from './model-json.js';

/** Maximum elements of outputs in memory; TensorFlow.js computes the graph again for each group. */
const MOST_ELEMENTS = 2 ** 26;

interface NodeOutput {
  readonly name: string;
  readonly shape: readonly Size[];
}

/** A graph model in TensorFlow.js, which loads the files' bytes itself and gives the outputs of its nodes. */
export async function graphRuntime(
  { file, json, topology, weightSpecs, weightData }: ModelJsonFiles,
  input: string,
  shape: readonly Size[],
  nodes: readonly NodeOutput[],
): Promise<SourceRuntime> {
  const { tf, name } = await tensorflow();
  const { signature, userDefinedMetadata } = json;
  const graph = { modelTopology: topology, signature, userDefinedMetadata };
  const artifacts = { ...graph, weightSpecs, weightData };
  let model: Promise<GraphModel> | undefined;
  return {
    name,
    dims: [1, ...shape.map((size) => size ?? OPEN_SIZE)],
    async *run({ data, dims }) {
      model ??= tf.loadGraphModel({ load: async () => artifacts as never });
      const fed = tf.tensor(data as Float32Array, [...dims], 'float32');
      try {
        for (const group of groups(nodes)) yield* outputsOf(await model, { [input]: fed }, group);
      } catch (error) {
        throw runtimeError(error, file);
      } finally {
        fed.dispose();
      }
    },
    async close() {
      (await model?.catch(() => undefined))?.dispose();
    },
  };
}

async function* outputsOf(
  model: GraphModel,
  feeds: Record<string, TfTensor>,
  nodes: readonly NodeOutput[],
) {
  const names = nodes.map((node) => node.name);
  const outputs = [model.execute(feeds, names)].flat() as TfTensor[];
  try {
    for (const [at, output] of outputs.entries()) {
      yield { layer: names[at], output: await read(output) };
    }
  } finally {
    for (const output of outputs) output.dispose();
  }
}

function* groups(nodes: readonly NodeOutput[]): Generator<readonly NodeOutput[]> {
  let group: NodeOutput[] = [];
  let elements = 0;
  for (const node of nodes) {
    const own = sizeOf(node.shape.map((size) => size ?? OPEN_SIZE)) ?? 0;
    if (group.length > 0 && elements + own > MOST_ELEMENTS) {
      yield group;
      group = [];
      elements = 0;
    }
    group.push(node);
    elements += own;
  }
  if (group.length > 0) yield group;
}
