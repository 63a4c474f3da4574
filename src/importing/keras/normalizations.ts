import { axisOf, type CallContext } from './layer-call.js';
import { graphAxis, type NetworkGraph, type Value } from './network-graph.js';
import { constantLike, scalar, scaled, type Weight } from './operations.js';

/** Layers that shift and scale, by stored statistics or by those of the value. */

/** The four vectors of a batch norm, one element a channel. */
export interface Statistics {
  readonly gamma?: Weight;
  readonly beta?: Weight;
  readonly mean: Weight;
  readonly variance: Weight;
  readonly epsilon: number;
}

/** γ (x − μ) / √(σ² + ε) + β over an axis of the source. */
export function batchNormalized(
  graph: NetworkGraph,
  value: Value,
  axis: number,
  statistics: Statistics,
): Value {
  const channels = value.shape[axis - 1];
  const { gamma, beta, mean, variance, epsilon } = statistics;
  for (const part of [gamma, beta, mean, variance]) {
    if (part === undefined || part.data.length === channels) continue;
    throw graph.refuse(`statistics of ${channels} channels`, `[${part.dims.join(', ')}]`);
  }
  const count = mean.data.length;
  const vector = (what: string, filling: number, weight?: Weight) =>
    graph.constant(what, [count], weight?.data ?? new Float32Array(count).fill(filling));
  const rank = value.shape.length;
  const lying = rank === 3 ? graph.lying(value, axis === 3) : value;
  if (graphAxis(lying, axis) !== 1) return byElement(graph, lying, axis, statistics);
  const name = graph.node(
    'BatchNormalization',
    [
      lying.name,
      vector('gamma', 1, gamma),
      vector('beta', 0, beta),
      vector('moving_mean', 0, mean),
      vector('moving_variance', 1, variance),
    ],
    { epsilon: { float: epsilon } },
  );
  return graph.value(name, value.shape, lying.moved);
}

/** The same where the channels are not the second axis: as a factor and a shift, in float64 until the end. */
function byElement(graph: NetworkGraph, value: Value, axis: number, parts: Statistics): Value {
  const { gamma, beta, mean, variance, epsilon } = parts;
  const dims = value.shape.map((_, at) => (at === axis - 1 ? mean.data.length : 1));
  const factor = Array.from(
    variance.data,
    (v, c) => (gamma?.data[c] ?? 1) / Math.sqrt(v + epsilon),
  );
  const shift = factor.map((f, c) => (beta?.data[c] ?? 0) - f * mean.data[c]);
  return scaled(
    graph,
    value,
    { dims, data: Float32Array.from(factor) },
    { dims, data: Float32Array.from(shift) },
  );
}

export function batchNorm({ graph, config, input, weight, optional }: CallContext): Value {
  return batchNormalized(graph, input, axisOf(config, input, 'axis'), {
    gamma: optional('gamma'),
    beta: optional('beta'),
    mean: weight('moving_mean'),
    variance: weight('moving_variance'),
    epsilon: config.number('epsilon', 1e-3),
  });
}

export function layerNorm({ graph, config, input, optional }: CallContext): Value {
  const given = config.raw('axis') ?? -1;
  const rank = input.shape.length + 1;
  const axes = (Array.isArray(given) ? given : [given]).map((axis) =>
    axis < 0 ? axis + rank : axis,
  );
  const known = axes.every((axis) => Number.isInteger(axis) && axis > 0 && axis < rank);
  if (!known || new Set(axes).size !== axes.length) {
    throw config.refuse('axis', `axes from 1 to ${rank - 1}`, given);
  }
  if (config.flag('rms_scaling', false))
    throw config.unsupported('with rms_scaling, which the import does not know');
  const over = { axes: { ints: axes.map((axis: number) => graphAxis(input, axis)) } };
  const mean = graph.node('ReduceMean', [input.name], over);
  const away = graph.node('Sub', [input.name, mean]);
  const variance = graph.node('ReduceMean', [graph.node('Mul', [away, away])], over);
  const epsilon = scalar(graph, 'epsilon', config.number('epsilon', 1e-3));
  const spread = graph.node('Sqrt', [graph.node('Add', [variance, epsilon])]);
  const name = graph.node('Div', [away, spread]);
  const shaped = (weight?: Weight) => weight && alongAxes(graph, input, axes, weight);
  return scaled(graph, { ...input, name }, shaped(optional('gamma')), shaped(optional('beta')));
}

/** A weight over some axes of the source, with ones for the others. */
function alongAxes(
  graph: NetworkGraph,
  value: Value,
  axes: readonly number[],
  weight: Weight,
): Weight {
  const dims = value.shape.map((size, at) => (axes.includes(at + 1) ? size : 1));
  const ordered = axes.every((axis, at) => at === 0 || axes[at - 1] < axis);
  const fits = dims.reduce<number>((product, size) => product * (size ?? Number.NaN), 1);
  if (!ordered || fits !== weight.data.length) {
    throw graph.refuse(`weights of [${dims.join(', ')}]`, `[${weight.dims.join(', ')}]`);
  }
  return { dims: dims as number[], data: weight.data };
}

/** (x − mean) / max(√variance, 1e-7), by stored or configured statistics (keras/layers/preprocessing/normalization.py). */
export function normalized({ graph, config, input, weight }: CallContext): Value {
  const axis = axisOf(config, input, 'axis');
  const channels = input.shape[axis - 1];
  const statistics = (role: string): number[] => {
    const stored = config.raw('mean') === undefined;
    const given = stored ? [...weight(role).data] : [config.raw(role)].flat(4);
    const fits = given.length === channels || given.length === 1;
    if (fits && given.every((one) => typeof one === 'number')) return given as number[];
    throw config.refuse(role, `${channels} numbers`, given);
  };
  const means = statistics('mean');
  const spreads = statistics('variance').map((v) => Math.max(Math.sqrt(v), 1e-7));
  if (spreads.length !== means.length)
    throw config.refuse('variance', `${means.length} numbers`, spreads);
  const dims = input.shape.map((_, at) => (at === axis - 1 ? means.length : 1));
  const invert = config.flag('invert', false);
  const shape = (numbers: readonly number[]) => ({ dims, data: Float32Array.from(numbers) });
  if (invert) return scaled(graph, input, shape(spreads), shape(means));
  const away = graph.node('Sub', [input.name, constantLike(graph, 'mean', shape(means), input)]);
  const name = graph.node('Div', [away, constantLike(graph, 'spread', shape(spreads), input)]);
  return { ...input, name };
}

/** A separate slope for each element below 0, shared over some axes. */
export function prelu({ graph, config, input, weight }: CallContext): Value {
  const alpha = weight('alpha');
  const fits =
    alpha.dims.length === input.shape.length &&
    alpha.dims.every((size, at) => size === 1 || size === input.shape[at]);
  if (!fits) throw config.refuse('alpha', `slopes for [${input.shape.join(', ')}]`, alpha.dims);
  const name = graph.node('PRelu', [input.name, constantLike(graph, 'alpha', alpha, input)]);
  return { ...input, name };
}
