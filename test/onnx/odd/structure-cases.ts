import { bytesRecord, concatenate } from '../../../src/onnx/wire.js';
import { type OddCase, STEM } from './odd-case.js';
import {
  graph,
  node,
  type Odd,
  optionalOf,
  ownFunction,
  sparse,
  tensor,
  tensorType,
  value,
  weights,
  words,
} from './raw-graph.js';

const f = (...numbers: number[]) => Float32Array.from(numbers);
const maps = tensorType('float32', ['N', 4, null, null]);

/** A rectifier behind the stem, whose node and value bear these names. */
const named = (value: string, name: string) => (g: Odd) => {
  g.stem();
  g.n('Relu', ['c'], value, {}, { name });
  g.out(value);
  return undefined;
};

/** So many modules, one after the other. */
export const chain = (length: number) => (g: Odd) => {
  let at = g.stem();
  for (let i = 0; i < length; i++) at = g.n('Neg', [at], `v${i}`, {}, { name: `/b${i}/Neg` });
  g.out(at);
  return undefined;
};

/** Names as exporters, people and tools write them. */
export const names: readonly OddCase[] = [
  {
    name: 'names in other scripts, with blanks and signs',
    make: named('плоть·层 ☂ [0]', '/мозг/层 1/Relu'),
    values: [...STEM, 'плоть·层 ☂ [0]'],
    modules: { мозг: 'плоть·层 ☂ [0]', 'мозг.层 1': 'плоть·层 ☂ [0]' },
  },
  {
    name: 'a value named like a part of another',
    make: named('r@mean', '/part/Relu'),
    values: [...STEM, 'r@mean'],
    modules: { part: 'r@mean', 'r@mean': 'r@mean' },
  },
  {
    name: 'a value named like a call and a glob',
    make: named('conv#2*', '/more/Relu'),
    values: [...STEM, 'conv#2*'],
    modules: { more: 'conv#2*' },
  },
  {
    name: 'a value named like a module',
    make: named('conv', '/act2/Relu'),
    values: [...STEM, 'conv'],
    modules: { conv: 'conv', 'module:conv': 'c', act2: 'conv' },
  },
  {
    name: 'a value named like a property of every object',
    make: named('constructor', '/valueOf/toString/Relu'),
    values: [...STEM, 'constructor'],
    modules: { valueOf: 'constructor', 'valueOf.toString': 'constructor' },
  },
  {
    name: 'nodes without names',
    make: (g) => {
      g.stem();
      for (const [from, to] of ['rs', 'st', 'tu']) g.n('Neg', [from], to);
      g.out('u');
      return undefined;
    },
    values: [...STEM, 's', 't', 'u'],
  },
  {
    name: 'two nodes in one module with another between: its last value, where a call is told by nothing',
    make: (g) => {
      g.stem();
      g.n('Neg', ['r'], 's', {}, { name: '/same/Neg' });
      g.n('Exp', ['s'], 't', {}, { name: '/other/Exp' });
      g.n('Neg', ['t'], 'u', {}, { name: '/same/Neg_1' });
      g.out('u');
      return undefined;
    },
    values: [...STEM, 's', 't', 'u'],
    modules: { other: 't' },
    refused: { same: /several values/ },
  },
  {
    name: 'two nodes of one name',
    make: (g) => {
      g.stem();
      g.n('Neg', ['r'], 's', {}, { name: '/same/Neg' });
      g.n('Neg', ['s'], 't', {}, { name: '/same/Neg' });
      g.out('t');
      return undefined;
    },
    file: ['onnx-invalid', /two nodes with same node name/],
  },
  {
    name: 'a name of a hundred thousand characters',
    make: (g) => {
      g.stem();
      g.n('Neg', ['r'], 'n'.repeat(100_000));
      g.out('n'.repeat(100_000));
      return undefined;
    },
    values: [...STEM, 'n'.repeat(100_000)],
  },
];

const bn = (g: Odd, type?: number) => {
  for (const name of ['scale', 'bias', 'mean', 'var']) g.c(`bn.${name}`, [4], f(1, 2, 1, 2), type);
  return ['c', 'bn.scale', 'bn.bias', 'bn.mean', 'bn.var'];
};

/** Inputs, outputs, initializers and nodes as no exporter should write them, and some do. */
export const structures: readonly OddCase[] = [
  {
    name: 'initializers that are inputs too, as before IR version 4',
    make: (g) => {
      g.stem();
      g.inputs.push(value('w', tensorType('float32', [4, 3, 3, 3])));
      g.out('r');
      return { ir: 3, opset: 11 };
    },
    values: STEM,
  },
  {
    name: 'an output that is the image',
    make: (g) => {
      g.stem();
      g.out('image', tensorType('float32', ['N', 3, 'H', 'W']));
      g.out('r');
      return undefined;
    },
    values: STEM,
  },
  {
    name: 'an output that is an initializer',
    make: (g) => {
      g.stem();
      g.out('w', tensorType('float32', [4, 3, 3, 3]));
      g.out('r');
      return undefined;
    },
    values: STEM,
    refused: { w: /no layer w/ },
  },
  {
    name: 'nothing but an input that is the output',
    make: (g) => {
      g.out(g.image(), tensorType('float32', ['N', 3, 'H', 'W']));
      return undefined;
    },
    values: ['image'],
  },
  {
    name: 'no output at all',
    make: (g) => {
      g.stem();
      return undefined;
    },
    values: STEM,
  },
  {
    name: 'one output twice',
    make: (g) => {
      g.stem();
      g.out('r', maps);
      g.out('r', maps);
      return undefined;
    },
    values: STEM,
  },
  {
    name: 'no input at all',
    make: (g) => {
      g.c('image', [1, 3, 4, 4], weights(48));
      g.n('Relu', ['image'], 'r');
      g.out('r');
      return undefined;
    },
    file: ['onnx-invalid', /an image input, found none/],
  },
  {
    name: 'an input of numbers beside the image, which half of it needs',
    make: (g) => {
      g.stem();
      g.inputs.push(value('gain', tensorType('float32', [1])));
      g.n('Mul', ['r', 'gain'], 'scaled', {}, { name: '/scale/Mul' });
      g.n('GlobalAveragePool', ['r'], 'p', {}, { name: '/pool/GlobalAveragePool' });
      g.out('scaled');
      g.out('p');
      return undefined;
    },
    values: [...STEM, 'p'],
    modules: { conv: 'c', pool: 'p' },
    refused: { scaled: /needs gain/, scale: /needs gain/ },
  },
  {
    name: 'a mask beside the image that need not be there',
    make: (g) => {
      g.stem();
      g.inputs.push(value('mask', optionalOf(tensorType('float32'))));
      g.n('OptionalHasElement', ['mask'], 'is_there');
      const branch = (operator: string) => ({
        graph: graph({
          nodes: [node(operator, ['r'], ['made'])],
          outputs: [value('made', tensorType('float32'))],
        }),
      });
      g.n('If', ['is_there'], 'y', { then_branch: branch('Neg'), else_branch: branch('Exp') });
      g.out('y');
      g.out('r');
      return { opset: 18 };
    },
    values: STEM,
    refused: { y: /needs mask/ },
  },
  {
    name: 'a sparse initializer',
    make: (g) => {
      g.stem();
      g.sparse.push(
        sparse(
          'thin',
          [14],
          new Map([
            [1, 0.5],
            [9, -2],
          ]),
        ),
      );
      g.n('Mul', ['r', 'thin'], 'y');
      g.out('y');
      return undefined;
    },
    values: [...STEM, 'y'],
  },
  {
    name: 'words: a label for each image',
    make: (g) => {
      g.stem();
      g.n('GlobalMaxPool', ['r'], 'p');
      g.n('Flatten', ['p'], 'flat');
      g.n('ArgMax', ['flat'], 'best', { axis: 1, keepdims: 0 });
      g.initializers.push(words('labels', ['a', 'b', 'c', 'd']));
      g.n('Gather', ['labels', 'best'], 'label');
      g.out('label');
      return undefined;
    },
    values: [...STEM, 'p', 'flat', 'best', 'label'],
    refused: { label: /string, not numbers/ },
  },
  {
    name: 'what a training keeps beside the network',
    make: (g) => {
      g.stem();
      g.out('r');
      const training = graph({
        nodes: [node('Relu', ['a'], ['b'])],
        inputs: [value('a', tensorType('float32', [1]))],
        outputs: [value('b', tensorType('float32', [1]))],
      });
      return { more: [bytesRecord(20, bytesRecord(1, training))] };
    },
    values: STEM,
  },
  {
    name: 'an attribute of two million numbers',
    make: (g) => {
      g.stem();
      const huge = tensor('', [2_000_000], new Float32Array(2_000_000).fill(0.5));
      g.n('Constant', [], 'many', { value: { tensor: huge } });
      g.n('ReduceMax', ['many'], 'most', { keepdims: 0 });
      g.n('Mul', ['r', 'most'], 'y');
      g.out('y');
      return undefined;
    },
    values: [...STEM, 'y'],
  },
  {
    name: 'value_info that gives a shape which the value does not have',
    make: (g) => {
      g.stem();
      g.valueInfo.push(value('c', tensorType('float32', ['N', 4, 'A', 'B'])));
      g.valueInfo.push(value('gone', tensorType('float32', [1])));
      g.out('r', tensorType('float32', ['N', 'C', 'A', 'B']));
      return undefined;
    },
    values: STEM,
  },
  {
    name: 'optional inputs and outputs that are left out',
    make: (g) => {
      g.stem();
      g.n('MaxPool', ['r'], ['pooled', ''], { kernel_shape: [2, 2] });
      g.c('w2', [2, 4, 1, 1], weights(8));
      g.n('Conv', ['pooled', 'w2', ''], 'd');
      g.broken('Resize', ['d', '', '', g.i('sizes', -1, 2, 3, 3)], 'e');
      g.n('Clip', ['d', '', g.c('high', [], f(1))], 'clipped');
      g.out('clipped');
      return undefined;
    },
    values: [...STEM, 'pooled', 'd', 'e', 'clipped'],
    refused: { e: /failed to run|input-mismatch|no batch axis|Resize/ },
  },
  {
    name: 'a branch that nothing needs, and that cannot be computed',
    make: (g) => {
      g.stem();
      g.broken('Reshape', ['r', g.i('shape', 7, 7)], 'broken');
      g.n('Neg', ['r'], 's');
      g.out('s');
      return undefined;
    },
    values: [...STEM, 'broken', 's'],
    refused: { broken: /Reshape|failed to run|no batch axis/ },
  },
  {
    name: 'a batch norm in training mode beside the way to the output',
    make: (g) => {
      g.stem();
      g.n('BatchNormalization', bn(g), ['n', 'm', 'v'], { training_mode: 1 }, { name: '/bn/BN' });
      g.n('Neg', ['r'], 's');
      g.out('s');
      g.out('n');
      return undefined;
    },
    values: [...STEM, 's'],
    refused: { n: /other images of a batch/, bn: /other images of a batch/ },
  },
  {
    name: 'random numbers in the body of an If',
    card: { trials: 3 },
    make: (g) => {
      g.stem();
      g.c('yes', [], Uint8Array.of(1), 9);
      const branch = (operator: string) => ({
        graph: graph({
          nodes: [node(operator, ['r'], ['made'])],
          outputs: [value('made', tensorType('float32'))],
        }),
      });
      g.n('If', ['yes'], 'noise', {
        then_branch: branch('RandomNormalLike'),
        else_branch: branch('Neg'),
      });
      g.n('Add', ['r', 'noise'], 's');
      g.out('s');
      return undefined;
    },
    values: STEM,
    refused: { s: /random numbers \(RandomNormalLike\) in node noise, so that(?!.*trials)/ },
  },
  {
    name: 'random numbers in a function of its own',
    make: (g) => {
      g.stem();
      g.n('Noisy', ['c'], 'y', {}, { domain: 'own', name: '/noise/Noisy' });
      g.out('y');
      const made = ownFunction(
        'Noisy',
        ['x'],
        ['y'],
        [node('RandomUniformLike', ['x'], ['t']), node('Add', ['x', 't'], ['y'])],
      );
      return { domains: { own: 1 }, functions: [made] };
    },
    values: STEM,
    refused: { y: /random numbers \(RandomUniformLike\) in node \/noise\/Noisy/ },
  },
  {
    name: 'a noisy function that bears the name of an operator',
    make: (g) => {
      g.stem();
      g.n('Relu', ['c'], 'y', {}, { domain: 'own' });
      g.out('y');
      const made = ownFunction(
        'Relu',
        ['x'],
        ['y'],
        [node('RandomNormalLike', ['x'], ['t']), node('Add', ['x', 't'], ['y'])],
      );
      return { domains: { own: 1 }, functions: [made] };
    },
    values: STEM,
    refused: { y: /random numbers/ },
  },
  {
    name: 'random numbers, refused with the line of the card',
    make: (g) => {
      g.stem();
      g.n('RandomNormalLike', ['r'], 'noise', {}, { name: '/v1/RandomNormalLike' });
      g.n('Add', ['r', 'noise'], 's');
      g.out('s');
      return undefined;
    },
    values: STEM,
    refused: { s: /in node \/v1\/RandomNormalLike.*add `trials: 10` to the card/ },
  },
  {
    name: 'a chain of a thousand nodes',
    make: chain(1000),
    values: [...STEM, ...Array.from({ length: 1000 }, (_, i) => `v${i}`)],
    modules: { conv: 'c', b0: 'v0', b999: 'v999' },
  },
  {
    name: 'a name of a module as deep as no network',
    make: (g) => {
      g.stem();
      g.n('Neg', ['r'], 'y', {}, { name: `${'/a'.repeat(5000)}/Neg` });
      g.out('y');
      return undefined;
    },
    values: [...STEM, 'y'],
    modules: { conv: 'c', a: 'y' },
  },
];

/** Files that are refused, each with its reason. */
export const refusals: readonly OddCase[] = [
  {
    name: 'two inputs of one name',
    make: (g) => {
      g.image();
      g.stem();
      g.out('r');
      return undefined;
    },
    file: ['onnx-invalid', /graph\.input.*image/],
  },
  {
    name: 'a name that no object of JavaScript can have',
    make: named('__proto__', '/act/Relu'),
    file: ['onnx-invalid', /other names than __proto__/],
  },
  {
    name: 'a name that is no text',
    make: (g) => {
      g.stem();
      const bytes = node('Neg', ['r'], ['yyyy']);
      bytes.fill(0xff, bytes.indexOf(0x79), bytes.lastIndexOf(0x79) + 1);
      g.nodes.push(bytes);
      g.out('r');
      return undefined;
    },
    file: ['onnx-invalid', /UTF-8/],
  },
  {
    name: 'a cycle',
    make: (g) => {
      g.stem();
      g.n('Add', ['r', 'b'], 'a');
      g.n('Neg', ['a'], 'b');
      g.out('b');
      return undefined;
    },
    file: ['onnx-invalid', /node Add should be inputs that something before it makes, found b/],
  },
  {
    name: 'a node before what it reads',
    make: (g) => {
      g.image();
      g.n('Neg', ['r'], 'y');
      g.n('Relu', ['image'], 'r');
      g.out('y');
      return undefined;
    },
    file: ['onnx-invalid', /something before it makes, found r/],
  },
  {
    name: 'a value that is made twice',
    make: (g) => {
      g.stem();
      g.n('Neg', ['r'], 'c');
      g.out('c');
      return undefined;
    },
    file: ['onnx-invalid', /outputs of new names, found c/],
  },
  {
    name: 'a value of the graph that a subgraph makes again',
    make: (g) => {
      g.stem();
      g.c('yes', [], Uint8Array.of(1), 9);
      const branch = {
        graph: graph({
          nodes: [node('Neg', ['r'], ['c'])],
          outputs: [value('c', tensorType('float32'))],
        }),
      };
      g.n('If', ['yes'], 'y', { then_branch: branch, else_branch: branch });
      g.out('y');
      return undefined;
    },
    file: ['onnx-invalid', /c/],
  },
  {
    name: 'an output that nothing makes',
    make: (g) => {
      g.stem();
      g.out('nowhere');
      return undefined;
    },
    file: ['onnx-invalid', /graph\.output should be values of the graph, found nowhere/],
  },
  {
    name: 'an operator of a domain that nobody brings',
    make: (g) => {
      g.stem();
      g.n('Attention3D', ['r'], 'y', {}, { domain: 'mycompany' });
      g.out('y');
      return { domains: { mycompany: 1 } };
    },
    file: ['onnx-operator', /mycompany\.Attention3D/],
  },
  {
    name: 'an operator that does not exist',
    make: (g) => {
      g.stem();
      g.n('Rellu', ['r'], 'y');
      g.out('y');
      return undefined;
    },
    file: ['onnx-operator', /Rellu/],
  },
  {
    name: 'an operator of a later opset than the file names',
    make: (g) => {
      g.stem();
      g.n('Gelu', ['r'], 'y');
      g.out('y');
      return { opset: 13 };
    },
    file: ['onnx-operator', /Gelu/],
  },
  {
    name: 'an opset of the next century',
    make: (g) => {
      g.stem();
      g.out('r');
      return { opset: 250 };
    },
    file: ['onnx-invalid', /opset/i],
  },
  {
    name: 'an IR version of the next century',
    make: (g) => {
      g.stem();
      g.out('r');
      return { ir: 99 };
    },
    file: ['onnx-invalid', /IR|version/],
  },
  {
    name: 'two functions of one name',
    make: (g) => {
      g.stem();
      g.n('Own', ['r'], 'y', {}, { domain: 'own' });
      g.out('y');
      const one = ownFunction('Own', ['x'], ['y'], [node('Neg', ['x'], ['y'])]);
      return { domains: { own: 1 }, functions: [one, one] };
    },
    file: ['onnx-invalid', /functions of different names, found two of one name/],
  },
  {
    name: 'a function that calls itself',
    make: (g) => {
      g.stem();
      g.n('Own', ['r'], 'y', {}, { domain: 'own' });
      g.out('y');
      const call = node('Own', ['x'], ['y'], {}, { domain: 'own' });
      return { domains: { own: 1 }, functions: [ownFunction('Own', ['x'], ['y'], [call])] };
    },
    file: ['onnx-invalid', /calls at most 64 deep/],
  },
  {
    name: 'a tensor of fewer numbers than its shape',
    make: (g) => {
      g.stem();
      g.c('short', [5], f(1, 2));
      g.out('r');
      return undefined;
    },
    file: ['onnx-invalid', /tensor short/],
  },
  {
    name: 'types that do not fit',
    make: (g) => {
      g.stem();
      g.n('Add', ['r', g.i('whole', 1)], 'y');
      g.out('y');
      return undefined;
    },
    file: ['onnx-invalid', /Add|type/i],
  },
  {
    name: 'weights that are in another file',
    make: (g) => {
      g.image();
      g.initializers.push(
        concatenate([
          bytesRecord(8, 'w'),
          Uint8Array.of(0x10, 1),
          bytesRecord(13, concatenate([bytesRecord(1, 'location'), bytesRecord(2, '../w.bin')])),
          Uint8Array.of(0x70, 1),
        ]),
      );
      g.n('Mul', ['image', 'w'], 'y');
      g.out('y');
      return undefined;
    },
    file: ['onnx-external-data', /inside the model's folder/],
  },
];
