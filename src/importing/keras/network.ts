import type { VentralError } from '../../errors/ventral-error.js';
import type { Size } from '../source/imported.js';
import { type LayerConfig, LayerConfig as OwnConfig } from './layer-config.js';
import type { ConfiguredLayer, ConfiguredModel, LayerReference } from './model-config.js';
import { invalidPart } from './refusals.js';

/** A model with the models inside written out: calls of layers in an order in which they can be computed. */
export interface KerasNetwork {
  readonly file: string;
  readonly input: { readonly name: string; readonly shape: readonly Size[] };
  readonly calls: readonly LayerCall[];
  /** Values that leave the model. */
  readonly outputs: readonly string[];
}

/** One call of a layer. */
export interface LayerCall {
  /** Own, with those of the models around: `outer/inner`. A layer that is called twice has two calls. */
  readonly layer: string;
  readonly config: LayerConfig;
  /** Which call of which layer: `outer:0/inner:1`. */
  readonly key: string;
  /** Name of the value that it gives: the layer's, with a number from the second call on. */
  readonly value: string;
  readonly inputs: readonly string[];
}

/** More calls, once nested models are written out, are made to exhaust something. */
const MOST_CALLS = 20_000;

interface Expanded {
  readonly layer: string;
  readonly config: LayerConfig;
  readonly key: string;
  readonly inputs: readonly string[];
}

/**
 * Writes a model's nested models out and orders its calls.
 * @throws VentralError `checkpoint-invalid` for calls in a circle, for one that takes what is not there, and for
 *   a model with another number of inputs than one
 */
export function networkOf(file: string, model: ConfiguredModel): KerasNetwork {
  const [entry, ...others] = model.inputs;
  if (others.length > 0) throw invalidPart(file, 'input_layers', 'one input', model.inputs.length);
  const input = model.layers.find(({ name }) => name === entry.layer);
  if (input === undefined) throw dangling(file, '', entry);
  const expanded: Expanded[] = [];
  const source = `${entry.layer}:0`;
  const outputs = expand(file, model, { path: '', key: '', inputs: [source] }, expanded);
  const names = valueNames(input.name, source, expanded);
  const named = (key: string) => names.get(key) ?? key;
  return {
    file,
    input: { name: input.name, shape: inputShape(input) },
    calls: expanded.map((call) => ({
      ...call,
      value: named(call.key),
      inputs: call.inputs.map(named),
    })),
    outputs: [...new Set(outputs.map(named))],
  };
}

interface Place {
  /** Names of the models around, `outer/`; empty outside. */
  readonly path: string;
  /** The same with the number of each call. */
  readonly key: string;
  /** Keys of the values that the model's inputs are. */
  readonly inputs: readonly string[];
}

/** Appends the calls of a model and gives the keys of its outputs. */
function expand(file: string, model: ConfiguredModel, place: Place, into: Expanded[]): string[] {
  const { order, own } = inOrder(file, model, place.path);
  const values = new Map<string, string>();
  const leaving = (reference: LayerReference): string => {
    const known = values.get(own(reference));
    if (known === undefined) throw dangling(file, place.path, reference);
    return known;
  };
  model.inputs.forEach((input, at) => {
    const given = place.inputs[at];
    if (given === undefined) throw dangling(file, place.path, input);
    values.set(own(input), given);
  });
  for (const { layer, call, inputs } of order) {
    const key = `${place.key}${layer.name}:${call}`;
    const given = inputs.map(leaving);
    const path = `${place.path}${layer.name}`;
    values.set(`${layer.name}:${call}`, key);
    const taken = layer.inner
      ? expand(file, layer.inner, { path: `${path}/`, key: `${key}/`, inputs: given }, into)
      : given;
    if (layer.inner && taken.length !== 1) {
      throw invalidPart(file, `model ${path}`, 'one output', taken.length);
    }
    const config = layer.inner ? passingOn(file, path, layer.config.keras) : layer.config;
    into.push({ layer: path, config, key, inputs: taken });
    if (into.length > MOST_CALLS) {
      throw invalidPart(
        file,
        'layers',
        `at most ${MOST_CALLS} calls`,
        'more, models within written out',
      );
    }
  }
  return model.outputs.map(leaving);
}

/** A nested model gives what its last layer gives. */
const passingOn = (file: string, path: string, keras: 2 | 3) =>
  new OwnConfig(file, path, 'Identity', {}, keras);

interface OrderedCall {
  readonly layer: ConfiguredLayer;
  readonly call: number;
  readonly inputs: readonly LayerReference[];
}

/** The calls of one model in topological order. */
function inOrder(file: string, model: ConfiguredModel, path: string) {
  const own = ownKeys(model);
  const called = new Set(
    model.layers.filter(({ calls }) => calls.length > 0).map(({ name }) => name),
  );
  for (const { layer } of model.inputs) {
    if (called.has(layer))
      throw invalidPart(file, `input ${path}${layer}`, 'a layer without inputs', 'inputs');
  }
  const entries = new Set(model.inputs.map(own));
  const calls = model.layers.flatMap((layer) =>
    layer.calls.map((inputs, call): OrderedCall => ({ layer, call, inputs })),
  );
  const waiting = new Map<string, OrderedCall[]>();
  const missing = new Map<OrderedCall, number>();
  const known = new Set([...entries, ...calls.map(({ layer, call }) => `${layer.name}:${call}`)]);
  for (const call of calls) {
    if (call.inputs.length === 0)
      throw invalidPart(file, `layer ${path}${call.layer.name}`, 'an input', 'none');
    const keys = call.inputs.map((input) => {
      if (!known.has(own(input))) throw dangling(file, path, input);
      return own(input);
    });
    // Calls of a layer are made in their order; TensorFlow.js waits for ever where they cannot be.
    if (call.call > 0) keys.push(`${call.layer.name}:${call.call - 1}`);
    missing.set(call, keys.length);
    for (const key of keys) {
      const others = waiting.get(key);
      if (others) others.push(call);
      else waiting.set(key, [call]);
    }
  }
  const order: OrderedCall[] = [];
  const done = [...entries];
  for (let at = 0; at < done.length; at++) {
    for (const call of waiting.get(done[at]) ?? []) {
      const left = (missing.get(call) ?? 0) - 1;
      missing.set(call, left);
      if (left !== 0) continue;
      order.push(call);
      done.push(`${call.layer.name}:${call.call}`);
    }
  }
  const stuck = calls.find((call) => (missing.get(call) ?? 0) > 0);
  if (stuck === undefined) return { order, own };
  throw invalidPart(
    file,
    `layer ${path}${stuck.layer.name}`,
    'no part of a circle',
    'inputs that depend on its output, or on no input of the model',
  );
}

/**
 * How a reference names a call. A nested model counts its own making as call 0 (Keras 2's Functional and
 * Sequential, Keras 3's Functional; not Keras 3's Sequential): told by whether anybody refers to 0.
 */
function ownKeys(model: ConfiguredModel): (reference: LayerReference) => string {
  const nested = new Set(model.layers.filter((layer) => layer.inner).map(({ name }) => name));
  const fromZero = new Set<string>();
  const all = [...model.outputs, ...model.layers.flatMap(({ calls }) => calls.flat())];
  for (const { layer, call } of all) if (call === 0 && nested.has(layer)) fromZero.add(layer);
  return ({ layer, call }) =>
    `${layer}:${nested.has(layer) && !fromZero.has(layer) ? call - 1 : call}`;
}

/** Each value has its layer's name; later calls take a number that no layer has. */
function valueNames(
  input: string,
  source: string,
  calls: readonly Expanded[],
): Map<string, string> {
  const names = new Map([[source, input]]);
  const taken = new Set([input]);
  const later: Expanded[] = [];
  for (const call of calls) {
    if (taken.has(call.layer)) later.push(call);
    else names.set(call.key, call.layer);
    taken.add(call.layer);
  }
  const counts = new Map<string, number>();
  for (const { key, layer } of later) {
    let count = counts.get(layer) ?? 1;
    while (taken.has(`${layer}_${count}`)) count++;
    counts.set(layer, count + 1);
    taken.add(`${layer}_${count}`);
    names.set(key, `${layer}_${count}`);
  }
  return names;
}

function inputShape({ config }: ConfiguredLayer): Size[] {
  const shape = config.raw('batch_input_shape') ?? config.raw('batch_shape');
  const sizes = Array.isArray(shape) ? (shape as unknown[]).slice(1) : [];
  const fits = sizes.every(
    (size) =>
      size === null ||
      (Number.isInteger(size) && (size as number) > 0 && (size as number) <= 65_536),
  );
  if (sizes.length === 0 || sizes.length > 4 || !fits) {
    throw config.refuse('batch_input_shape', 'the batch and 1 to 4 sizes', shape);
  }
  return sizes as Size[];
}

function dangling(file: string, path: string, { layer, call }: LayerReference): VentralError {
  return invalidPart(
    file,
    `a reference in ${path || 'the model'}`,
    'a call of an existing layer',
    `${layer}, call ${call}`,
  );
}
