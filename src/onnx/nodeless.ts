import {
  entering,
  type FoundModule,
  hasNorm,
  isNormName,
  type Modules,
  moduleValue,
  normScopes,
  scopeValue,
} from './modules.js';
import type { Scope } from './scopes.js';

/**
 * Modules that left no node: Identity and Dropout in eval mode, which are their input, and batch
 * norms that were folded into a convolution, whose output the convolution's value holds. The graph
 * does not name them, so their place is taken from the names around them where those prove it.
 */
export function nodelessValue(modules: Modules, path: string): FoundModule {
  const cut = path.lastIndexOf('.');
  const local = path.slice(cut + 1);
  const parents = cut < 0 ? [modules.scopes.root] : modules.scopes.byPath.get(path.slice(0, cut));
  const parent = parents?.[parents.length - 1];
  if (/^\d+$/.test(local)) return parent ? inSequential(modules, parent, Number(local)) : NONE;
  if (isNormName(local) && parent !== undefined) {
    const norm = foldedNorm(modules, parent, local);
    if (norm.kind !== 'none') return norm;
  }
  if (!isPassThrough(local)) return NONE;
  if (local === 'drop' || local === 'act') {
    const norm = insideNorm(modules, path.slice(0, Math.max(cut, 0)), parent);
    if (norm.kind !== 'none') return norm;
  }
  return parent === undefined ? NONE : somewhereIn(modules, parent);
}

const NONE: FoundModule = { kind: 'none' };

/** What people call modules that do nothing in eval mode or at all. */
function isPassThrough(local: string): boolean {
  return /^(act|aa|identity|norm|(\w+_)?drop(out)?(_?path|_?block)?|shortcut|downsample)\d*$/i.test(
    local,
  );
}

/** Indices that are missing between the children of a Sequential, or before the first of them. */
export function gaps(scope: Scope): number[] {
  const present = indices(scope);
  if (present === undefined) return [];
  const most = [...present.keys()].reduce((a, b) => Math.max(a, b), 0);
  // A Sequential of mostly nothing is none.
  if (most > 16 + 4 * present.size) return [];
  return Array.from({ length: most }, (_, i) => i).filter((i) => !present.has(i));
}

/** More children than any Sequential has. */
const MAX_CHILDREN = 500;
const children = new WeakMap<Scope, ReadonlyMap<number, Scope> | null>();

/** Children of a Sequential by index; undefined if a child's name is not a number. */
function indices(scope: Scope): ReadonlyMap<number, Scope> | undefined {
  const known = children.get(scope);
  if (known !== undefined) return known ?? undefined;
  const found = numbered(scope);
  children.set(scope, found ?? null);
  return found;
}

function numbered(scope: Scope): ReadonlyMap<number, Scope> | undefined {
  if (scope.direct.length > 0 || scope.children.length > MAX_CHILDREN) return undefined;
  const found = new Map<number, Scope>();
  for (const child of scope.children) {
    const local = child.path.slice(child.path.lastIndexOf('.') + 1);
    if (!/^\d{1,6}$/.test(local)) return undefined;
    found.set(Number(local), child);
  }
  return found.size === 0 ? undefined : found;
}

/** Child `index` of a Sequential: what the child before it gives, or what enters the first. */
function inSequential(modules: Modules, scope: Scope, index: number): FoundModule {
  const present = indices(scope);
  if (present === undefined || present.has(index) || !isChain(modules, scope, present)) return NONE;
  const before = [...present.keys()].reduce((b, i) => (i < index && i > b ? i : b), -1);
  const after = [...present.keys()].some((i) => i > index);
  if (before < 0) {
    const input = entering(modules, scope);
    return input === undefined ? NONE : { kind: 'value', value: input };
  }
  const found = scopeValue(modules, present.get(before)!);
  if (found.kind === 'none' || found.kind === 'ambiguous') return found;
  // Nothing follows the last child except the batch norm that a convolution absorbed.
  if (!after && (found.kind !== 'folded' || before + 1 !== index)) return NONE;
  return { kind: 'value', value: found.value };
}

/** Whether each child reads what the one before it gives, as in a Sequential and not in a ModuleList. */
function isChain(modules: Modules, scope: Scope, present: ReadonlyMap<number, Scope>): boolean {
  const known = chains.get(scope);
  if (known !== undefined) return known;
  const found = readsInTurn(modules, present);
  chains.set(scope, found);
  return found;
}

const chains = new WeakMap<Scope, boolean>();

function readsInTurn(modules: Modules, present: ReadonlyMap<number, Scope>): boolean {
  const children = [...present].sort(([a], [b]) => a - b).map(([, scope]) => scope);
  return children.every((child, i) => {
    if (i === 0) return true;
    const before = scopeValue(modules, children[i - 1]);
    if (before.kind !== 'value' && before.kind !== 'folded') return false;
    return entering(modules, child) === before.value;
  });
}

/** The batch norm `local` (bn1, bn) of a module whose convolutions absorbed theirs. */
function foldedNorm(modules: Modules, parent: Scope, local: string): FoundModule {
  const values = [...modules.folded].filter(([, conv]) => conv.parent === parent);
  if (values.length === 0) return NONE;
  const all = values.map(([value]) => value);
  const unsure = (why: string): FoundModule => ({ kind: 'ambiguous', values: all, why });
  const number = /\d+$/.exec(local)?.[0];
  const byNumber = values.filter(([, conv]) => /\d+$/.exec(conv.local)?.[0] === number);
  let pair: [string, Scope] | undefined;
  if (number === undefined) pair = soleConvolution(modules, parent, values);
  else if (byNumber.length === 1) pair = byNumber[0];
  else if (values.every(([, conv]) => !/\d$/.test(conv.local))) pair = values[Number(number) - 1];
  if (pair === undefined) return unsure('a batch norm was folded into one of these convolutions');
  if (contradicted(modules, pair, local)) {
    return unsure(
      'the batch norm of that name belongs to another convolution elsewhere in the model',
    );
  }
  return { kind: 'value', value: pair[0] };
}

function soleConvolution(modules: Modules, parent: Scope, values: [string, Scope][]) {
  const convolutions = parent.nodes.filter((i) => modules.flow.nodes[i].operator === 'Conv');
  const sole = values.length === 1 && convolutions.length === 1 && parent !== modules.scopes.root;
  return sole ? values[0] : undefined;
}

/** Whether the graph shows the pair apart: another norm reads the value, or the norm is next to such a convolution. */
function contradicted(modules: Modules, [value, conv]: [string, Scope], local: string): boolean {
  const other = normScopes(modules, value).some(
    (norm) => norm.parent === conv.parent && norm.local !== local,
  );
  if (other) return true;
  for (const twin of modules.folded.values()) {
    if (twin.local !== conv.local) continue;
    const norm = twin.parent?.children.find((child) => child.local === local);
    if (norm !== undefined && hasNorm(norm, modules.flow)) return true;
  }
  return false;
}

/** `drop` and `act` of a norm-and-activation module (timm's BatchNormAct2d): what the norm gives. */
function insideNorm(modules: Modules, path: string, scope: Scope | undefined): FoundModule {
  if (scope === undefined) {
    // The norm itself left no node, so everything in it is what the norm gives.
    const cut = path.lastIndexOf('.');
    return isNormName(path.slice(cut + 1)) ? nodelessValue(modules, path) : NONE;
  }
  if (scope === modules.scopes.root) return NONE;
  const norms = scope.direct.filter((i) => modules.flow.nodes[i].operator === 'BatchNormalization');
  if (norms.length === 1) {
    return { kind: 'value', value: modules.flow.nodes[norms[0]].outputs[0] };
  }
  if (!isNormName(scope.local)) return NONE;
  const input = entering(modules, scope);
  const absorbed = input !== undefined && modules.folded.has(input);
  return absorbed ? { kind: 'value', value: input } : NONE;
}

/** A module of that name can have stood anywhere among the children of its parent. */
function somewhereIn(modules: Modules, parent: Scope): FoundModule {
  const values = new Set<string>();
  const input = parent === modules.scopes.root ? modules.flow.graphInputs : [];
  for (const name of [...input, entering(modules, parent)]) if (name) values.add(name);
  for (const child of parent.children) {
    const found = moduleValue(modules, child.path);
    if (found.kind === 'value' || found.kind === 'folded') values.add(found.value);
  }
  for (const index of parent.direct) {
    const [value] = modules.flow.nodes[index].outputs;
    if (modules.flow.data.has(value)) values.add(value);
  }
  if (values.size === 0) return NONE;
  return {
    kind: 'ambiguous',
    values: [...values],
    why: 'a module of that name left no node, and the graph does not say where it stood',
  };
}
