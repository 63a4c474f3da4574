import { type OddCase, STEM } from './odd-case.js';
import { sequenceOf, tensorType, weights } from './raw-graph.js';

const f = (...numbers: number[]) => Float32Array.from(numbers);
const INT4 = 22;
const FLOAT8 = 17;

/** Graphs that quantisers, optimizers and converters wrote from those of exporters. */
export const tools: readonly OddCase[] = [
  {
    name: 'fused operators of a runtime’s own optimizer, an output of which is a sum',
    make: (g) => {
      g.stem();
      g.n('Reshape', ['r', g.i('tokens', 0, 4, 196)], 't');
      g.n('FastGelu', ['t'], 'gelu', {}, { domain: 'com.microsoft' });
      const inputs = ['gelu', 't', g.c('gain', [196], weights(196))];
      g.n(
        'SkipLayerNormalization',
        inputs,
        ['y', '', '', 'sum'],
        {},
        { domain: 'com.microsoft', name: '/block/norm/SkipLayerNorm' },
      );
      g.out('y');
      g.out('sum');
      return { domains: { 'com.microsoft': 1 } };
    },
    values: [...STEM, 't', 'gelu', 'y', 'sum'],
    refused: { 'block.norm': /several values/ },
  },
  {
    name: 'weights of four bits',
    make: (g) => {
      g.stem();
      g.c('w4', [4, 4, 1, 1], Uint8Array.of(1, 2, 3, 4, 5, 6, 0x79, 8), INT4);
      g.n('DequantizeLinear', ['w4', g.c('scale', [], f(0.25))], 'weights');
      g.n('Conv', ['r', 'weights'], 'y', {}, { name: '/second/Conv' });
      g.out('y');
      return { opset: 21, ir: 10 };
    },
    values: [...STEM, 'y'],
    modules: { conv: 'c', second: 'y' },
  },
  {
    name: 'pairs of quantisation to eight-bit floats',
    make: (g) => {
      g.stem();
      g.c('scale', [], f(0.5));
      g.c('zero', [], Uint8Array.of(0), FLOAT8);
      g.n('QuantizeLinear', ['r', 'scale', 'zero'], 'codes');
      g.n('DequantizeLinear', ['codes', 'scale', 'zero'], 'back');
      g.out('back');
      return { opset: 19, ir: 9 };
    },
    values: [...STEM, 'back'],
    refused: { codes: /integers of a quantised value: ask for back/ },
  },
  {
    name: 'codes that pool and turn before they are dequantised',
    make: (g) => {
      g.stem();
      g.c('scale', [], f(2));
      g.c('zero', [], Uint8Array.of(3));
      g.n('QuantizeLinear', ['r', 'scale', 'zero'], 'codes');
      g.n('MaxPool', ['codes'], 'pooled', { kernel_shape: [2, 2] }, { name: '/pool/MaxPool' });
      g.n('Transpose', ['pooled'], 'turned', { perm: [0, 2, 3, 1] });
      g.n('DequantizeLinear', ['turned', 'scale', 'zero'], 'back', {}, { name: '/back/DQ' });
      g.out('back');
      return undefined;
    },
    values: [...STEM, 'back'],
    modules: { act: 'r' },
    refused: { codes: /integers/, pooled: /integers/, turned: /integers/ },
  },
  {
    name: 'quantisation by the values of a batch: each image alone',
    make: (g) => {
      g.stem();
      g.n('DynamicQuantizeLinear', ['r'], ['codes', 'scale', 'zero']);
      g.n('DequantizeLinear', ['codes', 'scale', 'zero'], 'back');
      g.out('back');
      return undefined;
    },
    values: [...STEM, 'back'],
    refused: { codes: /integers.*ask for back/, scale: /integers/ },
    batch: 1,
  },
  {
    name: 'a classifier of other libraries: scaled features, odds by class',
    make: (g) => {
      g.stem();
      g.n('GlobalAveragePool', ['r'], 'p');
      g.n('Flatten', ['p'], 'flat');
      g.n(
        'Scaler',
        ['flat'],
        'scaled',
        { scale: { floats: [2] }, offset: { floats: [1] } },
        { domain: 'ai.onnx.ml' },
      );
      g.n('Softmax', ['scaled'], 'odds', { axis: 1 });
      const classlabels_int64s = [0, 1, 2, 3];
      g.n('ZipMap', ['odds'], 'named', { classlabels_int64s }, { domain: 'ai.onnx.ml' });
      g.out('odds');
      return { domains: { 'ai.onnx.ml': 3 } };
    },
    values: [...STEM, 'p', 'flat', 'scaled', 'odds'],
    refused: { named: /sequence/ },
  },
  {
    name: 'a graph that a runtime saved for itself',
    make: (g) => {
      g.stem();
      g.n('Conv', ['r', 'w'], 'y', {}, { domain: 'com.ms.internal.nhwc' });
      g.out('y');
      return { domains: { 'com.ms.internal.nhwc': 1 } };
    },
    file: ['onnx-operator', /com\.ms\.internal\.nhwc\.Conv/],
  },
  {
    name: 'names of a folded batch norm',
    make: (g) => {
      g.image();
      g.c('onnx::Conv_12', [4, 3, 3, 3], weights(108));
      g.c('onnx::Conv_13', [4], weights(4));
      const inputs = ['image', 'onnx::Conv_12', 'onnx::Conv_13'];
      g.n('Conv', inputs, '/conv1/Conv_output_0', {}, { name: '/conv1/Conv' });
      g.n('Relu', ['/conv1/Conv_output_0'], 'y', {}, { name: '/relu/Relu' });
      g.out('y');
      return undefined;
    },
    values: ['image', '/conv1/Conv_output_0', 'y'],
    modules: { relu: 'y', bn1: '/conv1/Conv_output_0' },
    refused: { conv1: /a batch norm was folded into it at export/ },
  },
  {
    name: 'an output that is declared a sequence beside one that is none',
    make: (g) => {
      g.stem();
      g.n('SequenceConstruct', ['c', 'r'], 'all', {}, { name: '/stages/SequenceConstruct' });
      g.out('all', sequenceOf(tensorType('float32')));
      g.out('r');
      return undefined;
    },
    values: STEM,
    refused: { all: /sequence/, stages: /sequence/ },
  },
];
