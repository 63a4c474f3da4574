import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { globOf } from '../../onnx/glob.js';
import type { Model } from '../../onnx/model.js';
import { modulesOf } from '../../onnx/modules.js';
import type { Scope } from '../../onnx/scopes.js';

/** Which part of a network stays as it is. */
export interface Frozen {
  /** Names of initializers. */
  readonly names: ReadonlySet<string>;
  /** Which part, and by which rule, in words. */
  readonly rule: string;
}

/** Modules that a stage freezes: globs or `first-half`; or globs over the only trained modules. */
export interface FreezeRequest {
  readonly freeze?: 'first-half' | readonly string[];
  readonly only?: readonly string[];
}

/**
 * The initializers that nodes of frozen modules read, batch-norm statistics among them. `first-half` are the
 * first ⌊n/2⌋ of n blocks in order of execution, and all that runs before the last of them; a block is an
 * innermost numbered module (`layer1.0`, `blocks.3.2`) with two weighted nodes or more, one of them wider than a pixel.
 * @throws VentralError `recipe-invalid` for a glob that fits no module, and for `first-half` of a network without
 *   blocks
 */
export function frozenModules(model: Model, { freeze, only }: FreezeRequest): Frozen {
  if (freeze === 'first-half') return firstHalf(model);
  if (freeze) {
    const names = read(model, nodesOf(model, freeze));
    return { names, rule: `frozen: ${freeze.join(', ')}` };
  }
  if (!only) return { names: new Set(), rule: 'nothing is frozen' };
  const trained = read(model, nodesOf(model, only));
  const all = read(model, new Set(model.graph.nodes.keys()));
  const names = new Set([...all].filter((name) => !trained.has(name)));
  return { names, rule: `frozen: all but ${only.join(', ')}` };
}

function nodesOf(model: Model, globs: readonly string[]): Set<number> {
  const { scopes } = modulesOf(model);
  const paths = [...scopes.byPath.keys()];
  const nodes = new Set<number>();
  for (const glob of globs) {
    const fits = globOf(glob);
    const found = fits ? paths.filter((path) => fits(path)) : [];
    if (found.length === 0) {
      throw new VentralError(
        'recipe-invalid',
        `${glob} fits no module of the network${didYouMean(glob, paths)}`,
        { field: glob },
      );
    }
    for (const path of found)
      for (const scope of scopes.byPath.get(path) ?? [])
        for (const index of scope.nodes) nodes.add(index);
  }
  return nodes;
}

function firstHalf(model: Model): Frozen {
  const blocks = blocksOf(model);
  const count = Math.floor(blocks.length / 2);
  if (count === 0)
    throw new VentralError(
      'recipe-invalid',
      'freeze: first-half needs numbered blocks of modules, and this network names none: give globs',
      { field: 'freeze' },
    );
  const last = blocks[count - 1];
  const inLater = new Set(blocks.slice(count).flatMap(({ nodes }) => nodes));
  const end = Math.max(...last.nodes);
  const nodes = [...model.graph.nodes.keys()].filter((i) => i <= end && !inLater.has(i));
  return {
    names: read(model, new Set(nodes)),
    rule: `frozen: the first half, ${count} of ${blocks.length} blocks up to ${last.path}, and all before them`,
  };
}

/** Innermost numbered modules that hold several weighted nodes, in order of execution. */
function blocksOf(model: Model): Scope[] {
  const { scopes } = modulesOf(model);
  const { nodes } = model.graph;
  const sides = new Map(model.graph.initializers.map(({ name, dims }) => [name, dims.slice(2)]));
  const isBlock = (scope: Scope) => {
    if (!/^\d+$/.test(scope.path.split('.').at(-1) ?? '')) return false;
    const weighted = scope.nodes.filter((i) => /^(Conv|Gemm|MatMul)$/.test(nodes[i].operator));
    const wide = weighted.some((i) => sides.get(nodes[i].inputs[1])?.some((side) => side > 1));
    return weighted.length >= 2 && wide;
  };
  const found = scopes.all.filter(isBlock);
  const holds = (outer: Scope) =>
    found.some((inner) => inner !== outer && inner.path.startsWith(`${outer.path}.`));
  return found.filter((scope) => !holds(scope)).sort((a, b) => a.nodes[0] - b.nodes[0]);
}

/** Initializers that some of the nodes read. */
function read(model: Model, nodes: ReadonlySet<number>): Set<string> {
  const initializers = new Set(model.graph.initializers.map(({ name }) => name));
  const inputs = [...nodes].flatMap((index) => model.graph.nodes[index].inputs);
  return new Set(inputs.filter((name) => initializers.has(name)));
}
