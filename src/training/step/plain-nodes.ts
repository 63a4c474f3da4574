import type { Attribute, GraphNode } from '../../onnx/graph.js';

type Dims = readonly number[];

const ints = (name: string, integers: readonly number[]): Attribute => ({
  ...{ name, type: 7, integers },
  ...{ floats: [], strings: [], tensors: [], graphs: [] },
});

/**
 * Nodes in the place of one that has several outputs, or that is another operator along one axis more: Split is
 * a Slice an output, a convolution along one axis one of images of a single row, and Dropout does nothing.
 * @param dims sizes of the inputs, where they are tensors
 * @param known numbers of the inputs, where they are known
 */
export function plainNodes(
  node: GraphNode,
  dims: readonly (Dims | undefined)[],
  known: readonly (readonly number[] | undefined)[],
): readonly GraphNode[] {
  if (node.domain !== '') return [node];
  if (node.operator === 'Dropout')
    return [{ ...node, operator: 'Identity', inputs: node.inputs.slice(0, 1), attributes: [] }];
  if (node.operator === 'Split' && dims[0]) return slices(node, dims[0], known[1]);
  const alongOne = node.operator === 'Conv' && dims[0]?.length === 3 && dims[1]?.length === 3;
  return alongOne ? overOneRow(node) : [node];
}

const attributeOf = (node: GraphNode, name: string) =>
  node.attributes.find((attribute) => attribute.name === name);

function slices(node: GraphNode, dims: Dims, given: Dims | undefined): readonly GraphNode[] {
  const said = attributeOf(node, 'axis')?.integer ?? 0;
  const axis = said < 0 ? said + dims.length : said;
  const equal = Math.ceil(dims[axis] / node.outputs.length);
  let start = 0;
  return node.outputs.flatMap((output, i) => {
    const [from, size] = [start, given?.[i] ?? equal];
    start += size;
    if (output === '') return [];
    const attributes = [ints('starts', [from]), ints('ends', [start]), ints('axes', [axis])];
    return [
      {
        ...node,
        operator: 'Slice',
        inputs: node.inputs.slice(0, 1),
        outputs: [output],
        attributes,
      },
    ];
  });
}

/** Attributes of a convolution that have one number for each axis, with what they are along the row. */
const along: Readonly<Record<string, number>> = {
  ...{ strides: 1, dilations: 1, kernel_shape: 1 },
  pads: 0,
};

function overOneRow(node: GraphNode): readonly GraphNode[] {
  const [output] = node.outputs;
  const [input, weights, ...bias] = node.inputs;
  const reshaped = (operator: string, from: string, to: string): GraphNode => ({
    ...{ ...node, operator, inputs: [from], outputs: [to] },
    attributes: [ints('axes', [2])],
  });
  const attributes = node.attributes.map((attribute) => {
    const one = along[attribute.name];
    if (one === undefined) return attribute;
    const integers = attribute.integers.flatMap((number) => [one, number]);
    return { ...attribute, integers };
  });
  const [rows, kernels, wide] = ['rows', 'kernels', 'wide'].map((what) => `${what}:${output}`);
  return [
    reshaped('Unsqueeze', input, rows),
    reshaped('Unsqueeze', weights, kernels),
    { ...node, inputs: [rows, kernels, ...bias], outputs: [wide], attributes },
    reshaped('Squeeze', wide, output),
  ];
}
