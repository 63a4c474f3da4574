import { GraphBuilder } from '../../src/onnx/graph-builder.js';

/** Channels of a token, and tokens of the image. */
export const CHANNELS = 4;
export const PATCHES = 16;

/** How tokens are put before those of the image. */
export type Prefix =
  | 'cls'
  | 'cls and registers'
  | 'registers after'
  | 'registers after, unfolded'
  | 'folded'
  | 'vector'
  | 'registers alone'
  | 'none'
  | 'padded'
  | 'appended'
  | 'computed';

/**
 * A vision transformer in small: patches of an image of 8 × 8 by a convolution (`patches`, a map of 4 × 4), tokens before them as `prefix`
 * says (`tokens`), a norm and a linear layer beside a residual (`block`), and all but the first token (`rest`).
 */
export function tokenNetwork(prefix: Prefix): GraphBuilder {
  const graph = new GraphBuilder('tokens');
  const constant = (name: string, dims: readonly number[]) =>
    graph.initializer(
      name,
      dims,
      Float32Array.from(
        { length: dims.reduce((product, size) => product * size, 1) },
        (_, i) => Math.sin(i * 1.7 + name.length) / 2,
      ),
    );
  const whole = (name: string, values: readonly number[]) =>
    graph.initializer(name, [values.length], BigInt64Array.from(values, BigInt));
  const image = graph.input('image', 'float32', ['N', 3, 8, 8]);
  constant('patch.weight', [CHANNELS, 3, 2, 2]);
  graph.node('Conv', [image, 'patch.weight'], {
    outputs: ['patches'],
    attributes: { strides: { ints: [2, 2] } },
  });
  const rows = graph.node('Reshape', ['patches', whole('flat', [0, CHANNELS, PATCHES])]);
  const x = graph.node('Transpose', [rows], { attributes: { perm: { ints: [0, 2, 1] } } });
  const batch = graph.node('Slice', [
    graph.node('Shape', [image]),
    whole('from', [0]),
    whole('to', [1]),
  ]);
  const sized = (tokens: number) =>
    graph.node('Concat', [batch, whole(`size${tokens}`, [tokens, CHANNELS])], {
      attributes: { axis: { int: 0 } },
    });
  const expanded = (name: string, tokens: number) =>
    graph.node('Expand', [constant(name, [1, tokens, CHANNELS]), sized(tokens)]);
  const concat = (...parts: readonly string[]) =>
    graph.node('Concat', parts, { attributes: { axis: { int: 1 } } });
  // Without constant folding the exporter makes a list of each bound.
  const bound = (name: string, value: number) =>
    prefix === 'registers after, unfolded'
      ? graph.node('Unsqueeze', [
          graph.initializer(name, [], BigInt64Array.of(BigInt(value))),
          whole(`${name} axes`, [0]),
        ])
      : whole(name, [value]);
  const slice = (of: string, from: number, to: number) =>
    graph.node('Slice', [
      of,
      bound(`from ${of} ${from}`, from),
      bound(`to ${of} ${from}`, to),
      bound(`axes ${of} ${from}`, 1),
    ]);
  const joined = (): string => {
    if (prefix === 'none') return x;
    if (prefix === 'cls') return concat(expanded('cls', 1), x);
    if (prefix === 'appended') return concat(x, expanded('cls', 1));
    if (prefix === 'cls and registers')
      return concat(expanded('cls', 1), expanded('registers', 3), x);
    if (prefix === 'registers alone') return concat(expanded('registers', 4), x);
    // A batch of eight, folded into the constant.
    if (prefix === 'folded') return concat(constant('cls', [8, 1, CHANNELS]), x);
    if (prefix === 'vector')
      return concat(
        graph.node('Add', [constant('cls', [CHANNELS]), graph.node('ConstantOfShape', [sized(1)])]),
        x,
      );
    if (prefix === 'padded') return graph.node('Pad', [x, whole('pads', [0, 1, 0, 0, 0, 0])]);
    if (prefix === 'computed') {
      const made = graph.node('MatMul', [constant('a', [1, 2, 3]), constant('b', [3, CHANNELS])]);
      return concat(graph.node('Expand', [made, sized(2)]), x);
    }
    const first = concat(expanded('cls', 1), x);
    return concat(slice(first, 0, 1), expanded('registers', 3), slice(first, 1, 2 ** 53));
  };
  graph.node('Identity', [joined()], { outputs: ['tokens'] });
  graph.node('LayerNormalization', ['tokens', constant('scale', [CHANNELS])], {
    outputs: ['norm'],
    attributes: { axis: { int: -1 } },
  });
  const linear = graph.node('MatMul', ['norm', constant('weight', [CHANNELS, CHANNELS])]);
  graph.node('Add', ['tokens', linear], { outputs: ['block'] });
  graph.node('Slice', ['block', whole('start', [1]), whole('end', [2 ** 53]), whole('axis', [1])], {
    outputs: ['rest'],
  });
  graph.node('Transpose', ['patches'], {
    outputs: ['last'],
    attributes: { perm: { ints: [0, 2, 3, 1] } },
  });
  graph.node('Relu', ['last'], { outputs: ['channels.last'] });
  for (const name of ['patches', 'tokens', 'block', 'rest', 'channels.last']) graph.output(name);
  return graph;
}
