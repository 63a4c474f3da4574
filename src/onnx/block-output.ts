import { callsOf, type FoundModule, type Modules, moduleValue } from './modules.js';
import type { Scope } from './scopes.js';

/**
 * The outputs of recurrent blocks. CORnet, and networks made like it, end each block with an identity called `output`, which
 * leaves no node: `IT.output` is what leaves `IT`, and `IT.output#2` what left it after its second step.
 */

const ENDING = '.output';

/** The value of `block.output`, where no module of that name left a node. */
export function blockOutput(modules: Modules, path: string): FoundModule {
  const block = blockOf(modules, path);
  return block ? moduleValue(modules, block.path) : { kind: 'none' };
}

/** What left a block after each of its steps: the calls of the module that makes its output, where it is called several times. */
export function outputSteps(modules: Modules, path: string): FoundModule[] {
  const block = blockOf(modules, path);
  return block ? stepsOf(modules, block) : [];
}

/** Names of the outputs of recurrent blocks and of the blocks beside them. */
export function blockOutputs(modules: Modules): string[] {
  const { all } = modules.scopes;
  const around = new Set(
    all.flatMap((scope) => (stepsOf(modules, scope).length > 1 ? [scope.parent] : [])),
  );
  if (around.size === 0) return [];
  const blocks = all.filter(({ parent, children }) => children.length > 0 && around.has(parent));
  const paths = new Set(blocks.map(({ path }) => `${path}${ENDING}`));
  return [...paths].filter((path) => blockOf(modules, path));
}

/** A module of several modules that was called once, and has no module `output` of its own. */
function blockOf({ scopes }: Modules, path: string): Scope | undefined {
  if (!path.endsWith(ENDING) || scopes.byPath.has(path)) return undefined;
  const found = scopes.byPath.get(path.slice(0, -ENDING.length)) ?? [];
  return found.length === 1 && found[0].children.length > 0 ? found[0] : undefined;
}

function stepsOf(modules: Modules, block: Scope): FoundModule[] {
  if (block.children.length === 0) return [];
  const found = moduleValue(modules, block.path);
  if (found.kind !== 'value') return [];
  const producer = modules.flow.producers.get(found.value) ?? -1;
  const last = block.children.find(({ nodes }) => nodes.includes(producer));
  return last ? callsOf(modules, last.path) : [];
}
