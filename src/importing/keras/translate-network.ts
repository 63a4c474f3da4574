import type { MatchedLayer, Size } from '../source/imported.js';
import { refuseUnused, type WeightSource, weightsOf } from './layer-weights.js';
import { translateLayer } from './layers.js';
import type { KerasNetwork, LayerCall } from './network.js';
import { NetworkGraph, toChannelsFirst, toChannelsLast, type Value } from './network-graph.js';
import type { Weight } from './operations.js';

/** A network as ONNX, and how its values lie there. */
export interface Translated {
  readonly model: Uint8Array;
  /** One for each call, in order. */
  readonly layers: readonly MatchedLayer[];
  readonly inputAxes?: readonly number[];
  /** Weights of each layer, by role, as they were found. */
  readonly weights: ReadonlyMap<string, ReadonlyMap<string, Weight>>;
  /** Shape of each call's value as the source has it, without the batch. */
  readonly shapes: ReadonlyMap<string, readonly Size[]>;
}

/**
 * Translates every call of a network to ONNX; images go in as N × C × H × W, and every layer is a
 * module of its name.
 * @throws VentralError `import-unsupported`, `checkpoint-unmatched`, `checkpoint-invalid`
 */
export function translateNetwork(network: KerasNetwork, source: WeightSource): Translated {
  const { calls, input, file } = network;
  const weights = new Map<string, ReadonlyMap<string, Weight>>();
  for (const { layer, config } of calls) {
    if (!weights.has(layer)) weights.set(layer, weightsOf(source, config));
  }
  refuseUnused(source, file);
  const graph = new NetworkGraph(file);
  // A source whose layers take channels first has its images so already.
  const channelsLast = calls.every(({ config }) => config.channelsLast());
  const moved = channelsLast && input.shape.length === 3;
  const values = new Map([[input.name, graph.input(input.name, input.shape, moved)]]);
  for (const call of calls) {
    values.set(call.value, translateCall(graph, call, values, weights.get(call.layer)));
  }
  const layers = calls.flatMap(({ value: name }) => {
    const value = values.get(name);
    return value === undefined ? [] : [matched(name, value)];
  });
  const outputs = network.outputs.flatMap((name) => values.get(name) ?? []);
  const model = graph.build(outputs);
  const shapes = new Map([...values].map(([name, { shape }]) => [name, shape]));
  return { model, layers, weights, shapes, ...(moved ? { inputAxes: toChannelsLast } : {}) };
}

const matched = (layer: string, { name, moved }: Value): MatchedLayer => ({
  layer,
  value: name,
  ...(moved ? { axes: toChannelsFirst } : {}),
});

function translateCall(
  graph: NetworkGraph,
  { config, value, inputs }: LayerCall,
  values: ReadonlyMap<string, Value>,
  weights: ReadonlyMap<string, Weight> = new Map(),
): Value {
  graph.begin(value, config.className);
  const given = inputs.flatMap((name) => values.get(name) ?? []);
  const [input] = given;
  if (input === undefined) throw config.refuse('inputs', 'at least one', 0);
  const result = translateLayer({
    graph,
    config,
    inputs: given,
    input,
    optional: (role) => weights.get(role),
    weight(role) {
      const weight = weights.get(role);
      if (weight === undefined) throw config.refuse(role, 'a weight', 'none');
      return weight;
    },
  });
  return graph.finish(result);
}
