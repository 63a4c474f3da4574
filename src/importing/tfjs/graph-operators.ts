import { elementOperators } from './graph-elements.js';
import type { Operand, Operation, OperationTranslation } from './graph-operands.js';
import { tfjsShapeOperators } from './graph-shapes.js';
import { windowOperators } from './graph-windows.js';

const same: OperationTranslation = ({ node, operands: [operand] }) => {
  if (operand === undefined) throw node.refuse('input', 'one', 'none');
  return operand;
};

const translations: ReadonlyMap<string, OperationTranslation> = new Map([
  ...['Identity', 'StopGradient', 'Snapshot', 'PreventGradient', 'Cast'].map(
    (op) => [op, same] as const,
  ),
  ...windowOperators,
  ...elementOperators,
  ...tfjsShapeOperators,
]);

/**
 * Translates one node.
 * @throws VentralError `import-unsupported`, `checkpoint-invalid`
 */
export function translateNode(operation: Operation): Operand {
  const translation = translations.get(operation.node.op);
  if (translation === undefined) throw operation.node.unsupported();
  return translation(operation);
}
