import { type OddCase, STEM } from './odd-case.js';
import {
  graph,
  node,
  type Odd,
  optionalOf,
  ownFunction,
  sequenceOf,
  tensor,
  tensorType,
  value,
  weights,
} from './raw-graph.js';

const f = (...numbers: number[]) => Float32Array.from(numbers);
const maps = tensorType('float32', ['N', 4, null, null]);
const bool = 9;

/** Operators as exporters write them in each opset. */
export const opsets: readonly OddCase[] = [
  {
    name: 'opset 11: clip, pad and resize with their numbers as inputs',
    make: (g) => {
      g.stem();
      g.c('low', [], f(0));
      g.c('high', [], f(6));
      g.n('Clip', ['r', 'low', 'high'], 'clipped');
      g.n('Pad', ['clipped', g.i('pads', 0, 0, 1, 1, 0, 0, 1, 1)], 'padded');
      g.c('roi', [0], f());
      const scales = g.c('scales', [4], f(1, 1, 2, 2));
      g.n('Resize', ['padded', 'roi', scales], 'up', { mode: 'nearest' });
      g.out('up');
      return { opset: 11, ir: 6 };
    },
    values: [...STEM, 'clipped', 'padded', 'up'],
    modules: { conv: 'c', act: 'r' },
  },
  {
    name: 'opset 12: einsum, and a comparison that is a layer of zeros and ones',
    make: (g) => {
      g.stem();
      g.n('Einsum', ['r'], 'turned', { equation: 'nchw->nhwc' });
      g.n('GreaterOrEqual', ['c', g.c('level', [], f(1))], 'mask');
      g.out('turned');
      g.out('mask');
      return { opset: 12, ir: 7 };
    },
    values: [...STEM, 'turned', 'mask'],
  },
  {
    name: 'opset 13: axes of squeeze and split as inputs',
    make: (g) => {
      g.stem();
      g.n('Unsqueeze', ['r', g.i('axes', 1)], 'wide');
      g.n('Squeeze', ['wide', 'axes'], 'narrow');
      g.n('Split', ['narrow', g.i('parts', 1, 3)], ['one', 'three'], { axis: 1 });
      g.n('Softmax', ['three'], 'soft', { axis: 1 });
      g.out('soft');
      return { opset: 13 };
    },
    values: [...STEM, 'wide', 'narrow', 'one', 'three', 'soft'],
  },
  {
    name: 'opset 14: a hard swish, running sums, and a reshape that allows zeros',
    make: (g) => {
      g.stem();
      g.n('HardSwish', ['c'], 'swish', {}, { name: '/swish/HardSwish' });
      g.n('CumSum', ['swish', g.c('axis', [], Int32Array.of(3))], 'sums');
      g.n('Reshape', ['sums', g.i('shape', -1, 4, 196)], 'flat', { allowzero: 1 });
      g.out('flat');
      return { opset: 14 };
    },
    values: [...STEM, 'swish', 'sums', 'flat'],
    modules: { conv: 'c', swish: 'swish' },
  },
  {
    name: 'opset 15: a batch norm that was not folded',
    make: (g) => {
      g.stem();
      for (const [name, at] of Object.entries({ scale: 1, bias: 2, mean: 3, var: 4 }))
        g.c(`bn.${name}`, [4], f(at, at + 1, at, at + 2));
      const inputs = ['c', 'bn.scale', 'bn.bias', 'bn.mean', 'bn.var'];
      g.n('BatchNormalization', inputs, 'normed', {}, { name: '/bn/BatchNormalization' });
      g.out('normed', maps);
      return { opset: 15 };
    },
    values: [...STEM, 'normed'],
    modules: { conv: 'c', bn: 'normed' },
  },
  {
    name: 'opset 16: PRelu and Where',
    make: (g) => {
      g.stem();
      g.n('PRelu', ['c', g.c('slope', [4, 1, 1], f(0.25, 0.5, 0, 1))], 'leaky');
      g.n('LessOrEqual', ['leaky', g.c('level', [], f(0))], 'below');
      g.n('Where', ['below', 'level', 'leaky'], 'chosen');
      g.out('chosen');
      return { opset: 16 };
    },
    values: [...STEM, 'leaky', 'below', 'chosen'],
  },
  {
    name: 'opset 17: a layer norm whose statistics are outputs too',
    make: (g) => {
      g.stem();
      g.n('LayerNormalization', ['r', g.c('gain', [14], weights(14))], ['y', '', 'inverse']);
      g.out('y');
      g.out('inverse');
      return { opset: 17 };
    },
    values: [...STEM, 'y', 'inverse'],
  },
  {
    name: 'opset 18: axes of a mean as input, and a split into a number of parts',
    make: (g) => {
      g.stem();
      g.n('ReduceMean', ['r', g.i('axes', 2, 3)], 'pooled', { keepdims: 0 });
      g.n('Mish', ['pooled'], 'mish');
      g.n('Split', ['mish'], ['first', 'second'], { axis: 1, num_outputs: 2 });
      g.out('first');
      g.out('second');
      return { opset: 18 };
    },
    values: [...STEM, 'pooled', 'mish', 'first', 'second'],
  },
  {
    name: 'opset 19: a dilated average pool',
    make: (g) => {
      g.stem();
      g.n('AveragePool', ['r'], 'pooled', { kernel_shape: [2, 2], dilations: [2, 2] });
      g.out('pooled');
      return { opset: 19, ir: 9 };
    },
    values: [...STEM, 'pooled'],
  },
  {
    name: 'opset 20: Gelu, which older opsets write as eight operators',
    make: (g) => {
      g.stem();
      g.n('Gelu', ['c'], 'gelu', {}, { name: '/gelu/Gelu' });
      g.out('gelu');
      return { opset: 20, ir: 9 };
    },
    values: [...STEM, 'gelu'],
    modules: { conv: 'c', gelu: 'gelu' },
  },
  {
    name: 'opset 21: a group norm',
    make: (g) => {
      g.stem();
      const inputs = ['r', g.c('gain', [4], weights(4)), g.c('bias', [4], weights(4, 5))];
      g.n('GroupNormalization', inputs, 'normed', { num_groups: 2 });
      g.out('normed');
      return { opset: 21, ir: 10 };
    },
    values: [...STEM, 'normed'],
  },
  {
    name: 'opset 22: an instance norm and a global pool',
    make: (g) => {
      g.stem();
      const inputs = ['r', g.c('gain', [4], weights(4)), g.c('bias', [4], weights(4, 5))];
      g.n('InstanceNormalization', inputs, 'normed');
      g.n('GlobalMaxPool', ['normed'], 'pooled');
      g.out('pooled');
      return { opset: 22, ir: 10 };
    },
    values: [...STEM, 'normed', 'pooled'],
  },
  {
    name: 'opset 23: a root-mean-square norm',
    make: (g) => {
      g.stem();
      g.n('RMSNormalization', ['r', g.c('gain', [14], weights(14))], 'normed');
      g.out('normed');
      return { opset: 23, ir: 11 };
    },
    values: [...STEM, 'normed'],
  },
];

/** Arithmetic over shapes, axes of all kinds. */
export const shapes: readonly OddCase[] = [
  {
    name: 'flattening by arithmetic over the shape, not folded',
    make: (g) => {
      g.stem();
      g.n('Shape', ['r'], 'shape');
      g.n('Constant', [], 'zero', { value: { tensor: tensor('', [], BigInt64Array.of(0n)) } });
      g.n('Gather', ['shape', 'zero'], 'batch', { axis: 0 });
      g.i('axes', 0);
      g.n('Unsqueeze', ['batch', 'axes'], 'batch_1');
      g.n('Concat', ['batch_1', g.i('rest', -1)], 'target', { axis: 0 });
      g.n('Reshape', ['r', 'target'], 'flat');
      g.out('flat');
      return undefined;
    },
    values: [...STEM, 'flat'],
  },
  {
    name: 'sizes read by Size, Shape with start and end, and Range',
    make: (g) => {
      g.stem();
      g.n('Size', ['r'], 'size');
      g.n('Shape', ['r'], 'rows', { start: 2, end: 3 });
      g.n('Squeeze', ['rows'], 'count');
      g.c('from', [], BigInt64Array.of(0n));
      g.c('step', [], BigInt64Array.of(1n));
      g.n('Range', ['from', 'count', 'step'], 'places');
      g.n('Cast', ['places'], 'floats', { to: 1 });
      g.n('Add', ['r', 'floats'], 'shifted');
      g.out('shifted');
      g.out('size');
      return undefined;
    },
    values: [...STEM, 'shifted'],
  },
  {
    name: 'indices: the largest channel, the two largest of each place',
    make: (g) => {
      g.stem();
      g.n('ArgMax', ['r'], 'best', { axis: 1, keepdims: 0 });
      g.n('TopK', ['r', g.i('two', 2)], ['top', 'at'], { axis: 1 });
      g.out('best');
      g.out('top');
      return undefined;
    },
    values: [...STEM, 'best', 'top', 'at'],
  },
  {
    name: 'a width that depends on the image',
    make: (g) => {
      g.stem();
      g.n('NonZero', ['r'], 'found');
      g.n('GlobalAveragePool', ['r'], 'p');
      g.out('found');
      g.out('p');
      return undefined;
    },
    values: [...STEM, 'found', 'p'],
    refused: { found: /no batch axis/ },
  },
  {
    name: 'a batch axis without a name',
    make: (g) => {
      g.stem(g.image([null, 3, null, null]));
      g.out('r');
      return undefined;
    },
    values: STEM,
  },
  {
    name: 'a batch fixed to four, all sizes fixed',
    make: (g) => {
      g.stem(g.image([4, 3, 16, 16]));
      g.out('r', tensorType('float32', [4, 4, 14, 14]));
      return undefined;
    },
    values: STEM,
  },
  {
    name: 'a batch fixed to one whose axis is squeezed away',
    make: (g) => {
      g.stem(g.image([1, 3, 16, 16]));
      g.n('Squeeze', ['r', g.i('axes', 0)], 'single');
      g.n('Unsqueeze', ['single', 'axes'], 'again');
      g.out('again');
      return undefined;
    },
    values: [...STEM, 'single', 'again'],
    refused: { single: /no batch axis/ },
  },
  {
    name: 'an input of unknown rank',
    make: (g) => {
      g.inputs.push(value('image', tensorType('float32')));
      g.stem('image');
      g.out('r');
      return undefined;
    },
    file: ['input-mismatch', /four axes/],
  },
  {
    name: 'an input of float64',
    make: (g) => {
      g.image(['N', 3, 'H', 'W'], 'float64');
      g.n('Relu', ['image'], 'r');
      g.out('r');
      return undefined;
    },
    file: ['input-mismatch', /float32, float16 or uint8.*float64/],
  },
  {
    name: 'an input of bytes that are scaled inside',
    make: (g) => {
      g.image(['N', 3, 'H', 'W'], 'uint8');
      g.n('Cast', ['image'], 'floats', { to: 1 });
      g.stem(g.n('Div', ['floats', g.c('white', [], f(255))], 'scaled'));
      g.out('r');
      return undefined;
    },
    values: ['image', 'floats', 'scaled', 'c', 'r'],
  },
  {
    name: 'channels last, turned inside and back',
    card: { input: { layout: 'NHWC' } },
    make: (g) => {
      g.image(['N', 'H', 'W', 3]);
      g.stem(g.n('Transpose', ['image'], 'first', { perm: [0, 3, 1, 2] }));
      g.n('Transpose', ['r'], 'last', { perm: [0, 2, 3, 1] });
      g.out('last');
      return undefined;
    },
    values: ['image', 'first', 'c', 'r', 'last'],
  },
  {
    name: 'an axis of size zero',
    make: (g) => {
      g.stem();
      g.i('from', 2);
      g.i('axis', 1);
      g.n('Slice', ['r', 'from', 'from', 'axis'], 'none');
      g.n('Concat', ['r', 'none'], 'joined', { axis: 1 });
      g.out('joined');
      return undefined;
    },
    values: [...STEM, 'none', 'joined'],
    refused: { none: /no units/ },
  },
  {
    name: 'double precision inside',
    make: (g) => {
      g.stem();
      g.n('Cast', ['r'], 'wide', { to: 11 });
      g.n('Sqrt', ['wide'], 'root');
      g.n('Cast', ['root'], 'narrow', { to: 1 });
      g.out('narrow');
      return undefined;
    },
    values: [...STEM, 'wide', 'root', 'narrow'],
  },
  {
    name: 'tokens first, as many as images in a batch',
    make: (g) => {
      g.stem();
      g.n('AdaptivePool', ['r'], 'tokens', {}, { domain: 'own' });
      g.n('Transpose', ['tokens'], 'turned', { perm: [1, 0, 2] });
      g.n('Relu', ['turned'], 'inside');
      g.n('Transpose', ['inside'], 'back', { perm: [1, 0, 2] });
      g.out('back');
      return { domains: { own: 1 }, functions: [eightTokens()] };
    },
    values: [...STEM, 'tokens', 'turned', 'inside', 'back'],
    refused: { turned: /no batch axis/, inside: /no batch axis/ },
  },
  {
    name: 'a mean over the images of a batch',
    make: (g) => {
      g.stem();
      g.n('ReduceMean', ['r'], 'mean', { axes: [0], keepdims: 1 });
      g.n('Sub', ['r', 'mean'], 'apart');
      g.out('apart');
      return undefined;
    },
    values: [...STEM, 'mean', 'apart'],
    refused: { mean: /no batch axis/, apart: /other images of a batch/ },
  },
];

/** Maps as eight tokens of 98 numbers, by a function of the model's own. */
function eightTokens(): Uint8Array {
  const shape = tensor('', [3], BigInt64Array.of(-1n, 8n, 98n));
  return ownFunction(
    'AdaptivePool',
    ['x'],
    ['y'],
    [
      node('Constant', [], ['shape'], { value: { tensor: shape } }),
      node('Reshape', ['x', 'shape'], ['y']),
    ],
  );
}

/** A graph inside an attribute. */
const inner = (
  nodes: readonly Uint8Array[],
  outputs: readonly Uint8Array[],
  inputs: readonly Uint8Array[] = [],
) => ({ graph: graph({ nodes, outputs, inputs }) });

const scalar = (type: string) => tensorType(type, []);
const anyFloat = tensorType('float32');

/** Loops of `count` turns that adds `r` to what it carries and gives its sum, and each turn's. */
function loop(g: Odd, count: number): void {
  g.c('count', [], BigInt64Array.of(BigInt(count)));
  g.c('yes', [], Uint8Array.of(1), bool);
  const body = inner(
    [
      node('Identity', ['go'], ['on']),
      node('Add', ['sum', 'r'], ['more']),
      node('ReduceMean', ['more'], ['told'], { axes: [0, 1, 2], keepdims: 0 }),
    ],
    [value('on', scalar('bool')), value('more', anyFloat), value('told', anyFloat)],
    [value('turn', scalar('int64')), value('go', scalar('bool')), value('sum', anyFloat)],
  );
  g.n('Loop', ['count', 'yes', 'r'], ['total', 'turns'], { body });
}

/** Control flow, sequences, optional values, functions. */
export const flows: readonly OddCase[] = [
  {
    name: 'If over a size, both branches reading what is around them',
    make: (g) => {
      g.stem();
      g.n('Shape', ['r'], 'rows', { start: 2, end: 3 });
      g.n('Greater', ['rows', g.i('ten', 10)], 'large');
      g.n('Squeeze', ['large'], 'is_large');
      const branch = (operator: string) =>
        inner([node(operator, ['c'], ['made'])], [value('made', anyFloat)]);
      g.n('If', ['is_large'], 'either', {
        then_branch: branch('Abs'),
        else_branch: branch('Neg'),
      });
      g.out('either');
      return undefined;
    },
    values: [...STEM, 'either'],
  },
  {
    name: 'If over the image itself, in an If',
    make: (g) => {
      g.stem();
      g.n('ReduceMax', ['r'], 'most', { keepdims: 0 });
      g.n('Greater', ['most', g.c('zero', [], f(0))], 'some');
      const deepest = (operator: string) =>
        inner([node(operator, ['r'], ['made'])], [value('made', anyFloat)]);
      const branch = inner(
        [
          node('If', ['some'], ['chosen'], {
            then_branch: deepest('Neg'),
            else_branch: deepest('Abs'),
          }),
        ],
        [value('chosen', anyFloat)],
      );
      g.n('If', ['some'], 'either', { then_branch: branch, else_branch: deepest('Exp') });
      g.out('either');
      return undefined;
    },
    values: [...STEM, 'most', 'some', 'either'],
    refused: { most: /no batch axis/, some: /no batch axis/ },
  },
  {
    name: 'a Loop of three turns that carries a map',
    make: (g) => {
      g.stem();
      loop(g, 3);
      g.out('total');
      return undefined;
    },
    values: [...STEM, 'total', 'turns'],
    refused: { turns: /no batch axis/ },
  },
  {
    name: 'a Loop of as many turns as images in a batch, each told',
    make: (g) => {
      g.stem();
      loop(g, 8);
      g.out('turns');
      return undefined;
    },
    values: [...STEM, 'total', 'turns'],
    refused: { turns: /no batch axis|other images of a batch/ },
  },
  {
    name: 'a Scan over the rows of a map',
    make: (g) => {
      g.stem();
      g.n('ReduceSum', ['r', g.i('over', 2)], 'start', { keepdims: 0 });
      const body = inner(
        [node('Add', ['state', 'row'], ['next']), node('Identity', ['next'], ['told'])],
        [value('next', anyFloat), value('told', anyFloat)],
        [value('state', anyFloat), value('row', anyFloat)],
      );
      g.n('Scan', ['start', 'r'], ['end', 'all'], {
        body,
        num_scan_inputs: 1,
        scan_input_axes: [2],
        scan_output_axes: [2],
      });
      g.out('end');
      g.out('all');
      return undefined;
    },
    values: [...STEM, 'start', 'end', 'all'],
  },
  {
    name: 'a sequence that is split off and read again',
    make: (g) => {
      g.stem();
      g.n('SplitToSequence', ['r', g.i('parts', 1, 3)], 'pair', { axis: 1 }, { name: '/split/S' });
      g.c('one', [], BigInt64Array.of(1n));
      g.n('SequenceAt', ['pair', 'one'], 'second', {}, { name: '/take/SequenceAt' });
      g.n('ConcatFromSequence', ['pair'], 'whole', { axis: 1 });
      g.out('second');
      g.out('whole');
      return undefined;
    },
    values: [...STEM, 'second', 'whole'],
    modules: { conv: 'c', act: 'r', take: 'second' },
    refused: { pair: /sequence/, split: /sequence/ },
  },
  {
    name: 'an output that is a sequence',
    make: (g) => {
      g.stem();
      g.n('SequenceConstruct', ['c', 'r'], 'both');
      g.n('Identity', ['both'], 'same');
      g.out('same', sequenceOf(anyFloat));
      return undefined;
    },
    values: STEM,
    refused: { both: /sequence/, same: /sequence/ },
  },
  {
    name: 'a sequence that a Loop fills',
    make: (g) => {
      g.stem();
      g.c('count', [], BigInt64Array.of(2n));
      g.c('yes', [], Uint8Array.of(1), bool);
      g.n('SequenceEmpty', [], 'none');
      const body = inner(
        [node('Identity', ['go'], ['on']), node('SequenceInsert', ['held', 'r'], ['more'])],
        [value('on', scalar('bool')), value('more', sequenceOf(anyFloat))],
        [
          value('turn', scalar('int64')),
          value('go', scalar('bool')),
          value('held', sequenceOf(anyFloat)),
        ],
      );
      g.n('Loop', ['count', 'yes', 'none'], 'all', { body });
      g.n('ConcatFromSequence', ['all'], 'stacked', { axis: 1 });
      g.out('stacked');
      return undefined;
    },
    values: [...STEM, 'stacked'],
    refused: { all: /sequence/ },
  },
  {
    name: 'an If whose branches give sequences',
    make: (g) => {
      g.stem();
      g.c('yes', [], Uint8Array.of(1), bool);
      const branch = (first: string) =>
        inner(
          [node('SequenceConstruct', [first, 'r'], ['made'])],
          [value('made', sequenceOf(anyFloat))],
        );
      g.n('If', ['yes'], 'pair', { then_branch: branch('c'), else_branch: branch('r') });
      g.c('zero', [], BigInt64Array.of(0n));
      g.n('SequenceAt', ['pair', 'zero'], 'first');
      g.out('first');
      return undefined;
    },
    values: [...STEM, 'first'],
    refused: { pair: /sequence/ },
  },
  {
    name: 'an optional value that is there',
    make: (g) => {
      g.stem();
      g.n('Optional', ['r'], 'perhaps');
      g.n('OptionalGetElement', ['perhaps'], 'there');
      g.out('there');
      return undefined;
    },
    values: [...STEM, 'there'],
    refused: { perhaps: /optional/ },
  },
  {
    name: 'an output that is an optional value',
    make: (g) => {
      g.stem();
      g.n('Optional', ['r'], 'perhaps');
      g.out('perhaps', optionalOf(anyFloat));
      g.out('r');
      return undefined;
    },
    values: STEM,
    refused: { perhaps: /optional/ },
  },
  {
    name: 'functions of its own, one in the other, with an attribute handed on',
    make: (g) => {
      g.stem();
      g.n('Twice', ['c'], 'y', { slope: { float: 0.5 } }, { domain: 'own', name: '/block/Twice' });
      g.out('y');
      const leaky = ['LeakyRelu', ['x'], ['y'], { alpha: { reference: 'slope' } }] as const;
      return {
        domains: { own: 1 },
        functions: [
          ownFunction('Leaky', ['x'], ['y'], [node(...leaky)], { attributes: ['slope'] }),
          ownFunction(
            'Twice',
            ['x'],
            ['y'],
            [
              node('Leaky', ['x'], ['t'], { slope: { reference: 'slope' } }, { domain: 'own' }),
              node('Add', ['t', 't'], ['y']),
            ],
            { attributes: ['slope'] },
          ),
        ],
      };
    },
    values: [...STEM, 'y'],
    modules: { conv: 'c', act: 'r', block: 'y' },
  },
  {
    name: 'a function that gives a sequence',
    make: (g) => {
      g.stem();
      g.n('Both', ['c', 'r'], 'pair', {}, { domain: 'own' });
      g.c('zero', [], BigInt64Array.of(0n));
      g.n('SequenceAt', ['pair', 'zero'], 'first');
      g.out('first');
      const made = ownFunction(
        'Both',
        ['a', 'b'],
        ['y'],
        [node('SequenceConstruct', ['a', 'b'], ['y'])],
      );
      return { domains: { own: 1 }, functions: [made] };
    },
    values: [...STEM, 'first'],
    refused: { pair: /sequence/ },
  },
  {
    name: 'a function that bears the name of an operator of random numbers, and draws none',
    make: (g) => {
      g.stem();
      g.n('Bernoulli', ['c'], 'y', {}, { domain: 'own' });
      g.out('y');
      const made = ownFunction('Bernoulli', ['x'], ['y'], [node('Sigmoid', ['x'], ['y'])]);
      return { domains: { own: 1 }, functions: [made] };
    },
    values: [...STEM, 'y'],
  },
];
