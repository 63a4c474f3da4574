import type { VentralError } from '../../errors/ventral-error.js';
import { type Fields, isFields } from '../source/fields.js';
import { arithmeticOf } from './arithmetic.js';
import { LayerConfig } from './layer-config.js';
import { invalidPart, unsupportedLayer } from './refusals.js';

/** One configuration, Functional or Sequential, of Keras 2, Keras 3 or TensorFlow.js, read into one form. */

/** The output of a call of a layer: which layer, and which of its calls. */
export interface LayerReference {
  readonly layer: string;
  readonly call: number;
}

/** A layer of a model, with what each of its calls takes. */
export interface ConfiguredLayer {
  readonly name: string;
  readonly config: LayerConfig;
  readonly calls: readonly (readonly LayerReference[])[];
  /** Where the layer is a model itself. */
  readonly inner?: ConfiguredModel;
}

/** A model with its layers in the file's order. */
export interface ConfiguredModel {
  readonly name: string;
  readonly className: string;
  readonly layers: readonly ConfiguredLayer[];
  readonly inputs: readonly LayerReference[];
  readonly outputs: readonly LayerReference[];
}

/** Models nested deeper, and more layers than this, are made to exhaust something. */
const DEEPEST = 16;
const MOST_LAYERS = 20_000;
const LONGEST_NAME = 256;

/** Classes whose configuration holds layers. */
const modelClasses: ReadonlySet<string> = new Set(['Functional', 'Model', 'Sequential']);

interface Reading {
  readonly file: string;
  readonly keras: 2 | 3;
  layers: number;
}

/**
 * Reads a model's configuration, `{class_name, config}`. Nothing is built.
 * @throws VentralError `checkpoint-invalid`, `import-unsupported` for a class that cannot be read from a
 *   configuration
 */
export function readModelConfig(file: string, json: unknown, keras: 2 | 3): ConfiguredModel {
  return readModel({ file, keras, layers: 0 }, json, '', 0);
}

function readModel(
  reading: Reading,
  json: unknown,
  around: string,
  depth: number,
): ConfiguredModel {
  const { file } = reading;
  const field = around === '' ? 'the model' : `model ${around}`;
  if (depth > DEEPEST)
    throw invalidPart(file, field, `at most ${DEEPEST} models deep`, 'deeper ones');
  if (!isFields(json)) throw invalidPart(file, field, 'a configuration', json);
  const className = json.class_name;
  if (typeof className !== 'string' || !modelClasses.has(className)) {
    throw unsupportedLayer(
      file,
      around || 'model',
      String(className),
      'whose layers are in code, not in the file',
    );
  }
  const config = Array.isArray(json.config) ? { layers: json.config } : json.config;
  if (!isFields(config) || !Array.isArray(config.layers) || config.layers.length === 0) {
    throw invalidPart(
      file,
      `${field}, layers`,
      'a list of layers',
      isFields(config) ? config.layers : config,
    );
  }
  reading.layers += config.layers.length;
  if (reading.layers > MOST_LAYERS) {
    throw invalidPart(file, field, `at most ${MOST_LAYERS} layers`, reading.layers);
  }
  const name = typeof config.name === 'string' ? config.name : 'model';
  const layers = config.layers.map((layer: unknown) => readLayer(reading, layer, around, depth));
  refuseDoubles(reading, layers, field);
  const unnamed = config.layers.find(
    (layer: unknown) => !isFields(layer) || layer.name === undefined,
  );
  if (unnamed !== undefined && className !== 'Sequential') {
    throw invalidPart(file, `${field}, layers`, 'a name for each', unnamed);
  }
  if (className === 'Sequential') return { name, className, ...chained(reading, layers, around) };
  const references = (key: string) => modelEnds(reading, config[key], `${field}, ${key}`);
  const ends = { inputs: references('input_layers'), outputs: references('output_layers') };
  return { name, className, layers, ...ends };
}

function readLayer(
  reading: Reading,
  json: unknown,
  around: string,
  depth: number,
): ConfiguredLayer {
  const { file, keras } = reading;
  const field = around === '' ? 'layers' : `layers of ${around}`;
  if (!isFields(json) || typeof json.class_name !== 'string') {
    throw invalidPart(file, field, 'a class_name and a config each', json);
  }
  const nested = modelClasses.has(json.class_name);
  const fields = isFields(json.config) ? json.config : nested ? {} : undefined;
  if (fields === undefined) throw invalidPart(file, field, 'a class_name and a config each', json);
  const name = json.name ?? fields.name ?? (nested ? 'sequential' : undefined);
  if (typeof name !== 'string' || name === '' || name.length > LONGEST_NAME) {
    throw invalidPart(file, `${field}, name`, `1 to ${LONGEST_NAME} characters`, name);
  }
  // Who reads the one and who the other would connect them differently; TensorFlow.js waits for ever.
  if ((fields.name ?? name) !== name) throw invalidPart(file, `${field}, name`, name, fields.name);
  const path = around === '' ? name : `${around}/${name}`;
  const computed = outsideOfLayers(reading, json, path);
  if (computed) return { name, ...computed };
  const config = new LayerConfig(file, path, json.class_name, fields, keras);
  const calls = callsOf(reading, json.inbound_nodes, path);
  const inner = nested ? { inner: readModel(reading, json, path, depth + 1) } : {};
  return { name, config, calls, ...inner };
}

/**
 * An operation that is no layer, as a layer of the class Arithmetic.
 * @throws where it is another, or of the user's own
 */
function outsideOfLayers({ file, keras }: Reading, json: Fields, path: string) {
  const { class_name: className, module, registered_name: registered } = json;
  if (typeof registered === 'string' && registered.includes('>')) {
    throw unsupportedLayer(file, path, registered, 'which is a custom class');
  }
  const operation = typeof module === 'string' && /\bops\b/.test(module);
  if (!operation && className !== 'TFOpLambda') return undefined;
  const arithmetic = arithmeticOf(json);
  if (arithmetic === undefined) {
    const why = 'an operation outside of layers that the import does not know';
    throw unsupportedLayer(file, path, String(className), why);
  }
  const { operator, operands } = arithmetic;
  const constant = operands.find((one) => typeof one === 'number');
  const fields = { operator, constant, first: typeof operands[0] === 'number' };
  const inputs = operands
    .filter((one) => typeof one !== 'number')
    .map((one) => reference(file, one, `inbound_nodes of layer ${path}`));
  return { config: new LayerConfig(file, path, 'Arithmetic', fields, keras), calls: [inputs] };
}

function refuseDoubles({ file }: Reading, layers: readonly ConfiguredLayer[], field: string): void {
  const seen = new Set<string>();
  for (const { name } of layers) {
    if (seen.has(name))
      throw invalidPart(file, `${field}, layers`, 'layers of different names', name);
    seen.add(name);
  }
}

/** The layers of a Sequential one after the other, behind an input of their own where none is written. */
function chained(reading: Reading, layers: readonly ConfiguredLayer[], around: string) {
  const [first] = layers;
  const stated = first.config.className === 'InputLayer';
  const inputName = stated ? first.name : freeName(`${first.name}_input`, layers);
  const shape = first.config.raw('batch_input_shape') ?? first.config.raw('batch_shape');
  const path = around === '' ? inputName : `${around}/${inputName}`;
  const made = new LayerConfig(
    reading.file,
    path,
    'InputLayer',
    { batch_input_shape: shape },
    reading.keras,
  );
  const input: ConfiguredLayer = stated
    ? { ...first, calls: [] }
    : { name: inputName, config: made, calls: [] };
  let last: LayerReference = { layer: inputName, call: 0 };
  const rest = layers.slice(stated ? 1 : 0).map((layer): ConfiguredLayer => {
    const calls = [[last]];
    last = { layer: layer.name, call: 0 };
    return { ...layer, calls };
  });
  return { layers: [input, ...rest], inputs: [{ layer: inputName, call: 0 }], outputs: [last] };
}

function freeName(wanted: string, layers: readonly ConfiguredLayer[]): string {
  let name = wanted;
  while (layers.some((layer) => layer.name === name)) name += '_';
  return name;
}

/** `[name, call, output]` of an input or output of a model, alone or in a list. */
function modelEnds({ file }: Reading, json: unknown, field: string): LayerReference[] {
  if (!Array.isArray(json) || json.length === 0) throw invalidPart(file, field, 'a list', json);
  const all = typeof json[0] === 'string' ? [json] : (json as unknown[]);
  return all.map((one) => reference(file, one, field));
}

function reference(file: string, json: unknown, field: string): LayerReference {
  const [layer, call, output] = Array.isArray(json) ? (json as unknown[]) : [];
  const fits = typeof layer === 'string' && Number.isInteger(call) && (call as number) >= 0;
  if (!fits || output !== 0) {
    throw invalidPart(file, field, '[layer, call, 0], as the only output of the layer', json);
  }
  return { layer: layer as string, call: call as number };
}

function callsOf({ file }: Reading, json: unknown, path: string): LayerReference[][] {
  if (json === undefined || json === null) return [];
  const field = `inbound_nodes of layer ${path}`;
  if (!Array.isArray(json)) throw invalidPart(file, field, 'a list of calls', json);
  return json.map((node: unknown) => {
    if (isFields(node)) return tensorsOf(file, node, field);
    if (!Array.isArray(node)) throw invalidPart(file, field, 'a list of inputs', node);
    const inputs = typeof node[0] === 'string' ? [node] : (node as unknown[]);
    for (const input of inputs) refuseArguments(file, (input as unknown[])?.[3], field);
    return inputs.map((input) => reference(file, input, field));
  });
}

/** Keras 3 writes a call as Python has it: the tensors stand in `args`, alone or in one list. */
function tensorsOf(file: string, node: Fields, field: string): LayerReference[] {
  refuseArguments(file, node.kwargs, field);
  if (!Array.isArray(node.args)) throw invalidPart(file, `${field}, args`, 'a list', node.args);
  return node.args.flat().map((one: unknown) => {
    const config = isFields(one) && one.class_name === '__keras_tensor__' ? one.config : undefined;
    if (!isFields(config)) throw invalidPart(file, `${field}, args`, 'tensors of the model', one);
    return reference(file, config.keras_history, field);
  });
}

/** Arguments beside tensors change what a layer does; those that say how to train do not. */
function refuseArguments(file: string, json: unknown, field: string): void {
  if (json === undefined || json === null) return;
  const names = isFields(json) ? Object.keys(json) : ['?'];
  const other = names.find(
    (name) =>
      name !== 'training' && (!isFields(json) || (json[name] !== null && json[name] !== false)),
  );
  if (other !== undefined) throw tooMany(file, field, other);
}

const tooMany = (file: string, field: string, name: string): VentralError =>
  invalidPart(file, field, 'tensors alone', `the argument ${name}`);
