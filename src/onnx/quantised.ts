import type { Dataflow } from './dataflow.js';
import type { GraphNode } from './graph.js';

/**
 * What of a quantised graph holds real numbers. Its integers are codes: with one scale for all, or with one for each image
 * (`DynamicQuantizeLinear`), so that they are never offered as a layer; nor are sums of products before they are scaled.
 */
export interface Quantised {
  /** Codes, scales that depend on the image, and sums that are not scaled yet. */
  readonly codes: ReadonlySet<string>;
  /** Further outputs of `DequantizeLinear` for the same codes, by the first one. */
  readonly copies: ReadonlyMap<string, string>;
  /** The real numbers that a code stands for, where the graph has them: dequantised, else before quantisation. */
  readonly real: ReadonlyMap<string, string>;
  /** What a dequantised value was before it was quantised. */
  readonly before: ReadonlyMap<string, string>;
  /** Scale and zero point of codes that the graph does not dequantise itself. */
  readonly scales: ReadonlyMap<string, readonly [scale: string, zeroPoint: string]>;
}

/** Where an operator that makes codes reads the scale and the zero point of its output. */
const outputScale: Readonly<Record<string, readonly [number, number]>> = {
  QLinearConv: [6, 7],
  QLinearMatMul: [6, 7],
  QLinearAdd: [6, 7],
  QLinearMul: [6, 7],
  QGemm: [7, 8],
  QLinearWhere: [7, 8],
  QLinearAveragePool: [3, 4],
  QLinearGlobalAveragePool: [3, 4],
  QLinearLeakyRelu: [3, 4],
  QLinearReduceMean: [3, 4],
  QLinearSigmoid: [3, 4],
  QLinearSoftmax: [3, 4],
  QLinearConcat: [0, 1],
};

/** Operators whose output has the codes of their first input. */
const passing: ReadonlySet<string> = new Set([
  ...[
    'Reshape',
    'Flatten',
    'Squeeze',
    'Unsqueeze',
    'Transpose',
    'Identity',
    'Slice',
    'Gather',
    'Split',
  ],
  ...[
    'Concat',
    'Pad',
    'Tile',
    'Expand',
    'MaxPool',
    'Relu',
    'Clip',
    'Max',
    'Min',
    'Where',
    'Resize',
  ],
  ...['DepthToSpace', 'SpaceToDepth', 'Dropout'],
]);
const sums: ReadonlySet<string> = new Set(['ConvInteger', 'MatMulInteger']);

/** Finds the codes of a graph, and what they stand for. */
export function quantisedValues(flow: Dataflow): Quantised {
  const found = new Reader();
  for (const node of flow.nodes) found.read(node);
  return found;
}

class Reader implements Quantised {
  readonly codes = new Set<string>();
  readonly copies = new Map<string, string>();
  readonly real = new Map<string, string>();
  readonly before = new Map<string, string>();
  readonly scales = new Map<string, readonly [string, string]>();
  readonly #dynamic = new Set<string>();
  /** What a code was read from unchanged: the input of a cast, or of its quantisation. */
  readonly #quantised = new Map<string, string>();
  readonly #cast = new Map<string, string>();
  readonly #first = new Map<string, string>();

  read(node: GraphNode): void {
    const { operator, inputs, outputs } = node;
    const [input] = inputs;
    const [output] = outputs;
    if (operator === 'QuantizeLinear' || operator === 'DynamicQuantizeLinear') this.#quantise(node);
    else if (operator === 'DequantizeLinear') this.#dequantise(input, output);
    else if (sums.has(operator)) this.codes.add(output);
    else if (isCoded(node)) this.#code(node);
    else if (operator === 'Cast' && this.codes.has(input)) {
      this.codes.add(output);
      this.#cast.set(output, input);
    } else if (operator === 'Mul') this.#scale(node);
    else if (passing.has(operator) && inputs.some((name) => this.codes.has(name))) this.#pass(node);
  }

  #quantise({ inputs: [input], outputs }: GraphNode): void {
    for (const output of outputs) {
      if (output === '') continue;
      this.codes.add(output);
      this.real.set(output, input);
    }
    this.#quantised.set(outputs[0], input);
    if (outputs[1]) this.#dynamic.add(outputs[1]);
  }

  #dequantise(input: string, output: string): void {
    if (!this.codes.has(input)) return;
    const first = this.#first.get(input);
    if (first !== undefined) {
      this.copies.set(output, first);
      return;
    }
    this.#first.set(input, output);
    this.real.set(input, output);
    this.scales.delete(input);
    const before = this.#quantised.get(input);
    if (before !== undefined) this.before.set(output, before);
  }

  #code({ operator, inputs, outputs: [output] }: GraphNode): void {
    this.codes.add(output);
    const [scale, zero] = outputScale[operator] ?? [-1, -1];
    if (inputs[scale]) this.scales.set(output, [inputs[scale], inputs[zero] ?? '']);
  }

  #scale({ inputs, outputs: [output] }: GraphNode): void {
    const sum = inputs.find((name) => this.codes.has(name) && !this.#dynamic.has(name));
    if (sum !== undefined) {
      this.real.set(sum, output);
      const cast = this.#cast.get(sum);
      if (cast !== undefined) this.real.set(cast, output);
    } else if (inputs.some((name) => this.#dynamic.has(name))) {
      this.codes.add(output);
      this.#dynamic.add(output);
    }
  }

  #pass({ inputs, outputs }: GraphNode): void {
    const scales = inputs.flatMap((name) => [this.scales.get(name)]).find((each) => each);
    for (const output of outputs) {
      this.codes.add(output);
      if (scales) this.scales.set(output, scales);
    }
  }
}

/** Whether the output of an operator are codes; that of QGemm is real without a scale. */
function isCoded({ operator, inputs }: GraphNode): boolean {
  return operator.startsWith('QLinear') || (operator === 'QGemm' && (inputs[7] ?? '') !== '');
}

/** Values with codes and copies replaced by the real numbers that they stand for, each value once. */
export function realValues(
  { codes, copies, real, before }: Quantised,
  values: readonly string[],
): string[] {
  if (codes.size === 0) return [...values];
  const found = new Set(
    values.flatMap((value) =>
      codes.has(value) ? (real.get(value) ?? []) : (copies.get(value) ?? value),
    ),
  );
  // Where a value is read before and after its quantisation, a hook on the module records it before.
  return [...found].filter((value) => !found.has(before.get(value) ?? ''));
}
