import { VentralError } from '../../errors/ventral-error.js';
import { exposeValues } from '../../onnx/expose.js';
import { findHead } from '../../onnx/head.js';
import { type Model, readModel } from '../../onnx/model.js';
import { modulesOf } from '../../onnx/modules.js';

/** A network that ends at what its head read. */
export interface Headless {
  readonly model: Model;
  /** Path of the head that is gone; empty where the graph does not name it. */
  readonly head: string;
  /** Value that is the output now. */
  readonly value: string;
}

/**
 * The network without the last product before its first output, and without what only that needs. The one output
 * is what the product read.
 * @throws VentralError `import-unsupported` where the output does not come from a product
 */
export function withoutHead(model: Model): Headless {
  const head = findHead(model);
  const value = head?.node.inputs[head.input];
  const isInput = model.graph.inputs.some(({ name }) => name === value);
  if (head === undefined || value === undefined || isInput) {
    const [output] = model.graph.outputs;
    const found = isInput ? 'a network of one product' : 'no product right before the output';
    throw new VentralError(
      'import-unsupported',
      `${model.name}: --without-head: the output ${output?.name} comes from ${found}, so that no head can be told`,
      { file: model.name, field: 'without-head', expected: 'a product before the output', found },
    );
  }
  const { scopes, flow } = modulesOf(model);
  const at = flow.nodes.indexOf(head.node);
  const path = scopes.all.filter(({ direct }) => direct.includes(at)).pop()?.path;
  const [weights = ''] = head.node.inputs.filter((name) => /\.weight$/.test(name));
  return {
    model: readModel(exposeValues(model, [value]), model.name),
    head: path ?? weights.replace(/\.weight$/, ''),
    value,
  };
}
