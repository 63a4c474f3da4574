import { RandomState } from '../../../src/numerics/random/random-state.js';
import type { OddCase } from './odd-case.js';
import {
  graph,
  node,
  type Odd,
  ownFunction,
  tensor,
  tensorType,
  value,
  weights,
} from './raw-graph.js';

/** Graphs put together by chance, each from its seed, of the ways in which exporters write a step from maps to maps. */

/** What a step adds: the values that are layers, in order; the last one goes on. */
type Step = (g: Odd, from: string, name: (part: string) => string) => readonly string[];

const anyFloat = tensorType('float32');
const scalar = (type: string) => tensorType(type, []);
const one =
  (operator: string, attributes = {}, domain = ''): Step =>
  (g, from, name) => [g.n(operator, [from], name('y'), attributes, { domain })];
const branch = (operator: string, from: string) => ({
  graph: graph({ nodes: [node(operator, [from], ['made'])], outputs: [value('made', anyFloat)] }),
});

const steps: readonly Step[] = [
  one('Relu'),
  one('Neg'),
  one('HardSigmoid'),
  one('MaxPool', { kernel_shape: [2, 2], pads: [1, 1, 0, 0] }),
  one('Halved', {}, 'own'),
  (g, from, name) => [
    g.n('Conv', [from, g.c(name('w'), [4, 4, 3, 3], weights(144, 5))], name('y'), {
      pads: [1, 1, 1, 1],
    }),
  ],
  // Residuals, with what is read twice.
  (g, from, name) => {
    const side = g.n('Tanh', [from], name('side'));
    return [side, g.n('Add', [from, side], name('y'))];
  },
  // Channels last and back.
  (g, from, name) => {
    const last = g.n('Transpose', [from], name('last'), { perm: [0, 2, 3, 1] });
    const scaled = g.n('Mul', [last, g.c(name('gain'), [4], weights(4))], name('scaled'));
    return [last, scaled, g.n('Transpose', [scaled], name('y'), { perm: [0, 3, 1, 2] })];
  },
  // Flattened and brought back by the shape, which is computed.
  (g, from, name) => {
    const shape = g.n('Shape', [from], name('shape'));
    const flat = g.n('Flatten', [from], name('flat'));
    return [flat, g.n('Reshape', [flat, shape], name('y'))];
  },
  // Split and joined, once by a sequence.
  (g, from, name) => {
    const parts = [name('a'), name('b')];
    g.n('Split', [from, g.i(name('sizes'), 1, 3)], parts, { axis: 1 });
    return [...parts, g.n('Concat', [parts[1], parts[0]], name('y'), { axis: 1 })];
  },
  (g, from, name) => {
    const pair = g.n('SplitToSequence', [from, g.i(name('two'), 2, 2)], name('pair'), { axis: 1 });
    return [g.n('ConcatFromSequence', [pair], name('y'), { axis: 1 })];
  },
  // A constant in a node, and one that is made by arithmetic.
  (g, from, name) => {
    const number = tensor('', [1], Float32Array.of(0.5));
    const half = g.n('Constant', [], name('half'), { value: { tensor: number } });
    const quarter = g.n('Mul', [half, half], name('quarter'));
    return [g.n('Add', [from, quarter], name('y'))];
  },
  (g, from, name) => {
    const yes = g.c(name('yes'), [], Uint8Array.of(1), 9);
    const branches = { then_branch: branch('Abs', from), else_branch: branch('Neg', from) };
    return [g.n('If', [yes], name('y'), branches)];
  },
  (g, from, name) => {
    const turns = g.c(name('turns'), [], BigInt64Array.of(3n));
    const yes = g.c(name('yes'), [], Uint8Array.of(1), 9);
    const body = graph({
      nodes: [node('Identity', ['go'], ['on']), node('Sub', [from, 'held'], ['next'])],
      inputs: [
        value('turn', scalar('int64')),
        value('go', scalar('bool')),
        value('held', anyFloat),
      ],
      outputs: [value('on', scalar('bool')), value('next', anyFloat)],
    });
    return [g.n('Loop', [turns, yes, from], name('y'), { body: { graph: body } })];
  },
  // Double precision for one operator.
  (g, from, name) => {
    const wide = g.n('Cast', [from], name('wide'), { to: 11 });
    const soft = g.n('Abs', [wide], name('soft'));
    return [wide, soft, g.n('Cast', [soft], name('y'), { to: 1 })];
  },
  // Left out in evaluation mode.
  (g, from, name) => [
    g.n('Dropout', [from, g.c(name('ratio'), [], Float32Array.of(0.5))], name('y')),
  ],
];

const halved = ownFunction(
  'Halved',
  ['x'],
  ['y'],
  [
    node('Constant', [], ['half'], { value: { tensor: tensor('', [], Float32Array.of(0.5)) } }),
    node('Mul', ['x', 'half'], ['y']),
  ],
);

const styles: readonly ((step: number, part: string) => string)[] = [
  (step, part) => `v${step}_${part}`,
  (step, part) => `/stage.${step}/block/Op_${part}_output_0`,
  (step, part) => `слой ${step}·${part}`,
  (step, part) => `model/features/${step}/${part}:0`,
];

/** The graph of a seed: three to nine steps, of any opset from 13 on, its batch free or fixed. */
export function mutation(seed: number): OddCase {
  const random = new RandomState(seed);
  const among = (count: number) => Math.floor(random.randomSample(1)[0] * count);
  const chosen = Array.from({ length: 3 + among(7) }, () => steps[among(steps.length)]);
  const style = styles[among(styles.length)];
  const opset = 13 + among(9);
  const batch = [`N`, null, 1, 5][among(4)];
  const values: string[] = [];
  const make = (g: Odd) => {
    let at = g.stem(g.image([batch, 3, 'H', 'W']));
    values.splice(0, values.length, 'image', 'c', 'r');
    chosen.forEach((step, i) => {
      const made = step(g, at, (part) => style(i, part));
      values.push(...made);
      at = made[made.length - 1];
    });
    g.out(at);
    return { opset, ir: 9, domains: { own: 1 }, functions: [halved] };
  };
  return { name: `seed ${seed}`, make, values };
}
