import { type Dataflow, shapeOperators } from './dataflow.js';
import type { Graph, GraphNode } from './graph.js';

/**
 * Module calls as the exporters leave them in a graph: in node names (`/layer3/layer3.0/conv1/Conv`,
 * the TorchScript exporter), in value names of that form, or in `pkg.torch.onnx.name_scopes` (the
 * exporter based on torch.export). Golden group 11 has the cases.
 */

/** One scope, which is one call of a module where the exporter distinguishes calls. */
export interface Scope {
  /** Unique in the graph. */
  readonly key: string;
  /** Module path, `layer3.0.conv1`. */
  path: string;
  /** Last part of the path as it is written in the graph, the number of the call included. */
  readonly local: string;
  readonly parent: Scope | undefined;
  readonly children: Scope[];
  /** Indices of all nodes inside, in order. */
  readonly nodes: number[];
  /** Indices of the nodes that are in no scope further inside. */
  readonly direct: number[];
  /** True where one scope holds every call of its module. */
  readonly holdsAllCalls: boolean;
  /** Set where the name reads as call k of the module `path`; it may be a module of its own as well. */
  literalPath?: string;
  /** True where weights cannot tell whether it is that call or that module. */
  uncertain?: boolean;
}

/** The scopes of a graph. */
export interface Scopes {
  readonly root: Scope;
  /** All scopes but the root, in order of their first node. */
  readonly all: readonly Scope[];
  readonly byPath: ReadonlyMap<string, readonly Scope[]>;
}

interface Part {
  readonly key: string;
  readonly path: string;
  readonly local: string;
  readonly holdsAllCalls: boolean;
}

/** Scopes deeper than any network nests them. */
const MAX_DEPTH = 64;

/** Reads the scopes of a graph. */
export function readScopes(graph: Graph): Scopes {
  const root = newScope({ key: '', path: '', local: '', holdsAllCalls: true }, undefined);
  const scopes = new Map<string, Scope>([['', root]]);
  graph.nodes.forEach((node, index) => {
    let scope = root;
    root.nodes.push(index);
    for (const part of scopeOf(node)) {
      let inner = scopes.get(part.key);
      if (inner === undefined) {
        inner = newScope(part, scope);
        scope.children.push(inner);
        scopes.set(part.key, inner);
      }
      inner.nodes.push(index);
      scope = inner;
    }
    scope.direct.push(index);
  });
  nameCalls(root, graph, new Set(graph.initializers.map((tensor) => tensor.name)));
  const all = [...scopes.values()].filter((scope) => scope !== root);
  return { root, all, byPath: pathsOf(all) };
}

function newScope(part: Part, parent: Scope | undefined): Scope {
  return { ...part, parent, children: [], nodes: [], direct: [] };
}

function pathsOf(all: readonly Scope[]): Map<string, Scope[]> {
  const byPath = new Map<string, Scope[]>();
  for (const scope of all) {
    for (const path of new Set([scope.path, scope.literalPath ?? scope.path])) {
      const known = byPath.get(path);
      if (known === undefined) byPath.set(path, [scope]);
      else known.push(scope);
    }
  }
  return byPath;
}

function scopeOf(node: GraphNode): Part[] {
  const scopes = node.metadata.get('pkg.torch.onnx.name_scopes');
  if (scopes !== undefined) return metadataScope(scopes);
  const name = node.name.includes('/') ? node.name : (node.outputs[0] ?? '');
  if (!name.includes('/')) return [];
  const parts = name.split('/').filter((part) => part !== '');
  const scope: Part[] = [];
  for (const local of parts.slice(0, Math.min(parts.length - 1, MAX_DEPTH))) {
    const above = scope[scope.length - 1];
    const key = `${above?.key ?? ''}/${local}`;
    scope.push({ key, path: joinPath(above, local), local, holdsAllCalls: false });
  }
  return scope;
}

/** The children of a Sequential repeat the last part of its scope: `/downsample/downsample.0`. */
function joinPath(above: Part | undefined, local: string): string {
  if (above === undefined) return local;
  for (const parent of [above.local, above.local.replace(/_\d+$/, '')]) {
    if (local.startsWith(`${parent}.`)) return above.path + local.slice(parent.length);
  }
  return `${above.path}.${local}`;
}

/** `['', 'layer1', 'layer1.0', 'relu_2']`: full paths, the last one names the operation itself. */
function metadataScope(written: string): Part[] {
  const strings = [...written.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)];
  const paths = strings.map((match) => match[1] ?? match[2]).slice(0, -1);
  const scope: Part[] = [];
  for (const written of paths.filter((p) => p !== '').slice(0, MAX_DEPTH)) {
    const path = written.replace(/@\d+$/, '');
    const local = path.slice(path.lastIndexOf('.') + 1);
    const key = `${scope[scope.length - 1]?.key ?? ''}|${written}`;
    scope.push({ key, path, local, holdsAllCalls: !written.includes('@') });
  }
  return scope;
}

/**
 * `relu_1` beside `relu` is the second call of `relu` unless its own weights say otherwise. Since
 * a module may also be called `relu_1`, the literal path is kept beside.
 */
function nameCalls(parent: Scope, graph: Graph, stored: ReadonlySet<string>): void {
  const siblings = new Map(parent.children.map((scope) => [scope.local, scope]));
  for (const scope of parent.children) {
    const base = scope.holdsAllCalls ? undefined : calledModule(scope.local, siblings);
    const isCall = base === undefined ? 'no' : isCallOf(scope, base, { graph, stored });
    if (base !== undefined && isCall !== 'no') {
      scope.uncertain = isCall === 'unknown';
      scope.literalPath = scope.path;
      scope.path = base.path;
      for (const child of scope.children) rename(child, scope.literalPath, scope.path);
    }
    nameCalls(scope, graph, stored);
  }
}

function rename(scope: Scope, from: string, to: string): void {
  scope.path = to + scope.path.slice(from.length);
  for (const child of scope.children) rename(child, from, to);
}

function calledModule(local: string, siblings: ReadonlyMap<string, Scope>): Scope | undefined {
  const match = /^(.+)_([1-9]\d{0,2})$/.exec(local);
  if (match === null) return undefined;
  for (let call = 1; call < Number(match[2]); call++) {
    if (!siblings.has(`${match[1]}_${call}`)) return undefined;
  }
  return siblings.get(match[1]);
}

/**
 * Whether a scope `relu_1` is another call of the module of `relu`: yes if it reads that module's
 * weights or both have none and do the same; no if it reads its own; otherwise it is unknown.
 */
function isCallOf(
  scope: Scope,
  base: Scope,
  { graph, stored }: { graph: Graph; stored: ReadonlySet<string> },
): 'yes' | 'no' | 'unknown' {
  const operators = (s: Scope) => s.nodes.map((index) => graph.nodes[index].operator);
  const mine = new Set(operators(scope));
  if (!operators(base).every((operator) => mine.has(operator))) return 'no';
  const weights = scope.nodes
    .flatMap((index) => graph.nodes[index].inputs)
    .filter((name) => stored.has(name));
  if (weights.some((name) => name.startsWith(`${scope.path}.`))) return 'no';
  if (weights.length === 0) return 'yes';
  return weights.some((name) => name.startsWith(`${base.path}.`)) ? 'yes' : 'unknown';
}

/** Values that leave the nodes of a scope: read outside (for more than their shape) or outputs of the graph. */
export function leavingValues(nodes: readonly number[], flow: Dataflow): string[] {
  const inside = new Set(nodes);
  const outside = (name: string, counts: (index: number) => boolean) =>
    flow.graphOutputs.has(name) ||
    (flow.consumers.get(name) ?? []).some((index) => !inside.has(index) && counts(index));
  const made = nodes
    .flatMap((index) => flow.nodes[index].outputs)
    .filter((name) => name !== '' && flow.data.has(name));
  const forElements = (index: number) => !shapeOperators.has(flow.nodes[index].operator);
  const leaving = made.filter((name) => outside(name, forElements));
  if (leaving.length > 0) return leaving;
  const unread = made.filter((name) => !flow.consumers.has(name));
  return unread.length > 0 ? unread.slice(-1) : made.filter((name) => outside(name, () => true));
}

/** Values that enter the nodes of a scope: made outside from the stimulus, or the stimulus itself. */
export function enteringValues(nodes: readonly number[], flow: Dataflow): string[] {
  const inside = new Set(nodes);
  const entering = new Set<string>();
  for (const index of nodes) {
    if (shapeOperators.has(flow.nodes[index].operator)) continue;
    for (const name of flow.reads[index]) {
      const producer = flow.producers.get(name);
      if (flow.data.has(name) && (producer === undefined || !inside.has(producer))) {
        entering.add(name);
      }
    }
  }
  return [...entering];
}

/** The scope's nodes in runs without a foreign node between: calls, where one scope holds them all. */
export function runs(nodes: readonly number[]): number[][] {
  const found: number[][] = [];
  for (const index of nodes) {
    const last = found[found.length - 1];
    if (last !== undefined && last[last.length - 1] === index - 1) last.push(index);
    else found.push([index]);
  }
  return found;
}
