import { broadcast, type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import { slice } from './arrangements.js';
import type { Operator, OperatorCall, OperatorFamily } from './operator.js';

/** Operators that take parts of a value, or repeat it: a place of it gets the sum of what was made of it. */

/** Places start, start + step, … along one axis. */
interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** Whole numbers of an input, or of the attribute that they once were; undefined where there is no such input. */
function given(call: OperatorCall, name: string, input: number): readonly number[] | undefined {
  const numbers = call.integers(name) ?? call.known[input];
  return !numbers && call.node.inputs[input]
    ? call.refuse(`its ${name} are not constant`)
    : numbers;
}

/** What a Slice takes along each axis that it names; starts and ends beyond the value are clamped. */
function cutsOf(call: OperatorCall): readonly Cut[] {
  const { dims } = call.input(0);
  const starts = given(call, 'starts', 1) ?? call.refuse('it has no starts');
  const ends = given(call, 'ends', 2) ?? call.refuse('it has no ends');
  const axes = given(call, 'axes', 3) ?? starts.map((_, i) => i);
  const steps = given(call, 'steps', 4) ?? starts.map(() => 1);
  return starts.map((from, i) => {
    const axis = axes[i] < 0 ? axes[i] + dims.length : axes[i];
    const [size, step] = [dims[axis], steps[i]];
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
    const clamped = (at: number, least: number) =>
      Math.min(Math.max(at < 0 ? at + size : at, least), high);
    const [start, end] = [clamped(from, 0), clamped(ends[i], low)];
    const count = Math.ceil((end - start) / step);
    // Neither a step of 0 nor an axis that there is not gives a count.
    return count > 0 && count <= size
      ? { axis, start, step, count }
      : call.refuse('it takes nothing');
  });
}

/** Past the front of any value: an end of −1 would be the last place. */
const BEFORE_ALL = Number.MIN_SAFE_INTEGER;

/** Gives a value places of 0 along one axis. */
function padded(
  graph: StaticGraph,
  value: Value,
  axis: number,
  [before, after]: readonly [number, number],
): Value {
  if (before === 0 && after === 0) return value;
  const dims = value.dims.map((size, i) => (i === axis ? before + size + after : size));
  const widths = [before, after].flatMap((width) => dims.map((_, i) => (i === axis ? width : 0)));
  return graph.emit('Pad', [value, graph.integers(widths)], dims);
}

/** Puts values at the places that a cut took, and 0 between and around them. */
function putBack(graph: StaticGraph, value: Value, cut: Cut, size: number): Value {
  const { axis, start, step, count } = cut;
  if (step < 0) {
    const last = start + (count - 1) * step;
    return putBack(graph, reversed(graph, value, axis), { ...cut, start: last, step: -step }, size);
  }
  const reach = Math.min(count * step, size - start);
  const apart = step === 1 ? value : spaced(graph, value, axis, step);
  const fitted = reach < apart.dims[axis] ? slice(graph, apart, axis, [0, reach]) : apart;
  return padded(graph, fitted, axis, [start, size - start - reach]);
}

function reversed(graph: StaticGraph, value: Value, axis: number): Value {
  const lists = [-1, BEFORE_ALL, axis, -1].map((number) => graph.integers([number]));
  return graph.emit('Slice', [value, ...lists], value.dims);
}

/** Each place followed by step − 1 places of 0. */
function spaced(graph: StaticGraph, value: Value, axis: number, step: number): Value {
  const { dims } = value;
  const [front, back] = [dims.slice(0, axis + 1), dims.slice(axis + 1)];
  const apart = padded(graph, graph.reshape(value, [...front, 1, ...back]), axis + 1, [
    0,
    step - 1,
  ]);
  return graph.reshape(
    apart,
    dims.map((size, i) => (i === axis ? size * step : size)),
  );
}

const sliced: Operator = {
  shapes(call) {
    const counts = new Map(cutsOf(call).map(({ axis, count }) => [axis, count]));
    return [call.input(0).dims.map((size, axis) => counts.get(axis) ?? size)];
  },
  write(call, graph, [output]) {
    const cuts = cutsOf(call);
    const ends = cuts.map(({ start, step, count }) => {
      const end = start + count * step;
      return end < 0 ? BEFORE_ALL : end;
    });
    const lists = [
      cuts.map(({ start }) => start),
      ends,
      cuts.map(({ axis }) => axis),
      cuts.map(({ step }) => step),
    ];
    const inputs = [call.input(0), ...lists.map((numbers) => graph.integers(numbers))];
    graph.emit('Slice', inputs, sliced.shapes(call)[0], {}, '', output);
    return true;
  },
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const { dims } = call.input(0);
    const back = (value: Value, cut: Cut) => putBack(graph, value, cut, dims[cut.axis]);
    return [cutsOf(call).reduce(back, gradient)];
  },
};

function gatherAxis(call: OperatorCall): number {
  const axis = call.integer('axis', 0);
  return axis < 0 ? axis + call.input(0).dims.length : axis;
}

/** Elements of the matrix that says which place went where. */
const MOST_PLACES = 2 ** 26;

/** [size, count]: 1 where a place of the input is the one that was taken. */
function takenPlaces(graph: StaticGraph, call: OperatorCall, size: number): Value {
  const places = call.input(1);
  const count = sizeOf(places.dims);
  if (size * count > MOST_PLACES) call.refuse(`it takes ${count} of ${size} places, too many`);
  const row = graph.reshape(places, [1, count]);
  const int64 = graph.emit('Cast', [row], [1, count], { to: { int: 7 } });
  // Places from behind are negative.
  const wrapped = graph.add(int64, graph.integers([size]));
  const front = graph.emit('Less', [int64, graph.integers([0])], [1, count]);
  const at = graph.emit('Where', [front, wrapped, int64], [1, count]);
  const all = graph.integers(
    Array.from({ length: size }, (_, i) => i),
    [size, 1],
  );
  return graph.indicator(graph.emit('Equal', [all, at], [size, count]));
}

const gather: Operator = {
  shapes(call) {
    const { dims } = call.input(0);
    const axis = gatherAxis(call);
    return [[...dims.slice(0, axis), ...call.input(1).dims, ...dims.slice(axis + 1)]];
  },
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const { dims } = call.input(0);
    const axis = gatherAxis(call);
    const [before, size, after] = [dims.slice(0, axis), dims[axis], dims.slice(axis + 1)];
    const [count, known] = [sizeOf(call.input(1).dims), call.known[1]];
    const flat = graph.reshape(gradient, [sizeOf(before), count, sizeOf(after)]);
    if (count === 1 && known) {
      const start = known[0] < 0 ? known[0] + size : known[0];
      const back = putBack(graph, flat, { axis: 1, start, step: 1, count }, size);
      return [graph.reshape(back, dims)];
    }
    const taken = takenPlaces(graph, call, size);
    const sums = graph.emit('MatMul', [taken, flat], [sizeOf(before), size, sizeOf(after)]);
    return [graph.reshape(sums, dims)];
  },
};

const expandedDims = (call: OperatorCall) =>
  broadcast(call.input(0).dims, call.known[1] ?? call.refuse('its sizes are not constant'));

const expand: Operator = {
  shapes: (call) => [expandedDims(call)],
  gradients: (call, gradient, [wanted], graph) => [
    wanted ? graph.sumTo(gradient, call.input(0).dims) : undefined,
  ],
};

const repeatsOf = (call: OperatorCall) =>
  call.known[1] ?? call.refuse('its repetitions are not constant');

const tile: Operator = {
  shapes: (call) => [call.input(0).dims.map((size, axis) => size * repeatsOf(call)[axis])],
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const { dims } = call.input(0);
    const repeats = repeatsOf(call);
    const apart = graph.reshape(
      gradient,
      dims.flatMap((size, axis) => [repeats[axis], size]),
    );
    return [
      graph.sum(
        apart,
        dims.map((_, axis) => 2 * axis),
      ),
    ];
  },
};

/** Values that are put at places of another one, as exporters write assignments. */
const scatter: Operator = {
  shapes(call) {
    if ((call.text('reduction') ?? 'none') !== 'none') call.refuse('sums at places are not known');
    return [call.input(0).dims];
  },
  gradients(call, gradient, [ofData, , ofUpdates], graph) {
    const [places, updates] = [call.input(1), call.input(2)];
    const nothing = () => graph.expand(graph.scalar(0), updates.dims);
    return [
      ofData
        ? graph.emit('ScatterND', [gradient, places, nothing()], call.input(0).dims)
        : undefined,
      undefined,
      ofUpdates ? graph.emit('GatherND', [gradient, places], updates.dims) : undefined,
    ];
  },
};

const where: Operator = {
  shapes(call) {
    const [condition, yes, no] = [call.input(0).dims, call.input(1).dims, call.input(2).dims];
    return [broadcast(condition, broadcast(yes, no))];
  },
  gradients(call, gradient, wanted, graph) {
    const [condition, zero] = [call.input(0), graph.scalar(0)];
    const side = (input: 1 | 2) => {
      if (!wanted[input]) return undefined;
      const sides = input === 1 ? [gradient, zero] : [zero, gradient];
      const part = graph.emit('Where', [condition, ...sides], call.output.dims);
      return graph.sumTo(part, call.input(input).dims);
    };
    return [undefined, side(1), side(2)];
  },
};

export const selections: OperatorFamily = {
  Slice: sliced,
  Gather: gather,
  Expand: expand,
  Tile: tile,
  ScatterND: scatter,
  Where: where,
};
