import type { ModelArtifacts } from '../tensorflow/model-artifacts.js';
import type { KerasNetwork } from './network.js';
import type { Weight } from './operations.js';
import { type Found, type TfjsLayer, tfjsLayers } from './tfjs-layers.js';

/**
 * The network as one flat model of TensorFlow.js. Its layers are called by number, since TensorFlow.js
 * takes fewer names than Keras; a layer that is called twice stands there twice.
 */
export function tfjsTopology(
  { input, calls, outputs }: KerasNetwork,
  found: Found,
): ModelArtifacts & { readonly names: ReadonlyMap<string, string> } {
  const numbers = new Map([[input.name, 'input']]);
  const batch_input_shape = [null, ...input.shape];
  const entry = { batch_input_shape, dtype: 'float32', sparse: false, name: 'input' };
  const layers: TfjsLayer[] = [
    { name: 'input', class_name: 'InputLayer', config: entry, inbound_nodes: [] },
  ];
  const tensors: { name: string; weight: Weight }[] = [];
  for (const [number, call] of calls.entries()) {
    const inputs = call.inputs.map((one) => numbers.get(one) ?? '');
    const made = tfjsLayers(call, `layer${number}`, inputs, found);
    layers.push(...made);
    numbers.set(call.value, made[made.length - 1].name);
    for (const [role, weight] of found.weights.get(call.layer) ?? []) {
      if (role !== 'count') tensors.push({ name: `layer${number}/${role}`, weight });
    }
  }
  const end = (value: string) => [numbers.get(value), 0, 0];
  const ends = { input_layers: [end(input.name)], output_layers: outputs.map(end) };
  const config = { name: 'model', layers, ...ends };
  return {
    modelTopology: { class_name: 'Model', config, keras_version: '2.0.0', backend: 'tensorflow' },
    weightSpecs: tensors.map(({ name, weight }) => ({
      name,
      shape: weight.dims,
      dtype: 'float32',
    })),
    weightData: joined(tensors.map(({ weight }) => weight.data)),
    names: new Map(calls.map(({ value }) => [`${numbers.get(value)}:0`, value])),
  };
}

function joined(parts: readonly Float32Array[]): ArrayBuffer {
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of parts) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes.buffer;
}
