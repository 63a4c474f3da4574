import { fromHalf } from '../../activations/stimuli/half.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { exposeValues } from '../../onnx/expose.js';
import type { Model } from '../../onnx/model.js';
import { Session, type Tensor } from '../../runtime/session.js';
import type { MatchedLayer } from '../source/imported.js';

/** How far a layer of the graph is from the same layer of the source. */
export interface LayerDifference {
  readonly layer: string;
  /** The value of the graph. */
  readonly value: string;
  /** Largest absolute difference of two elements. */
  readonly difference: number;
  /** Largest absolute element of the source. */
  readonly largest: number;
  /** `difference` / `largest`; 0 if both are. */
  readonly relative: number;
}

/** Values of the graph that are computed in one run, so that few are in memory. */
const GROUP = 24;

/**
 * The values of a graph for one input, computed in groups as they are asked for: in the order of the graph
 * each group is run once.
 */
export class GraphValues {
  readonly #model: Model;
  readonly #input: Tensor;
  readonly #order: readonly string[];
  readonly #threads: number | undefined;
  #group: Readonly<Record<string, Tensor>> = {};

  /** @param values that will be asked for, in the order of the graph */
  constructor(model: Model, input: Tensor, values: readonly string[], threads?: number) {
    this.#model = model;
    this.#input = input;
    this.#order = [...new Set(values)];
    this.#threads = threads;
  }

  /**
   * One of the values.
   * @throws VentralError `inference-failed`
   */
  async get(value: string): Promise<Tensor> {
    if (this.#group[value] === undefined) {
      const at = this.#order.indexOf(value);
      const first = at - (at % GROUP);
      this.#group = await this.#run(this.#order.slice(first, first + GROUP));
    }
    return this.#group[value];
  }

  async #run(values: readonly string[]): Promise<Record<string, Tensor>> {
    const session = await Session.open(exposeValues(this.#model, values), {
      name: this.#model.name,
      ...present({ threads: this.#threads }),
    });
    try {
      return await session.run({ [session.inputs[0].name]: this.#input }, values);
    } finally {
      await session.close();
    }
  }
}

/** Layers in the order in which the graph computes them. */
export function inGraphOrder(model: Model, layers: readonly MatchedLayer[]): MatchedLayer[] {
  const order = new Map(model.graph.nodes.flatMap(({ outputs }, i) => outputs.map((v) => [v, i])));
  const at = ({ value }: MatchedLayer) => order.get(value) ?? -1;
  return [...layers].sort((a, b) => at(a) - at(b));
}

/**
 * Compares a layer of the source with its value.
 * @throws VentralError `import-differs` where the shapes do
 */
export function compareLayer(
  { layer, value, axes }: MatchedLayer,
  source: Tensor,
  graph: Tensor,
): LayerDifference {
  const laid = axes === undefined ? source : transposeAxes(source, axes);
  if (laid.dims.length !== graph.dims.length || laid.dims.some((n, i) => n !== graph.dims[i])) {
    const shape = (dims: readonly number[]) => `[${dims.join(', ')}]`;
    const [expected, found] = [shape(laid.dims), shape(graph.dims)];
    throw new VentralError(
      'import-differs',
      `Layer ${layer} has the shape ${expected} in the source and ${found} in the imported network`,
      { field: layer, expected, found },
    );
  }
  const [a, b] = [numbersOf(laid), numbersOf(graph)];
  let [difference, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const apart = Math.abs(a[i] - b[i]);
    // NaN on either side is a difference that no tolerance allows.
    if (!(apart <= difference)) difference = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart;
    largest = Math.max(largest, Math.abs(a[i]));
  }
  return { layer, value, difference, largest, relative: largest === 0 ? 0 : difference / largest };
}

function numbersOf({ dtype, data }: Tensor): ArrayLike<number> {
  if (dtype === 'float16' && data instanceof Uint16Array) return fromHalf(data);
  return Array.isArray(data) || data instanceof BigInt64Array || data instanceof BigUint64Array
    ? Float64Array.from(data as ArrayLike<number>, Number)
    : (data as ArrayLike<number>);
}

/** A tensor with its axes in another order: axis i of the result is axis `axes[i]` of the tensor. */
export function transposeAxes(tensor: Tensor, axes: readonly number[]): Tensor {
  const { dims, data, dtype } = tensor;
  if (axes.length !== dims.length || axes.every((axis, i) => axis === i)) return tensor;
  const strides = dims.map((_, i) => dims.slice(i + 1).reduce((a, b) => a * b, 1));
  const turned = axes.map((axis) => dims[axis]);
  const steps = axes.map((axis) => strides[axis]);
  const source = numbersOf({ dtype, dims, data });
  const out = new Float32Array(source.length);
  const index = turned.map(() => 0);
  for (let i = 0, at = 0; i < out.length; i++) {
    out[i] = source[at];
    for (let axis = index.length - 1; axis >= 0; axis--) {
      at += steps[axis];
      if (++index[axis] < turned[axis]) break;
      at -= steps[axis] * turned[axis];
      index[axis] = 0;
    }
  }
  return { dtype: 'float32', dims: turned, data: out };
}
