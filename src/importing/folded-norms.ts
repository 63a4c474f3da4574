import { VentralError } from '../errors/ventral-error.js';
import type { Model } from '../onnx/model.js';
import { type Modules, modulesOf, normScopes } from '../onnx/modules.js';
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
 * The folded convolutions of a graph in order of execution. Throws `import-unsupported`.
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
      throw refusal(model, scope.path || value, 'its module cannot be told from its name');
    }
    const literal = scope.literalPath;
    const path = literal !== undefined && isWeight(`${literal}.weight`) ? literal : scope.path;
    return { path, value, weight, bias };
  });
}

/** Batch norms of a state dict that no node of the graph reads, by path, in order, with their channels. */
export type FreeNorms = ReadonlyMap<string, number>;

interface Search {
  readonly model: Model;
  readonly norms: FreeNorms;
  /** Names of the state dict, in its order. */
  readonly names: readonly string[];
}

/**
 * The path of the batch norm that each folded convolution took in. A graph whose batch norms left a scope
 * says it; else the state dict does, where its order and its numbers agree. Throws `import-unsupported`
 * where that is not certain: another batch norm would give a network that looks right.
 */
export function matchNorms(
  convolutions: readonly FoldedConvolution[],
  search: Search,
): Map<FoldedConvolution, string> {
  const modules = modulesOf(search.model);
  const found = new Map<FoldedConvolution, string>();
  const users = new Map<string, string>();
  for (const convolution of convolutions) {
    const norm =
      normOfScopes(modules, convolution, search.norms) ??
      normOfNames(convolution, convolutions, search);
    const channels = convolution.bias.dims[0];
    const other = users.get(norm);
    if (other !== undefined)
      throw uncertain(search, convolution, `${norm} would go with ${other} too`);
    if (search.norms.get(norm) !== channels) {
      const has = search.norms.get(norm);
      throw uncertain(
        search,
        convolution,
        `${norm} has ${has} channels where it makes ${channels}`,
      );
    }
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

function normOfNames(
  convolution: FoldedConvolution,
  all: readonly FoldedConvolution[],
  search: Search,
): string {
  const parent = parentOf(convolution.path);
  const siblings = [...search.norms.keys()].filter((path) => parentOf(path) === parent);
  const next = followingNorm(convolution, all, siblings, search);
  const local = lastOf(convolution.path);
  const join = (name: string) => (parent === '' ? name : `${parent}.${name}`);
  if (/^\d+$/.test(local)) {
    const norm = join(String(Number(local) + 1));
    if (siblings.includes(norm)) return norm;
    throw uncertain(search, convolution, `there is no batch norm ${norm}`);
  }
  const number = /conv.*?(\d+)$/i.exec(local)?.[1];
  const numbered = siblings.filter((path) => number !== undefined && lastOf(path).endsWith(number));
  if (numbered.length === 1 && (next === undefined || next === numbered[0])) return numbered[0];
  if (numbered.length === 0 && next !== undefined) return next;
  throw uncertain(
    search,
    convolution,
    siblings.length === 0
      ? 'there is no batch norm beside it'
      : `it may be any of ${siblings.slice(0, 8).join(', ')}`,
  );
}

/** The batch norm that the state dict has next after the convolution, before any other folded one beside it. */
function followingNorm(
  { path }: FoldedConvolution,
  all: readonly FoldedConvolution[],
  siblings: readonly string[],
  { names }: Search,
): string | undefined {
  const starts = new Map(siblings.map((norm) => [`${norm}.running_mean`, norm]));
  const others = new Set(
    all.filter((o) => parentOf(o.path) === parentOf(path)).map((o) => `${o.path}.weight`),
  );
  for (const name of names.slice(names.indexOf(`${path}.weight`) + 1)) {
    if (others.has(name)) return undefined;
    const norm = starts.get(name);
    if (norm !== undefined) return norm;
  }
  return undefined;
}

function uncertain({ model }: Search, { path }: FoldedConvolution, why: string): VentralError {
  return refusal(model, path, `which batch norm it took in is not certain: ${why}`);
}

function refusal(model: Model, path: string, why: string): VentralError {
  return new VentralError(
    'import-unsupported',
    `${model.name}: a batch norm was folded into ${path} at export, and ${why}. Export again without ` +
      'folding: torch.onnx.export(model.eval(), …, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)',
    {
      file: model.name,
      field: path,
      expected: 'a graph whose batch norms are its own',
      found: why,
    },
  );
}

/** The parameters of a batch norm, in float64; weight and bias are 1 and 0 where it has none. */
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
