import { VentralError } from '../../errors/ventral-error.js';
import type { Model } from '../../onnx/model.js';
import { modulesOf } from '../../onnx/modules.js';
import { type KeyTable, type MisshapenKey, sortLeftover } from '../checkpoint/key-table.js';
import type { StoredTensor } from '../source/checkpoint.js';
import { type FoldedConvolution, foldedConvolutions, matchNorms } from './folded-norms.js';
import {
  computedWeight,
  isParameter,
  readSlots,
  turnedProducts,
  type WeightSlot,
} from './weight-slots.js';

/** Tensors of a state dict under the names that the graph knows them by. */
export type StateDict = ReadonlyMap<string, StoredTensor>;

/** Where the values of a slot come from. */
export type GraftRecipe =
  | { readonly kind: 'copy'; readonly key: string }
  /** Linear's weight, which the exporter turned over for MatMul. */
  | { readonly kind: 'transpose'; readonly key: string }
  | { readonly kind: 'fold'; readonly convolution: string; readonly norm: string };

/** What a graft will do: nothing is read yet. */
export interface GraftPlan {
  readonly model: Model;
  readonly tensors: StateDict;
  readonly table: KeyTable;
  /** In the order of the graph; a folded convolution stands under its weight, `bias` being the other slot. */
  readonly steps: readonly {
    readonly slot: WeightSlot;
    readonly bias?: WeightSlot;
    readonly recipe: GraftRecipe;
  }[];
}

/** The names of a state dict that a graph wants. */
export function wantedNames(model: Model): Set<string> {
  const slots = readSlots(model.graph);
  const names = new Set([...slots.values()].filter(isParameter).map(({ name }) => name));
  for (const { path } of foldedConvolutions(model, slots, () => false)) names.add(`${path}.weight`);
  for (const { path } of turnedProducts(model, slots)) names.add(`${path}.weight`);
  return names;
}

/**
 * Finds a tensor of the state dict for every weight of a graph: by name; for Linear layers whose weight the
 * exporter turned over, and convolutions that took a batch norm in, by the module that they stand in.
 * @throws VentralError `import-unsupported` where the graph holds weights that were computed in a way that cannot
 *   be told
 * @param spell how the checkpoint calls a tensor, for the table
 * @param head path of a head that the graph had, as the checkpoint calls it
 */
export function planGraft(
  model: Model,
  tensors: StateDict,
  spell: (name: string) => string = (name) => name,
  head?: string,
): GraftPlan {
  const planner = new Planner(model, tensors);
  planner.planNamed();
  planner.planProducts();
  planner.planFolded();
  planner.refuseComputed();
  return { model, tensors, steps: planner.steps, table: planner.table(spell, head) };
}

class Planner {
  readonly steps: { slot: WeightSlot; bias?: WeightSlot; recipe: GraftRecipe }[] = [];
  readonly #model: Model;
  readonly #tensors: StateDict;
  readonly #slots: ReadonlyMap<string, WeightSlot>;
  /** Slots that are dealt with. */
  readonly #planned = new Set<string>();
  readonly #used = new Set<string>();
  readonly #byModule = new Map<string, string[]>();
  /** Tensors of which nothing can be said. */
  readonly #setAside: string[] = [];
  readonly #missing: string[] = [];
  readonly #misshapen: MisshapenKey[] = [];

  constructor(model: Model, tensors: StateDict) {
    this.#model = model;
    this.#tensors = tensors;
    this.#slots = readSlots(model.graph);
    const { initializers } = model.graph;
    const names = new Set(initializers.map(({ name }) => name));
    if (names.size === initializers.length) return;
    throw new VentralError('onnx-invalid', `${model.name} has two initializers of one name`, {
      file: model.name,
      field: 'graph.initializer',
      expected: 'initializers of different names',
      found: `${initializers.length - names.size} doubled`,
    });
  }

  planNamed(): void {
    for (const slot of this.#slots.values()) {
      if (!this.#tensors.has(slot.name) && !isParameter(slot)) continue;
      this.#planned.add(slot.name);
      if (this.#take(slot.name, slot.dims)) {
        this.steps.push({ slot, recipe: { kind: 'copy', key: slot.name } });
      }
    }
  }

  planProducts(): void {
    for (const { path, slot } of turnedProducts(this.#model, this.#slots)) {
      if (this.#planned.has(slot.name)) continue;
      this.#planned.add(slot.name);
      const dims = [...slot.dims].reverse();
      const key = this.#linearWeight(path, dims);
      if (this.#take(key, dims)) this.steps.push({ slot, recipe: { kind: 'transpose', key } });
    }
  }

  /** `<path>.weight`, or the one tensor of the module that fits (`in_proj_weight` of attention). */
  #linearWeight(path: string, dims: readonly number[]): string {
    const own = `${path}.weight`;
    if (this.#tensors.has(own)) return own;
    const inside = this.#inside(path).filter(
      (name) => !this.#used.has(name) && sameDims(this.#tensors.get(name)?.dims ?? [], dims),
    );
    return inside.length === 1 ? inside[0] : own;
  }

  /** Tensors of a module and of those right inside it. */
  #inside(path: string): readonly string[] {
    if (this.#byModule.size === 0) {
      for (const name of this.#tensors.keys()) {
        const parts = name.split('.');
        for (const depth of [parts.length - 1, parts.length - 2]) {
          if (depth < 1) continue;
          const module = parts.slice(0, depth).join('.');
          const known = this.#byModule.get(module);
          if (known === undefined) this.#byModule.set(module, [name]);
          else known.push(name);
        }
      }
    }
    return this.#byModule.get(path) ?? [];
  }

  planFolded(): void {
    const convolutions = foldedConvolutions(this.#model, this.#slots, (name) =>
      this.#tensors.has(name),
    );
    let whole = true;
    for (const { path, weight, bias } of convolutions) {
      this.#planned.add(weight.name).add(bias.name);
      whole = this.#take(`${path}.weight`, weight.dims) && whole;
      if (this.#tensors.has(`${path}.bias`)) whole = this.#take(`${path}.bias`, bias.dims) && whole;
    }
    const norms = this.#freeNorms();
    if (whole) this.#foldAll(convolutions, norms);
    // Missing convolutions need no batch norms.
    else for (const norm of norms.keys()) this.#setAside.push(...this.#normKeys(norm));
  }

  #foldAll(convolutions: readonly FoldedConvolution[], norms: ReadonlyMap<string, number>): void {
    const names = [...this.#tensors.keys()];
    for (const [convolution, norm] of matchNorms(this.#model, convolutions, norms, names)) {
      const { path, weight, bias } = convolution;
      for (const key of this.#normKeys(norm)) this.#used.add(key);
      this.steps.push({ slot: weight, bias, recipe: { kind: 'fold', convolution: path, norm } });
    }
  }

  #normKeys(norm: string): string[] {
    return NORM_LEAVES.map((leaf) => `${norm}.${leaf}`).filter((key) => this.#tensors.has(key));
  }

  /** Batch norms without a slot: the folded ones. */
  #freeNorms(): Map<string, number> {
    const norms = new Map<string, number>();
    for (const [name, { dims }] of this.#tensors) {
      if (!name.endsWith('.running_mean') || this.#used.has(name) || dims.length !== 1) continue;
      const path = name.slice(0, -'.running_mean'.length);
      const others = NORM_LEAVES.map((leaf) => this.#tensors.get(`${path}.${leaf}`));
      if (!others[1] || others.some((other) => other && !sameDims(other.dims, dims))) continue;
      norms.set(path, dims[0]);
    }
    return norms;
  }

  /** Notes that a slot wants a tensor; true if it is there with its shape. */
  #take(key: string, expected: readonly number[]): boolean {
    const tensor = this.#tensors.get(key);
    if (tensor === undefined) {
      this.#missing.push(key);
      return false;
    }
    this.#used.add(key);
    if (sameDims(tensor.dims, expected)) return true;
    this.#misshapen.push({ key, expected, found: tensor.dims });
    return false;
  }

  /** A weight of a convolution or product that was computed at export would keep the export's values. */
  refuseComputed(): void {
    for (const node of this.#model.graph.nodes) {
      const slot = computedWeight(node, this.#slots);
      if (slot === undefined || this.#planned.has(slot.name)) continue;
      throw new VentralError(
        'import-unsupported',
        `${this.#model.name}: the weights ${slot.name} of ${node.name || node.operator} were computed at export in an unknown way. Export again with do_constant_folding=False`,
        {
          file: this.#model.name,
          field: slot.name,
          expected: 'weights under the names of the state dict',
          found: slot.name,
        },
      );
    }
  }

  table(spell: (name: string) => string, head?: string): KeyTable {
    const paths = modulesOf(this.#model).scopes.all.map(({ path }) => `${path}.`);
    const names = [...paths, ...this.#slots.keys()];
    const modules = new Set(names.map((name) => spell(name).split('.')[0]));
    const placed = new Set([...this.#used, ...this.#setAside]);
    const left = [...this.#tensors.keys()].filter((key) => !placed.has(key));
    const loaded = this.#used.size - this.#misshapen.length;
    return {
      total: this.#used.size + this.#missing.length,
      loaded,
      missing: this.#missing.map(spell),
      misshapen: this.#misshapen.map((each) => ({ ...each, key: spell(each.key) })),
      ...sortLeftover(left.map(spell), modules, head),
    };
  }
}

const NORM_LEAVES = ['running_mean', 'running_var', 'weight', 'bias'];

const sameDims = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);
