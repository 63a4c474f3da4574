import { VentralError } from '../../errors/ventral-error.js';
import type { ModelValue } from '../../onnx/model-inputs.js';
import type { SessionValue } from '../../runtime/session.js';
import type { ModelCard } from '../card/card.js';
import type { CardWarning } from '../card/card-warnings.js';
import { inputPlan } from './input-plan.js';

/** A white pixel that reaches a network of bytes below this value was scaled for a network of floats. */
const LEAST_WHITE = 100;

/**
 * Where a card and the inputs of its graph do not go together: a score would be refused, or the network would
 * get other pixels than it takes. None where the graph does not say its shapes.
 * @param model name in sentences
 */
export function inputWarnings(
  inputs: readonly ModelValue[],
  card: Pick<ModelCard, 'input'>,
  model: string,
): CardWarning[] {
  const known = inputs.every(({ dims, dtype }) => dims !== undefined && dtype !== null);
  if (!known || inputs.length === 0) return [];
  try {
    const { dtype } = inputPlan(inputs as readonly SessionValue[], card.input, {
      name: model,
      batch: 1,
    });
    return dtype === 'uint8' ? byteWarnings(card) : [];
  } catch (thrown) {
    return [{ code: 'card-input', detail: VentralError.from(thrown).message }];
  }
}

function byteWarnings({ input: { range, mean, std } }: Pick<ModelCard, 'input'>): CardWarning[] {
  const white = (range - mean[0]) / std[0];
  if (white >= LEAST_WHITE) return [];
  return [
    {
      code: 'card-input',
      detail: `the network takes bytes, and a white pixel becomes ${Number(white.toPrecision(3))}: write range: 255, mean: [0, 0, 0], std: [1, 1, 1] for pixels as they are`,
    },
  ];
}
