import type { StaticGraph, Value } from '../graph/static-graph.js';
import { alongAxis, unitMatrix } from './axis-matrix.js';
import type { Operator, OperatorCall, OperatorFamily } from './operator.js';

/** Resize by any interpolation that has one matrix an axis: nearest, linear and cubic, with any rule of places. */

const [SCALES, SIZES] = [2, 3];
/** Attributes that say how places are found; those of a part of the image are not among them. */
const RULES = ['coordinate_transformation_mode', 'mode', 'nearest_mode'] as const;

/** Sizes of the result, and the scales where the node says these. */
interface Target {
  readonly dims: readonly number[];
  readonly scales?: readonly number[];
}

function targetOf(call: OperatorCall): Target {
  const { dims } = call.input(0);
  if (call.integers('axes')) call.refuse('it names its axes, which is not known here');
  if (call.text('coordinate_transformation_mode') === 'tf_crop_and_resize')
    call.refuse('a crop is not known here');
  if (call.node.inputs[SIZES]) {
    const sizes = call.known[SIZES] ?? call.refuse('its sizes are not constant');
    return { dims: sizes };
  }
  const scales = call.known[SCALES] ?? call.refuse('its scales are not constant');
  if (scales.length !== dims.length) call.refuse('its scales must be one for each axis');
  // The runtime multiplies in float32.
  return { dims: dims.map((size, axis) => Math.floor(Math.fround(size * scales[axis]))), scales };
}

/** [places of the input, places of the output] along one axis. */
function matrixOf(graph: StaticGraph, call: OperatorCall, axis: number): Value {
  const { dims, scales } = targetOf(call);
  const size = call.input(0).dims[axis];
  const unit = graph.reshape(unitMatrix(graph, size), [1, 1, size, size]);
  const none = { name: '', dims: [0] };
  const wide = [1, 1, size, dims[axis]];
  const target = scales
    ? [none, float(graph, [1, 1, 1, scales[axis]])]
    : [none, none, graph.integers(wide)];
  const rules = RULES.flatMap((name) => {
    const text = call.text(name);
    return text === undefined ? [] : [[name, { string: text }] as const];
  });
  const numbers = {
    cubic_coeff_a: { float: call.float('cubic_coeff_a', -0.75) },
    exclude_outside: { int: call.integer('exclude_outside', 0) },
    ...(call.integer('antialias', 0) === 0 ? {} : { antialias: { int: 1 } }),
  };
  const attributes = { ...Object.fromEntries(rules), ...numbers };
  const found = graph.emit('Resize', [unit, ...target], wide, attributes);
  return graph.reshape(found, [size, dims[axis]]);
}

/** Scales are float32 whatever the values are. */
const float = (graph: StaticGraph, numbers: readonly number[]): Value =>
  graph.emit('Cast', [graph.constant([numbers.length], numbers)], [numbers.length], {
    to: { int: 1 },
  });

const resize: Operator = {
  shapes: (call) => [targetOf(call).dims],
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const { dims } = call.input(0);
    const sizes = targetOf(call).dims;
    const back = dims.reduce(
      (value, size, axis) =>
        size === sizes[axis] ? value : alongAxis(graph, value, axis, matrixOf(graph, call, axis)),
      gradient,
    );
    return [back];
  },
};

export const resizing: OperatorFamily = { Resize: resize };
