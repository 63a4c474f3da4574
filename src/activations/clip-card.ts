import { modelInputs } from '../onnx/model-inputs.js';
import type { SessionValue } from '../runtime/session.js';
import type { ModelCard } from './card/card.js';
import type { ModelFile } from './model-file.js';
import { clipSpec } from './stimuli/input-plan.js';

/**
 * The card with the layout, the number of frames and their sampling in it where a network takes clips, whether card or graph says
 * them: keys of caches, inputs of scores and provenance then have them. The card of a network of images is as it was.
 * @throws VentralError `input-mismatch` for axes that neither card nor graph explains, `memory-exceeded` for too large clips
 */
export function withClip(
  { model, name }: Pick<ModelFile, 'model' | 'name'>,
  card: ModelCard,
): ModelCard {
  const inputs = modelInputs(model);
  if (!inputs.every(({ dims, dtype }) => dims !== undefined && dtype !== null)) return card;
  const input = clipSpec(inputs as readonly SessionValue[], card.input, name);
  return input ? { ...card, input } : card;
}
