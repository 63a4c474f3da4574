import { GraphBuilder } from '../../src/onnx/graph-builder.js';

const CHANNELS = 4;

const integers = (count: number, step: number) =>
  Int8Array.from({ length: count }, (_, i) => ((i * step) % 21) - 10);

function started(name: string): GraphBuilder {
  const graph = new GraphBuilder(name, 17, { 'com.microsoft': 1 });
  graph.input('image', 'float32', ['N', 3, 'H', 'W']);
  graph.initializer('scale', [], Float32Array.of(0.125));
  graph.initializer('zero', [], Uint8Array.of(64));
  graph.initializer('w_scale', [], Float32Array.of(0.0625));
  graph.initializer('w_zero', [], Int8Array.of(0));
  graph.initializer('first.weight', [CHANNELS, 3, 3, 3], integers(CHANNELS * 27, 7));
  graph.initializer('second.weight', [CHANNELS, CHANNELS, 1, 1], integers(CHANNELS ** 2, 5));
  return graph;
}

const named = (scope: string, rest: string) => ({ name: scope + rest, outputs: [scope + rest] });

/**
 * Convolutions with a residual as ONNX Runtime quantises them for `QuantizeLinear` and `DequantizeLinear`, each reader of
 * a value with a pair of its own: the block's value leaves it by two dequantised values.
 */
export function quantisedPairs(): GraphBuilder {
  const graph = started('pairs');
  const quantised = (value: string) =>
    graph.node('QuantizeLinear', [value, 'scale', 'zero'], {
      ...{ name: `${value}_QuantizeLinear`, outputs: [`${value}_QuantizeLinear_Output`] },
    });
  const back = (value: string, pair = '') =>
    graph.node('DequantizeLinear', [`${value}_QuantizeLinear_Output`, 'scale', 'zero'], {
      name: `${value}_DequantizeLinear${pair}`,
      outputs: [`${value}_DequantizeLinear_Output${pair}`],
    });
  const weight = (name: string) =>
    graph.node('DequantizeLinear', [name, 'w_scale', 'w_zero'], { outputs: [`${name}_float`] });
  const pads = { pads: { ints: [1, 1, 1, 1] } };
  const conv = graph.node('Conv', ['image', weight('first.weight')], {
    ...{ name: '/block/first/Conv', outputs: ['/block/first/Conv_output_0'], attributes: pads },
  });
  const relu = graph.node('Relu', [conv], {
    ...{ name: '/block/act/Relu', outputs: ['/block/act/Relu_output_0'] },
  });
  quantised(relu);
  const [read, residual] = [back(relu), back(relu, '_1')];
  const second = graph.node('Conv', [read, weight('second.weight')], {
    ...{ name: '/next/second/Conv', outputs: ['/next/second/Conv_output_0'] },
  });
  quantised(second);
  const sum = graph.node('Add', [back(second), residual], named('/next', '/Add_output_0'));
  quantised(sum);
  const pool = graph.node('GlobalAveragePool', [back(sum)], {
    ...{ name: '/pool/GlobalAveragePool', outputs: ['pooled'] },
  });
  graph.output(pool, 'float32', ['N', CHANNELS, 1, 1]);
  return graph;
}

/** A linear layer behind a pool as ONNX Runtime quantises it for each image. */
export function quantisedDynamically(): GraphBuilder {
  const graph = started('dynamic');
  graph.initializer('fc.weight_quantized', [CHANNELS - 1, 5], integers((CHANNELS - 1) * 5, 3));
  const act = graph.node('Relu', ['image'], {
    ...{ name: '/act/Relu', outputs: ['/act/Relu_output_0'] },
  });
  const pool = graph.node('GlobalAveragePool', [act], {
    ...{ name: '/pool/GlobalAveragePool', outputs: ['/pool/GlobalAveragePool_output_0'] },
  });
  const flat = graph.node('Flatten', [pool], {
    ...{ name: '/flat/Flatten', outputs: ['/flat/Flatten_output_0'] },
  });
  const parts = ['quantized', 'scale', 'zero_point'].map((part) => `${flat}_${part}`);
  graph.node('DynamicQuantizeLinear', [flat], {
    ...{ name: `${flat}_QuantizeLinear`, outputs: parts },
  });
  const whole = '/fc/MatMul_output_0_output_quantized';
  graph.node('MatMulInteger', [parts[0], 'fc.weight_quantized', parts[2], 'w_zero'], {
    ...{ name: '/fc/MatMul_quant', outputs: [whole] },
  });
  const cast = graph.node('Cast', [whole], {
    ...{ name: `${whole}_cast`, outputs: [`${whole}_cast_output`] },
    attributes: { to: { int: 1 } },
  });
  const scales = graph.node('Mul', [parts[1], 'w_scale'], {
    ...{ name: '/fc/MatMul_quant_scales_mul', outputs: ['/fc/MatMul_quant_scales_mul:0'] },
  });
  const fc = graph.node('Mul', [cast, scales], {
    ...{ name: '/fc/MatMul_quant_output_scale_mul', outputs: ['/fc/MatMul_output_0'] },
  });
  graph.output(fc, 'float32', ['N', 5]);
  return graph;
}

/** Convolutions that compute with integers from end to end, as in the quantised networks of the ONNX model zoo. */
export function quantisedOperators(): GraphBuilder {
  const graph = started('operators');
  const image = graph.node('QuantizeLinear', ['image', 'scale', 'zero'], { outputs: ['codes'] });
  const conv = (from: string, weight: string, scope: string) =>
    graph.node(
      'QLinearConv',
      [from, 'scale', 'zero', weight, 'w_scale', 'w_zero', 'scale', 'zero'],
      { name: `${scope}/Conv_quant`, outputs: [`${scope}/Conv_output_0_quantized`] },
    );
  const first = conv(image, 'first.weight', '/first');
  const pool = graph.node('MaxPool', [first], {
    ...{ name: '/pool/MaxPool', outputs: ['/pool/MaxPool_output_0_quantized'] },
    attributes: { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } },
  });
  const second = conv(pool, 'second.weight', '/second');
  const ends = graph.node(
    'QLinearAdd',
    [second, 'scale', 'zero', pool, 'scale', 'zero', 'scale', 'zero'],
    { name: '/sum/Add_quant', outputs: ['/sum/Add_output_0_quantized'], domain: 'com.microsoft' },
  );
  graph.node('DequantizeLinear', [ends, 'scale', 'zero'], {
    ...{ name: '/sum/Add_output_0_DequantizeLinear', outputs: ['sum'] },
  });
  graph.output('sum', 'float32');
  return graph;
}
