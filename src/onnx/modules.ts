import { type Dataflow, dataflow } from './dataflow.js';
import type { Model } from './model.js';
import { type NonTensors, nonTensors } from './non-tensors.js';
import { type Quantised, quantisedValues, realValues } from './quantised.js';
import {
  enteringValues,
  leavingValues,
  readScopes,
  runs,
  type Scope,
  type Scopes,
} from './scopes.js';
import { type Unsteady, unsteadyValues } from './unsteady.js';

/**
 * Which value holds what a forward hook on a module records (design §2). The rule throughout: give
 * the value where names prove it, the candidates where they do not, and never another module's.
 */
export type FoundModule =
  | { readonly kind: 'value'; readonly value: string }
  /** A convolution that absorbed a batch norm: its own output is gone, `value` holds the norm's. */
  | { readonly kind: 'folded'; readonly value: string }
  | { readonly kind: 'ambiguous'; readonly values: readonly string[]; readonly why: string }
  | { readonly kind: 'none' };

/** What resolving needs of a model, made once. */
export interface Modules {
  readonly flow: Dataflow;
  readonly quantised: Quantised;
  /** Values that the same image does not always give, by what they depend on. */
  readonly unsteady: ReadonlyMap<string, Unsteady>;
  /** Values that are no tensors, by what they are. */
  readonly others: NonTensors;
  readonly scopes: Scopes;
  /** Values that convolutions with an absorbed batch norm make, by the convolution's scope. */
  readonly folded: ReadonlyMap<string, Scope>;
  /** Scopes named like a batch norm that hold none, by their first node. */
  readonly emptyNorms: ReadonlyMap<number, readonly Scope[]>;
}

const prepared = new WeakMap<Model, Modules>();

/** Scopes and dataflow of a model's graph (kept with the model). */
export function modulesOf(model: Model): Modules {
  const known = prepared.get(model);
  if (known !== undefined) return known;
  const flow = dataflow(model.graph);
  const scopes = readScopes(model.graph);
  const made = {
    flow,
    quantised: quantisedValues(flow),
    unsteady: unsteadyValues(model, flow),
    others: nonTensors(model),
    scopes,
    folded: foldedValues(flow, scopes),
    emptyNorms: emptyNorms(flow, scopes),
  };
  prepared.set(model, made);
  return made;
}

/** Where convolutions read weights and bias. */
const stored: ReadonlyMap<string, readonly number[]> = new Map([
  ['Conv', [1, 2]],
  ['ConvTranspose', [1, 2]],
  ['QLinearConv', [3, 8]],
]);
/** What the names of weights end in that ONNX Runtime has quantised. */
const QUANTISED = '(_quantized)?(_DequantizeLinear_Output(_\\d+)?)?';

/** Those of the graph as it is in the file, in which names are looked up. */
export const wholeModules = (model: Model): Modules => modulesOf(model.imagePart?.whole ?? model);

/**
 * Weights and bias named `onnx::Conv_<n>` are the exporter's sign of a folded batch norm: any other
 * convolution reads `<module>.weight`, and one whose weight alone was computed keeps its own bias.
 */
function foldedValues(flow: Dataflow, scopes: Scopes): Map<string, Scope> {
  const folded = new Map<string, Scope>();
  for (const scope of [scopes.root, ...scopes.all]) {
    for (const index of scope.direct) {
      const { operator, inputs, outputs } = flow.nodes[index];
      const at = stored.get(operator);
      if (!at) continue;
      const sign = new RegExp(`^onnx::${operator.replace('QLinear', '')}_\\d+${QUANTISED}$`);
      if (at.every((input) => sign.test(inputs[input] ?? ''))) folded.set(outputs[0], scope);
    }
  }
  return folded;
}

/** The value of a module that left nodes, by its path. */
export function moduleValue(modules: Modules, path: string): FoundModule {
  const scopes = modules.scopes.byPath.get(path) ?? [];
  if (scopes.length === 0) return { kind: 'none' };
  const found = scopes.map((scope) => scopeValue(modules, scope));
  const collided = scopes.filter((s) => s.literalPath === path || s.uncertain);
  const another = collided.length > 0 && scopes.length > 1;
  if (another || (collided.length > 0 && collided[0].uncertain)) {
    return ambiguous(found, 'the exporter names a second call of a module like another module');
  }
  // Scopes are in the order of their first node: the last one is the last call.
  const last = found[found.length - 1];
  const alias = aliasOf(modules, scopes[scopes.length - 1]);
  if (alias === undefined || last.kind !== 'value') return last;
  return ambiguous(
    [last, scopeValue(modules, alias)],
    `the module may have been called again under the name ${alias.path}`,
  );
}

/** The calls of a module that was called several times, each with its value, in their order. */
export function callsOf(modules: Modules, path: string): FoundModule[] {
  const scopes = modules.scopes.byPath.get(path) ?? [];
  return scopes.length > 1 ? scopes.map((scope) => scopeValue(modules, scope)) : [];
}

function ambiguous(found: readonly FoundModule[], why: string): FoundModule {
  // Whichever is meant, its own output is gone: none of the values may be offered for it.
  const last = found.at(-1);
  if (last && found.every(({ kind }) => kind === 'folded')) return last;
  const values = found.flatMap((f) =>
    f.kind === 'ambiguous' ? f.values : f.kind === 'none' ? [] : [f.value],
  );
  return values.length === 0 ? { kind: 'none' } : { kind: 'ambiguous', values, why };
}

/** The value that leaves one scope. */
export function scopeValue(modules: Modules, scope: Scope): FoundModule {
  const { flow } = modules;
  let leaving = realValues(modules.quantised, leavingValues(scope.nodes, flow));
  if (leaving.length > 1 && scope.holdsAllCalls) {
    // Several calls in one scope, each a run of nodes: the last call counts.
    const calls = runs(scope.nodes).map((run) => new Set(run));
    const last = calls[calls.length - 1];
    const ofLast = leaving.filter((name) => last.has(flow.producers.get(name) ?? -1));
    if (calls.length > 1 && ofLast.length === 1) leaving = ofLast;
  }
  if (leaving.length === 0) return { kind: 'none' };
  if (leaving.length > 1) {
    return { kind: 'ambiguous', values: leaving, why: 'several values leave that module' };
  }
  const [value] = leaving;
  const convolution = modules.folded.get(value);
  if (convolution === undefined) return { kind: 'value', value };
  const gone = convolution === scope || normFollows(modules, value, scope);
  return { kind: gone ? 'folded' : 'value', value };
}

/** Whether the batch norm that a convolution absorbed bears a name outside of `scope`. */
function normFollows(modules: Modules, value: string, scope: Scope): boolean {
  const inside = new Set(scope.nodes);
  return normScopes(modules, value).some((norm) => !norm.nodes.some((index) => inside.has(index)));
}

/** Scopes named like a batch norm that read a value: norm-and-activation modules whose norm was absorbed. */
export function normScopes({ flow, emptyNorms }: Modules, value: string): Scope[] {
  return (flow.consumers.get(value) ?? []).flatMap((index) => emptyNorms.get(index) ?? []);
}

function emptyNorms(flow: Dataflow, scopes: Scopes): Map<number, Scope[]> {
  const found = new Map<number, Scope[]>();
  for (const scope of scopes.all) {
    if (!isNormName(scope.local) || hasNorm(scope, flow)) continue;
    found.set(scope.nodes[0], [...(found.get(scope.nodes[0]) ?? []), scope]);
  }
  return found;
}

/** Whether the last part of a path is what people call a batch norm: bn1, norm, batch_norm_2. */
export function isNormName(local: string): boolean {
  return /^(bn|norm|batch_?norm)\d*$/i.test(local);
}

/** Whether the scope directly contains a batch norm node. */
export function hasNorm(scope: Scope, flow: Dataflow): boolean {
  return scope.direct.some((index) => flow.nodes[index].operator === 'BatchNormalization');
}

/**
 * A module without weights that was called several times, where a later scope beside it does the
 * same: that may be the same module under a second name, whose call would then be the last.
 */
function aliasOf({ flow, scopes }: Modules, scope: Scope): Scope | undefined {
  if (!scope.holdsAllCalls || runs(scope.nodes).length < 2) return undefined;
  const shape = (s: Scope) => new Set(s.nodes.map((index) => flow.nodes[index].operator));
  const weightless = (s: Scope) =>
    s.nodes.every((i) => flow.reads[i].every((name) => flow.producers.has(name)));
  if (!weightless(scope)) return undefined;
  const mine = [...shape(scope)].sort().join();
  const last = scope.nodes[scope.nodes.length - 1];
  return (scope.parent ?? scopes.root).children.find(
    (sibling) =>
      sibling !== scope &&
      sibling.nodes[0] > last &&
      weightless(sibling) &&
      [...shape(sibling)].sort().join() === mine,
  );
}

/** The single value that enters a scope, or undefined. */
export function entering(modules: Modules, scope: Scope): string | undefined {
  const values = realValues(modules.quantised, enteringValues(scope.nodes, modules.flow));
  return values.length === 1 ? values[0] : undefined;
}

/** Operators that carry weights over channels: what people count as the layers of a network. */
const counted: ReadonlySet<string> = new Set([
  ...['Conv', 'ConvTranspose', 'Gemm', 'MatMul'],
  ...['QLinearConv', 'QLinearMatMul', 'QGemm', 'ConvInteger', 'MatMulInteger'],
]);

/**
 * For each value that depends on the input, how many convolutions and matrix products are on the longest
 * way to it.
 */
export function valueDepths(model: Model): ReadonlyMap<string, number> {
  const { flow } = modulesOf(model);
  const depths = new Map([...flow.graphInputs].map((name) => [name, 0]));
  flow.nodes.forEach((node, index) => {
    const before = flow.reads[index].reduce(
      (deepest, name) => Math.max(deepest, depths.get(name) ?? 0),
      0,
    );
    const depth = before + (counted.has(node.operator) ? 1 : 0);
    for (const name of node.outputs) if (flow.data.has(name)) depths.set(name, depth);
  });
  return depths;
}
