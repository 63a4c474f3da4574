import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { bytesRecord, concatenate, integerRecord, varintBytes } from '../../src/onnx/wire.js';

/** Side of the images that the networks here take. */
export const SIDE = 16;

/** A card for a network whose layer is `y`. */
export const hostileCard = (name: string) =>
  JSON.stringify({
    name,
    input: {
      resize: { to: SIDE, mode: 'square', filter: 'bilinear', library: 'pillow' },
      crop: SIDE,
      range: 1,
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      layout: 'NCHW',
    },
    visual_degrees: 8,
    region_layer_map: { V4: 'y', IT: 'y' },
  });

const int64 = (...values: number[]) => BigInt64Array.from(values, BigInt);

/** A graph that takes images `x`; `body` makes `y` of them, whose shape the file does not say. */
function network(body: (graph: GraphBuilder) => void): Uint8Array {
  const graph = new GraphBuilder('hostile');
  graph.input('x', 'float32', ['batch', 3, SIDE, SIDE]);
  body(graph);
  graph.output('y');
  return graph.build();
}

const named = (field: number, name: string) => bytesRecord(field, bytesRecord(1, name));

/** A value of an element type; a scalar where `scalar`, else of any rank. */
function typed(field: number, name: string, type: number, scalar = false): Uint8Array {
  const shape = scalar ? [bytesRecord(2, new Uint8Array(0))] : [];
  const tensor = bytesRecord(1, concatenate([integerRecord(1, type), ...shape]));
  return bytesRecord(field, concatenate([bytesRecord(1, name), bytesRecord(2, tensor)]));
}

interface NodeParts {
  readonly graphs?: Readonly<Record<string, Uint8Array>>;
  readonly domain?: string;
  readonly field?: number;
}

/** A NodeProto in a record of field 1, where graphs have it; functions have it in field 7. */
function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  { graphs = {}, domain = '', field = 1 }: NodeParts = {},
): Uint8Array {
  const attributes = Object.entries(graphs).map(([name, graph]) =>
    bytesRecord(
      5,
      concatenate([bytesRecord(1, name), bytesRecord(6, graph), integerRecord(20, 5)]),
    ),
  );
  return bytesRecord(
    field,
    concatenate([
      ...inputs.map((name) => bytesRecord(1, name)),
      ...outputs.map((name) => bytesRecord(2, name)),
      bytesRecord(3, `${operator}_${outputs[0]}`),
      bytesRecord(4, operator),
      ...attributes,
      ...(domain ? [bytesRecord(7, domain)] : []),
    ]),
  );
}

function tensor(name: string, type: number, dims: readonly number[], raw: Uint8Array): Uint8Array {
  return concatenate([
    ...dims.map((dim) => integerRecord(1, dim)),
    integerRecord(2, type),
    bytesRecord(8, name),
    bytesRecord(9, raw),
  ]);
}

const yes = bytesRecord(5, tensor('yes', 9, [], Uint8Array.of(1)));

/** A model around the records of a graph. */
function model(graph: readonly Uint8Array[], ...more: Uint8Array[]): Uint8Array {
  return concatenate([
    integerRecord(1, 8),
    bytesRecord(7, concatenate([bytesRecord(2, 'hostile'), ...graph])),
    bytesRecord(8, integerRecord(2, 17)),
    ...more,
  ]);
}

const pictures = () => {
  const dims = ['batch', 3, SIDE, SIDE].map((dim) =>
    bytesRecord(1, typeof dim === 'number' ? integerRecord(1, dim) : bytesRecord(2, dim)),
  );
  const shape = bytesRecord(2, concatenate(dims));
  const type = bytesRecord(1, concatenate([integerRecord(1, 1), shape]));
  return bytesRecord(11, concatenate([bytesRecord(1, 'x'), bytesRecord(2, type)]));
};

/** A Loop without a trip count, whose condition stays true. */
export function endlessLoop(): Uint8Array {
  const body = concatenate([
    bytesRecord(2, 'body'),
    node('Identity', ['going'], ['go_on']),
    node('Neg', ['held'], ['next']),
    typed(11, 'round', 7, true),
    typed(11, 'going', 9, true),
    typed(11, 'held', 1),
    typed(12, 'go_on', 9, true),
    typed(12, 'next', 1),
  ]);
  return model([
    yes,
    node('Loop', ['', 'yes', 'x'], ['y'], { graphs: { body } }),
    pictures(),
    named(12, 'y'),
  ]);
}

/** Constants that the optimizer computes when it loads the graph: `count` tensors of `elements` float32. */
export const constantFolding = (count: number, elements: number) =>
  network((graph) => {
    graph.initializer('size', [1], int64(elements));
    const sums = Array.from({ length: count }, (_, i) => {
      const value = { tensor: { dims: [1], elements: Float32Array.of(i + 1) } };
      const made = graph.node('ConstantOfShape', ['size'], { attributes: { value } });
      return graph.node('Mul', [made, made]);
    });
    const means = sums.map((sum) => graph.node('ReduceMean', [sum]));
    let all = 'x';
    for (const mean of means) all = graph.node('Add', [all, mean]);
    graph.node('Identity', [all], { outputs: ['y'] });
  });

/** Constants whose product takes very long, with little memory. */
export const slowFolding = () =>
  network((graph) => {
    graph.initializer('size', [2], int64(4000, 4000));
    let product = graph.node('ConstantOfShape', ['size']);
    for (let i = 0; i < 1000; i++) product = graph.node('MatMul', [product, product]);
    graph.node('Add', ['x', graph.node('ReduceMean', [product])], { outputs: ['y'] });
  });

/** Each image is spread out over ten gigabytes, in a shape that nothing in the file says. */
export const largeOutput = () =>
  network((graph) => {
    graph.initializer('size', [4], int64(1, 1, 50_000, 50_000));
    const attributes = { axes: { ints: [1, 2, 3] } };
    const mean = graph.node('ReduceMean', ['x'], { attributes });
    graph.node('Expand', [mean, 'size'], { outputs: ['y'] });
  });

/** The file itself says that it gives ten gigabytes. */
export function declaredLargeOutput(): Uint8Array {
  const graph = new GraphBuilder('hostile');
  graph.input('x', 'float32', ['batch', 3, SIDE, SIDE]);
  graph.node('Identity', ['x'], { outputs: ['y'] });
  graph.output('y', 'float32', ['batch', 50_000, 50_000]);
  return graph.build();
}

/** An initializer that is in another file. */
export function externalData(location: string): Uint8Array {
  const entry = (key: string, value: string) =>
    bytesRecord(13, concatenate([bytesRecord(1, key), bytesRecord(2, value)]));
  const weights = concatenate([
    integerRecord(1, 3),
    integerRecord(2, 1),
    bytesRecord(8, 'w'),
    entry('location', location),
    entry('offset', '0'),
    entry('length', '12'),
    integerRecord(14, 1),
  ]);
  return model([
    node('Add', ['x', 'w'], ['y']),
    bytesRecord(5, weights),
    pictures(),
    named(12, 'y'),
  ]);
}

/** The beginning of a model whose graph is announced as two gigabytes long. */
export const twoGigabytesAnnounced = () =>
  concatenate([
    integerRecord(1, 8),
    varintBytes(7 * 8 + 2),
    varintBytes(2 ** 31 - 1),
    named(11, 'x'),
  ]);

/** An operator of somebody's own. */
export const customDomain = () =>
  model(
    [node('Mine', ['x'], ['y'], { domain: 'my.domain' }), pictures(), named(12, 'y')],
    bytesRecord(8, concatenate([bytesRecord(1, 'my.domain'), integerRecord(2, 1)])),
  );

/** If within If, `depth` times. */
export function nestedIf(depth: number): Uint8Array {
  const branch = (left: number): Uint8Array => {
    const value = `v${left}`;
    const inner = left === 0 ? node('Identity', ['x'], [value]) : conditional(left, value);
    return concatenate([bytesRecord(2, `g${left}`), inner, named(12, value)]);
  };
  const conditional = (left: number, value: string) => {
    const graph = branch(left - 1);
    const other = concatenate([
      bytesRecord(2, `o${left}`),
      node('Neg', ['x'], [`o${left}`]),
      named(12, `o${left}`),
    ]);
    return node('If', ['yes'], [value], {
      graphs: { then_branch: graph, else_branch: other },
    });
  };
  return model([yes, conditional(depth, 'y'), pictures(), named(12, 'y')]);
}

/** A chain of nodes. */
export function manyNodes(count: number): Uint8Array {
  const name = (i: number) => (i === 0 ? 'x' : i === count ? 'y' : `v${i}`);
  const nodes = Array.from({ length: count }, (_, i) => node('Neg', [name(i)], [name(i + 1)]));
  return model([...nodes, pictures(), named(12, 'y')]);
}

/** Functions that each call the next one ten times. */
export function callsOfCalls(depth: number): Uint8Array {
  const opset = (domain: string, version: number) =>
    concatenate([bytesRecord(1, domain), integerRecord(2, version)]);
  const functions = Array.from({ length: depth }, (_, i) => {
    const called = i === depth - 1 ? { operator: 'Neg' } : { operator: `f${i + 1}`, domain: 'own' };
    const inner = Array.from({ length: 10 }, (_, j) =>
      node(called.operator, [j === 0 ? 'a' : `b${j}`], [j === 9 ? 'z' : `b${j + 1}`], {
        ...called,
        field: 7,
      }),
    );
    return bytesRecord(
      25,
      concatenate([
        bytesRecord(1, `f${i}`),
        bytesRecord(4, 'a'),
        bytesRecord(5, 'z'),
        ...inner,
        bytesRecord(9, opset('', 17)),
        bytesRecord(9, opset('own', 1)),
        bytesRecord(10, 'own'),
      ]),
    );
  });
  return model(
    [node('f0', ['x'], ['y'], { domain: 'own' }), pictures(), named(12, 'y')],
    bytesRecord(8, opset('own', 1)),
    ...functions,
  );
}

/** A sparse initializer of one element, which the runtime writes out to forty gigabytes. */
export function sparseBomb(): Uint8Array {
  const sparse = concatenate([
    bytesRecord(1, tensor('w', 1, [1], new Uint8Array(4))),
    bytesRecord(2, tensor('', 7, [1], new Uint8Array(8))),
    ...[100_000, 100_000].map((dim) => integerRecord(3, dim)),
  ]);
  return model([
    node('MatMul', ['x', 'w'], ['y']),
    bytesRecord(15, sparse),
    pictures(),
    named(12, 'y'),
  ]);
}

/** An initializer that says that it is a gigabyte and is four bytes. */
export const shortInitializer = () =>
  model([
    node('Add', ['x', 'w'], ['y']),
    bytesRecord(5, tensor('w', 1, [16_384, 16_384], new Uint8Array(4))),
    pictures(),
    named(12, 'y'),
  ]);

/** Weights that are no numbers. */
export const nanWeights = () =>
  network((graph) => {
    graph.initializer('w', [8, 3, 3, 3], new Float32Array(8 * 27).fill(Number.NaN));
    graph.node('Conv', ['x', 'w'], { outputs: ['y'] });
  });

/** The same in a way that is not followed: a size that a running sum makes. */
export const hiddenFolding = (nth = 0) =>
  network((graph) => {
    graph.initializer('sides', [2], int64(4000 + nth, 0));
    graph.initializer('axis', [], int64(0));
    const size = graph.node('CumSum', ['sides', 'axis']);
    let product = graph.node('ConstantOfShape', [size]);
    for (let i = 0; i < 1000; i++) product = graph.node('MatMul', [product, product]);
    graph.node('Add', ['x', graph.node('ReduceMean', [product])], { outputs: ['y'] });
  });

/** A function that makes a large constant, called a thousand times. */
export function foldingInFunctions(): Uint8Array {
  const opset = (domain: string, version: number) =>
    concatenate([bytesRecord(1, domain), integerRecord(2, version)]);
  const spread = bytesRecord(
    25,
    concatenate([
      bytesRecord(1, 'spread'),
      bytesRecord(4, 'size'),
      bytesRecord(5, 'mean'),
      node('ConstantOfShape', ['size'], ['all'], { field: 7 }),
      node('ReduceMean', ['all'], ['mean'], { field: 7 }),
      bytesRecord(9, opset('', 17)),
      bytesRecord(10, 'own'),
    ]),
  );
  const size = new Uint8Array(int64(5000, 5000).buffer);
  const calls = Array.from({ length: 1000 }, (_, i) => [
    node('spread', ['size'], [`m${i}`], { domain: 'own' }),
    node('Add', [i === 0 ? 'x' : `s${i - 1}`, `m${i}`], [i === 999 ? 'y' : `s${i}`]),
  ]).flat();
  return model(
    [bytesRecord(5, tensor('size', 7, [2], size)), ...calls, pictures(), named(12, 'y')],
    bytesRecord(8, opset('own', 1)),
    spread,
  );
}
