import { closestNames } from '../errors/closest-names.js';
import { VentralError } from '../errors/ventral-error.js';
import { blockOutput, blockOutputs, outputSteps } from './block-output.js';
import { globOf } from './glob.js';
import type { Model } from './model.js';
import { modelInputs } from './model-inputs.js';
import { callsOf, type FoundModule, type Modules, moduleValue, wholeModules } from './modules.js';
import { gaps, nodelessValue } from './nodeless.js';
import type { Quantised } from './quantised.js';

/** A name of a value of the model, or of an unavailable module. */
export interface LayerInfo {
  /** Module path or value name; `module:<path>` where a value bears the module's name. */
  readonly name: string;
  /** The value in the graph; null if it was folded away or names cannot tell. */
  readonly value: string | null;
  readonly kind: 'module' | 'value';
  /** Operator that makes the value; `''` for a graph input. */
  readonly operator: string;
  /** Set on a convolution that absorbed a batch norm; `carriedBy` is the value that holds the norm's output. */
  readonly folded?: { readonly carriedBy: string };
  /** Set where several values answer to the name. */
  readonly candidates?: readonly string[];
  /** Inputs or random numbers that it needs beside the image: it is not available, and `value` is null. */
  readonly needs?: readonly string[];
}

/** What of a layer's output is taken: `encoder.3@cls` is the class token of `encoder.3`. */
export type Selection = (typeof selections)[number] | `${number}x${number}` | `t${number}`;

const selections = ['cls', 'registers', 'patches', 'no-prefix', 'mean', 'max', 'nchw'] as const;

/** Largest side of a grid that maps are pooled to. */
const MOST_CELLS = 64;

/** A selection from its name; undefined if there is none of that name. */
export function selectionOf(name: string): Selection | undefined {
  const known = selections.find((each) => each === name);
  if (known) return known;
  if (/^t(0|[1-9]\d{0,2})$/.test(name)) return `t${Number(name.slice(1))}`;
  const [, rows, columns] = /^([1-9]\d?)x([1-9]\d?)$/.exec(name) ?? [];
  if (rows === undefined || Number(rows) > MOST_CELLS || Number(columns) > MOST_CELLS)
    return undefined;
  return `${Number(rows)}x${Number(columns)}`;
}

/** Whether a selection pools a map of channels. */
export const isPool = (selection: Selection): boolean =>
  selection === 'mean' || selection === 'max' || /^\d/.test(selection);

/** The position in time that a selection takes, from 0; undefined for another selection. */
export const frameOf = (selection: Selection): number | undefined =>
  /^t\d/.test(selection) ? Number(selection.slice(1)) : undefined;

/** A resolved layer: the requested name and the value in the graph, and what of it is taken if not all. */
export interface ResolvedLayer {
  readonly name: string;
  readonly value: string;
  readonly selection?: Selection;
}

const MODULE = 'module:';

/**
 * The layers of a model in order of execution: first its modules, then the values that depend on
 * the input. Module paths and what they mean: design §2.
 */
export function listLayers(model: Model): LayerInfo[] {
  const modules = wholeModules(model);
  const { flow, quantised, scopes } = modules;
  const paths = new Set<string>();
  for (const scope of scopes.all) {
    for (const index of gaps(scope)) paths.add(`${scope.path}.${index}`);
    paths.add(scope.path);
  }
  for (const path of blockOutputs(modules)) paths.add(path);
  const listed = [...paths].flatMap((path) => moduleInfo(modules, path));
  const order = (info: LayerInfo) =>
    flow.producers.get(info.value ?? info.folded?.carriedBy ?? info.candidates?.[0] ?? '') ?? -1;
  listed.sort((a, b) => order(a) - order(b));
  const { codes, copies } = quantised;
  const offered = [...flow.data].filter((name) => !codes.has(name) && !copies.has(name));
  const values = offered.map(
    (name): LayerInfo => ({
      name,
      value: name,
      kind: 'value',
      operator: operatorOf(modules, name),
    }),
  );
  return [...listed, ...values].map((info) => reached(model, modules, info));
}

/** The layer as it is where images alone are fed. */
function reached({ imagePart }: Model, { unsteady }: Modules, info: LayerInfo): LayerInfo {
  const { value, folded, candidates = [] } = info;
  const values = value ?? folded?.carriedBy;
  const needs = [values ?? candidates]
    .flat()
    .flatMap((name) => imagePart?.needs.get(name) ?? unsteady.get(name) ?? []);
  return needs.length > 0 ? { ...info, value: null, needs: [...new Set(needs)] } : info;
}

function operatorOf({ flow }: Modules, value: string): string {
  const producer = flow.producers.get(value);
  return producer === undefined ? '' : flow.nodes[producer].operator;
}

/** A module, and its calls where it is called several times. */
function moduleInfo(modules: Modules, path: string): LayerInfo[] {
  const found = findModule(modules, path);
  if (found.kind === 'none') return [];
  const calls = callsNamed(modules, path).slice(0, MOST_CALLS);
  return [
    ...foundInfo(modules, path, found),
    ...calls.flatMap((each, i) => foundInfo(modules, `${path}#${i + 1}`, each)),
  ];
}

function foundInfo(modules: Modules, path: string, found: FoundModule): LayerInfo[] {
  const name = isValue(modules, path) ? MODULE + path : path;
  const base = { name, kind: 'module' } as const;
  if (found.kind === 'none') return [];
  if (found.kind === 'ambiguous')
    return [{ ...base, value: null, operator: '', candidates: found.values }];
  const operator = operatorOf(modules, found.value);
  if (found.kind === 'value') return [{ ...base, value: found.value, operator }];
  return [{ ...base, value: null, operator, folded: { carriedBy: found.value } }];
}

/** The calls of a module, or the steps of a recurrent block. */
function callsNamed(modules: Modules, path: string): FoundModule[] {
  const calls = callsOf(modules, path);
  return calls.length > 0 ? calls : outputSteps(modules, path);
}

function isValue({ flow }: Modules, name: string): boolean {
  return flow.producers.has(name) || flow.graphInputs.has(name);
}

/** `conv2#2` is the second call of the module `conv2`. */
const CALL = /^(.+)#([1-9]\d{0,2})$/;
/** Calls that have a name. */
const MOST_CALLS = 999;

function findModule(modules: Modules, path: string): FoundModule {
  const call = CALL.exec(path);
  if (call) return callsNamed(modules, call[1])[Number(call[2]) - 1] ?? { kind: 'none' };
  for (const find of [moduleValue, nodelessValue]) {
    const found = find(modules, path);
    if (found.kind !== 'none') return found;
  }
  return blockOutput(modules, path);
}

/**
 * The value of a layer: an exact value name, else a module path (`module:<path>` says that the
 * module is meant), else either of them before an `@` and a selection after it.
 * @throws VentralError `layer-unknown` with the closest names, `layer-ambiguous` with the candidates,
 *   `layer-folded` with the way to export without folding, `layer-unsteady` for random numbers
 */
export function resolveLayer(model: Model, name: string): ResolvedLayer {
  const modules = wholeModules(model);
  const path = name.startsWith(MODULE) ? name.slice(MODULE.length) : name;
  const isExact = name !== '' && isValue(modules, name);
  const found = isExact
    ? ({ kind: 'value', value: name } as const)
    : path === ''
      ? ({ kind: 'none' } as const)
      : findModule(modules, path);
  if (found.kind === 'value') return steadyLayer(model, name, found.value);
  const parts = found.kind === 'none' ? splitSelection(model, name) : undefined;
  if (!parts) throw refusal(model, name, found);
  // A part of a part is none; a long name of them would go as deep.
  if (!isLayer(model, parts.base) && splitSelection(model, parts.base))
    throw refusal(model, name, found);
  const { value } = resolveLayer(model, parts.base);
  return { name, value, selection: parts.selection };
}

/** A value that the image alone decides, and whose numbers are those of the network. */
function steadyLayer(model: Model, name: string, value: string): ResolvedLayer {
  const { quantised, unsteady } = wholeModules(model);
  if (quantised.codes.has(value)) throw coded(model, name, quantised);
  const needs = model.imagePart?.needs.get(value);
  if (needs) throw unreached(model, name, needs);
  const why = unsteady.get(value);
  if (why !== undefined) throw unsteadyLayer(model, name, why);
  return { name, value };
}

function coded({ name: file }: Model, asked: string, { real }: Quantised): VentralError {
  const name = short(asked);
  const instead = real.has(asked) ? short(real.get(asked) as string) : undefined;
  return new VentralError(
    'layer-unknown',
    `The layer ${name} of ${file} holds the integers of a quantised value${instead ? `: ask for ${instead}` : ', which the graph has nowhere else'}`,
    {
      ...{ file, field: name, reason: 'integers of a quantised value' },
      ...{ expected: instead ?? 'a layer of real numbers', found: 'integers' },
    },
  );
}

function unsteadyLayer({ name: file }: Model, asked: string, why: string): VentralError {
  const name = short(asked);
  return new VentralError(
    'layer-unsteady',
    `The layer ${name} of ${file} depends on ${why}, so that no score of it could be repeated: export the network in evaluation mode and without its noise`,
    {
      ...{ file, field: name, reason: `depends on ${why}` },
      ...{ expected: 'a layer that depends on the image alone', found: why },
    },
  );
}

function unreached(model: Model, asked: string, needing: readonly string[]): VentralError {
  const name = short(asked);
  const needs = needing.map(short);
  const inputs = modelInputs(model).map((input) => short(input.name));
  return new VentralError(
    'layer-unknown',
    `The layer ${name} of ${model.name} needs ${needs.join(', ')}: images go to ${inputs.join(', ')} alone`,
    {
      ...{ file: model.name, field: name, reason: `needs ${needs.join(', ')}` },
      ...{ expected: `a layer of ${inputs.join(', ')} alone`, found: needs.join(', ') },
    },
  );
}

/**
 * A name that ends in `@` and a selection, in two.
 * @throws VentralError `layer-unknown` for an unknown selection of a layer that there is
 */
function splitSelection(
  model: Model,
  name: string,
): { readonly base: string; readonly selection: Selection } | undefined {
  const at = name.lastIndexOf('@');
  if (at <= 0) return undefined;
  const [base, word] = [name.slice(0, at), name.slice(at + 1)];
  const selection = selectionOf(word);
  if (selection) return { base, selection };
  if (!isLayer(model, base)) return undefined;
  const known = `${selections.join(', ')}, a grid such as 4x4, or a frame such as t0`;
  const shown = word.slice(0, MAX_NAME);
  throw new VentralError(
    'layer-unknown',
    `${model.name}: ${base.slice(0, MAX_NAME)} has no part @${shown}; expected one of ${known}`,
    { file: model.name, field: name.slice(0, MAX_NAME), expected: known, found: shown },
  );
}

function isLayer(model: Model, name: string): boolean {
  const modules = wholeModules(model);
  if (isValue(modules, name)) return true;
  return findModule(modules, name.replace(new RegExp(`^${MODULE}`), '')).kind === 'value';
}

function refusal(
  model: Model,
  asked: string,
  found: Exclude<FoundModule, { kind: 'value' }>,
): VentralError {
  const name = short(asked);
  const details = { file: model.name, field: name };
  if (found.kind === 'folded') {
    return new VentralError(
      'layer-folded',
      `${model.name} does not hold the output of ${name}: a batch norm was folded into it at export, ` +
        `and ${short(found.value)} holds the batch norm's output. Export again with ` +
        'torch.onnx.export(model.eval(), …, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False), ' +
        'or ask for the batch norm',
      {
        ...details,
        expected: `the output of ${name}`,
        found: `${short(found.value)}, the batch norm's output`,
      },
    );
  }
  if (found.kind === 'ambiguous') {
    const values = found.values.slice(0, MAX_CANDIDATES).map(short);
    const shown = values.slice(0, 8).join(', ');
    const count = callsOf(wholeModules(model), asked).length;
    const calls = count > 1 ? `, or for a call: ${name}#1 to ${name}#${count}` : '';
    const more = found.values.length > 8 ? ` and ${found.values.length - 8} more` : '';
    return new VentralError(
      'layer-ambiguous',
      `Layer ${name} of ${model.name} may be any of several values (${found.why}); ask for one by name: ${shown}${more}${calls}`,
      { ...details, expected: 'a name that fits one value', found: values.join(', ') },
    );
  }
  const names = closestNames(asked.slice(0, MAX_NAME), nearby(model));
  const hint = names.length === 0 ? '' : `; closest: ${names.join(', ')}`;
  return new VentralError('layer-unknown', `${model.name} has no layer ${name}${hint}`, {
    ...details,
    expected: names.length === 0 ? 'a layer of the model' : names.join(', '),
    found: name,
  });
}

/** A name as messages show it. */
const short = (name: string) => (name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name);

/** Longest name and most names that a wrong one is compared with: bounded for any file. */
const MAX_NAME = 200;
const MAX_NAMES = 20_000;
/** Values that a name may mean, of which the details of an error tell. */
const MAX_CANDIDATES = 100;
/** Stars of a glob. */
const MAX_STARS = 5;
/** Parts of a layer that one pattern may ask for. */
const MAX_PARTS = 100;

function nearby(model: Model): string[] {
  return listLayers(model)
    .filter(({ name, value }) => value !== null && name.length <= MAX_NAME)
    .slice(0, MAX_NAMES)
    .map(({ name }) => name);
}

/** `a@{cls,mean}` as `a@cls` and `a@mean`; other patterns, and those of more parts than there are, as they are. */
function spelledOut(pattern: string): string[] {
  const [, base, words = ''] = /^(.+)@\{([^{}@]*)\}$/.exec(pattern) ?? [];
  const parts = words.split(',', MAX_PARTS + 1);
  if (base === undefined || parts.length > MAX_PARTS) return [pattern];
  return parts.map((word) => `${base}@${word}`);
}

/**
 * The layers that names and globs mean, each once, in the order of the patterns and then of
 * execution. `*` stops at no dot or slash. What stands after an `@` is taken of each. A glob meets module paths, and value names where no module fits;
 * unavailable layers (folded, ambiguous) are skipped by globs and refused by name.
 * @throws as {@link resolveLayer}, and `layer-unknown` for a glob that fits nothing
 */
export function expandLayers(model: Model, patterns: readonly string[]): ResolvedLayer[] {
  const found = new Map<string, ResolvedLayer>();
  const layers = listLayers(model).filter((layer) => layer.value !== null);
  for (const pattern of patterns.flatMap(spelledOut)) {
    for (const layer of expandPattern(model, pattern, layers)) {
      if (!found.has(layer.name)) found.set(layer.name, layer);
    }
  }
  return [...found.values()];
}

function expandPattern(
  model: Model,
  pattern: string,
  layers: readonly LayerInfo[],
): ResolvedLayer[] {
  if (!/[*?[\]{}!]/.test(pattern)) return [resolveLayer(model, pattern)];
  const stars = pattern.replaceAll(/\*+/g, '*').split('*').length - 1;
  const glob = stars > MAX_STARS ? undefined : globOf(pattern);
  if (!glob) {
    const shown = pattern.slice(0, MAX_NAME);
    throw new VentralError(
      'layer-unknown',
      `The glob ${shown} is too long or has patterns in parentheses`,
      {
        file: model.name,
        field: shown,
        expected: `at most ${MAX_NAME} characters and ${MAX_STARS} stars, with ?, [a-c] and {a,b}`,
        found: `${pattern.length} characters`,
      },
    );
  }
  // Calls of a module are further names of what a glob without a # never meant.
  const matches = (name: string) =>
    name.length <= MAX_NAME && (pattern.includes('#') || !CALL.test(name)) && glob(name);
  const fitting = (kind: LayerInfo['kind']) =>
    layers.filter((layer) => layer.kind === kind && matches(layer.name));
  const fit = fitting('module').length > 0 ? fitting('module') : fitting('value');
  if (fit.length > 0) return fit.map(({ name, value }) => ({ name, value: value! }));
  const [, base, word] = /^([^@]+)@([^@*?[\]]+)$/.exec(pattern) ?? [];
  const selection = word === undefined ? undefined : selectionOf(word);
  if (selection)
    return expandPattern(model, base, layers).map(({ name, value }) => ({
      name: `${name}@${selection}`,
      value,
      selection,
    }));
  throw new VentralError('layer-unknown', `No layer of ${model.name} fits ${short(pattern)}`, {
    file: model.name,
    field: short(pattern),
    expected: 'a glob that fits a layer',
    found: 'none',
  });
}
