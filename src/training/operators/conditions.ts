import { broadcast } from '../graph/static-graph.js';
import type { Operator, OperatorFamily } from './operator.js';

/** Operators whose results are no numbers to be differentiated: conditions, places, types. */

const none: Operator['gradients'] = (call) => call.inputs.map(() => undefined);

const comparison: Operator = {
  shapes: (call) => [broadcast(call.input(0).dims, call.input(1).dims)],
  gradients: none,
};

const test: Operator = { shapes: (call) => [call.input(0).dims], gradients: none };

const place: Operator = {
  shapes(call) {
    const { dims } = call.input(0);
    const said = call.integer('axis', 0);
    const axis = said < 0 ? said + dims.length : said;
    return [
      call.integer('keepdims', 1) === 0
        ? dims.filter((_, i) => i !== axis)
        : dims.map((size, i) => (i === axis ? 1 : size)),
    ];
  },
  gradients: none,
};

/** TensorProto.DataType. */
const [FLOAT, FLOAT16, DOUBLE, BFLOAT16] = [1, 10, 11, 16];

/** Numbers stay in the type that the step is written in; a narrower one is refused. */
const cast: Operator = {
  shapes: (call) => [call.input(0).dims],
  write(call, graph, [output]) {
    const to = call.integer('to', FLOAT);
    const narrow = to === FLOAT16 || to === BFLOAT16;
    if (narrow || (to === DOUBLE && graph.precision === 'float32'))
      call.refuse('it changes the type of the numbers: export the network in float32');
    if (to !== FLOAT) return false;
    const own = { to: { int: graph.precision === 'float64' ? DOUBLE : FLOAT } };
    graph.emit('Cast', [call.input(0)], call.input(0).dims, own, '', output);
    return true;
  },
  gradients: (call, gradient) => [
    [FLOAT, DOUBLE].includes(call.integer('to', FLOAT)) ? gradient : undefined,
  ],
};

const filled: Operator = {
  shapes: (call) => [call.known[0] ?? call.refuse('its sizes are not constant')],
  gradients: none,
};

export const conditions: OperatorFamily = {
  Equal: comparison,
  Greater: comparison,
  GreaterOrEqual: comparison,
  Less: comparison,
  LessOrEqual: comparison,
  And: comparison,
  Or: comparison,
  Xor: comparison,
  Not: test,
  IsNaN: test,
  IsInf: test,
  ArgMax: place,
  ArgMin: place,
  Cast: cast,
  ConstantOfShape: filled,
};
