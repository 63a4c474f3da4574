import { NamedWeights } from '../keras/layer-weights.js';
import { readModelConfig } from '../keras/model-config.js';
import { networkOf } from '../keras/network.js';
import { ignoresDilation } from '../keras/tfjs-layers.js';
import { translateNetwork } from '../keras/translate-network.js';
import { isFields } from '../source/fields.js';
import type { Imported } from '../source/imported.js';
import { layersRuntime } from '../tensorflow/layers-runtime.js';
import { importGraph } from './import-graph.js';
import { type ModelJsonFiles, readModelFiles } from './model-json.js';

/**
 * Imports a network of TensorFlow.js: a `model.json` with its shards beside it, or the folder that they lie
 * in; a layers model or a graph model. TensorFlow.js itself is the source to prove against.
 * @throws VentralError `checkpoint-invalid`, `checkpoint-unsafe`, `checkpoint-unmatched`, `import-unsupported`,
 *   `file-missing`
 */
export async function importTfjs(path: string): Promise<Imported> {
  const files = await readModelFiles(path);
  return Array.isArray(files.topology.node) ? importGraph(files) : importLayers(files);
}

async function importLayers({
  file,
  topology,
  weights,
  ...bytes
}: ModelJsonFiles): Promise<Imported> {
  // In a model converted from Keras the configuration is one level deeper than in one saved by TensorFlow.js.
  const config = isFields(topology.model_config) ? topology.model_config : topology;
  const network = networkOf(file, readModelConfig(file, config, 2));
  for (const { config } of network.calls) {
    if (!ignoresDilation(config)) continue;
    throw config.unsupported(
      'whose dilation TensorFlow.js ignores: it computes another network than the one in the file',
    );
  }
  const source = new NamedWeights(file, weights, false);
  const { model, layers, inputAxes } = translateNetwork(network, source);
  const names = new Map(network.calls.map(({ key, value }) => [key, value]));
  const artifacts = {
    modelTopology: topology,
    weightSpecs: bytes.weightSpecs,
    weightData: bytes.weightData,
  };
  const runtime = await layersRuntime(artifacts, { file, names, shape: network.input.shape });
  return { model, layers, inputAxes, source: runtime, notes: [] };
}
