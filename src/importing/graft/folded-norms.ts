import { VentralError } from '../../errors/ventral-error.js';
import type { Model } from '../../onnx/model.js';
import { type Modules, modulesOf, normScopes } from '../../onnx/modules.js';
import type { WeightSlot } from './weight-slots.js';

/** A convolution that took its batch norm in when the network was exported. */
export interface FoldedConvolution {
  /** Path of the convolution's module: the state dict has `<path>.weight`. */
  readonly path: string;
  /** The value that it makes, which is the batch norm's output. */
  readonly value: string;
  readonly weight: WeightSlot;
  readonly bias: WeightSlot;
}

/**
 * The folded convolutions of a graph in order of execution.
 * @throws VentralError `import-unsupported`
 * @param isWeight whether the state dict has a name: `conv_1` may be a module, or the second call of `conv`
 */
export function foldedConvolutions(
  model: Model,
  slots: ReadonlyMap<string, WeightSlot>,
  isWeight: (name: string) => boolean,
): FoldedConvolution[] {
  const { folded, flow } = modulesOf(model);
  return [...folded].map(([value, scope]) => {
    const node = flow.nodes[flow.producers.get(value) ?? 0];
    const [weight, bias] = [slots.get(node.inputs[1]), slots.get(node.inputs[2])];
    if (node.operator !== 'Conv' || scope.path === '' || !weight || !bias) {
      throw refusal(model, scope.path || value, 'its name does not give its module');
    }
    const literal = scope.literalPath;
    const path = literal !== undefined && isWeight(`${literal}.weight`) ? literal : scope.path;
    return { path, value, weight, bias };
  });
}

/** Batch norms of a state dict that no node of the graph reads, by path, in order, with their channels. */
export type FreeNorms = ReadonlyMap<string, number>;

/**
 * The path of the batch norm that each folded convolution took in. A graph whose batch norms left a scope
 * says it; else the state dict does, where its order and its numbers agree.
 * @throws VentralError `import-unsupported` where that is not certain: another batch norm would give a network
 *   that looks right
 * @param names of the state dict, in its order
 */
export function matchNorms(
  model: Model,
  convolutions: readonly FoldedConvolution[],
  norms: FreeNorms,
  names: readonly string[],
): Map<FoldedConvolution, string> {
  const modules = modulesOf(model);
  const search = new NormSearch(model, convolutions, norms, names);
  const found = new Map<FoldedConvolution, string>();
  const users = new Map<string, string>();
  for (const convolution of convolutions) {
    const norm = normOfScopes(modules, convolution, norms) ?? search.find(convolution.path);
    const channels = convolution.bias.dims[0];
    const has = norms.get(norm);
    const other = users.get(norm);
    const refuse = (why: string) => uncertain(model, convolution.path, why);
    if (other !== undefined) throw refuse(`${norm} would go with ${other} too`);
    if (has !== channels)
      throw refuse(`${norm} has ${has} channels, the convolution has ${channels}`);
    users.set(norm, convolution.path);
    found.set(convolution, norm);
  }
  return found;
}

function normOfScopes(
  modules: Modules,
  { value }: FoldedConvolution,
  norms: FreeNorms,
): string | undefined {
  const paths = normScopes(modules, value).map(({ path }) => path);
  const fitting = paths.filter((path) => norms.has(path));
  return fitting.length === 1 ? fitting[0] : undefined;
}

const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('.')));
const lastOf = (path: string) => path.slice(path.lastIndexOf('.') + 1);

/** Looks for batch norms beside their convolutions, by the names of a state dict. */
class NormSearch {
  readonly #model: Model;
  readonly #norms = new Map<string, string[]>();
  /** The batch norm that follows each convolution in the state dict, no other folded one of its parent between. */
  readonly #next = new Map<string, string>();

  constructor(
    model: Model,
    convolutions: readonly FoldedConvolution[],
    norms: FreeNorms,
    names: readonly string[],
  ) {
    this.#model = model;
    for (const path of norms.keys()) {
      const siblings = this.#norms.get(parentOf(path));
      if (siblings === undefined) this.#norms.set(parentOf(path), [path]);
      else siblings.push(path);
    }
    const folded = new Set(convolutions.map(({ path }) => path));
    const waiting = new Map<string, string[]>();
    for (const name of names) {
      const path = parentOf(name);
      const parent = parentOf(path);
      const convolutions = waiting.get(parent) ?? [];
      if (folded.has(path) && name.endsWith('.weight')) {
        convolutions.push(path);
        waiting.set(parent, convolutions);
      }
      if (!norms.has(path)) continue;
      // If all convolutions come before all batch norms, the order gives no pairs.
      if (convolutions.length === 1) this.#next.set(convolutions[0], path);
      waiting.delete(parent);
    }
  }

  /**
   * The batch norm of the convolution `path`.
   * @throws VentralError `import-unsupported`
   */
  find(path: string): string {
    const parent = parentOf(path);
    const siblings = this.#norms.get(parent) ?? [];
    const next = this.#next.get(path);
    const local = lastOf(path);
    if (/^\d+$/.test(local)) {
      const norm = `${parent === '' ? '' : `${parent}.`}${Number(local) + 1}`;
      if (siblings.includes(norm)) return norm;
      throw uncertain(this.#model, path, `there is no batch norm ${norm}`);
    }
    const number = /conv.*?(\d+)$/i.exec(local)?.[1];
    const numbered = siblings.filter(
      (norm) => number !== undefined && /\d*$/.exec(lastOf(norm))?.[0] === number,
    );
    if (numbered.length === 1 && (next === undefined || next === numbered[0])) return numbered[0];
    if (numbered.length === 0 && next !== undefined) return next;
    const several = `it may be any of ${siblings.slice(0, 8).join(', ')}`;
    const why = siblings.length === 0 ? 'there is no batch norm beside it' : several;
    throw uncertain(this.#model, path, why);
  }
}

function uncertain(model: Model, path: string, why: string): VentralError {
  return refusal(model, path, `it is not certain which one: ${why}`);
}

function refusal(model: Model, path: string, why: string): VentralError {
  return new VentralError(
    'import-unsupported',
    `${model.name}: a batch norm was folded into ${path} at export, and ${why}. Export again without ` +
      'folding: torch.onnx.export(model.eval(), …, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)',
    {
      file: model.name,
      field: path,
      expected: 'a graph with separate batch norms',
      found: why,
    },
  );
}

/** The parameters of a batch norm, in float64; weight and bias are 1 and 0 if it has none. */
export interface NormValues {
  readonly weight: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
  readonly epsilon: number;
}

/** Weight and bias of a convolution with the batch norm after it: w · γ/√(σ² + ε), (b − μ) · γ/√(σ² + ε) + β. */
export function foldNorm(
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | undefined,
  norm: NormValues,
): { readonly weight: Float64Array; readonly bias: Float64Array } {
  const channels = norm.mean.length;
  const perChannel = weight.length / channels;
  const folded = { weight: new Float64Array(weight.length), bias: new Float64Array(channels) };
  for (let channel = 0; channel < channels; channel++) {
    const scale = norm.weight[channel] / Math.sqrt(norm.variance[channel] + norm.epsilon);
    for (let i = channel * perChannel; i < (channel + 1) * perChannel; i++) {
      folded.weight[i] = weight[i] * scale;
    }
    const before = bias?.[channel] ?? 0;
    folded.bias[channel] = (before - norm.mean[channel]) * scale + norm.bias[channel];
  }
  return folded;
}
